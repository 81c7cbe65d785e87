//! The process as those see it who start it, watch over it, replace it and end it.

mod activation;
mod background;
mod notify;
mod pausing;
mod pid_file;
mod privileges;
mod upgrade;
mod upgrade_under_load;

use std::fs;

use crate::support::{Folder, Process};

/// A server that is not the test's own child; it ends with the test.
struct Stranger(Process);

impl Stranger {
    /// The one whose number is in the pid file.
    #[track_caller]
    fn of(folder: &Folder) -> Self {
        Self(Process::of(number(folder)))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// What is in the pid file.
#[track_caller]
fn number(folder: &Folder) -> i32 {
    let text = fs::read_to_string(folder.pid_file()).expect("there is a pid file");
    text.trim().parse().expect("it holds a number")
}

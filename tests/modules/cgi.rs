//! Scripts that answer: RFC 3875, with what people write as scripts.

mod answers;
mod crowds;
mod endings;
mod environment;
mod programs;
mod refusals;
mod streams;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use crate::support::*;

/// A site that runs what is in `cgi-bin/`; Python's scripts by their interpreter. `conf` is for that folder.
fn site_with(conf: &str) -> Site {
    let location = format!("location /cgi-bin/ {{ cgi on; cgi_interpreter .py /usr/bin/python3; {conf} }}");
    Site::new().file("page", "a page").conf("client_max_body_size 0;").conf(&location)
}

fn site() -> Site {
    site_with("")
}

/// Adds scripts.
trait Scripts {
    /// A program in `cgi-bin/`, with its first line.
    fn script(self, name: &str, text: &str) -> Self;

    /// A shell script in `cgi-bin/`.
    fn shell(self, name: &str, text: &str) -> Self;
}

impl Scripts for Site {
    fn script(self, name: &str, text: &str) -> Self {
        self.file(&format!("cgi-bin/{name}"), text).with_folder(|root| {
            let path = root.join("cgi-bin").join(name);
            fs::set_permissions(path, Permissions::from_mode(0o755)).expect("the file is there");
        })
    }

    fn shell(self, name: &str, text: &str) -> Self {
        self.script(name, &format!("#!/bin/sh\n{text}\n"))
    }
}

/// A head and an empty line, for scripts of the shell.
const HEAD: &str = "printf 'Content-Type: text/plain\\n\\n'\n";

/// Asks the server for a page until something has come true.
#[track_caller]
fn ask_until(site: &Running, what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < PATIENCE, "waiting for {what}");
        assert_eq!(site.get("/page").status, 200);
    }
}

/// The children of a server, also those that have ended and were not waited for.
fn children(site: &Running) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{}/task", site.pid().as_raw_nonzero())).expect("the server runs");
    let texts = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    texts.flat_map(|text| text.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

/// The most memory a process has had in use, in kilobytes.
fn memory_peak(site: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", site.pid().as_raw_nonzero())).expect("the server runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux tells");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// A FIFO in the site's folder, for scripts to wait at.
fn fifo(root: &std::path::Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO can be made");
}

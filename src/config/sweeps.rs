//! The folders that files are stored in by clients: what a killed process left unfinished there is removed.
//!
//! Modules name them while a configuration is built; when it takes effect, each that was not looked through since the
//! process started is, on a thread of its own, while requests are served.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::runtime::{SWEPT_ENTRIES_MAX, sweep};

/// Folders to look through, and those that were.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    wanted: BTreeSet<PathBuf>,
    done: BTreeSet<PathBuf>,
}

impl Sweeps {
    pub(super) fn after(previous: &Self) -> Self {
        Self { wanted: BTreeSet::new(), done: previous.done.clone() }
    }

    /// Takes note of what was looked through for another configuration.
    pub(super) fn join(&mut self, other: &Self) {
        self.done.extend(other.done.iter().cloned());
    }

    pub(super) fn add(&mut self, folder: &Path) {
        if !self.done.contains(folder) {
            self.wanted.insert(folder.to_owned());
        }
    }

    /// Begins.
    pub(super) fn take_effect(&mut self) {
        let wanted = std::mem::take(&mut self.wanted);
        // What lies in another of them is looked through with it.
        let within = |folder: &Path| folder.ancestors().skip(1).any(|above| wanted.contains(above));
        let folders: Vec<PathBuf> = wanted.iter().filter(|folder| !within(folder)).cloned().collect();
        self.done.extend(wanted);
        if folders.is_empty() {
            return;
        }
        let thread = thread::Builder::new().name("sweep".to_owned());
        if let Err(error) = thread.spawn(move || folders.iter().for_each(|folder| sweep_and_tell(folder))) {
            let reason = Reason(&error);
            report(
                Severity::Warn,
                format_args!("unfinished uploads are not removed, no thread can be started {reason}"),
            );
        }
    }
}

fn sweep_and_tell(folder: &Path) {
    let folder_shown = folder.display();
    match sweep(folder, SWEPT_ENTRIES_MAX) {
        Ok(swept) => {
            if swept.removed > 0 {
                let count = swept.removed;
                report(Severity::Notice, format_args!("removed {count} unfinished uploads in \"{folder_shown}\""));
            }
            if swept.cut_short {
                let count = swept.looked_at;
                let message = "there may be unfinished uploads in";
                report(Severity::Info, format_args!("{message} \"{folder_shown}\" beyond the first {count} entries"));
            }
        }
        // It may be made later.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => report(
            Severity::Warn,
            format_args!("cannot look for unfinished uploads in \"{folder_shown}\" {}", Reason(&error)),
        ),
    }
}

//! What a configuration has opened, by name, and what a reload therefore need not open again.
//!
//! A new load is given the resources of the running one; what both name is one object, so that a
//! log is not opened twice and a zone goes on counting. What the new one does not name is closed with the last plan
//! that uses it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostics::{Diagnostic, Level, Place};
use super::sweeps::Sweeps;
use super::zones::Zones;
use crate::base::log_file::LogFile;
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// What is open.
#[derive(Debug, Default)]
pub struct Resources {
    log_files: HashMap<PathBuf, Arc<LogFile>>,
    /// What was open before; taken over when it is named again.
    previous: HashMap<PathBuf, Arc<LogFile>>,
    pub(super) zones: Zones,
    pub(super) sweeps: Sweeps,
}

impl Resources {
    /// Nothing open yet; what `previous` holds may be taken over.
    pub fn after(previous: Option<&Self>) -> Self {
        let Some(previous) = previous else { return Self::default() };
        let zones = Zones::after(&previous.zones);
        let sweeps = Sweeps::after(&previous.sweeps);
        Self { log_files: HashMap::new(), previous: previous.log_files.clone(), zones, sweeps }
    }

    /// A log file, opened for appending and created if need be; the same path is the same file.
    ///
    /// One that is taken over goes to the file that has its name now, for as with nginx a reload is
    /// a way to finish a rotation. Where that cannot be opened it stays as it is, with a warning.
    ///
    /// # Errors
    /// The system's reason, at `place`.
    pub(super) fn log_file(
        &mut self,
        path: &Path,
        place: Option<Place>,
    ) -> Result<(Arc<LogFile>, Option<Diagnostic>), Diagnostic> {
        if let Some(file) = self.log_files.get(path) {
            return Ok((Arc::clone(file), None));
        }
        let failed = |error| {
            let message = format!("open() \"{}\" failed {}", path.display(), Reason(&error));
            Diagnostic { place, ..Diagnostic::without_place(message) }
        };
        let (file, warning) = match self.previous.remove(path) {
            Some(file) => {
                let warning = file.reopen().err().map(|error| Diagnostic {
                    level: Level::Warning,
                    ..failed(error).label("lines go on to the file that was open before")
                });
                (file, warning)
            }
            None => (Arc::new(LogFile::open(path).map_err(failed)?), None),
        };
        self.log_files.insert(path.to_owned(), Arc::clone(&file));
        Ok((file, warning))
    }

    /// Lets all lines from now on go to the files that have the logs' names now (`USR1`).
    pub fn reopen_logs(&self) {
        for (path, file) in &self.log_files {
            if let Err(error) = file.reopen() {
                let reason = Reason(&error);
                report(Severity::Emerg, format_args!("open() \"{}\" failed {reason}", path.display()));
            }
        }
    }

    /// Gives the log files to the user that the server becomes, so that it can open them again.
    pub fn hand_over(&self, user: u32, group: u32) {
        for (path, file) in &self.log_files {
            if let Err(error) = file.give_to(user, group) {
                let reason = Reason(&error);
                report(Severity::Warn, format_args!("chown() \"{}\" failed {reason}", path.display()));
            }
        }
    }

    /// All log files.
    pub fn log_files(&self) -> impl Iterator<Item = (&Path, &Arc<LogFile>)> {
        self.log_files.iter().map(|(path, file)| (&**path, file))
    }

    /// Lets go of what was open before and was not named again.
    pub(super) fn finish(&mut self) {
        self.previous = HashMap::new();
        self.zones.finish();
    }

    /// Does what had to wait until nothing can refuse the configuration any more: called when it is published.
    pub fn take_effect(&mut self) {
        self.zones.take_effect();
        self.sweeps.take_effect();
    }
}

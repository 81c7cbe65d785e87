//! What a configuration has opened, by name, and what a reload therefore need not open again.
//!
//! A new load is given the resources of the running one; what both name is one object, so that a
//! log is not opened twice. What the new one does not name is closed with the last plan that uses it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostics::{Diagnostic, Place};
use super::sources::system_reason;
use crate::base::log_file::LogFile;

/// What is open.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    log_files: HashMap<PathBuf, Arc<LogFile>>,
    /// What was open before; taken over when it is named again.
    previous: HashMap<PathBuf, Arc<LogFile>>,
}

impl Resources {
    /// Nothing open yet; what `previous` holds may be taken over.
    pub fn after(previous: Option<&Self>) -> Self {
        let previous = previous.map(|previous| previous.log_files.clone()).unwrap_or_default();
        Self { log_files: HashMap::new(), previous }
    }

    /// A log file, opened for appending and created if need be; the same path is the same file.
    ///
    /// # Errors
    /// The system's reason, at `place`.
    pub fn log_file(&mut self, path: &Path, place: Option<Place>) -> Result<Arc<LogFile>, Diagnostic> {
        if let Some(file) = self.log_files.get(path) {
            return Ok(Arc::clone(file));
        }
        let file = match self.previous.remove(path) {
            Some(file) => file,
            None => Arc::new(LogFile::open(path).map_err(|error| {
                let message = format!("open() \"{}\" failed ({})", path.display(), system_reason(&error));
                Diagnostic { place, ..Diagnostic::without_place(message) }
            })?),
        };
        self.log_files.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    /// Opens all log files anew (USR1); one that cannot be opened stays as it is, and says so.
    pub fn reopen_logs(&self) {
        for file in self.log_files.values() {
            file.reopen();
        }
    }

    /// Gives the log files to the user that the server becomes, so that it can open them again.
    pub fn hand_over(&self, user: u32, group: u32) {
        for file in self.log_files.values() {
            file.hand_over(user, group);
        }
    }

    /// All log files, to be opened again when they were rotated.
    pub fn log_files(&self) -> impl Iterator<Item = &Arc<LogFile>> {
        self.log_files.values()
    }

    /// Lets go of what was open before and was not named again.
    pub(super) fn finish(&mut self) {
        self.previous = HashMap::new();
    }
}

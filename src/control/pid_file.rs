//! The pid file: written when the server is ready, removed when it ends.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, getpid};

use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// A written pid file; removed when dropped, unless another process has written its own there since.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the id of this process, beside the path first, so that nobody reads half of it.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = fs::File::create(&beside)?;
        writeln!(file, "{}", getpid().as_raw_nonzero())?;
        fs::rename(&beside, path)?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if read(&self.path).ok() != Some(getpid()) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            report(Severity::Alert, format_args!("unlink() \"{}\" failed {}", self.path.display(), Reason(&error)));
        }
    }
}

/// Why there is no process id to be had from a pid file.
#[derive(Debug, thiserror::Error)]
pub enum PidError {
    /// The file cannot be read.
    #[error("open() \"{}\" failed {}: is the server running?", path.display(), Reason(error))]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What stands in it is no process id.
    #[error("invalid PID number \"{text}\" in \"{}\"", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What stands in it.
        text: String,
    },
}

/// Reads the id of a running server.
///
/// # Errors
/// When the file cannot be read or holds no process id.
pub fn read(path: &Path) -> Result<Pid, PidError> {
    let text = fs::read_to_string(path).map_err(|error| PidError::Unreadable { path: path.to_owned(), error })?;
    let pid = text.trim().parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw);
    pid.ok_or_else(|| PidError::Invalid { path: path.to_owned(), text: text.trim().chars().take(40).collect() })
}

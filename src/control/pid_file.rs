//! The pid file: written when the server is ready, removed when it ends.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, getpid};

use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// A written pid file; removed when dropped, or emptied where it may not be removed, unless another process has
/// written its own there since.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    file: fs::File,
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
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if read(&self.path).ok() != Some(getpid()) {
            return;
        }
        let Err(error) = fs::remove_file(&self.path) else { return };
        // The user that the server became may not write to the folder; what it opened before it can still empty, so
        // that nobody signals a stranger that gets the number later.
        if let Err(error) = self.file.set_len(0).map_err(|_| error) {
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
    /// Nothing stands in it: the server that wrote it has ended.
    #[error("\"{}\" is empty: the server is not running", path.display())]
    Ended {
        /// Which file.
        path: PathBuf,
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
    if text.is_empty() {
        return Err(PidError::Ended { path: path.to_owned() });
    }
    let pid = text.trim().parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw);
    pid.ok_or_else(|| PidError::Invalid { path: path.to_owned(), text: text.trim().chars().take(40).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_there_as_long_as_its_holder_and_names_this_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let held = PidFile::write(&path).unwrap();
        assert_eq!(read(&path).unwrap(), getpid());
        drop(held);
        assert!(matches!(read(&path), Err(PidError::Unreadable { .. })));
    }

    #[test]
    fn a_file_that_another_process_has_written_since_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let held = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(held);
        assert_eq!(read(&path).unwrap(), Pid::from_raw(1).unwrap());
    }

    #[test]
    fn an_empty_file_means_that_the_server_has_ended_and_other_text_is_no_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "").unwrap();
        assert!(matches!(read(&path), Err(PidError::Ended { .. })));
        for text in ["x", "-1", "0", "99999999999999"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(read(&path), Err(PidError::Invalid { .. })), "{text}");
        }
    }
}

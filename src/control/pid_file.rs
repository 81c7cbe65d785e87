//! The pid file: written when the server is ready, removed when it ends.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Pid, getpid};

use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// A written pid file; removed when dropped, or emptied where it may not be removed, unless another process has
/// written its own there since.
///
/// As long as the process lives its file is locked (flock(2)), so that one that was left behind is told from one whose
/// server runs.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    file: File,
    /// Whether it belongs to another process now.
    disowned: bool,
}

impl PidFile {
    /// Writes the id of this process, beside the path first, so that nobody reads half of it.
    ///
    /// # Errors
    /// The system's reason; `AddrInUse` where the server of the file that is there runs.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        if let Ok(pid) = read(path) {
            let message = format!("process {} runs, which has written it", pid.as_raw_nonzero());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, message));
        }
        Self::replace(path)
    }

    /// Takes the place of the process that wrote the file and runs; `file` is its descriptor, for the user that the
    /// server became may not write to the folder.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn take_over(path: &Path, file: OwnedFd) -> io::Result<Self> {
        if let Ok(replaced) = Self::replace(path) {
            return Ok(replaced);
        }
        let file = File::from(file);
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        // As long as what is there, so that it is replaced at one stroke.
        let text = format!("{:<width$}\n", getpid().as_raw_nonzero(), width = length.saturating_sub(1));
        file.write_all_at(text.as_bytes(), 0)?;
        Ok(Self { path: path.to_owned(), file, disowned: false })
    }

    fn replace(path: &Path) -> io::Result<Self> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = File::create(&beside)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        writeln!(file, "{}", getpid().as_raw_nonzero())?;
        fs::rename(&beside, path)?;
        Ok(Self { path: path.to_owned(), file, disowned: false })
    }

    /// Where it is, and a descriptor of it, for another process.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn duplicate(&self) -> io::Result<(PathBuf, OwnedFd)> {
        Ok((self.path.clone(), self.file.try_clone()?.into()))
    }

    /// Leaves the file to the process that has taken over.
    pub(super) fn disown(&mut self) {
        self.disowned = true;
    }

    /// Removes, or empties, the file of the server that this one replaces, where it has another one itself.
    pub(super) fn discard(path: &Path, file: OwnedFd) {
        drop(Self { path: path.to_owned(), file: File::from(file), disowned: false }.remove());
    }

    fn remove(&self) -> io::Result<()> {
        let Err(error) = fs::remove_file(&self.path) else { return Ok(()) };
        // The user that the server became may not write to the folder; what it opened before it can still empty, so
        // that nobody signals a stranger that gets the number later.
        self.file.set_len(0).map_err(|_| error)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if self.disowned || written_in(&self.path).ok() != Some(getpid()) {
            return;
        }
        if let Err(error) = self.remove() {
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
    /// The server that wrote it was killed, and could not remove it.
    #[error("\"{}\" is stale: process {number}, which has written it, does not run any more", path.display())]
    Stale {
        /// Which file.
        path: PathBuf,
        /// What stands in it.
        number: i32,
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
/// When the file cannot be read or holds no process id, and when the server that wrote it has ended: the number may be
/// another program's by now.
pub fn read(path: &Path) -> Result<Pid, PidError> {
    let pid = written_in(path)?;
    // Who has the lock to himself for a moment sees that nobody else has it.
    let is_held = File::open(path)
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK));
    if is_held { Ok(pid) } else { Err(PidError::Stale { path: path.to_owned(), number: pid.as_raw_nonzero().get() }) }
}

fn written_in(path: &Path) -> Result<Pid, PidError> {
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
        assert_eq!(written_in(&path).unwrap(), Pid::from_raw(1).unwrap());
    }

    #[test]
    fn a_file_whose_server_was_killed_is_stale_and_one_whose_server_runs_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "1\n").unwrap();
        assert!(matches!(read(&path), Err(PidError::Stale { number: 1, .. })));
        let held = PidFile::write(&path).unwrap();
        assert_eq!(PidFile::write(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(read(&path).unwrap(), getpid());
        drop(held);
    }

    #[test]
    fn who_may_not_replace_the_file_writes_over_it_and_holds_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let mut before = PidFile::write(&path).unwrap();
        before.file.write_all_at(b"99999999\n", 0).unwrap();
        // Nobody can make a file of this name.
        fs::create_dir(folder.path().join("pid.new")).unwrap();
        let (_, descriptor) = before.duplicate().unwrap();
        let after = PidFile::take_over(&path, descriptor).unwrap();
        before.disown();
        drop(before);
        assert_eq!(read(&path).unwrap(), getpid());
        drop(after);
        assert!(!path.exists());
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

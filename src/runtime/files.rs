//! Files as handlers need them: opened so that nothing blocks, with what a response says of them.
//!
//! A FIFO, socket or device is opened without waiting and reported as `Other`, never read. Reads of regular files may
//! wait for the disk; that is accepted. Maps no path and caches nothing; walking with an eye on symbolic links is in
//! `symlinks`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::retry_on_intr;

/// What a file is, as far as a web server cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has bytes to send.
    Regular,
    /// A folder.
    Directory,
    /// A FIFO, a socket, a device: never served.
    Other,
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub len: u64,
    /// When its content was last changed, to the nanosecond.
    pub mtime: SystemTime,
    /// The device it is on; with `inode` it names the file.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// The user it belongs to.
    pub owner: u32,
    /// Whether that user may execute it, or enter it.
    pub executable: bool,
}

/// A file opened for reading.
#[derive(Debug)]
pub struct OpenFile {
    /// The descriptor, closed on exec.
    pub fd: OwnedFd,
    /// What it was when it was opened.
    pub status: FileStatus,
}

/// Opens a file for reading, following symbolic links.
///
/// # Errors
/// Those of open(2), unchanged: `NotFound`, `NotADirectory`, `PermissionDenied`, ELOOP, EMFILE and so on; a socket is
/// ENXIO.
pub fn open(path: &Path) -> io::Result<OpenFile> {
    let fd = retry_on_intr(|| rustix::fs::openat(CWD, path, READING, Mode::empty()))?;
    OpenFile::from_fd(fd)
}

/// What a path leads to, following symbolic links, without opening it: one system call, to see whether a cached file
/// has changed.
///
/// # Errors
/// Those of stat(2), unchanged.
pub fn status(path: &Path) -> io::Result<FileStatus> {
    Ok(FileStatus::of(&rustix::fs::stat(path)?))
}

/// Reads at an offset, without moving the file's own; less than asked for is the end, or the disk's choice; 0 the end.
///
/// # Errors
/// Those of pread(2); `IsADirectory` for a folder.
pub fn read_at(file: BorrowedFd<'_>, offset: u64, memory: &mut [u8]) -> io::Result<usize> {
    Ok(retry_on_intr(|| rustix::io::pread(file, &mut *memory, offset))?)
}

impl OpenFile {
    pub(super) fn from_fd(fd: OwnedFd) -> io::Result<OpenFile> {
        let status = FileStatus::of(&rustix::fs::fstat(&fd)?);
        Ok(OpenFile { fd, status })
    }
}

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl FileStatus {
    /// What a stat(2) tells.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // the fields' types differ between machines
    pub fn of(stat: &Stat) -> FileStatus {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::Regular,
            FileType::Directory => Kind::Directory,
            _ => Kind::Other,
        };
        FileStatus {
            kind,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: time(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            device: u64::from(stat.st_dev),
            inode: u64::from(stat.st_ino),
            owner: stat.st_uid,
            executable: Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR),
        }
    }
}

/// How everything is opened for reading: no waiting for a FIFO's writer, no terminal becoming ours, nothing inherited.
pub(super) const READING: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// A file's time, which may be before 1970; one the clock cannot express is taken for 1970.
fn time(seconds: i64, nanoseconds: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = SystemTime::UNIX_EPOCH;
    let base = if seconds < 0 { base.checked_sub(whole) } else { base.checked_add(whole) };
    base.and_then(|base| base.checked_add(Duration::from_nanos(nanoseconds.into()))).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_regular_file_is_opened_with_what_is_known_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.html");
        fs::write(&path, "hello, world").unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::new(784_111_777, 123_456_789);
        fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
        let file = open(&path).unwrap();
        assert_eq!((file.status.kind, file.status.len), (Kind::Regular, 12));
        assert_eq!(file.status.mtime, changed);
        assert_eq!(status(&path).unwrap(), file.status);
        let mut memory = [0; 8];
        assert_eq!(read_at(file.as_fd(), 7, &mut memory).unwrap(), 5);
        assert_eq!(&memory[..5], b"world");
        assert_eq!(read_at(file.as_fd(), 12, &mut memory).unwrap(), 0);
    }

    #[test]
    fn a_folder_and_a_fifo_are_opened_without_waiting_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(open(&fifo).unwrap().status.kind, Kind::Other);
        let directory = open(folder.path()).unwrap();
        assert_eq!(directory.status.kind, Kind::Directory);
        let error = read_at(directory.as_fd(), 0, &mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn errors_are_the_systems() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let kind = |path: &Path| open(path).unwrap_err().kind();
        assert_eq!(kind(&folder.path().join("none")), io::ErrorKind::NotFound);
        assert_eq!(kind(&file.join("below")), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn times_before_1970_are_kept() {
        assert_eq!(time(-2, 500_000_000), SystemTime::UNIX_EPOCH - Duration::from_millis(1500));
        assert_eq!(time(i64::MAX, 0), SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64));
    }
}

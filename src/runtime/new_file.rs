//! Files in the making: written where nobody sees them, and then there all at once under their name.
//!
//! A [`NewFile`] has no name at all while it is written (`O_TMPFILE`), so whatever ends the process leaves nothing. To
//! take the place of another file it needs a name for the moment of one rename; where the file system knows no nameless
//! files it has that name from the start. Such names begin with [`TEMPORARY_PREFIX`], and their files are locked as long as
//! somebody writes them: what has such a name and no lock was left by a process that was killed, and `leftovers` takes it
//! away. Blocks as writing to files does; who may not wait for `sync` has it done by a job.

use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::{Errno, retry_on_intr};

use super::files::FileStatus;

/// How the names begin of what is not finished. They are nobody's to choose.
pub const TEMPORARY_PREFIX: &str = ".webserv-upload-";

/// How often a temporary name is chosen anew because it is taken; with 64 random bits the second attempt is a marvel.
const NAME_ATTEMPTS_MAX: u32 = 4;

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub struct NewFile {
    fd: OwnedFd,
    /// Its temporary name, where it could not do without.
    named: Option<TemporaryName>,
}

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// The new one takes its place, in one step.
    Replace,
    /// It stays, and the new file is refused: `AlreadyExists`.
    Keep,
}

/// A name in a folder that goes when this is dropped.
#[derive(Debug)]
struct TemporaryName {
    folder: OwnedFd,
    name: OsString,
}

impl NewFile {
    /// A new file on the file system of `folder`, for the process's user alone to read and write.
    ///
    /// # Errors
    /// Those of open(2), unchanged.
    pub fn create(folder: BorrowedFd<'_>) -> io::Result<NewFile> {
        if *HAS_PROC {
            let nameless = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            match retry_on_intr(|| rustix::fs::openat(folder, ".", nameless, PRIVATE)) {
                Ok(fd) => return Ok(NewFile { fd, named: None }),
                // The file system, or the system, does not know such files.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
        NewFile::create_named(folder)
    }

    /// As `create`, with a temporary name from the start.
    fn create_named(folder: BorrowedFd<'_>) -> io::Result<NewFile> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let (name, fd) =
            with_temporary_name(|name| Ok(retry_on_intr(|| rustix::fs::openat(folder, name, flags, PRIVATE))?))?;
        lock(fd.as_fd());
        let named = Some(TemporaryName { folder: folder.try_clone_to_owned()?, name });
        Ok(NewFile { fd, named })
    }

    /// Writes behind what was written.
    ///
    /// # Errors
    /// Those of write(2), unchanged: a full disk is ENOSPC, or EDQUOT where it is full for this user.
    pub fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match retry_on_intr(|| rustix::io::write(&self.fd, bytes))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => bytes = &bytes[count..],
            }
        }
        Ok(())
    }

    /// Who may do what with it: the nine bits of permission, whatever the process's umask.
    ///
    /// # Errors
    /// Those of fchmod(2).
    pub fn set_permissions(&self, bits: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(bits & 0o777))?)
    }

    /// When it was last changed. Comes after the last write, which would change that.
    ///
    /// # Errors
    /// Those of utimensat(2).
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        Ok(rustix::fs::futimens(&self.fd, &modified(time))?)
    }

    /// Returns when its content is on the disk.
    ///
    /// # Errors
    /// Those of fsync(2): what was written may be lost.
    pub fn sync(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::fsync(&self.fd))?)
    }

    /// What it is by now.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub fn status(&self) -> io::Result<FileStatus> {
        Ok(FileStatus::of(&rustix::fs::fstat(&self.fd)?))
    }

    /// Gives it its name, in a folder on the same file system. There is a file of that name at every moment if there was
    /// one before, and it is whole. It can be tried again with another name.
    ///
    /// # Errors
    /// Those of linkat(2) and renameat(2): `IsADirectory` for a folder of that name, `AlreadyExists` where what is there
    /// is kept. Nothing has changed then.
    pub fn publish(&mut self, folder: BorrowedFd<'_>, name: &OsStr, existing: Existing) -> io::Result<()> {
        if self.named.is_none() {
            match link(self.fd.as_fd(), folder, name) {
                Err(Errno::EXIST) if existing == Existing::Replace => {}
                result => return Ok(result?),
            }
            lock(self.fd.as_fd());
            let (name, ()) = with_temporary_name(|name| Ok(link(self.fd.as_fd(), folder, name)?))?;
            self.named = Some(TemporaryName { folder: folder.try_clone_to_owned()?, name });
        }
        let Some(named) = &mut self.named else { return Ok(()) };
        named.rename(folder, name, existing)?;
        self.named = None;
        Ok(())
    }
}

impl AsFd for NewFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A folder that is being filled, under a temporary name until it is renamed. What is dropped before stays, and is swept.
#[derive(Debug)]
pub struct NewFolder {
    /// Open for the lock that says that somebody is at work.
    fd: OwnedFd,
    name: OsString,
}

impl NewFolder {
    /// A new folder in `parent`, for the process's user alone.
    ///
    /// # Errors
    /// Those of mkdir(2) and open(2).
    pub fn create(parent: BorrowedFd<'_>) -> io::Result<NewFolder> {
        let (name, ()) = with_temporary_name(|name| Ok(rustix::fs::mkdirat(parent, name, Mode::RWXU)?))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| rustix::fs::openat(parent, &name, flags, Mode::empty()))?;
        lock(fd.as_fd());
        Ok(NewFolder { fd, name })
    }

    /// What it is called as long as it is not renamed.
    pub fn name(&self) -> &OsStr {
        &self.name
    }
}

impl AsFd for NewFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl TemporaryName {
    fn rename(&mut self, folder: BorrowedFd<'_>, name: &OsStr, existing: Existing) -> io::Result<()> {
        match existing {
            Existing::Replace => rustix::fs::renameat(&self.folder, &self.name, folder, name)?,
            Existing::Keep => rename_new(self.folder.as_fd(), &self.name, folder, name)?,
        }
        // Nothing is left to be removed.
        self.name.clear();
        Ok(())
    }
}

impl Drop for TemporaryName {
    fn drop(&mut self) {
        if !self.name.is_empty()
            && let Err(error) = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty())
        {
            log::warn!("an unfinished file \"{}\" stays: {error}", self.name.to_string_lossy());
        }
    }
}

/// Renames what must not replace anything.
fn rename_new(from: BorrowedFd<'_>, old: &OsStr, to: BorrowedFd<'_>, new: &OsStr) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        // A file system that cannot: a second name does the same, and the first goes.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(from, old, to, new, AtFlags::empty())?;
            rustix::fs::unlinkat(from, old, AtFlags::empty())
        }
        result => result,
    }
}

/// Gives a nameless file a name.
fn link(fd: BorrowedFd<'_>, folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    rustix::fs::linkat(CWD, path, folder, name, AtFlags::SYMLINK_FOLLOW)
}

/// Marks what has a temporary name as being worked at; the system takes the mark away when the process ends. A file
/// system without locks does without: there nothing may clear up.
pub(super) fn lock(fd: BorrowedFd<'_>) {
    if let Err(error) = rustix::fs::flock(fd, FlockOperation::NonBlockingLockExclusive) {
        log::debug!("an unfinished file cannot be locked: {error}");
    }
}

/// Makes something under a name that nothing has.
///
/// # Errors
/// Those of `make`.
pub fn with_temporary_name<T>(make: impl Fn(&OsStr) -> io::Result<T>) -> io::Result<(OsString, T)> {
    let mut attempt = 1;
    loop {
        let name = temporary_name();
        match make(&name) {
            Ok(made) => return Ok((name, made)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < NAME_ATTEMPTS_MAX => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A name that nobody can guess, by the seed that the standard library draws from the system for each hasher.
fn temporary_name() -> OsString {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    format!("{TEMPORARY_PREFIX}{:016x}", hasher.finish()).into()
}

/// A time of change alone.
pub(super) fn modified(time: SystemTime) -> Timestamps {
    let since = |earlier: SystemTime, later: SystemTime| later.duration_since(earlier).unwrap_or(Duration::ZERO);
    let (seconds, nanoseconds) = if time >= SystemTime::UNIX_EPOCH {
        let after = since(SystemTime::UNIX_EPOCH, time);
        (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos())
    } else {
        let before = since(time, SystemTime::UNIX_EPOCH);
        (i64::try_from(before.as_secs()).map_or(i64::MIN, |seconds| -seconds), 0)
    };
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() },
    }
}

/// Whether a nameless file can be given a name, which goes by its place in /proc.
static HAS_PROC: LazyLock<bool> = LazyLock::new(|| Path::new("/proc/self/fd").is_dir());

/// What is not finished is for nobody else.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    type Create = fn(BorrowedFd<'_>) -> io::Result<NewFile>;

    /// Both kinds of files: without a name, and with one from the start.
    const KINDS: [Create; 2] = [NewFile::create, NewFile::create_named];

    fn folder() -> (tempfile::TempDir, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let fd = rustix::fs::open(folder.path(), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        (folder, fd)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_there_all_at_once() {
        for create in KINDS {
            let (folder, fd) = folder();
            let mut file = create(fd.as_fd()).unwrap();
            file.write_all(b"hello, ").unwrap();
            assert!(!names(&folder).contains(&"name".to_owned()));
            file.write_all(b"world").unwrap();
            file.set_permissions(0o640).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)).unwrap();
            file.sync().unwrap();
            assert_eq!(file.status().unwrap().len, 12);
            file.publish(fd.as_fd(), OsStr::new("name"), Existing::Replace).unwrap();
            assert_eq!(names(&folder), ["name"]);
            let path = folder.path().join("name");
            assert_eq!(fs::read(&path).unwrap(), b"hello, world");
            let status = fs::metadata(&path).unwrap();
            assert_eq!(status.permissions().mode() & 0o7777, 0o640);
            let modified = status.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(modified, Duration::from_secs(784_111_777));
        }
    }

    #[test]
    fn what_is_there_is_replaced_or_kept_as_asked() {
        for create in KINDS {
            let (folder, fd) = folder();
            fs::write(folder.path().join("name"), "old").unwrap();
            let publish = |existing| {
                let mut file = create(fd.as_fd()).unwrap();
                file.write_all(b"new").unwrap();
                file.publish(fd.as_fd(), OsStr::new("name"), existing)
            };
            assert_eq!(publish(Existing::Keep).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(folder.path().join("name")).unwrap(), b"old");
            publish(Existing::Replace).unwrap();
            assert_eq!(fs::read(folder.path().join("name")).unwrap(), b"new");
            assert_eq!(names(&folder), ["name"]);
        }
    }

    #[test]
    fn a_folder_is_not_replaced() {
        for create in KINDS {
            let (folder, fd) = folder();
            fs::create_dir(folder.path().join("name")).unwrap();
            let mut file = create(fd.as_fd()).unwrap();
            let error = file.publish(fd.as_fd(), OsStr::new("name"), Existing::Replace).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
            file.publish(fd.as_fd(), OsStr::new("other"), Existing::Replace).unwrap();
            drop(file);
            assert!(folder.path().join("other").is_file() && folder.path().join("name").is_dir());
            assert_eq!(names(&folder).len(), 2);
        }
    }

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        for create in KINDS {
            let (folder, fd) = folder();
            fs::write(folder.path().join("target"), "old").unwrap();
            std::os::unix::fs::symlink("target", folder.path().join("name")).unwrap();
            let mut file = create(fd.as_fd()).unwrap();
            file.write_all(b"new").unwrap();
            file.publish(fd.as_fd(), OsStr::new("name"), Existing::Replace).unwrap();
            assert_eq!(fs::read(folder.path().join("target")).unwrap(), b"old");
            assert!(fs::symlink_metadata(folder.path().join("name")).unwrap().is_file());
        }
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        for create in KINDS {
            let (folder, fd) = folder();
            let file = create(fd.as_fd()).unwrap();
            file.write_all(b"hello").unwrap();
            drop(file);
            assert_eq!(names(&folder), [""; 0]);
        }
    }

    #[test]
    fn the_name_may_be_in_another_folder() {
        for create in KINDS {
            let (folder, fd) = folder();
            fs::create_dir(folder.path().join("inner")).unwrap();
            let inner = rustix::fs::open(folder.path().join("inner"), OFlags::PATH, Mode::empty()).unwrap();
            let mut file = create(fd.as_fd()).unwrap();
            file.write_all(b"hello").unwrap();
            file.publish(inner.as_fd(), OsStr::new("name"), Existing::Keep).unwrap();
            assert_eq!(fs::read(folder.path().join("inner/name")).unwrap(), b"hello");
            assert_eq!(names(&folder), ["inner"]);
        }
    }
}

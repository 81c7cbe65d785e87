//! The copying of a tree, and of a file.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Instant, SystemTime};

use rustix::fs::{Dir, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::super::files::FileStatus;
use super::super::new_file::{TEMPORARY_PREFIX, modified};
use super::{DEPTH_MAX, STEPS_UNTIMED, TreeFailure, is_dots, new_folder, open_folder, path_of};

/// The copying of a folder with all that is in it: folders and files with their permissions and times. Symbolic links,
/// which could lead elsewhere from their new place, and everything that is no file are left out, and counted.
#[derive(Debug)]
pub struct Duplication {
    stack: Vec<Copied>,
    file: Option<FileCopy>,
    /// The copy itself, which may lie within the tree.
    made: (u64, u64),
    /// Whether what is in the folder is copied too.
    whole: bool,
    /// What was left out.
    pub left_out: u64,
}

/// A folder that is being copied.
#[derive(Debug)]
struct Copied {
    entries: Dir,
    into: OwnedFd,
    name: CString,
    permissions: Mode,
    modified: SystemTime,
}

/// A file that is being copied.
#[derive(Debug)]
pub struct FileCopy {
    from: OwnedFd,
    into: OwnedFd,
    permissions: Mode,
    modified: SystemTime,
    /// Whether the system copies, without the bytes coming here.
    by_system: bool,
}

impl Duplication {
    /// To copy the folder `from` into the folder `into`, which is new and empty; the folder alone unless `whole`.
    ///
    /// # Errors
    /// Those of openat(2): `NotADirectory` for anything else.
    pub fn of(from: BorrowedFd<'_>, into: OwnedFd, whole: bool) -> io::Result<Duplication> {
        let made = identity(&rustix::fs::fstat(&into)?);
        let folder = Copied::of(open_folder(from, c".")?, into, CString::default())?;
        Ok(Duplication { stack: vec![folder], file: None, made, whole, left_out: 0 })
    }

    /// Goes on until `until`, or to the end; says whether that is reached.
    ///
    /// # Errors
    /// Something cannot be read or written; what was copied stays where it is.
    pub fn advance(&mut self, until: Instant) -> Result<bool, TreeFailure> {
        let mut steps = 0_u32;
        while !self.stack.is_empty() {
            let long = self.step()?;
            steps += 1;
            if (long || steps.is_multiple_of(STEPS_UNTIMED)) && Instant::now() >= until {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One entry, or a piece of a file; says whether it may have taken long.
    fn step(&mut self) -> Result<bool, TreeFailure> {
        if let Some(file) = &mut self.file {
            return match file.step() {
                Ok(true) => {
                    self.file = None;
                    Ok(true)
                }
                Ok(false) => Ok(true),
                Err(error) => Err(self.failure("copy_file_range()", c"", error)),
            };
        }
        let Some(folder) = self.stack.last_mut() else { return Ok(false) };
        let entry = if self.whole { folder.entries.read() } else { None };
        let name = match entry {
            None => return self.end_folder().map(|()| false),
            Some(Err(error)) => return Err(self.failure("getdents()", c"", error.into())),
            Some(Ok(entry)) => entry.file_name().to_owned(),
        };
        if !is_dots(&name) && !name.to_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            self.enter(name)?;
        }
        Ok(false)
    }

    fn enter(&mut self, name: CString) -> Result<(), TreeFailure> {
        let Some(folder) = self.stack.last() else { return Ok(()) };
        let opened = folder.entries.fd().and_then(|parent| {
            let opened = retry_on_intr(|| rustix::fs::openat(parent, &name, SOURCE, Mode::empty()))?;
            let status = rustix::fs::fstat(&opened)?;
            Ok((opened, status))
        });
        let (opened, status) = match opened {
            Ok(opened) => opened,
            // Gone meanwhile.
            Err(Errno::NOENT) => return Ok(()),
            // A link, or a socket.
            Err(Errno::LOOP | Errno::NXIO) => {
                self.left_out += 1;
                return Ok(());
            }
            Err(error) => return Err(self.failure("open()", &name, error.into())),
        };
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory if identity(&status) == self.made => Ok(()),
            FileType::Directory if self.stack.len() >= DEPTH_MAX => {
                Err(self.failure("open()", &name, Errno::MFILE.into()))
            }
            FileType::Directory => {
                let into = folder.into.as_fd();
                let made = new_folder(into, &name).and_then(|into| Copied::of(Dir::new(opened)?, into, name.clone()));
                match made {
                    Ok(made) => self.stack.push(made),
                    Err(error) => return Err(self.failure("mkdir()", &name, error)),
                }
                Ok(())
            }
            FileType::RegularFile => {
                let into = retry_on_intr(|| rustix::fs::openat(&folder.into, &name, TARGET, PRIVATE));
                match into {
                    Ok(into) => self.file = Some(FileCopy::new(opened, into, &status)),
                    Err(error) => return Err(self.failure("open()", &name, error.into())),
                }
                Ok(())
            }
            _ => {
                self.left_out += 1;
                Ok(())
            }
        }
    }

    /// Everything in the folder was copied: the folder gets what the original has.
    fn end_folder(&mut self) -> Result<(), TreeFailure> {
        let Some(folder) = self.stack.pop() else { return Ok(()) };
        let set = rustix::fs::fchmod(&folder.into, folder.permissions)
            .and_then(|()| rustix::fs::futimens(&folder.into, &modified(folder.modified)));
        set.map_err(|error| self.failure("utimensat()", &folder.name, error.into()))
    }

    fn failure(&self, call: &'static str, name: &CStr, error: io::Error) -> TreeFailure {
        let within = self.stack.iter().skip(1).map(|folder| &*folder.name);
        TreeFailure { call, path: path_of(within, name), error }
    }
}

impl Copied {
    fn of(entries: Dir, into: OwnedFd, name: CString) -> io::Result<Copied> {
        let status = entries.stat()?;
        let (permissions, modified) = facts(&status);
        Ok(Copied { entries, into, name, permissions, modified })
    }
}

impl FileCopy {
    /// To copy all of `from` into `into`, which is empty; it gets the permissions and the time that `status` has.
    fn new(from: OwnedFd, into: OwnedFd, status: &Stat) -> FileCopy {
        let (permissions, modified) = facts(status);
        FileCopy { from, into, permissions, modified, by_system: true }
    }

    /// To copy an open file into another, which is empty.
    ///
    /// # Errors
    /// Those of fstat(2) and dup(2).
    pub fn of(from: OwnedFd, into: BorrowedFd<'_>) -> io::Result<FileCopy> {
        let status = rustix::fs::fstat(&from)?;
        Ok(FileCopy::new(from, into.try_clone_to_owned()?, &status))
    }

    /// Goes on until `until`, or to the end; says whether that is reached.
    ///
    /// # Errors
    /// Those of read(2) and write(2).
    pub fn advance(&mut self, until: Instant) -> io::Result<bool> {
        loop {
            if self.step()? {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn copy_by_hand(&mut self, by_hand: bool) {
        self.by_system = !by_hand;
    }

    /// A piece of the file; says whether that was the end.
    fn step(&mut self) -> io::Result<bool> {
        let count = if self.by_system {
            match rustix::fs::copy_file_range(&self.from, None, &self.into, None, COPIED_AT_ONCE) {
                Ok(count) => count,
                Err(Errno::INTR) => return Ok(false),
                // Between file systems that cannot, or from one whose files have no length (/proc).
                Err(Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {
                    self.by_system = false;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            self.copy_piece()?
        };
        if count > 0 {
            return Ok(false);
        }
        rustix::fs::fchmod(&self.into, self.permissions)?;
        rustix::fs::futimens(&self.into, &modified(self.modified))?;
        Ok(true)
    }

    fn copy_piece(&self) -> io::Result<usize> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let count = retry_on_intr(|| rustix::io::read(&self.from, &mut buffer[..]))?;
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            match retry_on_intr(|| rustix::io::write(&self.into, rest))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => rest = &rest[written..],
            }
        }
        Ok(count)
    }
}

fn facts(status: &Stat) -> (Mode, SystemTime) {
    (Mode::from_raw_mode(status.st_mode).intersection(PERMISSIONS), FileStatus::of(status).mtime)
}

fn identity(status: &Stat) -> (u64, u64) {
    let status = FileStatus::of(status);
    (status.device, status.inode)
}

/// How many bytes of a file are copied before the clock is looked at.
const COPIED_AT_ONCE: usize = 8 * 1024 * 1024;

/// How many bytes are copied at once where the system does not do it.
pub(super) const BUFFER_BYTES: usize = 128 * 1024;

const SOURCE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const TARGET: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
const PERMISSIONS: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);

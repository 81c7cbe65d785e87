//! Files as the settings of a location open them (`disable_symlinks`), and what nginx answers where
//! that fails.
//!
//! Called by all modules that look at files. Maps no URI (`path` does) and sends nothing.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use rustix::io::Errno;

use super::exchange::Exchange;
use super::shared_file::{self, SharedFile};
use super::template::{Part, Template};
use crate::http::status::Status;
use crate::runtime::{self, FileStatus, OpenFile, Symlinks};

impl Exchange {
    /// Opens a file, or a folder, for reading.
    ///
    /// # Errors
    /// Those of open(2), unchanged; ELOOP for a symbolic link that `disable_symlinks` refuses.
    pub fn open_file(&self, path: &[u8]) -> io::Result<OpenFile> {
        self.test_root()?;
        let check = &self.plan.settings.symlinks;
        match check.mode {
            Symlinks::Follow => runtime::open(as_path(path)),
            mode => self.trusting(|trusted| runtime::open_checked(as_path(path), mode, trusted)),
        }
    }

    /// Opens a file to be sent; requests of one turn of the event loop share it.
    ///
    /// # Errors
    /// As `open_file`.
    pub fn open_shared(&self, path: &[u8]) -> io::Result<Rc<SharedFile>> {
        match self.plan.settings.symlinks.mode {
            Symlinks::Follow if !is_unsafe(path) => shared_file::open(path, as_path(path)),
            _ => Ok(Rc::new(self.open_file(path)?.into())),
        }
    }

    /// What is at a path, without opening it: whether there is a file, or a folder.
    ///
    /// # Errors
    /// Those of stat(2), unchanged; ELOOP for a symbolic link that `disable_symlinks` refuses.
    pub fn file_status(&self, path: &[u8]) -> io::Result<FileStatus> {
        self.test_root()?;
        let check = &self.plan.settings.symlinks;
        match check.mode {
            Symlinks::Follow => runtime::status(as_path(path)),
            mode => self.trusting(|trusted| runtime::status_checked(as_path(path), mode, trusted)),
        }
    }

    /// What messages call the opening of a file: nginx names the system call it makes.
    pub fn open_call(&self) -> &'static str {
        match self.plan.settings.symlinks.mode {
            Symlinks::Follow => "open()",
            Symlinks::Refuse | Symlinks::SameOwner => "openat()",
        }
    }

    /// Refuses, as missing, whatever lies in a `root` or `alias` that a variable leads out of: in a
    /// location `~ ^/i(.*)` with `alias /data/$1`, `/i../x` would be a neighbour of `/data`.
    pub(super) fn test_root(&self) -> io::Result<()> {
        self.test_parts(&self.plan.settings.root.path)
    }

    /// Refuses, as missing, a path in which a variable leads out of what the configuration says.
    pub(super) fn test_parts(&self, path: &Template) -> io::Result<()> {
        let leads_out = path.parts().iter().any(|part| match part {
            Part::Literal(_) => false,
            Part::Variable(reference) => {
                let mut value = Vec::new();
                reference.write(self, &mut value) && is_unsafe(&value)
            }
        });
        if leads_out { Err(Errno::NOENT.into()) } else { Ok(()) }
    }

    pub(super) fn trusting<T>(&self, open: impl FnOnce(Option<&Path>) -> T) -> T {
        match &self.plan.settings.symlinks.trusted {
            Some(trusted) => open(Some(as_path(&trusted.render(self)))),
            None => open(None),
        }
    }
}

/// What a system error about a file means for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such file: ENOENT, ENOTDIR, ENAMETOOLONG.
    Missing,
    /// It may not be read: EACCES; or a symbolic link leads to it that is not followed: ELOOP, EMLINK.
    Forbidden,
    /// Something is wrong with the machine, or out of open files.
    Failed,
}

impl Fault {
    /// Judges an error as nginx does.
    pub fn of(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => Self::Missing,
            Some(Errno::ACCESS | Errno::LOOP | Errno::MLINK) => Self::Forbidden,
            _ => Self::Failed,
        }
    }

    /// The answer.
    pub fn status(self) -> Status {
        match self {
            Self::Missing => Status::NOT_FOUND,
            Self::Forbidden => Status::FORBIDDEN,
            Self::Failed => Status::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Whether a name that was put together from variables could leave the folder it is joined to, or is
/// none the system takes: it has a segment `..` or a NUL.
pub fn is_unsafe(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'/').any(|segment| segment == b"..") || name.contains(&0)
}

pub(super) fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_judged_as_by_nginx() {
        let fault = |errno: Errno| Fault::of(&errno.into());
        for errno in [Errno::NOENT, Errno::NOTDIR, Errno::NAMETOOLONG] {
            assert_eq!(fault(errno).status(), Status::NOT_FOUND);
        }
        for errno in [Errno::ACCESS, Errno::LOOP, Errno::MLINK] {
            assert_eq!(fault(errno).status(), Status::FORBIDDEN);
        }
        for errno in [Errno::MFILE, Errno::IO] {
            assert_eq!(fault(errno).status(), Status::INTERNAL_SERVER_ERROR);
        }
        assert_eq!(Fault::of(&io::Error::other("x")), Fault::Failed);
    }

    #[test]
    fn only_a_whole_segment_of_two_dots_leads_out() {
        for name in ["..", "/..", "/a/../b", "a/..", "a\0b"] {
            assert!(is_unsafe(name.as_bytes()), "{name}");
        }
        for name in ["", "/", "/a..b", "...", "/..a", "/a../b"] {
            assert!(!is_unsafe(name.as_bytes()), "{name}");
        }
    }
}

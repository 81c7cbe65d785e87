//! The removal of a tree.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::fs::{AtFlags, Dir, FileType};
use rustix::io::Errno;

use super::{DEPTH_MAX, STEPS_UNTIMED, TreeFailure, is_dots, open_folder, open_folder_errno, path_of};

/// The removal of a folder with all that is in it.
#[derive(Debug)]
pub struct Removal {
    parent: OwnedFd,
    stack: Vec<Emptied>,
}

/// A folder that is being emptied.
#[derive(Debug)]
struct Emptied {
    entries: Dir,
    name: CString,
    passes: u32,
}

impl Removal {
    /// To remove the folder `name` of `parent`.
    ///
    /// # Errors
    /// Those of open(2): `NotADirectory` for anything but a folder, a link to one too.
    pub fn of(parent: OwnedFd, name: CString) -> io::Result<Removal> {
        let entries = open_folder(parent.as_fd(), &name)?;
        Ok(Removal { parent, stack: vec![Emptied { entries, name, passes: 0 }] })
    }

    /// Goes on until `until`, or to the end; says whether that is reached.
    ///
    /// # Errors
    /// Something cannot be removed; the rest stays.
    pub fn advance(&mut self, until: Instant) -> Result<bool, TreeFailure> {
        let mut steps = 0_u32;
        while !self.stack.is_empty() {
            self.step()?;
            steps += 1;
            if steps.is_multiple_of(STEPS_UNTIMED) && Instant::now() >= until {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One entry.
    fn step(&mut self) -> Result<(), TreeFailure> {
        let full = self.stack.len() >= DEPTH_MAX;
        let Some(folder) = self.stack.last_mut() else { return Ok(()) };
        let Some(entry) = folder.entries.read() else { return self.end_folder() };
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Err(self.failure("getdents()", c"", error)),
        };
        let name = entry.file_name();
        if is_dots(name) {
            return Ok(());
        }
        if matches!(entry.file_type(), FileType::Directory | FileType::Unknown) {
            match folder.entries.fd().and_then(|parent| open_folder_errno(parent, name)) {
                Ok(_) if full => return Err(self.failure("open()", name, Errno::MFILE)),
                Ok(entries) => {
                    self.stack.push(Emptied { entries, name: name.to_owned(), passes: 0 });
                    return Ok(());
                }
                Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(self.failure("open()", name, error)),
            }
        }
        let removed = folder.entries.fd().and_then(|parent| rustix::fs::unlinkat(parent, name, AtFlags::empty()));
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failure("unlink()", name, error)),
        }
    }

    /// Everything in the folder was seen: the folder itself.
    fn end_folder(&mut self) -> Result<(), TreeFailure> {
        let Some(mut folder) = self.stack.pop() else { return Ok(()) };
        let parent = match self.stack.last() {
            Some(parent) => parent.entries.fd(),
            None => Ok(self.parent.as_fd()),
        };
        match parent.and_then(|parent| rustix::fs::unlinkat(parent, &folder.name, AtFlags::REMOVEDIR)) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) if folder.passes < PASSES_MAX => {
                folder.passes += 1;
                folder.entries.rewind();
                self.stack.push(folder);
                Ok(())
            }
            Err(error) => Err(self.failure("rmdir()", &folder.name, error)),
        }
    }

    fn failure(&self, call: &'static str, name: &CStr, error: Errno) -> TreeFailure {
        let within = self.stack.iter().skip(1).map(|folder| &*folder.name);
        TreeFailure { call, path: path_of(within, name), error: error.into() }
    }
}

/// How often a folder is read again because something was put into it while it was emptied.
const PASSES_MAX: u32 = 8;

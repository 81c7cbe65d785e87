//! A look through a tree for links.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::time::Instant;

use rustix::fs::{Dir, FileType};
use rustix::io::Errno;

use super::{DEPTH_MAX, STEPS_UNTIMED, TreeFailure, is_dots, open_folder, open_folder_errno, path_of};

/// A look through a tree for relative symbolic links that lead out of it: elsewhere they would lead elsewhere.
#[derive(Debug)]
pub struct LinkSearch {
    stack: Vec<(Dir, CString)>,
    /// Whether there is one.
    pub found: bool,
}

impl LinkSearch {
    /// To look through a folder.
    ///
    /// # Errors
    /// Those of openat(2): `NotADirectory` for anything else.
    pub fn of(folder: BorrowedFd<'_>) -> io::Result<LinkSearch> {
        Ok(LinkSearch { stack: vec![(open_folder(folder, c".")?, CString::default())], found: false })
    }

    /// Goes on until `until`, or to the first such link or the end; says whether one of these is reached.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn advance(&mut self, until: Instant) -> Result<bool, TreeFailure> {
        let mut steps = 0_u32;
        while let Some((entries, _)) = self.stack.last_mut() {
            steps += 1;
            if steps.is_multiple_of(STEPS_UNTIMED) && Instant::now() >= until {
                return Ok(false);
            }
            let entry = match entries.read() {
                None => {
                    self.stack.pop();
                    continue;
                }
                Some(Err(error)) => return Err(self.failure("getdents()", c"", error)),
                Some(Ok(entry)) => entry,
            };
            let name = entry.file_name();
            if is_dots(name) {
                continue;
            }
            match self.look_at(entry.file_type(), name) {
                Ok(true) => {
                    self.found = true;
                    return Ok(true);
                }
                Ok(false) | Err(Errno::NOENT) => {}
                Err(error) => return Err(self.failure("open()", name, error)),
            }
        }
        Ok(true)
    }

    fn look_at(&mut self, kind: FileType, name: &CStr) -> Result<bool, Errno> {
        let Some((entries, _)) = self.stack.last() else { return Ok(false) };
        let folder = entries.fd()?;
        if matches!(kind, FileType::Symlink | FileType::Unknown) {
            match rustix::fs::readlinkat(folder, name, Vec::new()) {
                // One in the tree's own folder is as deep in it as that: not at all.
                Ok(target) => return Ok(leads_out(target.as_bytes(), self.stack.len() - 1)),
                Err(Errno::INVAL) if kind == FileType::Unknown => {}
                Err(error) => return Err(error),
            }
        }
        if matches!(kind, FileType::Directory | FileType::Unknown) {
            match open_folder_errno(folder, name) {
                Ok(_) if self.stack.len() >= DEPTH_MAX => return Err(Errno::MFILE),
                Ok(entries) => self.stack.push((entries, name.to_owned())),
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn failure(&self, call: &'static str, name: &CStr, error: Errno) -> TreeFailure {
        let within = self.stack.iter().skip(1).map(|(_, name)| &**name);
        TreeFailure { call, path: path_of(within, name), error: error.into() }
    }
}

/// Whether a link that lies so many folders deep leads above where it begins, if it is relative.
pub(super) fn leads_out(target: &[u8], depth: usize) -> bool {
    let mut depth = depth;
    for component in Path::new(OsStr::from_bytes(target)).components() {
        match component {
            Component::RootDir | Component::Prefix(_) => return false,
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
        }
    }
    false
}

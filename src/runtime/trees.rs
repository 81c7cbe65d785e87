//! Whole trees of files: removed, copied, looked through. Work of unknown length, done piece by piece.
//!
//! Each kind of work is a value that a job carries on for a while and gives back, so that it holds no thread for long. It
//! goes from open folder to open folder and follows no symbolic link, so nothing outside of the tree is touched whatever
//! happens to it meanwhile. Of a tree it keeps the folders that it is in, at most [`DEPTH_MAX`] of them.

mod duplication;
mod links;
mod removal;

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

pub use duplication::{Duplication, FileCopy};
pub use links::LinkSearch;
pub use removal::Removal;

/// How many folders may lie in each other: each is an open descriptor while it is worked in.
pub const DEPTH_MAX: usize = 128;

/// What went wrong, and with what.
#[derive(Debug)]
pub struct TreeFailure {
    /// The system call, as messages name it.
    pub call: &'static str,
    /// Where, from the tree's own folder on.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// Makes a folder for the process's user alone, and opens it.
///
/// # Errors
/// Those of mkdir(2) and open(2).
pub fn new_folder(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
    Ok(retry_on_intr(|| rustix::fs::openat(parent, name, FOLDER, Mode::empty()))?)
}

fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Dir> {
    Ok(open_folder_errno(parent, name)?)
}

fn open_folder_errno(parent: BorrowedFd<'_>, name: &CStr) -> Result<Dir, Errno> {
    let fd = match retry_on_intr(|| rustix::fs::openat(parent, name, FOLDER, Mode::empty())) {
        // That is what a link is told by where a folder is asked for.
        Err(Errno::LOOP) => return Err(Errno::NOTDIR),
        result => result?,
    };
    Dir::new(fd)
}

fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

fn path_of<'a>(folders: impl Iterator<Item = &'a CStr>, name: &'a CStr) -> PathBuf {
    let names = folders.chain([name]).map(|name| OsStr::from_bytes(name.to_bytes()));
    names.filter(|name| !name.is_empty()).collect()
}

/// How many steps are made before the clock is looked at.
const STEPS_UNTIMED: u32 = 32;

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
#[cfg(test)]
mod tests;

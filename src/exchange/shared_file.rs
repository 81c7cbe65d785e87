//! Open files that the requests of one turn of the event loop share.
//!
//! Requests that ask for the same file at the same moment are answered by one look at it: it is opened, measured and,
//! when it is small, read once. When the turn ends the worker lets go of everything ([`end_turn`]), so nothing here is
//! older than the turn that a request is answered in, and a file that was changed is seen at once. A worker under load
//! answers many requests in a turn, and it is then that this saves most of their system calls.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;

use crate::runtime::{self, FileStatus, Kind, OpenFile};

/// A file up to this size is read into memory and leaves with its head in one write: measured, that costs less than a
/// second system call up to here.
pub const SMALL_BYTES_MAX: u64 = 16 * 1024;

/// How many files the requests of one turn share; further ones are opened for each request.
const FILES_MAX: usize = 64;

/// An open file, and its content once somebody needed it and it is small.
#[derive(Debug)]
pub struct SharedFile {
    fd: OwnedFd,
    /// What it was when it was opened.
    pub status: FileStatus,
    content: OnceCell<Bytes>,
}

impl From<OpenFile> for SharedFile {
    fn from(file: OpenFile) -> Self {
        Self { fd: file.fd, status: file.status, content: OnceCell::new() }
    }
}

impl AsFd for SharedFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl SharedFile {
    /// The whole content of a small file, as long as it was when it was opened, or as much of it as is left.
    ///
    /// # Errors
    /// Those of pread(2).
    pub fn content(&self) -> io::Result<&Bytes> {
        if let Some(content) = self.content.get() {
            return Ok(content);
        }
        // Only files up to SMALL_BYTES_MAX are asked for whole.
        let length = self.status.len.min(SMALL_BYTES_MAX) as usize;
        let mut content = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match runtime::read_at(self.fd.as_fd(), filled as u64, &mut content[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        content.truncate(filled);
        Ok(self.content.get_or_init(|| Bytes::from(content)))
    }

    /// Whether the file is small enough to be read whole.
    pub fn is_small(&self) -> bool {
        self.status.len <= SMALL_BYTES_MAX
    }
}

/// Opens a file, or takes it from a request of the same turn.
///
/// # Errors
/// Those of open(2) and fstat(2).
pub(super) fn open(path: &[u8], as_path: &Path) -> io::Result<Rc<SharedFile>> {
    if let Some(file) = OPEN.with_borrow(|open| open.get(path).cloned()) {
        return Ok(file);
    }
    let file = Rc::new(SharedFile::from(runtime::open(as_path)?));
    if file.status.kind == Kind::Regular {
        OPEN.with_borrow_mut(|open| {
            if open.len() < FILES_MAX {
                open.insert(path.into(), Rc::clone(&file));
            }
        });
    }
    Ok(file)
}

/// Lets go of the files of this turn. The worker calls it when a turn ends.
pub fn end_turn() {
    OPEN.with_borrow_mut(|open| {
        if !open.is_empty() {
            open.clear();
        }
    });
}

type Open = HashMap<Box<[u8]>, Rc<SharedFile>, foldhash::fast::RandomState>;

thread_local! {
    /// The files that requests of this turn have opened.
    static OPEN: RefCell<Open> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn text(path: &Path) -> String {
        let file = open(path.as_os_str().as_encoded_bytes(), path).unwrap();
        String::from_utf8(file.content().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_turn_looks_at_a_file_once_and_the_next_turn_looks_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        assert_eq!(text(&path), "old");
        fs::write(&path, "new!").unwrap();
        assert_eq!(text(&path), "old");
        end_turn();
        assert_eq!(text(&path), "new!");
        end_turn();
    }

    #[test]
    fn a_file_that_shrank_gives_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "long").unwrap();
        let file = SharedFile::from(runtime::open(&path).unwrap());
        fs::write(&path, "lo").unwrap();
        assert_eq!(&file.content().unwrap()[..], b"lo");
    }

    #[test]
    fn the_number_of_files_has_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..FILES_MAX + 10 {
            let path = folder.path().join(number.to_string());
            fs::write(&path, "x").unwrap();
            text(&path);
        }
        assert_eq!(OPEN.with_borrow(HashMap::len), FILES_MAX);
        end_turn();
        assert_eq!(OPEN.with_borrow(HashMap::len), 0);
    }
}

//! Files for what is too large for memory: without a name from the start, or named for other programs.
//!
//! A file without a name costs no cleaning up: whatever ends the process, the system frees it. Writes go to the page
//! cache; that they may wait for the disk is accepted, as it is of reads. Decides neither what is written nor when.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IoSlice, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::base::reason::Reason;

/// A file that is written from its beginning to its end.
#[derive(Debug)]
pub struct TempFile {
    file: File,
    length: u64,
    /// Where it is, of a named file.
    path: Option<Box<Path>>,
    keep: bool,
}

/// Why there is no such file, or no more of it.
#[derive(Debug, thiserror::Error)]
pub struct TempFileError {
    /// The system call.
    pub call: &'static str,
    /// What it was about.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

impl fmt::Display for TempFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}() \"{}\" failed {}", self.call, self.path.display(), Reason(&self.error))
    }
}

/// How a named file is found in its folder, and how long it is there.
#[derive(Clone, Copy, Debug)]
pub struct Naming {
    /// How many digits from the end of its number name the folders on each level; 0 is no level.
    pub levels: [u8; 3],
    /// Whether it outlives its owner.
    pub keep: bool,
}

impl TempFile {
    /// A file without a name in this folder, which is made, with access for this user alone, if it is missing.
    ///
    /// # Errors
    /// Those of mkdir(2) and open(2).
    pub fn unnamed(folder: &Path) -> Result<Self, TempFileError> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match with_folder(folder, || open(folder, flags)) {
            Ok(fd) => Ok(Self::new(fd, None, false)),
            // Some file systems know no files without a name, and some kernels take the flag for that of a folder.
            Err(error) if is_unsupported(&error.error) => {
                let mut file = Self::named(folder, Naming { levels: [0; 3], keep: false })?;
                file.remove()?;
                Ok(file)
            }
            Err(error) => Err(error),
        }
    }

    /// A new file, named by a number of ten digits, in this folder or below it; folders are made if they are missing.
    /// Its drop removes it, unless it is kept.
    ///
    /// # Errors
    /// Those of mkdir(2) and open(2).
    pub fn named(folder: &Path, naming: Naming) -> Result<Self, TempFileError> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let mut collisions = 0;
        loop {
            let path = place(folder, next_number(collisions > 0), naming.levels);
            match with_levels(folder, &path, || open(&path, flags)) {
                Ok(fd) => return Ok(Self::new(fd, Some(path.into()), naming.keep)),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists && collisions < COLLISIONS_MAX => {
                    collisions += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn new(fd: OwnedFd, path: Option<Box<Path>>, keep: bool) -> Self {
        Self { file: File::from(fd), length: 0, path, keep }
    }

    /// Writes all of `slices`, which are used up on the way, behind what was written.
    ///
    /// # Errors
    /// Those of writev(2): a full disk is `StorageFull`. A part may have been written.
    pub fn append(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0); // drops empty ones in front
        while !slices.is_empty() {
            match self.file.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.length += count as u64;
                    IoSlice::advance_slices(&mut slices, count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How much was written, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where it is, if it has a name.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn remove(&mut self) -> Result<(), TempFileError> {
        let Some(path) = self.path.take() else { return Ok(()) };
        std::fs::remove_file(&path).map_err(|error| TempFileError { call: "unlink", path: path.into(), error })
    }
}

impl AsFd for TempFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = self.remove()
        {
            log::error!("{error}");
        }
    }
}

/// How many names that are taken are passed over before it is no accident.
const COLLISIONS_MAX: u32 = 100;

/// The number of the next named file of this process: one after the other, until one is taken, which is of an earlier
/// process; then far from it.
fn next_number(taken: bool) -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let step = if taken { RandomState::new().hash_one(0) as u32 } else { 1 };
    LAST.fetch_add(step, Ordering::Relaxed).wrapping_add(step)
}

/// Where a file of this number is: with levels 1 and 2 the file 0000123457 is in the folder `7/45`.
fn place(folder: &Path, number: u32, levels: [u8; 3]) -> PathBuf {
    let name = format!("{number:010}");
    let mut path = folder.to_owned();
    let mut end = name.len();
    for level in levels.into_iter().map(usize::from).take_while(|level| *level > 0) {
        // Levels have ten digits at most, together.
        let start = end.saturating_sub(level);
        path.push(&name[start..end]);
        end = start;
    }
    path.push(name);
    path
}

fn open(path: &Path, flags: OFlags) -> Result<OwnedFd, TempFileError> {
    retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR)).map_err(|error| TempFileError {
        call: "open",
        path: path.to_owned(),
        error: error.into(),
    })
}

/// Tries again with the folder made if that was missing.
fn with_folder(folder: &Path, open: impl Fn() -> Result<OwnedFd, TempFileError>) -> Result<OwnedFd, TempFileError> {
    match open() {
        Err(error) if error.error.kind() == io::ErrorKind::NotFound => {
            make_folder(folder)?;
            open()
        }
        result => result,
    }
}

/// Tries again with the folder, and those of the levels below it, made if some were missing.
fn with_levels(
    folder: &Path,
    path: &Path,
    open: impl Fn() -> Result<OwnedFd, TempFileError>,
) -> Result<OwnedFd, TempFileError> {
    match open() {
        Err(error) if error.error.kind() == io::ErrorKind::NotFound => {
            let below: Vec<&Path> = path.ancestors().skip(1).take_while(|above| above.starts_with(folder)).collect();
            below.into_iter().rev().try_for_each(make_folder)?;
            open()
        }
        result => result,
    }
}

/// Makes a folder for this user alone; one that is there stays as it is.
///
/// # Errors
/// Those of mkdir(2).
pub fn make_folder(folder: &Path) -> Result<(), TempFileError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(TempFileError { call: "mkdir", path: folder.to_owned(), error })
        }
        _ => Ok(()),
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::runtime::read_at;

    fn content(file: &TempFile) -> Vec<u8> {
        let mut content = vec![0; file.length() as usize + 1];
        let count = read_at(file.as_fd(), 0, &mut content).unwrap();
        content.truncate(count);
        content
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_without_a_name_is_in_a_folder_that_stays_empty() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("bodies");
        let mut file = TempFile::unnamed(&folder).unwrap();
        file.append(&mut [IoSlice::new(b"hello, "), IoSlice::new(b""), IoSlice::new(b"world")]).unwrap();
        file.append(&mut []).unwrap();
        assert_eq!((file.length(), &*content(&file), file.path()), (12, &b"hello, world"[..], None));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_named_file_is_in_the_folders_of_its_last_digits() {
        let at = |number, levels| place(Path::new("/spool"), number, levels).display().to_string();
        assert_eq!(at(123_457, [1, 2, 0]), "/spool/7/45/0000123457");
        assert_eq!(at(123_457, [0; 3]), "/spool/0000123457");
        assert_eq!(at(1, [4, 3, 3]), "/spool/0001/000/000/0000000001");
    }

    #[test]
    fn a_named_file_goes_with_its_owner_unless_it_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("bodies");
        let named = |keep| TempFile::named(&folder, Naming { levels: [1, 2, 0], keep }).unwrap();
        let (cleaned, kept) = (named(false), named(true));
        let paths = [&cleaned, &kept].map(|file| file.path().unwrap().to_owned());
        assert!(paths.iter().all(|path| path.exists() && mode(path) == 0o600));
        drop((cleaned, kept));
        assert_eq!(paths.map(|path| path.exists()), [false, true]);
    }

    #[test]
    fn a_name_that_is_taken_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let naming = Naming { levels: [0; 3], keep: true };
        let first = TempFile::named(folder.path(), naming).unwrap();
        let number: u32 = first.path().unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
        for taken in number + 1..number + 50 {
            fs::write(place(folder.path(), taken, [0; 3]), "").unwrap();
        }
        assert!(TempFile::named(folder.path(), naming).is_ok());
    }

    #[test]
    fn an_error_says_what_was_tried_where() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a/b");
        let error = TempFile::unnamed(&missing).unwrap_err().to_string();
        assert_eq!(error, format!("mkdir() \"{}\" failed (2: No such file or directory)", missing.display()));
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(TempFile::unnamed(&file).unwrap_err().error.kind(), io::ErrorKind::NotADirectory);
    }
}

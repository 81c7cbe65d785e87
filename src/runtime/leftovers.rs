//! Takes away what a killed process left unfinished: see `new_file` for the names and the locks.
//!
//! Called when a configuration takes effect, on a thread of its own. Follows no symbolic link, leaves the file system of
//! the folder it begins in alone, and looks at a limited number of entries.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::new_file::TEMPORARY_PREFIX;
use super::trees::Removal;

/// How many entries are looked at in one folder and all below it: at some microseconds each, a few seconds.
pub const ENTRIES_MAX: u64 = 1_000_000;

/// How many folders lie in each other at the most.
const DEPTH_MAX: usize = 32;

/// How long one unfinished tree may take to be removed.
const TREE_PATIENCE: Duration = Duration::from_secs(60);

/// What a sweep has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Unfinished files and folders that were removed.
    pub removed: u64,
    /// Entries that were looked at.
    pub looked_at: u64,
    /// Whether there was more to look at than the limits allow.
    pub cut_short: bool,
}

/// Removes what was left unfinished in a folder and the folders in it; `entries_max` is how much is looked at. What
/// somebody is still writing stays.
///
/// # Errors
/// The folder cannot be opened. What goes wrong in it is passed over.
pub fn sweep(folder: &Path, entries_max: u64) -> io::Result<Swept> {
    let fd = retry_on_intr(|| rustix::fs::openat(CWD, folder, READING, Mode::empty()))?;
    let device = rustix::fs::fstat(&fd)?.st_dev;
    let mut swept = Swept::default();
    let mut stack = vec![Dir::new(fd)?];
    while let Some(entries) = stack.last_mut() {
        let Some(Ok(entry)) = entries.read() else {
            stack.pop();
            continue;
        };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if swept.looked_at == entries_max {
            swept.cut_short = true;
            break;
        }
        swept.looked_at += 1;
        let unfinished = name.to_bytes().starts_with(TEMPORARY_PREFIX.as_bytes());
        let may_be_folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if !unfinished && !may_be_folder {
            continue;
        }
        let flags = if unfinished { READING.difference(OFlags::DIRECTORY) } else { READING };
        let parent = entries.fd()?;
        let Ok(opened) = rustix::fs::openat(parent, name, flags, Mode::empty()) else { continue };
        let Ok(status) = rustix::fs::fstat(&opened) else { continue };
        if unfinished {
            let left = rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive).is_ok();
            let is_folder = FileType::from_raw_mode(status.st_mode) == FileType::Directory;
            swept.removed += u64::from(left && remove(entries, name, is_folder).is_ok());
        } else if status.st_dev == device && stack.len() < DEPTH_MAX {
            stack.push(Dir::new(opened)?);
        } else {
            swept.cut_short |= status.st_dev == device;
        }
    }
    Ok(swept)
}

fn remove(entries: &Dir, name: &std::ffi::CStr, is_folder: bool) -> io::Result<()> {
    let parent = entries.fd()?;
    if !is_folder {
        return Ok(rustix::fs::unlinkat(parent, name, AtFlags::empty())?);
    }
    let mut removal = Removal::of(parent.as_fd().try_clone_to_owned()?, name.to_owned())?;
    let done = removal.advance(Instant::now() + TREE_PATIENCE).map_err(|failure| failure.error)?;
    if done { Ok(()) } else { Err(Errno::TIMEDOUT.into()) }
}

/// Nothing that waits, nothing that is followed.
const READING: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn place() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("a/b")).unwrap();
        fs::write(place.path().join("a/b/page"), "").unwrap();
        place
    }

    fn unfinished(name: &str) -> String {
        format!("{TEMPORARY_PREFIX}{name}")
    }

    #[test]
    fn what_was_left_unfinished_goes_and_all_else_stays() {
        let place = place();
        let left = place.path().join("a/b").join(unfinished("1"));
        let tree = place.path().join(unfinished("2"));
        fs::write(&left, "half").unwrap();
        fs::create_dir_all(tree.join("c")).unwrap();
        fs::write(tree.join("c/file"), "").unwrap();
        let swept = sweep(place.path(), ENTRIES_MAX).unwrap();
        assert_eq!((swept.removed, swept.cut_short), (2, false));
        assert!(!left.exists() && !tree.exists() && place.path().join("a/b/page").exists());
    }

    #[test]
    fn what_somebody_writes_stays() {
        let place = place();
        let path = place.path().join(unfinished("1"));
        let file = fs::File::create(&path).unwrap();
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(sweep(place.path(), ENTRIES_MAX).unwrap().removed, 0);
        drop(file);
        assert_eq!(sweep(place.path(), ENTRIES_MAX).unwrap().removed, 1);
    }

    #[test]
    fn no_link_is_followed() {
        let (place, other) = (place(), tempfile::tempdir().unwrap());
        let path = other.path().join(unfinished("1"));
        fs::write(&path, "").unwrap();
        symlink(other.path(), place.path().join("link")).unwrap();
        symlink(other.path(), place.path().join(unfinished("2"))).unwrap();
        assert_eq!(sweep(place.path(), ENTRIES_MAX).unwrap().removed, 0);
        assert!(path.exists());
    }

    #[test]
    fn a_limit_of_entries_ends_it() {
        let place = place();
        let swept = sweep(place.path(), 2).unwrap();
        assert_eq!((swept.looked_at, swept.cut_short), (2, true));
        assert!(!sweep(place.path(), 3).unwrap().cut_short);
    }
}

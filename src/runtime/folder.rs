//! Reading a folder, a name at a time, so that the caller decides how much is done in one go.
//!
//! Reads of a folder may wait for the disk, as those of files do; that is accepted. Sorts nothing and keeps nothing.

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;

use super::files::{FileStatus, OpenFile};

/// An open folder.
pub struct Folder {
    entries: Dir,
}

impl Folder {
    /// A folder that was opened as a file, so that what was checked then holds for what is read now.
    ///
    /// # Errors
    /// Those of fcntl(2), unchanged.
    pub fn new(folder: OpenFile) -> io::Result<Folder> {
        Ok(Folder { entries: Dir::new(folder.fd)? })
    }

    /// The next name, in no order, `.` and `..` among them; none at the end.
    ///
    /// # Errors
    /// Those of getdents(2), unchanged; `NotADirectory` for a file.
    pub fn next_name(&mut self) -> Option<io::Result<CString>> {
        let entry = self.entries.next()?;
        Some(entry.map(|entry| entry.file_name().to_owned()).map_err(io::Error::from))
    }

    /// What a name in the folder leads to, following symbolic links; a link that leads nowhere is told of as itself.
    ///
    /// # Errors
    /// Those of stat(2), unchanged.
    pub fn status(&self, name: &CStr) -> io::Result<FileStatus> {
        let folder = self.entries.fd()?;
        let stat = match rustix::fs::statat(folder, name, AtFlags::empty()) {
            Err(Errno::NOENT | Errno::LOOP) => rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?,
            result => result?,
        };
        Ok(FileStatus::of(&stat))
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Folder")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::runtime::{Kind, open};

    fn names(path: &Path) -> Vec<String> {
        let mut folder = Folder::new(open(path).unwrap()).unwrap();
        let names = std::iter::from_fn(|| folder.next_name());
        let mut names: Vec<String> = names.map(|name| name.unwrap().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_names_are_read() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("page"), "text").unwrap();
        fs::write(place.path().join(".hidden"), "").unwrap();
        assert_eq!(names(place.path()), [".", "..", ".hidden", "page"]);
    }

    #[test]
    fn a_name_tells_what_it_leads_to_and_a_dead_link_what_it_is() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("page"), "text").unwrap();
        symlink("page", place.path().join("link")).unwrap();
        symlink("nowhere", place.path().join("dead")).unwrap();
        symlink("loop", place.path().join("loop")).unwrap();
        let folder = Folder::new(open(place.path()).unwrap()).unwrap();
        let status = |name: &CStr| folder.status(name).map(|status| (status.kind, status.len));
        assert_eq!(status(c"link").unwrap(), (Kind::Regular, 4));
        assert_eq!(status(c"dead").unwrap(), (Kind::Other, 7));
        assert_eq!(status(c"loop").unwrap(), (Kind::Other, 4));
        assert_eq!(status(c".").unwrap().0, Kind::Directory);
        assert_eq!(status(c"none").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_has_no_names() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("page");
        fs::write(&path, "text").unwrap();
        let mut folder = Folder::new(open(&path).unwrap()).unwrap();
        assert_eq!(folder.next_name().unwrap().unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}

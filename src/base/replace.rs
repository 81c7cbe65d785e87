//! A file is given new content at one stroke: readers see the old text or the new one, never a part.
//!
//! Called by the formatter. The new file is written beside the old one, under another name, and takes its place when
//! it is complete. Mode and owner stay; so does a symbolic link, for what it leads to is replaced. Access control
//! lists and other extended attributes are those of a new file in that folder.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Gid, Uid};

/// Replaces the content of a regular file that exists.
///
/// # Errors
/// The system's reason; also where the owner cannot be kept. The old file is untouched then.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let old = fs::metadata(&path)?;
    if !old.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let beside = folder.join(format!(".webserv-{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&beside)?;
    let replaced = fill(&mut file, &old, content).and_then(|()| fs::rename(&beside, &path));
    if replaced.is_err() {
        // What went wrong is told; that a half-written file stays behind would only follow from it.
        let _may_stay = fs::remove_file(&beside);
    }
    replaced
}

fn fill(file: &mut File, old: &Metadata, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
        rustix::fs::fchown(&*file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))?;
    }
    // Behind the owner, whose change takes bits away.
    file.set_permissions(old.permissions())?;
    file.sync_all()
}

/// Until the mode of the old file is known to fit the new one's owner.
const PRIVATE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn content_is_new_and_mode_and_owner_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.conf");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        if rustix::process::geteuid().is_root() {
            rustix::fs::chown(&path, Some(Uid::from_raw(12)), Some(Gid::from_raw(34))).unwrap();
        }
        let before = fs::metadata(&path).unwrap();
        replace(&path, b"new").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing stays beside it");
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.conf"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        symlink("a.conf", &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(replace(folder.path(), b"new").is_err());
        assert!(replace(&folder.path().join("missing"), b"new").is_err());
    }
}

//! Where something is to be stored, moved or removed: an open folder and a name in it.
//!
//! What was checked on the way there (`disable_symlinks`, the root) holds for what is done then, whatever happens to the
//! path meanwhile. Called by modules that change files. It changes nothing but folders that it is asked to make.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use bytes::Bytes;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::exchange::Exchange;
use super::files::{as_path, is_unsafe};
use super::settings::Alias;
use super::template::Template;
use crate::http::conditional::{IfModifiedSince, Validators, Verdict, etag, evaluate, evaluate_missing};
use crate::http::headers::Headers;
use crate::http::method::Method;
use crate::runtime::{self, FileStatus, Kind, Symlinks};

/// A name in a folder.
#[derive(Debug)]
pub struct Target {
    /// The folder: the deepest that is there.
    pub folder: OwnedFd,
    /// Folders that are not there yet, from there on.
    pub missing: Vec<OsString>,
    /// The name in the last of them.
    pub name: OsString,
}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is itself.
    pub own: FileStatus,
    /// What it leads to; the same unless it is a symbolic link. None where it leads nowhere, or is not followed.
    pub led_to: Option<FileStatus>,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

impl Exchange {
    /// The folder and the name of a path; slashes at its end are left out.
    ///
    /// # Errors
    /// Those of open(2) for the folder: `NotFound`, `NotADirectory`; ELOOP for a symbolic link that `disable_symlinks`
    /// refuses.
    pub fn target(&self, path: &[u8]) -> io::Result<Target> {
        self.test_root()?;
        let (parent, name) = split(path)?;
        Ok(Target { folder: self.open_folder(parent)?, missing: Vec::new(), name })
    }

    /// As `target`, where folders on the way may be missing.
    ///
    /// # Errors
    /// As there, but for `NotFound`.
    pub fn target_to_be(&self, path: &[u8]) -> io::Result<Target> {
        self.test_root()?;
        let (mut parent, name) = split(path)?;
        let mut missing = Vec::new();
        loop {
            match self.open_folder(parent) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !parent.is_empty() && parent != b"/" => {
                    let (above, name) = split(parent)?;
                    missing.push(name);
                    parent = above;
                }
                result => {
                    missing.reverse();
                    return Ok(Target { folder: result?, missing, name });
                }
            }
        }
    }

    /// Whether a path is the root itself, or the alias: nobody's to remove or to replace.
    pub fn is_root(&self, path: &[u8]) -> bool {
        let is_whole_path = matches!(self.plan.settings.root.alias, Some(Alias::Whole));
        !is_whole_path && without_slashes(path) == without_slashes(&self.document_root())
    }

    /// The path of a folder that has variables in it; a relative one is taken from the prefix.
    ///
    /// # Errors
    /// A variable leads out of what the configuration says: `NotFound`.
    pub fn rendered_folder(&self, template: &Template) -> io::Result<Bytes> {
        self.test_parts(template)?;
        let path = template.render_bytes(self);
        if path.starts_with(b"/") {
            return Ok(path);
        }
        let prefix = self.plan.settings.root.prefix.trim_end_matches('/');
        Ok(Bytes::from([prefix.as_bytes(), &path].join(&b'/')))
    }

    /// Opens a folder to work in, with an eye on symbolic links as the settings say.
    ///
    /// # Errors
    /// Those of open(2): `NotFound`, `NotADirectory`; ELOOP for a symbolic link that `disable_symlinks` refuses.
    pub fn open_folder(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mode = self.plan.settings.symlinks.mode;
        self.trusting(|trusted| runtime::open_folder_checked(as_path(path), mode, trusted))
    }
}

impl Target {
    /// What has the name now; none if nothing has it.
    ///
    /// # Errors
    /// Those of stat(2), but for `NotFound`.
    pub fn found(&self, symlinks: Symlinks) -> io::Result<Option<Found>> {
        if !self.missing.is_empty() {
            return Ok(None);
        }
        let own = match rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            result => result?,
        };
        let is_link = FileType::from_raw_mode(own.st_mode) == FileType::Symlink;
        let own = FileStatus::of(&own);
        if !is_link {
            return Ok(Some(Found { own, led_to: Some(own), is_link }));
        }
        let led_to = match symlinks {
            Symlinks::Follow => rustix::fs::statat(&self.folder, &self.name, AtFlags::empty()).ok(),
            Symlinks::Refuse | Symlinks::SameOwner => None,
        };
        Ok(Some(Found { own, led_to: led_to.as_ref().map(FileStatus::of), is_link }))
    }

    /// Makes the folders that are missing, with these permissions; the target is in the last of them then. What somebody
    /// else has made meanwhile is taken as it is, unless it is no folder.
    ///
    /// # Errors
    /// Those of mkdir(2) and open(2).
    pub fn make_missing(&mut self, permissions: u32) -> io::Result<()> {
        for name in std::mem::take(&mut self.missing) {
            let made = match rustix::fs::mkdirat(&self.folder, &name, Mode::RWXU) {
                Err(Errno::EXIST) => false,
                result => {
                    result?;
                    true
                }
            };
            let folder = retry_on_intr(|| rustix::fs::openat(&self.folder, &name, FOLDER, Mode::empty()))?;
            if made {
                rustix::fs::fchmod(&folder, Mode::from_raw_mode(permissions & 0o777))?;
            }
            self.folder = folder;
        }
        Ok(())
    }

    /// A second handle to the same folder and name.
    ///
    /// # Errors
    /// Those of dup(2).
    pub fn try_clone(&self) -> io::Result<Target> {
        let folder = self.folder.as_fd().try_clone_to_owned()?;
        Ok(Target { folder, missing: self.missing.clone(), name: self.name.clone() })
    }

    /// Returns when what happened to the names in the folder is on the disk.
    ///
    /// # Errors
    /// Those of open(2) and fsync(2).
    pub fn sync_folder(&self) -> io::Result<()> {
        let folder = retry_on_intr(|| rustix::fs::openat(&self.folder, ".", FOLDER, Mode::empty()))?;
        Ok(retry_on_intr(|| rustix::fs::fsync(&folder))?)
    }
}

impl Found {
    /// Whether it is a folder, or leads to one.
    pub fn is_folder(&self) -> bool {
        self.led_to.is_some_and(|status| status.kind == Kind::Directory)
    }
}

/// Whether the conditions of a request hold for what has a name (RFC 9110 section 13.2): for a file with the tag and the
/// time that GET would send, for everything else by its being there.
pub fn conditions_hold(method: &Method, headers: &Headers, found: Option<&Found>) -> bool {
    let verdict = match found {
        None => evaluate_missing(headers),
        Some(found) => {
            let file = found.led_to.filter(|status| status.kind == Kind::Regular);
            let validators = file.map_or_else(Validators::default, |status| Validators {
                etag: Some(etag(status.mtime, status.len)),
                last_modified: Some(status.mtime),
            });
            evaluate(method, headers, &validators, IfModifiedSince::Off)
        }
    };
    verdict == Verdict::Proceed
}

/// The folder of a path, and the name in it.
fn split(path: &[u8]) -> io::Result<(&[u8], OsString)> {
    let path = without_slashes(path);
    let slash = path.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = match slash {
        Some(0) => (&path[..1], &path[1..]),
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&path[..0], path),
    };
    // The root of the machine has no name; and no name leads elsewhere.
    if name.is_empty() || name == b"." || is_unsafe(name) {
        return Err(Errno::ISDIR.into());
    }
    Ok((parent, OsStr::from_bytes(name).to_owned()))
}

fn without_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    &path[..end]
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::exchange::plan::PlanBuilder;
    use crate::exchange::test_support::Bench;

    fn exchange(root: &std::path::Path, symlinks: Symlinks) -> Exchange {
        let mut plan = PlanBuilder::new("/");
        plan.settings.root.path = Template::literal(root.to_str().unwrap());
        plan.settings.symlinks.mode = symlinks;
        Bench::new().exchange_in(plan, "PUT /a HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    fn path(root: &tempfile::TempDir, name: &str) -> Vec<u8> {
        root.path().join(name).into_os_string().into_encoded_bytes()
    }

    #[test]
    fn a_target_is_a_name_in_an_open_folder() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sub")).unwrap();
        fs::write(root.path().join("sub/file"), "text").unwrap();
        let exchange = exchange(root.path(), Symlinks::Follow);
        let target = exchange.target(&path(&root, "sub/file")).unwrap();
        assert_eq!(target.found(Symlinks::Follow).unwrap().unwrap().own.len, 4);
        let target = exchange.target(&path(&root, "sub//")).unwrap();
        assert!(target.name == "sub" && target.found(Symlinks::Follow).unwrap().unwrap().is_folder());
        assert!(exchange.target(&path(&root, "none")).unwrap().found(Symlinks::Follow).unwrap().is_none());
        let kind = |name: &str| exchange.target(&path(&root, name)).unwrap_err().kind();
        assert_eq!((kind("none/x"), kind("sub/file/x")), (io::ErrorKind::NotFound, io::ErrorKind::NotADirectory));
    }

    #[test]
    fn missing_folders_are_made_when_asked() {
        let root = tempfile::tempdir().unwrap();
        let exchange = exchange(root.path(), Symlinks::Refuse);
        let mut target = exchange.target_to_be(&path(&root, "a/b/c")).unwrap();
        assert_eq!((target.missing.len(), fs::read_dir(root.path()).unwrap().count()), (2, 0));
        target.make_missing(0o750).unwrap();
        for name in ["a", "a/b"] {
            assert_eq!(fs::metadata(root.path().join(name)).unwrap().permissions().mode() & 0o777, 0o750);
        }
        fs::write(root.path().join("file"), "").unwrap();
        let error = exchange.target_to_be(&path(&root, "file/b/c")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn links_on_the_way_are_followed_as_the_settings_say() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sub")).unwrap();
        symlink("sub", root.path().join("way")).unwrap();
        symlink("nowhere", root.path().join("sub/dead")).unwrap();
        let refused = exchange(root.path(), Symlinks::Refuse).target(&path(&root, "way/x")).unwrap_err();
        assert_eq!(Errno::from_io_error(&refused), Some(Errno::LOOP));
        let target = exchange(root.path(), Symlinks::Follow).target(&path(&root, "way/dead")).unwrap();
        let found = target.found(Symlinks::Follow).unwrap().unwrap();
        assert!(found.is_link && found.led_to.is_none());
    }

    #[test]
    fn the_root_is_known_with_and_without_its_slash() {
        let root = tempfile::tempdir().unwrap();
        let exchange = exchange(root.path(), Symlinks::Follow);
        assert!(exchange.is_root(&path(&root, "")) && exchange.is_root(root.path().as_os_str().as_encoded_bytes()));
        assert!(!exchange.is_root(&path(&root, "a")));
    }

    #[test]
    fn what_has_no_name_is_no_target() {
        for path in ["", "/", "a/..", "."] {
            assert!(split(path.as_bytes()).is_err(), "{path}");
        }
        assert_eq!(split(b"/a").unwrap(), (&b"/"[..], OsString::from("a")));
        assert_eq!(split(b"a/b/").unwrap(), (&b"a"[..], OsString::from("b")));
    }
}

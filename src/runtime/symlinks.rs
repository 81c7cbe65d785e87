//! Opening a path with an eye on its symbolic links: nginx's `disable_symlinks`.
//!
//! The path is walked component by component from an open folder, so nothing can be swapped behind the check: whether a
//! component is a link is decided by the open itself, and a link whose owner is checked is the very one that is followed.
//! Which prefix is trusted (`from=`) is the caller's to say.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::files::{FileStatus, OpenFile, READING, open, status};

/// What is done about symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// They are followed: `disable_symlinks off`.
    #[default]
    Follow,
    /// None is followed: `disable_symlinks on`.
    Refuse,
    /// Followed if the link and what it leads to have the same owner: `disable_symlinks if_not_owner`.
    SameOwner,
}

/// Opens a file for reading as `symlinks` says. Links in `trusted` are followed if it is the beginning of `path`;
/// otherwise it changes nothing.
///
/// # Errors
/// Those of open(2), unchanged; ELOOP for a refused link.
pub fn open_checked(path: &Path, symlinks: Symlinks, trusted: Option<&Path>) -> io::Result<OpenFile> {
    match symlinks {
        Symlinks::Follow => open(path),
        _ => OpenFile::from_fd(walk(path, READING, symlinks, trusted)?),
    }
}

/// What is at a path, without opening it for reading, so that a file counts that may not be read. Otherwise as
/// [`open_checked`].
///
/// # Errors
/// Those of stat(2), unchanged; ELOOP for a refused link.
pub fn status_checked(path: &Path, symlinks: Symlinks, trusted: Option<&Path>) -> io::Result<FileStatus> {
    match symlinks {
        Symlinks::Follow => status(path),
        _ => Ok(FileStatus::of(&rustix::fs::fstat(walk(path, LOOKING, symlinks, trusted)?)?)),
    }
}

/// Opens a folder to work in, neither for reading nor for writing. Otherwise as [`open_checked`].
///
/// # Errors
/// Those of open(2), unchanged: `NotADirectory` for anything else; ELOOP for a refused link.
pub fn open_folder_checked(path: &Path, symlinks: Symlinks, trusted: Option<&Path>) -> io::Result<OwnedFd> {
    match symlinks {
        Symlinks::Follow => Ok(retry_on_intr(|| rustix::fs::openat(CWD, path, FOLDER, Mode::empty()))?),
        _ => walk(path, FOLDER, symlinks, trusted),
    }
}

/// Opens what is at the end of a path, component by component.
fn walk(path: &Path, flags: OFlags, symlinks: Symlinks, trusted: Option<&Path>) -> io::Result<OwnedFd> {
    let open_whole = || Ok(retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::empty()))?);
    let rest = trusted.and_then(|trusted| path.strip_prefix(trusted).ok().map(|rest| (trusted, rest)));
    let (start, rest) = match rest {
        Some((_, rest)) if rest.as_os_str().is_empty() => return open_whole(),
        Some((trusted, rest)) => (trusted, rest),
        None if path.is_absolute() => (Path::new("/"), path),
        None => (Path::new("."), path),
    };
    let start = if start.as_os_str().is_empty() { Path::new(".") } else { start };
    let mut folder = retry_on_intr(|| rustix::fs::openat(CWD, start, FOLDER, Mode::empty()))?;
    let mut names = rest.components().filter_map(name).peekable();
    let Some(mut component) = names.next() else {
        return open_whole();
    };
    for next in names {
        folder = open_component(folder.as_fd(), component, FOLDER, symlinks)?;
        component = next;
    }
    let flags = if ends_with_slash(path) { flags.union(OFlags::DIRECTORY) } else { flags };
    open_component(folder.as_fd(), component, flags, symlinks)
}

fn name(component: Component<'_>) -> Option<&OsStr> {
    match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    }
}

fn open_component(folder: BorrowedFd<'_>, name: &OsStr, flags: OFlags, symlinks: Symlinks) -> io::Result<OwnedFd> {
    let opened = retry_on_intr(|| rustix::fs::openat(folder, name, flags.union(OFlags::NOFOLLOW), Mode::empty()));
    match opened {
        // A link is ELOOP, or ENOTDIR where a folder is asked for, or is opened itself where nothing is read.
        Err(Errno::LOOP | Errno::NOTDIR) => open_link(folder, name, flags, symlinks),
        Ok(opened) if flags == LOOKING && is_link(&opened)? => open_link(folder, name, flags, symlinks),
        result => Ok(result?),
    }
}

/// Follows a link if that is allowed. Its owner and its content are read from one descriptor of the link itself.
fn open_link(folder: BorrowedFd<'_>, name: &OsStr, flags: OFlags, symlinks: Symlinks) -> io::Result<OwnedFd> {
    let link = retry_on_intr(|| rustix::fs::openat(folder, name, LINK, Mode::empty()))?;
    let link_stat = rustix::fs::fstat(&link)?;
    if FileType::from_raw_mode(link_stat.st_mode) != FileType::Symlink {
        return Err(Errno::NOTDIR.into()); // a file where a folder was expected
    }
    if symlinks == Symlinks::Refuse {
        return Err(Errno::LOOP.into());
    }
    let target = rustix::fs::readlinkat(&link, "", Vec::new())?;
    let opened = retry_on_intr(|| rustix::fs::openat(folder, target.as_c_str(), flags, Mode::empty()))?;
    let target_stat: Stat = rustix::fs::fstat(&opened)?;
    if target_stat.st_uid != link_stat.st_uid {
        return Err(Errno::LOOP.into());
    }
    Ok(opened)
}

fn is_link(opened: &OwnedFd) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(opened)?.st_mode) == FileType::Symlink)
}

fn ends_with_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// A folder on the way: only to go on from.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The end of the way where nothing is read.
const LOOKING: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// A link itself.
const LINK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{AtFlags, Gid, Uid};

    use super::*;
    use crate::runtime::files::Kind;

    /// A folder with `site/page`, `site/link` to it, `way` to `site`, and `way2` to `way`.
    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        fs::create_dir(&site).unwrap();
        fs::write(site.join("page"), "text").unwrap();
        symlink("page", site.join("link")).unwrap();
        symlink("site", folder.path().join("way")).unwrap();
        symlink("way", folder.path().join("way2")).unwrap();
        folder
    }

    fn refused(result: io::Result<OpenFile>) -> bool {
        result.is_err_and(|error| Errno::from_io_error(&error) == Some(Errno::LOOP))
    }

    #[test]
    fn a_link_is_refused_at_the_end_and_on_the_way() {
        let folder = tree();
        let try_open = |path: &str| open_checked(&folder.path().join(path), Symlinks::Refuse, None);
        assert_eq!(try_open("site/page").unwrap().status.len, 4);
        assert_eq!(try_open("site/").unwrap().status.kind, Kind::Directory);
        for path in ["site/link", "way/page", "way2/page", "way", "way/"] {
            assert!(refused(try_open(path)), "{path}");
        }
    }

    #[test]
    fn links_are_followed_when_nothing_is_asked() {
        let folder = tree();
        let path = folder.path().join("way/link");
        assert_eq!(open_checked(&path, Symlinks::Follow, None).unwrap().status.len, 4);
    }

    #[test]
    fn links_in_the_trusted_beginning_are_followed() {
        let folder = tree();
        let way = folder.path().join("way");
        let try_open = |path: &Path, trusted: &Path| open_checked(path, Symlinks::Refuse, Some(trusted));
        assert_eq!(try_open(&way.join("page"), &way).unwrap().status.len, 4);
        assert!(refused(try_open(&way.join("link"), &way)));
        assert_eq!(try_open(&way.join("link"), &way.join("link")).unwrap().status.len, 4);
        assert!(refused(try_open(&way.join("page"), &folder.path().join("wa"))));
    }

    #[test]
    fn a_link_of_the_owner_of_its_target_is_followed_another_is_not() {
        let folder = tree();
        let foreign = folder.path().join("foreign");
        symlink("/", &foreign).unwrap();
        if rustix::process::geteuid().is_root() {
            let (user, group) = (Uid::from_raw(1), Gid::from_raw(1));
            rustix::fs::chownat(CWD, &foreign, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
        let try_open = |path: &str| open_checked(&folder.path().join(path), Symlinks::SameOwner, None);
        assert_eq!(try_open("site/link").unwrap().status.len, 4);
        assert_eq!(try_open("way2/link").unwrap().status.len, 4);
        assert!(refused(try_open("foreign")));
        assert!(refused(try_open("foreign/etc")));
    }

    #[test]
    fn what_is_missing_or_no_folder_is_said_as_by_an_ordinary_open() {
        let folder = tree();
        let kind = |path: &str| open_checked(&folder.path().join(path), Symlinks::Refuse, None).unwrap_err().kind();
        assert_eq!(kind("site/none"), io::ErrorKind::NotFound);
        assert_eq!(kind("none/page"), io::ErrorKind::NotFound);
        assert_eq!(kind("site/page/below"), io::ErrorKind::NotADirectory);
        assert_eq!(kind("site/page/"), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn looking_follows_the_same_rules_as_opening() {
        let folder = tree();
        let look = |path: &str, symlinks| status_checked(&folder.path().join(path), symlinks, None);
        assert_eq!(look("site/page", Symlinks::Refuse).unwrap().len, 4);
        assert_eq!(look("site", Symlinks::Refuse).unwrap().kind, Kind::Directory);
        assert_eq!(look("way/link", Symlinks::Follow).unwrap().len, 4);
        assert_eq!(look("way/link", Symlinks::SameOwner).unwrap().len, 4);
        for path in ["site/link", "way/page", "way", "way/"] {
            let error = look(path, Symlinks::Refuse).unwrap_err();
            assert_eq!(Errno::from_io_error(&error), Some(Errno::LOOP), "{path}");
        }
        assert_eq!(look("site/none", Symlinks::Refuse).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_root_and_relative_paths_can_be_opened() {
        let root = open_checked(Path::new("/"), Symlinks::Refuse, None).unwrap();
        assert_eq!(root.status.kind, Kind::Directory);
        let here = open_checked(Path::new("Cargo.toml"), Symlinks::Refuse, None).unwrap();
        assert_eq!(here.status.kind, Kind::Regular);
    }
}

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

use super::files::{OpenFile, READING, open};

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
pub fn open_checked(
    path: &Path,
    symlinks: Symlinks,
    trusted: Option<&Path>,
) -> io::Result<OpenFile> {
    if symlinks == Symlinks::Follow {
        return open(path);
    }
    let rest =
        trusted.and_then(|trusted| path.strip_prefix(trusted).ok().map(|rest| (trusted, rest)));
    let (start, rest) = match rest {
        Some((_, rest)) if rest.as_os_str().is_empty() => return open(path),
        Some((trusted, rest)) => (trusted, rest),
        None if path.is_absolute() => (Path::new("/"), path),
        None => (Path::new("."), path),
    };
    let start = if start.as_os_str().is_empty() {
        Path::new(".")
    } else {
        start
    };
    let mut folder = retry_on_intr(|| rustix::fs::openat(CWD, start, FOLDER, Mode::empty()))?;
    let mut names = rest.components().filter_map(name).peekable();
    let Some(mut component) = names.next() else {
        return open(path);
    };
    for next in names {
        folder = open_component(folder.as_fd(), component, FOLDER, symlinks)?;
        component = next;
    }
    let flags = if ends_with_slash(path) {
        READING.union(OFlags::DIRECTORY)
    } else {
        READING
    };
    OpenFile::from_fd(open_component(folder.as_fd(), component, flags, symlinks)?)
}

fn name(component: Component<'_>) -> Option<&OsStr> {
    match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    }
}

fn open_component(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    flags: OFlags,
    symlinks: Symlinks,
) -> io::Result<OwnedFd> {
    let opened = retry_on_intr(|| {
        rustix::fs::openat(folder, name, flags.union(OFlags::NOFOLLOW), Mode::empty())
    });
    match opened {
        // A link is ELOOP, or ENOTDIR where a folder is asked for.
        Err(Errno::LOOP | Errno::NOTDIR) => open_link(folder, name, flags, symlinks),
        result => Ok(result?),
    }
}

/// Follows a link if that is allowed. Its owner and its content are read from one descriptor of the link itself.
fn open_link(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    flags: OFlags,
    symlinks: Symlinks,
) -> io::Result<OwnedFd> {
    let link = retry_on_intr(|| rustix::fs::openat(folder, name, LINK, Mode::empty()))?;
    let link_stat = rustix::fs::fstat(&link)?;
    if FileType::from_raw_mode(link_stat.st_mode) != FileType::Symlink {
        return Err(Errno::NOTDIR.into()); // a file where a folder was expected
    }
    if symlinks == Symlinks::Refuse {
        return Err(Errno::LOOP.into());
    }
    let target = rustix::fs::readlinkat(&link, "", Vec::new())?;
    let opened =
        retry_on_intr(|| rustix::fs::openat(folder, target.as_c_str(), flags, Mode::empty()))?;
    let target_stat: Stat = rustix::fs::fstat(&opened)?;
    if target_stat.st_uid != link_stat.st_uid {
        return Err(Errno::LOOP.into());
    }
    Ok(opened)
}

fn ends_with_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// A folder on the way: only to go on from.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A link itself.
const LINK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

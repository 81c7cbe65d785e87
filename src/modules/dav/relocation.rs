//! How files and trees are copied, moved and replaced.
//!
//! What is there stays until what replaces it is complete, and the two change places in one step where the file system
//! knows how. Work of unknown length is done by jobs, in slices.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::{Errno, retry_on_intr};

use super::delete::carry_on;
use crate::exchange::target::Target;
use crate::runtime::{
    Duplication, Existing, FileCopy, Handle, JobError, LinkSearch, NewFile, NewFolder, Removal, Symlinks, TreeFailure,
    with_temporary_name,
};

/// What goes where, and how.
pub(super) struct Plan {
    /// Whether the original goes.
    pub(super) moves: bool,
    /// Whether it is a folder.
    pub(super) is_folder: bool,
    /// Whether a folder goes with what is in it.
    pub(super) whole: bool,
    /// Whether it is a symbolic link.
    pub(super) is_link: bool,
    pub(super) symlinks: Symlinks,
    /// Whether what is there is replaced.
    pub(super) replaces: bool,
    pub(super) from: Target,
    pub(super) to: Target,
    /// The permissions of folders that are missing on the way.
    pub(super) folder_access: u32,
    pub(super) fsync: bool,
}

/// Why it was not done.
pub(super) enum Failure {
    /// A system call about the original, or something in it.
    From(&'static str, PathBuf, io::Error),
    /// A system call about the place where it goes, or something in it.
    To(&'static str, PathBuf, io::Error),
    /// A relative symbolic link would lead elsewhere from its new place.
    LinkLeadsOut,
    /// Between file systems only folders and files are moved.
    NotMovable,
    /// A job was not done.
    Job(JobError),
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

/// Does it.
pub(super) async fn relocate(handle: &Handle, mut plan: Plan) -> Result<(), Failure> {
    plan.to.make_missing(plan.folder_access).map_err(|error| to("mkdir()", error))?;
    match (plan.moves, plan.is_folder) {
        (true, false) => move_file(handle, &plan).await,
        (false, false) => copy_file(handle, &plan).await,
        (true, true) => move_folder(handle, &plan).await,
        (false, true) => copy_folder(handle, &plan).await,
    }?;
    if plan.fsync {
        let Plan { from, to: target, moves, .. } = plan;
        let synced =
            handle.job(move || target.sync_folder().and_then(|()| if moves { from.sync_folder() } else { Ok(()) }));
        synced.await?.map_err(|error| to("fsync()", error))?;
    }
    Ok(())
}

async fn move_file(handle: &Handle, plan: &Plan) -> Result<(), Failure> {
    let same_folder = is_same(plan.from.folder.as_fd(), plan.to.folder.as_fd());
    if plan.is_link && !same_folder && !link_may_go(plan)? {
        return Err(Failure::LinkLeadsOut);
    }
    match rename(plan) {
        Err(Errno::XDEV) if plan.is_link => return Err(Failure::NotMovable),
        Err(Errno::XDEV) => {}
        result => return result.map_err(|error| to("rename()", error.into())),
    }
    copy_file(handle, plan).await?;
    rustix::fs::unlinkat(&plan.from.folder, &plan.from.name, AtFlags::empty())
        .map_err(|error| from("unlink()", error.into()))
}

/// A link that names its target from the root of the machine leads to the same from everywhere.
fn link_may_go(plan: &Plan) -> Result<bool, Failure> {
    let target = rustix::fs::readlinkat(&plan.from.folder, &plan.from.name, Vec::new())
        .map_err(|error| from("readlink()", error.into()))?;
    Ok(target.as_bytes().starts_with(b"/"))
}

fn rename(plan: &Plan) -> Result<(), Errno> {
    let (one, other) = (&plan.from, &plan.to);
    if plan.replaces {
        return rustix::fs::renameat(&one.folder, &one.name, &other.folder, &other.name);
    }
    match rustix::fs::renameat_with(&one.folder, &one.name, &other.folder, &other.name, RenameFlags::NOREPLACE) {
        // A file system that cannot: nothing was there when it was looked at.
        Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(&one.folder, &one.name, &other.folder, &other.name),
        result => result,
    }
}

async fn copy_file(handle: &Handle, plan: &Plan) -> Result<(), Failure> {
    let source = open_source(plan).map_err(|error| from("open()", error))?;
    let file = NewFile::create(plan.to.folder.as_fd()).map_err(|error| to("open()", error))?;
    let copying = FileCopy::of(source, file.as_fd()).map_err(|error| from("fstat()", error))?;
    carry_on(handle, copying, FileCopy::advance).await?.map_err(|error| to("copy_file_range()", error))?;
    let mut file = if plan.fsync {
        let (file, synced) = handle
            .job(move || {
                let synced = file.sync();
                (file, synced)
            })
            .await?;
        synced.map_err(|error| to("fsync()", error))?;
        file
    } else {
        file
    };
    let existing = if plan.replaces { Existing::Replace } else { Existing::Keep };
    file.publish(plan.to.folder.as_fd(), &plan.to.name, existing).map_err(|error| to("rename()", error))
}

/// The file, or what a link leads to where links are followed.
fn open_source(plan: &Plan) -> io::Result<OwnedFd> {
    let follows = plan.symlinks == Symlinks::Follow && !plan.moves;
    let flags = if follows { SOURCE } else { SOURCE.union(OFlags::NOFOLLOW) };
    let fd = retry_on_intr(|| rustix::fs::openat(&plan.from.folder, &plan.from.name, flags, Mode::empty()))?;
    match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
        FileType::RegularFile => Ok(fd),
        FileType::Directory => Err(Errno::ISDIR.into()),
        _ => Err(Errno::ACCESS.into()),
    }
}

async fn move_folder(handle: &Handle, plan: &Plan) -> Result<(), Failure> {
    if !is_same(plan.from.folder.as_fd(), plan.to.folder.as_fd()) {
        search_links(handle, plan).await?;
    }
    match replace(plan.from.folder.as_fd(), &plan.from.name, plan) {
        Ok(Replaced::Nothing) => Ok(()),
        // What was replaced has the name of the original now.
        Ok(Replaced::Exchanged) => {
            let name = rename_hidden(&plan.from.folder, &plan.from.name);
            let name = name.map_err(|error| from("rename()", error.into()))?;
            let folder = clone(&plan.from.folder).map_err(|error| from("dup()", error))?;
            remove(handle, folder, name).await
        }
        Ok(Replaced::Hidden(name)) => {
            let folder = clone(&plan.to.folder).map_err(|error| to("dup()", error))?;
            remove(handle, folder, name).await
        }
        Err(Errno::XDEV) => {
            copy_folder(handle, plan).await?;
            let folder = clone(&plan.from.folder).map_err(|error| from("dup()", error))?;
            remove(handle, folder, plan.from.name.clone()).await
        }
        Err(error) => Err(to("rename()", error.into())),
    }
}

async fn search_links(handle: &Handle, plan: &Plan) -> Result<(), Failure> {
    let folder = retry_on_intr(|| rustix::fs::openat(&plan.from.folder, &plan.from.name, FOLDER, Mode::empty()))
        .map_err(|error| from("open()", error.into()))?;
    let search = LinkSearch::of(folder.as_fd()).map_err(|error| from("open()", error))?;
    let search = carry_on(handle, search, LinkSearch::advance).await?.map_err(in_tree)?;
    if search.found { Err(Failure::LinkLeadsOut) } else { Ok(()) }
}

/// Copies a folder to where nobody sees it, and lets it take its place.
async fn copy_folder(handle: &Handle, plan: &Plan) -> Result<(), Failure> {
    let source = retry_on_intr(|| rustix::fs::openat(&plan.from.folder, &plan.from.name, FOLDER, Mode::empty()))
        .map_err(|error| from("open()", error.into()))?;
    let copy = NewFolder::create(plan.to.folder.as_fd()).map_err(|error| to("mkdir()", error))?;
    let result = fill(handle, plan, source, &copy).await.and_then(|()| {
        replace(plan.to.folder.as_fd(), copy.name(), plan).map_err(|error| to("rename()", error.into()))
    });
    let folder = || clone(&plan.to.folder).map_err(|error| to("dup()", error));
    match result {
        Ok(Replaced::Nothing) => Ok(()),
        Ok(Replaced::Exchanged) => remove(handle, folder()?, copy.name().to_owned()).await,
        Ok(Replaced::Hidden(name)) => remove(handle, folder()?, name).await,
        Err(failure) => {
            // What cannot be removed either is swept at the next start.
            let _removed = remove(handle, folder()?, copy.name().to_owned()).await;
            Err(failure)
        }
    }
}

async fn fill(handle: &Handle, plan: &Plan, source: OwnedFd, copy: &NewFolder) -> Result<(), Failure> {
    let into = copy.as_fd().try_clone_to_owned().map_err(|error| to("dup()", error))?;
    let copying = Duplication::of(source.as_fd(), into, plan.whole).map_err(|error| from("open()", error))?;
    let copying = carry_on(handle, copying, Duplication::advance).await?.map_err(in_tree)?;
    if plan.moves && copying.left_out > 0 { Err(Failure::NotMovable) } else { Ok(()) }
}

/// What became of what had the name before.
enum Replaced {
    /// There was nothing.
    Nothing,
    /// It has the name that the new one had.
    Exchanged,
    /// It has this name, in the folder of the new one's place.
    Hidden(OsString),
}

/// Lets what has a name in a folder take its new place, in one step if the file system can do that.
fn replace(folder: BorrowedFd<'_>, name: &OsStr, plan: &Plan) -> Result<Replaced, Errno> {
    let to = &plan.to;
    match rustix::fs::renameat_with(folder, name, &to.folder, &to.name, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(Replaced::Nothing),
        Err(Errno::EXIST) if plan.replaces => {}
        Err(Errno::INVAL | Errno::NOSYS) => return replace_in_steps(folder, name, plan),
        Err(error) => return Err(error),
    }
    match rustix::fs::renameat_with(folder, name, &to.folder, &to.name, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Replaced::Exchanged),
        Err(Errno::INVAL | Errno::NOSYS) => replace_in_steps(folder, name, plan),
        Err(error) => Err(error),
    }
}

/// For file systems that cannot exchange two names.
fn replace_in_steps(folder: BorrowedFd<'_>, name: &OsStr, plan: &Plan) -> Result<Replaced, Errno> {
    let to = &plan.to;
    let hidden = match rustix::fs::statat(&to.folder, &to.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => None,
        Err(error) => return Err(error),
        Ok(_) if !plan.replaces => return Err(Errno::EXIST),
        Ok(_) => Some(rename_hidden(&to.folder, &to.name)?),
    };
    match (rustix::fs::renameat(folder, name, &to.folder, &to.name), hidden) {
        (Ok(()), None) => Ok(Replaced::Nothing),
        (Ok(()), Some(hidden)) => Ok(Replaced::Hidden(hidden)),
        (Err(error), None) => Err(error),
        (Err(error), Some(hidden)) => {
            rustix::fs::renameat(&to.folder, &hidden, &to.folder, &to.name)?;
            Err(error)
        }
    }
}

/// Gives what is to be removed a name that nobody asks for.
fn rename_hidden(folder: &OwnedFd, name: &OsStr) -> Result<OsString, Errno> {
    let renamed = with_temporary_name(|hidden| Ok(rustix::fs::renameat(folder, name, folder, hidden)?));
    renamed.map(|(hidden, ())| hidden).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Removes a tree, or a file.
async fn remove(handle: &Handle, folder: OwnedFd, name: OsString) -> Result<(), Failure> {
    let tree = CString::new(name.as_encoded_bytes()).map_err(|error| to("open()", error.into()))?;
    let removal = clone(&folder).and_then(|folder| Removal::of(folder, tree));
    match removal {
        Ok(removal) => carry_on(handle, removal, Removal::advance).await?.map(|_removal| ()).map_err(in_tree),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            rustix::fs::unlinkat(&folder, &name, AtFlags::empty()).map_err(|error| to("unlink()", error.into()))
        }
        Err(error) => Err(to("open()", error)),
    }
}

fn is_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

fn clone(folder: &OwnedFd) -> io::Result<OwnedFd> {
    folder.as_fd().try_clone_to_owned()
}

fn from(call: &'static str, error: io::Error) -> Failure {
    Failure::From(call, PathBuf::new(), error)
}

fn to(call: &'static str, error: io::Error) -> Failure {
    Failure::To(call, PathBuf::new(), error)
}

fn in_tree(failure: TreeFailure) -> Failure {
    Failure::From(failure.call, failure.path, failure.error)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const SOURCE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

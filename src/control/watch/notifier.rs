//! The crate `notify`, set on the folders of a plan, and why it may not tell of everything.
//!
//! Its watches are those of inotify, told by a thread of its own. That crate takes it for granted that the thread
//! runs, and panics where it does not; here that is one more reason to look at the files by oneself.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::mail::Mail;
use super::plan::{Meaning, Plan};
use crate::base::reason::Reason;

/// Watches that tell a mailbox; they end when it is dropped.
#[derive(Debug)]
pub(super) struct Notifier {
    /// None when its thread turned out not to run: then it is not even dropped, for that would panic.
    watcher: Option<RecommendedWatcher>,
    pub(super) plan: Arc<Plan>,
}

/// Why changes may go untold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deaf {
    /// The folders are more than [`FOLDERS_MAX`].
    TooMany(usize),
    /// The limit of the system or of its user is reached.
    NoMoreWatches,
    /// The file system does not tell of all changes.
    FileSystem(&'static str, PathBuf),
    /// A folder cannot be watched.
    Folder(PathBuf, String),
    /// There is no inotify to be had.
    Unavailable(String),
    /// There is no thread to be had for it. Trying again could only lose more.
    NoThread,
}

impl Notifier {
    /// Watches the folders of a plan, as far as that goes; the reason where it does not go all the way.
    pub(super) fn start(plan: Plan, mail: &Arc<Mail>) -> (Option<Self>, Option<Deaf>) {
        let count = plan.folders().len();
        if count > FOLDERS_MAX {
            return (None, Some(Deaf::TooMany(count)));
        }
        let plan = Arc::new(plan);
        let handler = {
            let (plan, mail) = (Arc::clone(&plan), Arc::clone(mail));
            move |event: notify::Result<notify::Event>| {
                // Something is wrong with the watches themselves.
                mail.tell(event.map_or(Meaning::WatchAnew, |event| plan.meaning(&event)));
            }
        };
        let watcher = match RecommendedWatcher::new(handler, notify::Config::default()) {
            Ok(watcher) => watcher,
            Err(error) => return (None, Some(Deaf::Unavailable(reason(&error)))),
        };
        let mut notifier = Self { watcher: Some(watcher), plan };
        let deaf = notifier.watch_all(mail);
        match notifier.watcher {
            None => (None, deaf),
            Some(_) => (Some(notifier), deaf),
        }
    }

    fn watch_all(&mut self, mail: &Mail) -> Option<Deaf> {
        let mut deaf = None;
        for path in Arc::clone(&self.plan).folders() {
            let because = match self.watch(path) {
                Ok(()) => unheard(path),
                Err(error) if is_gone(&error) => {
                    // The plan is older than the folder's end.
                    mail.tell(Meaning::WatchAnew);
                    None
                }
                Err(error) => match error.kind {
                    ErrorKind::MaxFilesWatch => return Some(Deaf::NoMoreWatches),
                    _ if self.watcher.is_none() => return Some(Deaf::NoThread),
                    _ => Some(Deaf::Folder(path.to_owned(), reason(&error))),
                },
            };
            deaf = deaf.or(because);
        }
        deaf
    }

    fn watch(&mut self, path: &Path) -> notify::Result<()> {
        let dead = || notify::Error::generic("its thread does not run");
        let Some(watcher) = &mut self.watcher else { return Err(dead()) };
        let watch = || watcher.watch(path, RecursiveMode::NonRecursive);
        catch_unwind(AssertUnwindSafe(watch)).unwrap_or_else(|_| {
            std::mem::forget(self.watcher.take());
            Err(dead())
        })
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        let watcher = self.watcher.take();
        // It panics where its thread has ended, and then there is nothing left to end.
        let _ended = catch_unwind(AssertUnwindSafe(|| drop(watcher)));
    }
}

impl Deaf {
    /// Whether it will not be otherwise before something else is read.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::TooMany(_) | Self::NoThread)
    }
}

impl fmt::Display for Deaf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => write!(formatter, "{count} folders are more than {FOLDERS_MAX}"),
            Self::NoMoreWatches => formatter.write_str("the limit fs.inotify.max_user_watches is reached"),
            Self::FileSystem(name, path) => {
                write!(formatter, "the file system of \"{}\", {name}, does not tell of all changes", path.display())
            }
            Self::Folder(path, reason) => write!(formatter, "\"{}\" cannot be watched {reason}", path.display()),
            Self::Unavailable(reason) => write!(formatter, "inotify is not to be had {reason}"),
            Self::NoThread => formatter.write_str("the thread that hears of changes cannot be started"),
        }
    }
}

fn is_gone(error: &notify::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => matches!(error.kind(), NotFound | NotADirectory),
        _ => false,
    }
}

fn reason(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::Io(error) => Reason(error).to_string(),
        ErrorKind::Generic(text) => format!("({text})"),
        other => format!("({other:?})"),
    }
}

/// The file system of a folder, if it does not tell of what others change: another machine, or the system itself.
fn unheard(path: &Path) -> Option<Deaf> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    // The type of the field differs between machines; magic numbers have 32 bits.
    let kind = kind as u32;
    let (_, name) = UNHEARD.iter().find(|(magic, _)| *magic == kind)?;
    Some(Deaf::FileSystem(name, path.to_owned()))
}

/// As many folders as are watched: far more than the files of a configuration are usually in, and half of what the
/// system gave to each user when it gave least.
pub(super) const FOLDERS_MAX: usize = 4096;

/// From statfs(2).
const UNHEARD: &[(u32, &str)] = &[
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x7375_7245, "coda"),
    (0x0bd0_0bd0, "lustre"),
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
];

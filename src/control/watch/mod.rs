//! Watches the files that the configuration was read from (`watch`), and tells the control thread when what was last
//! tried is no longer what they hold.
//!
//! A thread of its own does it, and is there only while it is wanted: it sleeps until the system tells of a change
//! (`notifier`) in one of the folders that matter (`plan`), waits until it has been quiet for a while (`debounce`), then
//! looks at everything that was read and compares the content. So it does not matter how a file was changed, and what
//! was only touched is no change. Where the system does not tell of changes it looks from time to time. The control
//! thread is never waited for, and never waits.

mod debounce;
mod mail;
mod notifier;
mod plan;
mod watcher;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use self::mail::Mail;
use super::causes::Cause;
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::config::watched::Watched;

/// The control thread's side.
#[derive(Debug)]
pub(super) struct Watch {
    causes: Sender<Cause>,
    /// The folder that names are shown from.
    folder: PathBuf,
    /// The mail of the thread, while there is one.
    thread: Option<Arc<Mail>>,
    /// How many loads there have been.
    loads: u64,
}

/// What to watch, and for which load.
#[derive(Debug)]
struct Task {
    /// What was read.
    watched: Watched,
    load: u64,
    /// How long it must have been quiet after a change.
    quiet: Duration,
}

/// The files are not what was last tried to load.
#[derive(Debug)]
pub(super) struct FilesChanged {
    /// Which ones: `site.conf, mime.types`.
    names: String,
    /// What was tried last, so far as the thread knows.
    load: u64,
}

impl Watch {
    /// Nothing is watched yet; `folder` is that of the main file.
    pub(super) fn new(causes: Sender<Cause>, folder: PathBuf) -> Self {
        Self { causes, folder, thread: None, loads: 0 }
    }

    /// After a load, whatever became of it: watches what it read, or, without a time of quiet, nothing.
    pub(super) fn loaded(&mut self, watched: Watched, quiet: Option<Duration>) {
        self.loads += 1;
        let Some(quiet) = quiet else {
            self.end();
            return;
        };
        let task = Task { watched, load: self.loads, quiet };
        match &self.thread {
            Some(mail) => mail.give(task),
            None => match watcher::start(task, self.folder.clone(), self.causes.clone()) {
                Ok(mail) => self.thread = Some(mail),
                Err(error) => {
                    let reason = Reason(&error);
                    report(Severity::Error, format_args!("configuration files are not watched: no thread {reason}"));
                }
            },
        }
    }

    /// Whether the change is still news: nothing was loaded since it was found.
    pub(super) fn is_news(&self, changed: &FilesChanged) -> bool {
        self.thread.is_some() && changed.load == self.loads
    }

    /// Lets the thread end, when it next looks at its mail.
    fn end(&mut self) {
        if let Some(mail) = self.thread.take() {
            mail.end();
        }
    }
}

impl fmt::Display for FilesChanged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "configuration files changed: {}", self.names)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc::{self, Receiver};

    use super::*;
    use crate::config::{Origin, Request, load};

    const QUIET: Option<Duration> = Some(Duration::from_millis(1));

    /// What loading a file reads.
    fn read(file: &Path) -> Watched {
        let request = Request {
            origin: Origin::File(file.to_owned()),
            prefix: "/srv".into(),
            globals: Vec::new(),
            error_log: None,
            as_root: false,
            modules: &[],
        };
        load(&request, None).watched
    }

    #[track_caller]
    fn told(inbox: &Receiver<Cause>) -> FilesChanged {
        match inbox.recv_timeout(Duration::from_secs(20)) {
            Ok(Cause::FilesChanged(changed)) => changed,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_change_is_news_until_something_was_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.conf");
        fs::write(&file, "one").unwrap();
        let (sender, inbox) = mpsc::channel();
        let mut watch = Watch::new(sender, folder.path().to_owned());
        watch.loaded(read(&file), QUIET);
        fs::write(&file, "two").unwrap();
        let changed = told(&inbox);
        assert_eq!(changed.to_string(), "configuration files changed: main.conf");
        assert!(watch.is_news(&changed));
        watch.loaded(read(&file), QUIET);
        assert!(!watch.is_news(&changed), "it was loaded since");
        fs::write(&file, "three").unwrap();
        let changed = told(&inbox);
        assert!(watch.is_news(&changed));
        watch.loaded(read(&file), None);
        assert!(!watch.is_news(&changed), "nobody wants to know");
    }

    #[test]
    fn what_changed_between_a_load_and_the_watch_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.conf");
        fs::write(&file, "one").unwrap();
        let before = read(&file);
        fs::write(&file, "two").unwrap();
        let (sender, inbox) = mpsc::channel();
        let mut watch = Watch::new(sender, folder.path().to_owned());
        watch.loaded(before, QUIET);
        assert!(watch.is_news(&told(&inbox)));
    }

    #[test]
    fn what_was_tried_is_told_of_once_and_then_only_when_it_changes_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.conf");
        fs::write(&file, "one").unwrap();
        let (sender, inbox) = mpsc::channel();
        let mut watch = Watch::new(sender, folder.path().to_owned());
        watch.loaded(read(&file), QUIET);
        for content in ["two", "three", "four"] {
            fs::write(folder.path().join("new"), content).unwrap();
            fs::rename(folder.path().join("new"), &file).unwrap();
            // Not loaded meanwhile: the control thread is busy.
            told(&inbox);
        }
        assert!(inbox.try_recv().is_err());
    }

    #[test]
    fn the_thread_ends_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.conf");
        fs::write(&file, "one").unwrap();
        let (sender, inbox) = mpsc::channel();
        let mut watch = Watch::new(sender, folder.path().to_owned());
        watch.loaded(read(&file), QUIET);
        drop(watch);
        // The last sender is the thread's.
        assert!(matches!(inbox.recv_timeout(Duration::from_secs(20)), Err(mpsc::RecvTimeoutError::Disconnected)));
    }
}

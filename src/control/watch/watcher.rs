//! The thread that watches: hears of changes, waits for quiet, looks, compares, tells.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use super::debounce::Debounce;
use super::mail::Mail;
use super::notifier::{Deaf, Notifier};
use super::plan::{Meaning, Plan};
use super::{FilesChanged, Task};
use crate::base::duration::format_duration;
use crate::base::report::{Severity, report};
use crate::config::watched::Watched;
use crate::control::causes::Cause;

/// Starts the thread; it ends with its mail, or when nobody hears of causes any more.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn start(task: Task, folder: PathBuf, causes: Sender<Cause>) -> io::Result<Arc<Mail>> {
    let mail = Arc::new(Mail::default());
    let watcher = Watcher {
        mail: Arc::clone(&mail),
        causes,
        folder,
        debounce: Debounce::new(task.quiet),
        task,
        notifier: None,
        polling: None,
        announced: None,
    };
    thread::Builder::new().name("watch".into()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| watcher.run())).is_err() {
            report(Severity::Alert, format_args!("configuration files are watched no more: the thread panicked"));
        }
    })?;
    Ok(mail)
}

struct Watcher {
    mail: Arc<Mail>,
    causes: Sender<Cause>,
    /// The folder that names are shown from.
    folder: PathBuf,
    task: Task,
    debounce: Debounce,
    /// None while it has to be set up, or cannot be.
    notifier: Option<Notifier>,
    /// Where the system does not tell of all changes.
    polling: Option<Polling>,
    /// What was found to differ from the last load, and told.
    announced: Option<Watched>,
}

/// Looking from time to time.
#[derive(Debug)]
struct Polling {
    because: Deaf,
    next: Instant,
    /// What the last look found to differ: it counts when one finds the same after a time of quiet.
    candidate: Option<Watched>,
}

impl Watcher {
    fn run(mut self) {
        let now = Instant::now();
        self.watch_folders(now);
        self.debounce.hear(now);
        while let Some(news) = self.mail.wait(self.due()) {
            let now = Instant::now();
            if let Some(task) = news.task {
                self.take_up(task, now);
            }
            if news.meaning == Some(Meaning::WatchAnew) {
                self.notifier = None;
            }
            if news.meaning.is_some() {
                self.debounce.hear(now);
            }
            let polls = self.polling.as_ref().is_some_and(|polling| polling.next <= now);
            if (self.debounce.take(now) || polls) && self.look(now).is_err() {
                return;
            }
        }
    }

    /// Another configuration was tried: it is what the files are compared with now.
    fn take_up(&mut self, task: Task, now: Instant) {
        self.debounce.set_quiet(task.quiet);
        self.task = task;
        self.announced = None;
        self.watch_folders(now);
        // What changed between the load and now was told to the watches before.
        self.debounce.hear(now);
    }

    fn due(&self) -> Option<Instant> {
        let polling = self.polling.as_ref().map(|polling| polling.next);
        [self.debounce.due(), polling].into_iter().flatten().min()
    }

    /// Compares everything that was read; what has changed is told to the control thread, once.
    fn look(&mut self, began: Instant) -> Result<(), Deserted> {
        // The watches first: what changes from here on is heard of.
        if !self.polling.as_ref().is_some_and(|polling| polling.because.is_lasting()) {
            self.watch_folders(began);
        }
        let seen = self.task.watched.look();
        let now = Instant::now();
        self.poll_after(now, now.saturating_duration_since(began));
        let different = self.task.watched.differences(&seen);
        if different.is_empty() {
            self.announced = None;
            if let Some(polling) = &mut self.polling {
                polling.candidate = None;
            }
            report(Severity::Debug, format_args!("configuration files are as they were"));
            return Ok(());
        }
        if self.announced.as_ref() == Some(&seen) {
            return Ok(());
        }
        if let Some(polling) = &mut self.polling {
            // Whether it is still being written nobody tells: it has to be the same after a time of quiet.
            if polling.candidate.as_ref() != Some(&seen) {
                polling.candidate = Some(seen);
                self.debounce.hear(now);
                return Ok(());
            }
            if self.debounce.due().is_some() {
                return Ok(());
            }
        }
        let names = names(&different, &self.folder);
        self.announced = Some(seen);
        let changed = FilesChanged { names, load: self.task.load };
        self.causes.send(Cause::FilesChanged(changed)).map_err(|_| Deserted)
    }

    /// Sets the watches on the folders that matter now, unless they are there.
    fn watch_folders(&mut self, now: Instant) {
        if self.polling.as_ref().is_some_and(|polling| polling.because == Deaf::NoThread) {
            return;
        }
        let plan = Plan::of(&self.task.watched);
        if self.notifier.as_ref().is_some_and(|notifier| *notifier.plan == plan) {
            return;
        }
        self.notifier = None;
        let (notifier, deaf) = Notifier::start(plan.clone(), &self.mail);
        self.notifier = notifier;
        if Plan::of(&self.task.watched) != plan {
            // It was overtaken before it was carried out.
            self.mail.tell(Meaning::Look);
        }
        let Some(because) = deaf else {
            self.polling = None;
            return;
        };
        match &mut self.polling {
            Some(polling) => polling.because = because,
            None => {
                let every = format_duration(POLL_INTERVAL);
                let what = format_args!("configuration files are looked at every {every}: {because}");
                report(Severity::Warn, what);
                self.polling = Some(Polling { because, next: now + POLL_INTERVAL, candidate: None });
            }
        }
    }

    /// Sets the time of the next look, where there is one: the longer a look takes, the rarer it is.
    fn poll_after(&mut self, now: Instant, took: Duration) {
        if let Some(polling) = &mut self.polling {
            polling.next = now + POLL_INTERVAL.max(took * LOOK_SHARE);
        }
    }
}

/// The control thread hears no more.
struct Deserted;

/// The names of files, as far as one reads them.
fn names(paths: &BTreeSet<PathBuf>, folder: &Path) -> String {
    let shown = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let mut text = paths.iter().take(NAMES_MAX).map(shown).collect::<Vec<_>>().join(", ");
    if paths.len() > NAMES_MAX {
        text += &format!(" and {} more", paths.len() - NAMES_MAX);
    }
    text
}

/// How often files are looked at where nobody tells of changes: soon enough for whoever waits for it.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Of the time of one core, looking takes one part of this many at most.
const LOOK_SHARE: u32 = 20;
/// How many files are named.
const NAMES_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_folder_of_the_configuration_and_not_all_of_many() {
        let named = |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect(), Path::new("/etc/webserv"));
        assert_eq!(named(&["/etc/webserv/conf.d/a.conf", "/etc/mime.types"]), "/etc/mime.types, conf.d/a.conf");
        assert_eq!(named(&["/1", "/2", "/3", "/4", "/5", "/6", "/7"]), "/1, /2, /3, /4, /5 and 2 more");
    }
}

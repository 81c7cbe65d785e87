//! What the thread that watches is told: by the control thread what to watch, by the system that something has changed.
//!
//! Everything is a flag or the latest of its kind, so nothing grows and nobody who tells waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Task;
use super::plan::Meaning;

/// One thread's mail.
#[derive(Debug, Default)]
pub(super) struct Mail {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    news: News,
    ended: bool,
}

/// What has come since one last looked.
#[derive(Debug, Default)]
pub(super) struct News {
    /// What to watch from now on.
    pub(super) task: Option<Task>,
    /// The most that an event meant.
    pub(super) meaning: Option<Meaning>,
}

impl Mail {
    /// Another task, in place of one that has not been taken up.
    pub(super) fn give(&self, task: Task) {
        self.waiting().news.task = Some(task);
        self.came.notify_one();
    }

    /// Something happened.
    pub(super) fn tell(&self, meaning: Meaning) {
        if meaning == Meaning::Nothing {
            return;
        }
        let mut waiting = self.waiting();
        waiting.news.meaning = waiting.news.meaning.max(Some(meaning));
        self.came.notify_one();
    }

    /// Nobody is interested any more.
    pub(super) fn end(&self) {
        self.waiting().ended = true;
        self.came.notify_one();
    }

    /// Waits for news, at most until `due`; none at all when nobody is interested any more.
    pub(super) fn wait(&self, due: Option<Instant>) -> Option<News> {
        let mut waiting = self.waiting();
        loop {
            if waiting.ended {
                return None;
            }
            let news = std::mem::take(&mut waiting.news);
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            if news.task.is_some() || news.meaning.is_some() || left.is_some_and(|left| left.is_zero()) {
                return Some(news);
            }
            waiting = match left {
                Some(left) => self.came.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked left a flag or a task that is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_most_that_events_meant_is_told_once() {
        let mail = Mail::default();
        for meaning in [Meaning::Nothing, Meaning::WatchAnew, Meaning::Look] {
            mail.tell(meaning);
        }
        let told = mail.wait(None).unwrap();
        assert_eq!(told.meaning, Some(Meaning::WatchAnew));
        assert_eq!(mail.wait(Some(Instant::now())).unwrap().meaning, None);
    }

    #[test]
    fn what_means_nothing_wakes_nobody() {
        let mail = Mail::default();
        mail.tell(Meaning::Nothing);
        let due = Instant::now() + Duration::from_millis(5);
        assert_eq!(mail.wait(Some(due)).unwrap().meaning, None);
        assert!(Instant::now() >= due);
    }

    #[test]
    fn an_end_goes_before_everything_else() {
        let mail = Mail::default();
        mail.tell(Meaning::Look);
        mail.end();
        assert!(mail.wait(None).is_none());
    }
}

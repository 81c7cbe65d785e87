//! How far the server is in its life, and what it does when a time has come: the last connections are closed, the
//! service manager hears that all workers are alive.

use std::time::Instant;

use super::serve::Server;
use crate::base::report::{Severity, report};

/// How far the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It serves.
    Serving,
    /// It takes no more connections and ends with the last one, which is closed at a time if there is one.
    Retiring {
        /// When `worker_shutdown_timeout` is over.
        cut_at: Option<Instant>,
    },
}

impl Server {
    /// When it has something to do by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let cut_at = match self.stage {
            Stage::Serving => None,
            Stage::Retiring { cut_at } => cut_at,
        };
        let watchdog = self.watchdog.as_ref().map(|watchdog| watchdog.due());
        let trial = if self.is_retiring() { None } else { self.trial_deadline() };
        cut_at.into_iter().chain(watchdog).chain(trial).min()
    }

    /// Does what is due.
    pub(super) fn tend(&mut self) {
        let now = Instant::now();
        if let Stage::Retiring { cut_at: Some(at) } = self.stage
            && at <= now
        {
            report(
                Severity::Notice,
                format_args!("worker_shutdown_timeout is over, closing the connections that are left"),
            );
            self.stage = Stage::Retiring { cut_at: None };
            self.workers.stop();
        }
        if !self.is_retiring() {
            self.tend_trial();
        }
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.look_after(&self.workers, &self.notifier, now);
        }
    }

    /// QUIT: takes no more connections, and lets those that are open finish.
    pub(super) fn retire(&mut self) {
        if self.is_retiring() {
            return;
        }
        let timeout = self.current.process.shutdown_timeout;
        self.stage = Stage::Retiring { cut_at: timeout.and_then(|timeout| Instant::now().checked_add(timeout)) };
        self.workers.retire();
        report(Severity::Notice, format_args!("gracefully shutting down"));
        self.notifier.stopping("finishing what runs");
    }

    /// Whether the end has begun.
    pub(super) fn is_retiring(&self) -> bool {
        matches!(self.stage, Stage::Retiring { .. })
    }
}

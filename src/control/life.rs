//! How far the server is in its life: serving, pausing, finishing; and what it does when a time has come: the last
//! connections are closed, the service manager hears that all workers are alive.

use std::time::Instant;

use super::notify::Notifier;
use super::pid_file::PidFile;
use super::serve::Server;
use super::socket::ControlSocket;
use crate::base::report::{Severity, report};

/// How far the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It serves.
    Serving,
    /// It listens, and has no workers that take connections: they wait until a reload brings some.
    Paused,
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
            Stage::Serving | Stage::Paused => None,
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
        if !self.is_retiring() {
            self.notifier.stopping("finishing what runs");
            self.begin_end();
        }
        // One that has stepped back is told to hasten.
        self.workers.retire();
        report(Severity::Notice, format_args!("gracefully shutting down"));
    }

    /// To be called before workers are told: theirs are then the last descriptors of the listening sockets, which so close
    /// as soon as nobody waits any more.
    fn begin_end(&mut self) {
        self.listeners.let_go();
        let timeout = self.current.process.shutdown_timeout;
        self.stage = Stage::Retiring { cut_at: timeout.and_then(|timeout| Instant::now().checked_add(timeout)) };
    }

    /// Another process serves now: leaves everything to it that both have, and finishes.
    pub(super) fn step_back(&mut self) {
        self.begin_end();
        self.workers.step_back();
        self.handed_over = true;
        self.pid_files.iter_mut().for_each(PidFile::disown);
        self.sockets.iter_mut().for_each(ControlSocket::disown);
        self.watchdog = None;
        self.notifier = Notifier::default();
    }

    /// WINCH: finishes what runs, and takes no connections until a reload; who connects waits.
    pub(super) fn pause(&mut self) {
        if self.stage != Stage::Serving {
            return;
        }
        self.stage = Stage::Paused;
        self.workers.pause();
        report(Severity::Notice, format_args!("workers are gracefully shutting down, a reload brings them back"));
    }

    /// What a reload that was taken up brings back.
    pub(super) fn resume(&mut self) {
        if self.stage == Stage::Paused && self.workers.count() > 0 {
            self.stage = Stage::Serving;
        }
    }

    /// Whether there is nothing left to do.
    pub(super) fn has_ended(&self) -> bool {
        self.stage != Stage::Paused && self.workers.running() == 0
    }

    /// Whether the end has begun.
    pub(super) fn is_retiring(&self) -> bool {
        matches!(self.stage, Stage::Retiring { .. })
    }
}

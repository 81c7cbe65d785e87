//! The worker threads: started with the server, reached by mail, joined at its end.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::causes::Cause;
use crate::base::report::{self, Severity, report};
use crate::runtime::{Address, Mailbox, PostError};
use crate::server::worker::{self, Limits, NewListener, Prepared, Setup};

/// How long the control thread waits for log lines to be written before logs are opened anew.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// All workers of the process.
#[derive(Debug, Default)]
pub(super) struct Workers {
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads; each is ready for mail when this returns.
    ///
    /// # Errors
    /// When the system gives no thread or no poll. Those already started end with the process.
    pub(super) fn start(count: usize, setup: &Arc<Setup>, causes: &Sender<Cause>) -> io::Result<Self> {
        let mut workers = Self::default();
        for number in 0..count {
            workers.workers.push(start_one(number, Arc::clone(setup), causes.clone())?);
        }
        Ok(workers)
    }

    pub(super) fn len(&self) -> usize {
        self.workers.len()
    }

    /// Gives each worker its share of new listeners.
    pub(super) fn add_listeners(&self, by_worker: Vec<Vec<NewListener>>) {
        for (worker, listeners) in self.workers.iter().zip(by_worker) {
            for listener in listeners {
                told(worker::add_listener(&worker.mailbox, listener));
            }
        }
    }

    pub(super) fn close_listeners(&self, addresses: &[Address]) {
        for address in addresses {
            self.tell(|mailbox| worker::close_listener(mailbox, address.clone()));
        }
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        self.tell(|mailbox| worker::set_limits(mailbox, limits));
    }

    /// Has all workers write out their buffered log lines, and waits until they have: a worker that is busy for longer
    /// than `FLUSH_PATIENCE` writes them to whatever file the log is then.
    pub(super) fn flush_logs(&self) {
        let (done, inbox) = mpsc::channel();
        self.tell(|mailbox| worker::flush_logs(mailbox, done.clone()));
        drop(done);
        let end = Instant::now() + FLUSH_PATIENCE;
        while inbox.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok() {}
    }

    pub(super) fn retire(&self) {
        self.tell(worker::retire);
    }

    pub(super) fn stop(&self) {
        self.tell(worker::stop);
    }

    /// Waits for all threads; they must have been told to end.
    pub(super) fn join(&mut self) {
        for thread in self.workers.iter_mut().filter_map(|worker| worker.thread.take()) {
            if thread.join().is_err() {
                report(Severity::Alert, format_args!("a worker thread panicked"));
            }
        }
    }

    fn tell(&self, message: impl Fn(&Mailbox) -> Result<(), PostError>) {
        for worker in &self.workers {
            told(message(&worker.mailbox));
        }
    }
}

/// Mail to a worker that has ended needs no answer: its end was reported.
fn told(result: Result<(), PostError>) {
    if let Err(error) = result
        && !matches!(error, PostError::Closed)
    {
        report(Severity::Alert, format_args!("a worker cannot be told: {error}"));
    }
}

fn start_one(number: usize, setup: Arc<Setup>, causes: Sender<Cause>) -> io::Result<Worker> {
    let (ready, made) = mpsc::channel();
    let thread = thread::Builder::new().name(format!("worker {number}")).spawn(move || {
        // 0 is the control thread.
        report::set_thread_number(u32::try_from(number + 1).unwrap_or(u32::MAX));
        let prepared = match Prepared::new(&setup) {
            Ok(prepared) => prepared,
            Err(error) => return drop(ready.send(Err(error))),
        };
        if ready.send(Ok(Arc::clone(&prepared.mailbox))).is_err() {
            return;
        }
        // What a connection can cause is caught in its task. A fault of the loop itself ends the server loudly, rather
        // than leaving it with a worker less.
        let result = panic::catch_unwind(AssertUnwindSafe(|| prepared.run()))
            .unwrap_or_else(|_| Err(io::Error::other("the worker thread panicked")));
        // Nobody listens any more when the process is ending.
        let _at_the_end = causes.send(Cause::WorkerEnded(number, result));
    })?;
    let mailbox = made.recv().map_err(|_| io::Error::other("the worker thread ended while it started"))??;
    Ok(Worker { mailbox, thread: Some(thread) })
}

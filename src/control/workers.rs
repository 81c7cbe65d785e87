//! The worker threads: started with the server or at a reload, reached by mail, joined at their end.

use std::collections::HashMap;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::causes::Cause;
use super::listeners::{Orders, WorkerNumber};
use crate::base::report::{self, Severity, report};
use crate::runtime::{Mailbox, PostError};
use crate::server::worker::{self, Limits, NewListener, Prepared, Setup, SocketId};
use crate::server::{Counters, Counts};

/// How long the control thread waits until workers have done what it waits for.
const PATIENCE: Duration = Duration::from_secs(5);

/// All workers of the process.
#[derive(Debug)]
pub(super) struct Workers {
    setup: Arc<Setup>,
    causes: Sender<Cause>,
    /// Those that take connections, and those that end with their last one.
    workers: Vec<Worker>,
    /// The last number that a worker got.
    last_number: WorkerNumber,
    /// What those counted that have ended.
    ended: Counts,
}

#[derive(Debug)]
struct Worker {
    /// Unlike any other's of this process.
    number: WorkerNumber,
    /// Its number in log lines: that of one that ended goes to the next.
    seat: u32,
    stage: Stage,
    mailbox: Arc<Mailbox>,
    counters: Arc<Counters>,
    thread: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It takes connections.
    Serving,
    /// It ends with its last connection, while others serve.
    Leaving,
}

/// Workers that were started for a configuration that is not published yet: dropped, they end.
#[derive(Debug, Default)]
pub(super) struct Recruits(Vec<Worker>);

impl Workers {
    /// None yet.
    pub(super) fn new(setup: Setup, causes: Sender<Cause>) -> Self {
        Self { setup: Arc::new(setup), causes, workers: Vec::new(), last_number: 0, ended: Counts::default() }
    }

    /// Starts what is lacking to `count` workers; each is ready for mail when this returns, and has no listener yet.
    ///
    /// # Errors
    /// When the system gives no thread or no poll; those already started end.
    pub(super) fn recruit(&mut self, count: usize) -> io::Result<Recruits> {
        let mut recruits = Recruits::default();
        // 0 is the control thread.
        let taken: Vec<u32> = self.workers.iter().map(|worker| worker.seat).collect();
        let free = (1..).filter(|seat| !taken.contains(seat));
        for seat in free.take(count.saturating_sub(self.count())) {
            self.last_number += 1;
            recruits.0.push(start_one((self.last_number, seat), Arc::clone(&self.setup), self.causes.clone())?);
        }
        Ok(recruits)
    }

    /// The numbers of the workers that will serve when there are `count`: those longest here, then the recruits.
    pub(super) fn numbers(&self, recruits: &Recruits, count: usize) -> Vec<WorkerNumber> {
        let all = self.serving().chain(&recruits.0);
        all.take(count).map(|worker| worker.number).collect()
    }

    /// Takes the recruits in, and lets those go that are too many.
    pub(super) fn take(&mut self, mut recruits: Recruits, count: usize) {
        self.workers.append(&mut recruits.0);
        let serving = self.workers.iter_mut().filter(|worker| worker.stage == Stage::Serving);
        for worker in serving.skip(count) {
            worker.stage = Stage::Leaving;
            told(worker::leave(&worker.mailbox));
        }
    }

    fn serving(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(|worker| worker.stage == Stage::Serving)
    }

    /// How many take connections.
    pub(super) fn count(&self) -> usize {
        self.serving().count()
    }

    /// How many run.
    pub(super) fn running(&self) -> usize {
        self.workers.len()
    }

    /// What all of them have counted since the start.
    pub(super) fn counts(&self) -> Counts {
        self.workers.iter().fold(self.ended, |sum, worker| sum.and(&worker.counters.counts()))
    }

    /// Tells workers which sockets they have now. Who gets one is told before who loses it.
    pub(super) fn order(&self, orders: Orders) {
        let mut lent: HashMap<WorkerNumber, Vec<NewListener>> = HashMap::new();
        for (number, listener) in orders.lent {
            lent.entry(number).or_default().push(listener);
        }
        for worker in &self.workers {
            if let Some(listeners) = lent.remove(&worker.number) {
                told(worker::add_listeners(&worker.mailbox, listeners));
            }
        }
        for worker in &self.workers {
            let released = orders.released.iter().filter(|(number, _)| *number == worker.number);
            let released: Vec<SocketId> = released.map(|(_, socket)| *socket).collect();
            if !released.is_empty() {
                told(worker::release_listeners(&worker.mailbox, released));
            }
            if !orders.closed.is_empty() {
                told(worker::close_listeners(&worker.mailbox, orders.closed.clone()));
            }
        }
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        // For workers that are started later.
        self.setup = Arc::new(self.setup.with_limits(limits));
        self.tell(|mailbox| worker::set_limits(mailbox, limits));
    }

    /// Has all workers write out their buffered log lines, and waits until they have: a worker that is busy for longer
    /// than `PATIENCE` writes them to whatever file the log is then.
    pub(super) fn flush_logs(&self) {
        self.tell_and_wait(worker::flush_logs);
    }

    /// Has all workers answer by the published tree, and waits until they do: whoever was told of a reload sees it with
    /// the next request. A worker that is busy for longer than `PATIENCE` sees it when it is not.
    pub(super) fn take_up(&self) {
        // What is told to a worker is done in the turn that begins with it; who answers a second time has ended that one,
        // so that listeners that were to close are closed.
        for _ in 0..2 {
            self.tell_and_wait(worker::take_up);
        }
    }

    fn tell_and_wait(&self, message: impl Fn(&Mailbox, Sender<()>) -> Result<(), PostError>) {
        let (done, inbox) = mpsc::channel();
        self.tell(|mailbox| message(mailbox, done.clone()));
        drop(done);
        let end = Instant::now() + PATIENCE;
        while inbox.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok() {}
    }

    /// Asks all workers whether they are there: when each has answered, the receiver is disconnected.
    pub(super) fn ping(&self) -> Receiver<()> {
        let (done, inbox) = mpsc::channel();
        self.tell(|mailbox| worker::ping(mailbox, done.clone()));
        inbox
    }

    pub(super) fn retire(&self) {
        self.tell(worker::retire);
    }

    /// Another process serves: what is open here finishes. Nobody is accepted any more when this returns.
    pub(super) fn step_back(&self) {
        self.tell(worker::step_back);
        self.take_up();
    }

    /// Has all workers finish what runs and end, while their sockets stay open; later ones may take their places.
    pub(super) fn pause(&mut self) {
        for worker in &mut self.workers {
            worker.stage = Stage::Leaving;
        }
        self.retire();
    }

    pub(super) fn stop(&self) {
        self.tell(worker::stop);
    }

    /// Waits for a thread that is ending by itself.
    pub(super) fn ended(&mut self, number: WorkerNumber) {
        if let Some(place) = self.workers.iter().position(|worker| worker.number == number) {
            let worker = self.workers.remove(place);
            let (seat, was, counters) = (worker.seat, worker.stage, Arc::clone(&worker.counters));
            worker.join();
            self.ended = self.ended.and(&counters.counts());
            if was == Stage::Leaving {
                report(Severity::Notice, format_args!("worker {seat} has ended with its last connection"));
            }
        }
    }

    /// Waits for all threads; they must have been told to end.
    pub(super) fn join(&mut self) {
        self.workers.drain(..).for_each(Worker::join);
    }

    fn tell(&self, message: impl Fn(&Mailbox) -> Result<(), PostError>) {
        for worker in &self.workers {
            told(message(&worker.mailbox));
        }
    }
}

impl Worker {
    fn join(self) {
        if self.thread.join().is_err() {
            report(Severity::Alert, format_args!("a worker thread panicked"));
        }
    }
}

impl Drop for Recruits {
    fn drop(&mut self) {
        for worker in self.0.drain(..) {
            told(worker::stop(&worker.mailbox));
            worker.join();
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

fn start_one((number, seat): (WorkerNumber, u32), setup: Arc<Setup>, causes: Sender<Cause>) -> io::Result<Worker> {
    let (ready, made) = mpsc::channel();
    let thread = thread::Builder::new().name(format!("worker {seat}")).spawn(move || {
        report::set_thread_number(seat);
        let prepared = match Prepared::new(&setup) {
            Ok(prepared) => prepared,
            Err(error) => return drop(ready.send(Err(error))),
        };
        if ready.send(Ok((Arc::clone(&prepared.mailbox), Arc::clone(&prepared.counters)))).is_err() {
            return;
        }
        // What a connection can cause is caught in its task. A fault of the loop itself ends the server loudly, rather
        // than leaving it with a worker less.
        let result = panic::catch_unwind(AssertUnwindSafe(|| prepared.run()))
            .unwrap_or_else(|_| Err(io::Error::other("the worker thread panicked")));
        // Nobody listens any more when the process is ending.
        let _at_the_end = causes.send(Cause::WorkerEnded(number, result));
    })?;
    let (mailbox, counters) =
        made.recv().map_err(|_| io::Error::other("the worker thread ended while it started"))??;
    Ok(Worker { number, seat, stage: Stage::Serving, mailbox, counters, thread })
}

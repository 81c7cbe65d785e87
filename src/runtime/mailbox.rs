//! How a worker is reached: jobs posted by other threads, and wakers called from anywhere.
//!
//! A waker called on the worker's own thread during a turn puts its task on a list of that thread, which the worker
//! drains in the same turn: no system call and no lock. From elsewhere it goes through the mailbox, whose first entry
//! wakes the poll and whose later ones cost nothing more. Runs nothing itself; `Worker` does.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use super::handle::Handle;
use super::task::TaskId;

/// Something another thread asks a worker to do, run between its tasks: it may spawn tasks but not own descriptors.
pub type Job = Box<dyn FnOnce(&Handle) + Send>;

/// What other threads leave for a worker.
#[derive(Debug)]
pub struct Mailbox {
    contents: Mutex<Contents>,
    waker: mio::Waker,
}

/// Why a job was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// [`JOBS_WAITING_MAX`] jobs wait already: the worker does not keep up.
    #[error("the worker has {JOBS_WAITING_MAX} jobs waiting already")]
    Full,
    /// The worker has ended.
    #[error("the worker has ended")]
    Closed,
    /// The job is in the mailbox, but the worker's poll could not be woken for it.
    #[error("cannot wake the worker")]
    Wake(#[source] std::io::Error),
}

/// Jobs that may wait for a worker. Control posts a handful per reload; a worker that has not taken a thousand is stuck.
pub const JOBS_WAITING_MAX: usize = 1024;

/// What waits in a mailbox. `woken` holds a task at most once, for `TaskWaker::woken` guards it.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) jobs: Vec<Job>,
    pub(super) woken: Vec<TaskId>,
    closed: bool,
}

impl Mailbox {
    pub(super) fn new(waker: mio::Waker) -> Mailbox {
        Mailbox { contents: Mutex::default(), waker }
    }

    /// Leaves a job for the worker, which runs it in its next turn.
    ///
    /// # Errors
    /// When the mailbox is full, the worker has ended, or its poll cannot be woken.
    pub fn post(&self, job: Job) -> Result<(), PostError> {
        let mut contents = self.lock();
        if contents.closed {
            return Err(PostError::Closed);
        }
        if contents.jobs.len() >= JOBS_WAITING_MAX {
            return Err(PostError::Full);
        }
        let first = contents.is_empty();
        contents.jobs.push(job);
        drop(contents);
        if first { self.waker.wake().map_err(PostError::Wake) } else { Ok(()) }
    }

    fn wake_task(&self, task: TaskId) {
        let mut contents = self.lock();
        if contents.closed {
            return;
        }
        let first = contents.is_empty();
        contents.woken.push(task);
        drop(contents);
        if first && let Err(error) = self.waker.wake() {
            log::error!("cannot wake a worker: {error}");
        }
    }

    /// Swaps what waits with the emptied `into`, so that both lists keep their capacity.
    pub(super) fn take(&self, into: &mut Contents) {
        let mut contents = self.lock();
        mem::swap(&mut contents.jobs, &mut into.jobs);
        mem::swap(&mut contents.woken, &mut into.woken);
    }

    /// Refuses what comes from now on, and drops what waits.
    pub(super) fn close(&self) {
        let left = {
            let mut contents = self.lock();
            contents.closed = true;
            (mem::take(&mut contents.jobs), mem::take(&mut contents.woken))
        };
        drop(left); // after the lock: a job's drop may post
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.woken.is_empty()
    }
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Contents")
            .field("jobs", &self.jobs.len())
            .field("woken", &self.woken.len())
            .field("closed", &self.closed)
            .finish()
    }
}

/// What stands behind the `Waker` of one task.
pub(super) struct TaskWaker {
    mailbox: Arc<Mailbox>,
    task: TaskId,
    /// Set from a wake until the poll it leads to, so that a task is listed once however often it is woken.
    woken: AtomicBool,
}

impl TaskWaker {
    pub(super) fn new(mailbox: Arc<Mailbox>, task: TaskId) -> TaskWaker {
        TaskWaker { mailbox, task, woken: AtomicBool::new(false) }
    }

    /// From here on a wake counts again; called just before the task is polled. A swap and not a store, so that the
    /// poll sees what a waker that found itself already listed wrote before.
    pub(super) fn rearm(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let local = LOCAL.try_with(|local| local.wake(&self.mailbox, self.task)).unwrap_or(false);
        if !local {
            self.mailbox.wake_task(self.task);
        }
    }
}

thread_local! {
    static LOCAL: Local = const { Local { worker: Cell::new(0), woken: RefCell::new(Vec::new()) } };
}

/// The tasks woken on this thread during the turn of the worker whose mailbox is at the address `worker`.
struct Local {
    worker: Cell<usize>,
    woken: RefCell<Vec<TaskId>>,
}

impl Local {
    fn wake(&self, mailbox: &Arc<Mailbox>, task: TaskId) -> bool {
        if self.worker.get() != address(mailbox) {
            return false;
        }
        self.woken.borrow_mut().push(task);
        true
    }
}

/// While it lives, this thread is inside a turn of one worker, and wakes of that worker's tasks stay on the thread.
/// Turns do not nest: a task drives no worker.
pub(super) struct LocalWakes(());

impl LocalWakes {
    pub(super) fn enter(mailbox: &Arc<Mailbox>) -> LocalWakes {
        LOCAL.with(|local| local.worker.set(address(mailbox)));
        LocalWakes(())
    }

    /// Moves the tasks woken so far to the end of `into`.
    pub(super) fn take(&self, into: &mut Vec<TaskId>) {
        LOCAL.with(|local| into.append(&mut local.woken.borrow_mut()));
    }
}

impl Drop for LocalWakes {
    fn drop(&mut self) {
        LOCAL.with(|local| local.worker.set(0));
    }
}

fn address(mailbox: &Arc<Mailbox>) -> usize {
    Arc::as_ptr(mailbox).addr()
}

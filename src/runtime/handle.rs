//! What tasks see of their worker: spawning, time, deadlines, yielding, stopping, and the scratch buffer.
//!
//! `Handle` is a counted reference to `Shared`, the worker's state that tasks may reach while they are polled. Every
//! borrow of its cells is short and ends before foreign code (a future, a drop, a job, a hook) runs.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use super::child::Children;
use super::clock::Clock;
use super::io::Sources;
use super::jobs::{Pool, Work};
use super::mailbox::Mailbox;
use super::task::{TaskFuture, TaskId, Tasks};
use super::timer::{Deadline, Timeout, Timers};

/// The size of a worker's scratch buffer, and so the most that is read at once: what a pipe holds, and enough that
/// larger reads save nothing measurable.
pub const SCRATCH_BYTES: usize = 64 * 1024;

/// A task's way to its worker. Cloning is a counter; it cannot leave the worker's thread.
#[derive(Clone)]
pub struct Handle {
    pub(super) shared: Rc<Shared>,
}

/// What an upper layer does once in each turn. Hooks run outside of tasks; a panic in one is logged.
pub trait Hooks {
    /// After events, jobs and timers were seen, before tasks run: the place to refresh what a turn shares.
    fn turn_begins(&self) {}
    /// After tasks ran, before the next wait: the place to flush what they collected.
    fn turn_ends(&self) {}
}

/// A worker's state, as far as tasks may reach it.
pub(super) struct Shared {
    pub(super) tasks: RefCell<Tasks>,
    pub(super) sources: RefCell<Sources>,
    pub(super) timers: RefCell<Timers>,
    pub(super) registry: mio::Registry,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) hooks: RefCell<Option<Rc<dyn Hooks>>>,
    /// The task being polled.
    pub(super) current: Cell<Option<TaskId>>,
    /// The earliest deadline a future of the current task noted in this poll.
    pub(super) noted: Cell<Option<Instant>>,
    /// Whether the current task asked to go on in the next turn.
    pub(super) yields: Cell<bool>,
    pub(super) stage: Cell<Stage>,
    /// How many of the tasks keep no worker running.
    pub(super) background: Cell<usize>,
    pub(super) children: Children,
    clock: Clock,
    now: Cell<Instant>,
    wall: Cell<SystemTime>,
    turn: Cell<u64>,
    generation: Cell<u32>,
    scratch: RefCell<Vec<u8>>,
}

/// Where a worker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Until told otherwise.
    Running,
    /// Ends with its last task; tasks that wait for a peer's next wish end.
    Retiring,
    /// Ends with its last task, and has no task end for it.
    Leaving,
    /// Ends with this turn.
    Stopping,
    /// Drops its tasks and takes no new ones.
    Ended,
}

impl Handle {
    /// Starts a task, which is polled for the first time later in this turn. It may own descriptors and deadlines from
    /// its first poll on. How many tasks there may be is the caller's limit (nginx: `worker_connections`).
    ///
    /// When the worker is ending the future is dropped at once.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) -> TaskId {
        let shared = &self.shared;
        let generation = shared.next_generation();
        let future: TaskFuture = Box::pin(future);
        if shared.stage.get() == Stage::Ended {
            drop(future);
            return TaskId { key: u32::MAX, generation };
        }
        shared
            .tasks
            .borrow_mut()
            .insert(future, generation, &shared.mailbox)
            .unwrap_or(TaskId { key: u32::MAX, generation })
    }

    /// As `spawn`, for a task that serves others: a worker that only has such tasks left has none.
    pub fn spawn_background(&self, future: impl Future<Output = ()> + 'static) -> TaskId {
        let counted = Background::new(self);
        self.spawn(async move {
            let _counted = counted;
            future.await;
        })
    }

    /// Drops a task with all it owns; one that is being polled is dropped when its poll returns. False when it has
    /// ended already.
    pub fn cancel(&self, task: TaskId) -> bool {
        let removed = self.shared.tasks.borrow_mut().remove(task);
        let Some(body) = removed else { return false };
        guarded("a cancelled task's drop", || drop(body));
        true
    }

    /// Has a task polled in this turn; from its own poll, in the next turn. For notices between tasks of one worker,
    /// which then need no waker.
    pub fn wake(&self, task: TaskId) {
        let mut tasks = self.shared.tasks.borrow_mut();
        if self.shared.current.get() == Some(task) {
            tasks.schedule_later(task);
        } else {
            tasks.schedule(task);
        }
    }

    /// Has every task polled in this turn: for news that all must look at (the worker retires, a listener is gone).
    pub fn wake_all(&self) {
        self.shared.tasks.borrow_mut().schedule_all();
    }

    /// The task being polled; none in a job or a hook.
    pub fn current(&self) -> Option<TaskId> {
        self.shared.current.get()
    }

    /// How many tasks there are.
    pub fn tasks(&self) -> usize {
        self.shared.tasks.borrow().len()
    }

    /// The monotonic time of this turn.
    pub fn now(&self) -> Instant {
        self.shared.now.get()
    }

    /// The time of day of this turn.
    pub fn wall(&self) -> SystemTime {
        self.shared.wall.get()
    }

    /// Ready from `at` on, late by at most a tick and a turn's work. Any number may wait within a task; it is polled
    /// for the earliest.
    pub fn deadline(&self, at: Instant) -> Deadline {
        Deadline::new(self.clone(), at)
    }

    /// The output of `future`, or `Elapsed` when it is not ready by `at`. A future that was ready in time wins even if
    /// both are seen in one poll. An `async` block or call is given as `pin!(..)`, so that it is not moved and stored
    /// twice: `handle.timeout(at, pin!(transport.read(&mut buffer, limit))).await`.
    pub fn timeout<F: Future + Unpin>(&self, at: Instant, future: F) -> Timeout<F> {
        Timeout::new(self.deadline(at), future)
    }

    /// Ready in the next turn: what a task awaits after a bounded amount of work, so that none starves another.
    pub fn yield_now(&self) -> YieldNow {
        YieldNow { handle: self.clone(), asked_in: self.shared.turn.get() }
    }

    /// Has work done by a thread off the loop, from now on: what blocks, or computes for longer than a worker can spare.
    /// Its value is awaited; dropping the future takes back what has not begun. Never waits here: where too much work
    /// is waiting already ([`WORK_WAITING_MAX`](super::WORK_WAITING_MAX)) the future says so.
    pub fn job<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Work<T> {
        Pool::of_process().start(work)
    }

    /// Runs `use_buffer` with the worker's scratch buffer of [`SCRATCH_BYTES`], which holds whatever its last user left.
    pub fn with_scratch<R>(&self, use_buffer: impl FnOnce(&mut [u8]) -> R) -> R {
        self.shared.with_scratch(use_buffer)
    }

    /// Sets what is done in each turn, in place of what was set before.
    pub fn set_hooks(&self, hooks: Rc<dyn Hooks>) {
        let before = self.shared.hooks.replace(Some(hooks));
        drop(before);
    }

    /// Ends the worker with this turn; tasks that are left are dropped with the worker.
    pub fn stop(&self) {
        if self.shared.stage.get() != Stage::Ended {
            self.shared.stage.set(Stage::Stopping);
        }
    }

    /// Ends the worker when its last task has ended. Tasks must see to it themselves that they end.
    pub fn retire(&self) {
        if matches!(self.shared.stage.get(), Stage::Running | Stage::Leaving) {
            self.shared.stage.set(Stage::Retiring);
        }
    }

    /// Ends the worker when its last task has ended, with no task being told: others of the process go on.
    pub fn leave(&self) {
        if self.shared.stage.get() == Stage::Running {
            self.shared.stage.set(Stage::Leaving);
        }
    }

    /// Whether the worker was told to stop or retire, and its tasks should see to their end.
    pub fn is_retiring(&self) -> bool {
        !matches!(self.shared.stage.get(), Stage::Running | Stage::Leaving)
    }

    /// Ready from `at` on; until then the current task is polled for it, as for a [`Deadline`] in it. For whoever keeps
    /// the time himself, and asks again in each poll.
    pub fn poll_deadline(&self, at: Instant) -> Poll<()> {
        if self.now() >= at {
            return Poll::Ready(());
        }
        self.note_deadline(at);
        Poll::Pending
    }

    /// Has the current task polled from `at` on, as a [`Deadline`] in it would; for whoever keeps the time himself. Holds
    /// for this poll, so it is to be said again in each.
    pub fn note_deadline(&self, at: Instant) {
        let noted = self.shared.noted.get();
        if noted.is_none_or(|earlier| at < earlier) {
            self.shared.noted.set(Some(at));
        }
    }
}

impl Shared {
    pub(super) fn new(clock: Clock, registry: mio::Registry, mailbox: Arc<Mailbox>) -> Shared {
        let now = clock.now();
        Shared {
            tasks: RefCell::default(),
            sources: RefCell::default(),
            timers: RefCell::new(Timers::new(now)),
            registry,
            mailbox,
            hooks: RefCell::new(None),
            current: Cell::new(None),
            noted: Cell::new(None),
            yields: Cell::new(false),
            stage: Cell::new(Stage::Running),
            background: Cell::new(0),
            children: Children::default(),
            now: Cell::new(now),
            wall: Cell::new(clock.wall()),
            clock,
            turn: Cell::new(0),
            generation: Cell::new(0),
            scratch: RefCell::default(),
        }
    }

    /// Reads the clock and counts the turn.
    pub(super) fn begin_turn(&self) {
        self.turn.set(self.turn.get().wrapping_add(1));
        self.now.set(self.clock.now());
        self.wall.set(self.clock.wall());
    }

    pub(super) fn now(&self) -> Instant {
        self.now.get()
    }

    /// A number that differs from those of the last four billion tasks and descriptors of this worker.
    pub(super) fn next_generation(&self) -> u32 {
        let generation = self.generation.get().wrapping_add(1);
        self.generation.set(generation);
        generation
    }

    pub(super) fn with_scratch<R>(&self, use_buffer: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut buffer = self.scratch.take();
        if buffer.is_empty() {
            buffer.resize(SCRATCH_BYTES, 0); // the first use, one inside another, or one after a panic
        }
        let result = use_buffer(&mut buffer);
        self.scratch.replace(buffer);
        result
    }
}

/// Counts a background task, for as long as it runs.
struct Background(Handle);

impl Background {
    fn new(handle: &Handle) -> Self {
        let background = &handle.shared.background;
        background.set(background.get() + 1);
        Self(handle.clone())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let background = &self.0.shared.background;
        background.set(background.get() - 1);
    }
}

/// Ready in the turn after the one it was made in. See [`Handle::yield_now`].
#[must_use = "futures do nothing unless polled"]
pub struct YieldNow {
    handle: Handle,
    asked_in: u64,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if self.handle.shared.turn.get() != self.asked_in {
            return Poll::Ready(());
        }
        self.handle.shared.yields.set(true);
        Poll::Pending
    }
}

/// Runs foreign code; a panic in it is logged and costs no more than that code. None says it panicked.
pub(super) fn guarded<R>(what: &str, run: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => Some(result),
        Err(panic) => {
            let message = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            log::error!("{what} panicked: {message}");
            None
        }
    }
}

//! Work that blocks or takes long (a password hash, a tree of files to delete, a name to look up), done off the event
//! loop: by a few threads that the workers of the process share.
//!
//! A task starts work with [`Handle::job`](super::Handle::job) and awaits its value; the waker of the task brings the
//! worker back to it. Work begins in the order in which it came. A request waits for one piece of work at a time, so one
//! connection never has more than one place in the queue, whatever its client does.
//!
//! Nothing is divided here: work that would take minutes is cut into pieces by whoever starts it.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::handle::guarded;
use crate::base::reason::Reason;
use crate::base::report;

/// The most threads of the process's pool. Hashes want a core each, so more than there are cores gain nothing, and few
/// leave the cores of a large machine to its workers.
const THREADS_MAX: usize = 4;

/// The fewest: one piece of work that waits for a disk does not hold up all others.
const THREADS_MIN: usize = 2;

/// Work that may wait for a thread. At a quarter of a second each, as a strong password hash takes, the last of them
/// waits 16 seconds for four threads; a client that waited longer would have left.
pub const WORK_WAITING_MAX: usize = 256;

/// What the first thread is called in log lines; workers have the numbers from 1 on.
const FIRST_THREAD_NUMBER: usize = 1000;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// [`WORK_WAITING_MAX`] pieces of work wait already; a request is answered with 503.
    #[error("too much work is waiting")]
    Full,
    /// The system gives no thread to do it.
    #[error("no thread can be started {}", Reason(.0))]
    NoThread(io::Error),
    /// It panicked, which was logged.
    #[error("the work panicked")]
    Panicked,
}

/// A few threads and what waits for them.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work_came: Condvar,
    threads_max: usize,
    waiting_max: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// How many threads there are, and how many of them wait for work.
    threads: usize,
    idle: usize,
    /// The number of the last piece of work.
    last: u64,
}

/// Work that no thread has begun.
struct Waiting {
    number: u64,
    run: Box<dyn FnOnce() + Send>,
}

/// Work under way: a future of its value. Dropped, it takes back what has not begun, and forgets the value of what has.
#[must_use = "work whose future is dropped may never be done"]
pub struct Work<T> {
    slot: Arc<Slot<T>>,
    /// Where it may still wait, by its number.
    queued: Option<(Pool, u64)>,
}

/// Where a thread leaves the value, and finds whom to wake.
struct Slot<T> {
    contents: Mutex<Contents<T>>,
}

struct Contents<T> {
    result: Option<Result<T, JobError>>,
    waker: Option<Waker>,
}

impl Pool {
    pub(super) fn new(threads_max: usize, waiting_max: usize) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Shared { state, work_came: Condvar::new(), threads_max, waiting_max }))
    }

    /// The pool that all workers of the process share. Its threads start when there is work for them, and stay.
    pub(super) fn of_process() -> &'static Self {
        static POOL: LazyLock<Pool> = LazyLock::new(|| {
            let cores = thread::available_parallelism().map_or(THREADS_MIN, NonZeroUsize::get);
            Pool::new(cores.clamp(THREADS_MIN, THREADS_MAX), WORK_WAITING_MAX)
        });
        &POOL
    }

    /// Has the work done; nothing waits here.
    pub(super) fn start<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Work<T> {
        let slot = Arc::new(Slot::default());
        let finished = Arc::clone(&slot);
        let run = Box::new(move || finished.finish(guarded("a job", work).ok_or(JobError::Panicked)));
        let queued = match self.queue(run) {
            Ok(number) => Some((self.clone(), number)),
            Err(error) => {
                slot.finish(Err(error));
                None
            }
        };
        Work { slot, queued }
    }

    fn queue(&self, run: Box<dyn FnOnce() + Send>) -> Result<u64, JobError> {
        let mut state = self.lock();
        if state.waiting.len() >= self.0.waiting_max {
            return Err(JobError::Full);
        }
        if state.waiting.len() >= state.idle && state.threads < self.0.threads_max {
            match self.start_thread(state.threads) {
                Ok(()) => state.threads += 1,
                Err(error) if state.threads == 0 => return Err(JobError::NoThread(error)),
                Err(error) => log::warn!("no further thread for jobs can be started {}", Reason(&error)),
            }
        }
        state.last += 1;
        let number = state.last;
        state.waiting.push_back(Waiting { number, run });
        drop(state);
        self.0.work_came.notify_one();
        Ok(number)
    }

    /// A thread inherits whoever the process is by now: it may start before or after privileges are given up.
    fn start_thread(&self, number: usize) -> io::Result<()> {
        let pool = self.clone();
        let thread = thread::Builder::new().name(format!("jobs {number}"));
        thread.spawn(move || {
            report::set_thread_number(u32::try_from(FIRST_THREAD_NUMBER + number).unwrap_or(u32::MAX));
            loop {
                let run = pool.next();
                // The work itself is guarded; this is for the drop of a value that nobody awaits any more.
                guarded("a job's end", run);
            }
        })?;
        Ok(())
    }

    /// The next work, as soon as there is some.
    fn next(&self) -> Box<dyn FnOnce() + Send> {
        let mut state = self.lock();
        loop {
            if let Some(waiting) = state.waiting.pop_front() {
                return waiting.run;
            }
            state.idle += 1;
            state = self.0.work_came.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Takes back what has not begun, so that it holds no place.
    fn take_back(&self, number: u64) {
        let mut state = self.lock();
        let found = state.waiting.binary_search_by_key(&number, |waiting| waiting.number).ok();
        let taken = found.and_then(|at| state.waiting.remove(at));
        drop(state);
        drop(taken); // after the lock: it may own anything
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Slot<T> {
    fn finish(&self, result: Result<T, JobError>) {
        let mut contents = self.lock();
        contents.result = Some(result);
        let waker = contents.waker.take();
        drop(contents);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents<T>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { contents: Mutex::new(Contents { result: None, waker: None }) }
    }
}

impl<T> Future for Work<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut contents = self.slot.lock();
        if let Some(result) = contents.result.take() {
            drop(contents);
            self.queued = None;
            return Poll::Ready(result);
        }
        match &mut contents.waker {
            Some(waker) => waker.clone_from(context.waker()),
            empty => *empty = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        if let Some((pool, number)) = self.queued.take() {
            self.slot.lock().waker = None;
            pool.take_back(number);
        }
    }
}

#[cfg(test)]
mod tests;

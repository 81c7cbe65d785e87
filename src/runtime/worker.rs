//! The loop: wait, dispatch, jobs, timers, run what is ready, flush; and again.
//!
//! Started by control, one per thread; tests call [`Worker::turn`]. Each stage is a function that returns. Nothing in a
//! turn blocks but its wait, and how many polls one turn makes is limited, so that events are looked at again.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use mio::{Events, Waker};

use super::child::end_children;
use super::clock::Clock;
use super::handle::{Handle, Shared, Stage, guarded};
use super::io::MAILBOX;
use super::mailbox::{Contents, LocalWakes, Mailbox};
use super::task::{Body, TaskId};

/// Events fetched by one wait, as many as nginx's (`epoll_events`). More wait for the next turn.
const EVENTS_PER_TURN: usize = 512;

/// Polls made in one turn; tasks that are left go first in the next. Twice the events, so that what events lead to (a
/// listener's new connections, a woken sibling) usually runs in the same turn.
const POLLS_PER_TURN: usize = 2 * EVENTS_PER_TURN;

/// A thread's event loop with all its tasks. Dropping it drops them.
pub struct Worker {
    poll: mio::Poll,
    events: Events,
    shared: Rc<Shared>,
    mail: Contents,
    due: Vec<u32>,
    woken: Vec<TaskId>,
}

impl Worker {
    /// A worker for the calling thread, and the mailbox by which other threads reach it.
    ///
    /// # Errors
    /// When the system has no descriptors left for it.
    pub fn new(clock: Clock) -> io::Result<(Worker, Arc<Mailbox>)> {
        let poll = mio::Poll::new()?;
        let mailbox = Arc::new(Mailbox::new(Waker::new(poll.registry(), MAILBOX)?));
        let shared = Rc::new(Shared::new(clock, poll.registry().try_clone()?, Arc::clone(&mailbox)));
        let events = Events::with_capacity(EVENTS_PER_TURN);
        let worker = Worker { poll, events, shared, mail: Contents::default(), due: Vec::new(), woken: Vec::new() };
        Ok((worker, mailbox))
    }

    /// What tasks of this worker use.
    pub fn handle(&self) -> Handle {
        Handle { shared: Rc::clone(&self.shared) }
    }

    /// Turns until told to stop or, when retiring or leaving, until the last task has ended that is not in the
    /// background.
    ///
    /// # Errors
    /// When the poll fails, which leaves the worker of no use.
    pub fn run(&mut self) -> io::Result<()> {
        while !self.is_finished() {
            self.turn(None)?;
        }
        Ok(())
    }

    /// One turn: waits until something is to be done, for `wait` at most, and does it.
    ///
    /// # Errors
    /// When the poll fails. An interrupted wait is an early end of it, not an error.
    pub fn turn(&mut self, wait: Option<Duration>) -> io::Result<()> {
        self.wait(wait)?;
        let local = LocalWakes::enter(&self.shared.mailbox);
        self.shared.begin_turn();
        self.shared.tasks.borrow_mut().begin_turn();
        if self.dispatch() {
            self.open_mail();
        }
        self.expire();
        self.call_hooks(Moment::Begins);
        self.run_ready(&local);
        self.call_hooks(Moment::Ends);
        self.take_woken(&local, None);
        Ok(())
    }

    fn is_finished(&self) -> bool {
        match self.shared.stage.get() {
            Stage::Running => false,
            Stage::Retiring | Stage::Leaving => self.shared.tasks.borrow().len() <= self.shared.background.get(),
            Stage::Stopping | Stage::Ended => true,
        }
    }

    fn wait(&mut self, wait: Option<Duration>) -> io::Result<()> {
        let wait = if self.shared.tasks.borrow().is_work_left() {
            Some(Duration::ZERO)
        } else {
            let timer = self.shared.timers.borrow().next_deadline();
            let timer = timer.map(|deadline| deadline.saturating_duration_since(self.shared.now()));
            [wait, timer].into_iter().flatten().min()
        };
        match self.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// Hands each event to its owner; true when there is mail.
    fn dispatch(&mut self) -> bool {
        let mut mail = false;
        let mut sources = self.shared.sources.borrow_mut();
        let mut tasks = self.shared.tasks.borrow_mut();
        for event in &self.events {
            if event.token() == MAILBOX {
                mail = true;
            } else if let Some(owner) = sources.receive(event) {
                tasks.schedule(owner);
            }
        }
        mail
    }

    fn open_mail(&mut self) {
        self.shared.mailbox.take(&mut self.mail);
        for task in self.mail.woken.drain(..) {
            self.shared.tasks.borrow_mut().schedule(task);
        }
        let handle = Handle { shared: Rc::clone(&self.shared) };
        for job in self.mail.jobs.drain(..) {
            guarded("a job", || job(&handle));
        }
    }

    /// Queues the tasks whose deadline has come, and puts in again those that moved theirs.
    fn expire(&mut self) {
        let now = self.shared.now();
        let mut timers = self.shared.timers.borrow_mut();
        timers.expire(now, &mut self.due);
        let mut tasks = self.shared.tasks.borrow_mut();
        for key in self.due.drain(..) {
            match tasks.deadline_of_slot(key) {
                Some((task, deadline)) if deadline <= now => tasks.schedule(task),
                Some((_, deadline)) => timers.arm(key, deadline),
                None => {}
            }
        }
    }

    fn run_ready(&mut self, local: &LocalWakes) {
        self.take_woken(local, None);
        for _ in 0..POLLS_PER_TURN {
            let next = self.shared.tasks.borrow_mut().next_ready();
            let Some((task, body)) = next else { return };
            poll_task(&self.shared, task, body);
            self.take_woken(local, Some(task));
        }
    }

    /// Queues what was woken on this thread; a task that woke itself has yielded.
    fn take_woken(&mut self, local: &LocalWakes, polled: Option<TaskId>) {
        local.take(&mut self.woken);
        if self.woken.is_empty() {
            return;
        }
        let mut tasks = self.shared.tasks.borrow_mut();
        for task in self.woken.drain(..) {
            if Some(task) == polled {
                tasks.schedule_later(task);
            } else {
                tasks.schedule(task);
            }
        }
    }

    fn call_hooks(&self, moment: Moment) {
        let hooks = self.shared.hooks.borrow().clone();
        let Some(hooks) = hooks else { return };
        match moment {
            Moment::Begins => guarded("a hook at a turn's begin", || hooks.turn_begins()),
            Moment::Ends => guarded("a hook at a turn's end", || hooks.turn_ends()),
        };
    }
}

impl Drop for Worker {
    /// Tasks hold the worker's state and it holds them: they go one by one, and what their drops spawn is dropped at once.
    /// Children that they leave behind are ended and waited for.
    fn drop(&mut self) {
        self.shared.stage.set(Stage::Ended);
        self.shared.mailbox.close();
        let tasks = self.shared.tasks.borrow_mut().remove_all();
        for body in tasks {
            guarded("a task's drop", || drop(body));
        }
        let hooks = self.shared.hooks.take();
        guarded("a hook's drop", || drop(hooks));
        end_children(&self.shared.children);
    }
}

/// Which hook.
enum Moment {
    Begins,
    Ends,
}

/// Polls a task, and either puts it back with its deadline or drops it. The entry is out of the map before the drop.
fn poll_task(shared: &Shared, task: TaskId, mut body: Body) {
    shared.current.set(Some(task));
    shared.noted.set(None);
    shared.yields.set(false);
    let result = guarded("a task", || body.future.as_mut().poll(&mut Context::from_waker(&body.waker)));
    shared.current.set(None);
    let over = if let Some(Poll::Pending) = result {
        let deadline = shared.noted.get();
        let mut tasks = shared.tasks.borrow_mut();
        let cancelled = tasks.put_back(task, body, deadline);
        if cancelled.is_none() {
            if shared.yields.get() {
                tasks.schedule_later(task);
            }
            if let Some(deadline) = deadline {
                shared.timers.borrow_mut().arm(task.key, deadline);
            }
        }
        cancelled
    } else {
        shared.tasks.borrow_mut().remove(task);
        Some(body)
    };
    if let Some(body) = over {
        guarded("a task's drop", || drop(body));
    }
}

#[cfg(test)]
mod tests;

//! Deadlines: one entry per task slot in the worker's wheel, and the futures that wait for a time.
//!
//! Moving a deadline later only stores it in the task; the wheel's entry is looked at when it fires and put in again.
//! An entry belongs to a slot of the slab, not to a task: when the task ends its entry serves the slot's next task, so
//! that the wheel grows with the tasks alive at once and not with those that came and went.
//! Timers may be late by a tick and by the work of a turn, and are never early.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::handle::Handle;
use crate::base::wheel::Wheel;

/// The resolution of deadlines; nginx's is a millisecond, but no time-out of a web server needs it.
pub const TICK: Duration = Duration::from_millis(5);

/// The wheel, and for each task slot the entries it is known to hold there.
pub(super) struct Timers {
    wheel: Wheel<u32>,
    slots: Vec<Slot>,
}

/// The wheel entries of a slot: the next to fire, and a later one that an earlier deadline came before. Remembering the
/// second keeps a task that alternates between a near and a far deadline from leaving a far entry each time.
#[derive(Clone, Copy, Default)]
struct Slot {
    next: Option<Instant>,
    after: Option<Instant>,
}

impl Timers {
    pub(super) fn new(start: Instant) -> Timers {
        Timers { wheel: Wheel::new(start, TICK), slots: Vec::new() }
    }

    /// Sees to it that the slot is looked at no later than at `deadline` (and a tick).
    pub(super) fn arm(&mut self, key: u32, deadline: Instant) {
        let index = key as usize;
        if index >= self.slots.len() {
            self.slots.resize(index + 1, Slot::default());
        }
        let slot = &mut self.slots[index];
        if let Some(next) = slot.next {
            if next <= deadline {
                return;
            }
            slot.after = slot.after.or(Some(next));
        }
        slot.next = Some(deadline);
        self.wheel.insert(deadline, key);
    }

    /// When the wheel wants to be looked at again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wheel.len()
    }

    /// The slots to look at now, added to `due`.
    pub(super) fn expire(&mut self, now: Instant, due: &mut Vec<u32>) {
        self.wheel.expire(now, due);
        for key in due {
            let Some(slot) = self.slots.get_mut(*key as usize) else {
                continue;
            };
            while slot.next.is_some_and(|next| next <= now) {
                slot.next = slot.after.take();
            }
        }
    }
}

/// Ready from a given time on. See [`Handle::deadline`].
#[must_use = "futures do nothing unless polled"]
pub struct Deadline {
    handle: Handle,
    at: Instant,
}

impl Deadline {
    pub(super) fn new(handle: Handle, at: Instant) -> Deadline {
        Deadline { handle, at }
    }

    /// Moves the time. Later costs nothing; the new time counts from the next poll.
    pub fn reset(&mut self, at: Instant) {
        self.at = at;
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        self.handle.poll_deadline(self.at)
    }
}

/// The time passed before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

/// A future with a deadline. See [`Handle::timeout`].
#[must_use = "futures do nothing unless polled"]
pub struct Timeout<F> {
    deadline: Deadline,
    future: F,
}

impl<F> Timeout<F> {
    pub(super) fn new(deadline: Deadline, future: F) -> Timeout<F> {
        Timeout { deadline, future }
    }
}

impl<F: Future + Unpin> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = Pin::new(&mut self.future).poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.deadline).poll(context).map(|()| Err(Elapsed))
    }
}

/// What the timers spend on a task slot: what is known of it, and one node of the wheel.
#[cfg(test)]
pub(super) const BYTES_PER_TIMER: usize = size_of::<Slot>() + 24;

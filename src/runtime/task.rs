//! The tasks of a worker: a slab of futures, and the queues of those to be polled.
//!
//! Owned by `Shared`, driven by `Worker`. Polls nothing and knows no descriptor; a task is taken out of its entry while
//! it is polled, so that whatever it calls may use the map.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use super::mailbox::{Mailbox, TaskWaker};

/// Names a task of one worker, for as long as it runs and, thanks to the generation, not one that came after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId {
    pub(super) key: u32,
    pub(super) generation: u32,
}

/// What a task is: a future that ends without a value.
pub(super) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks, and which of them are to be polled.
#[derive(Default)]
pub(super) struct Tasks {
    entries: Slab<Entry>,
    /// To be polled in this turn; each task at most once.
    ready: VecDeque<TaskId>,
    /// To be polled in the next turn; at most one entry for each poll of this one.
    yielded: Vec<TaskId>,
}

/// A task and what its worker knows of it.
struct Entry {
    generation: u32,
    queued: bool,
    /// The earliest deadline its futures wait for, as noted in its last poll.
    deadline: Option<Instant>,
    /// Absent while the task is being polled.
    body: Option<Body>,
}

/// The parts of a task that are taken out for a poll.
pub(super) struct Body {
    pub(super) future: TaskFuture,
    pub(super) waker: Waker,
    wake: Arc<TaskWaker>,
}

impl Tasks {
    pub(super) fn insert(&mut self, future: TaskFuture, generation: u32, mailbox: &Arc<Mailbox>) -> Option<TaskId> {
        let vacant = self.entries.vacant_entry();
        let id = TaskId { key: u32::try_from(vacant.key()).ok()?, generation };
        let wake = Arc::new(TaskWaker::new(Arc::clone(mailbox), id));
        let body = Body { future, waker: Waker::from(Arc::clone(&wake)), wake };
        vacant.insert(Entry { generation, queued: true, deadline: None, body: Some(body) });
        self.ready.push_back(id);
        Some(id)
    }

    /// Queues a task for this turn; nothing happens when it is queued already or has ended.
    pub(super) fn schedule(&mut self, id: TaskId) {
        if let Some(entry) = self.entry(id)
            && !entry.queued
        {
            entry.queued = true;
            self.ready.push_back(id);
        }
    }

    /// Queues a task for the next turn.
    pub(super) fn schedule_later(&mut self, id: TaskId) {
        self.yielded.push(id);
    }

    /// Queues every task for this turn.
    pub(super) fn schedule_all(&mut self) {
        let Self { entries, ready, .. } = self;
        for (key, entry) in entries.iter_mut().filter(|(_, entry)| !entry.queued) {
            entry.queued = true;
            let key = u32::try_from(key).expect("insert refuses keys beyond u32");
            ready.push_back(TaskId { key, generation: entry.generation });
        }
    }

    /// Moves what waited for the next turn into this one.
    pub(super) fn begin_turn(&mut self) {
        let mut yielded = std::mem::take(&mut self.yielded);
        for id in yielded.drain(..) {
            self.schedule(id);
        }
        self.yielded = yielded; // keeps the capacity
    }

    /// Whether a task waits to be polled, in this turn or the next.
    pub(super) fn is_work_left(&self) -> bool {
        !self.ready.is_empty() || !self.yielded.is_empty()
    }

    /// The next task to poll, taken out of its entry; ended ones in between are skipped.
    pub(super) fn next_ready(&mut self) -> Option<(TaskId, Body)> {
        while let Some(id) = self.ready.pop_front() {
            let Some(entry) = self.entry(id) else {
                continue;
            };
            entry.queued = false;
            entry.deadline = None;
            if let Some(body) = entry.body.take() {
                body.wake.rearm();
                return Some((id, body));
            }
        }
        None
    }

    /// Puts a pending task back with its next deadline; gives it back when the task was cancelled during its poll.
    pub(super) fn put_back(&mut self, id: TaskId, body: Body, deadline: Option<Instant>) -> Option<Body> {
        let Some(entry) = self.entry(id) else {
            return Some(body);
        };
        entry.deadline = deadline;
        entry.body = Some(body);
        None
    }

    /// Takes a task out of the map; its body is absent when it is being polled.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<Option<Body>> {
        self.entry(id)?;
        Some(self.entries.remove(id.key as usize).body)
    }

    /// All tasks, taken out of the map: for the end of a worker.
    pub(super) fn remove_all(&mut self) -> impl Iterator<Item = Option<Body>> + use<> {
        std::mem::take(&mut self.entries).into_iter().map(|(_, entry)| entry.body)
    }

    /// The task in a slot and what it waits for.
    pub(super) fn deadline_of_slot(&self, key: u32) -> Option<(TaskId, Instant)> {
        let entry = self.entries.get(key as usize)?;
        entry.deadline.map(|deadline| (TaskId { key, generation: entry.generation }, deadline))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn entry(&mut self, id: TaskId) -> Option<&mut Entry> {
        self.entries.get_mut(id.key as usize).filter(|entry| entry.generation == id.generation)
    }
}

/// What the map spends on an idle task beside its future: the entry, the slab's mark, the waker with its two counts.
#[cfg(test)]
pub(super) const BYTES_PER_TASK: usize = size_of::<Entry>() + 8 + size_of::<TaskWaker>() + 16;

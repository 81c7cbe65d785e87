//! What a worker counts, for `webserv status` and for judging a reload: connections by state, requests, answers.
//!
//! Only its worker writes a counter, by a load and a store, so that counting costs a request a few plain instructions
//! and no lock; the control thread reads them at any time. Numbers that belong together may be read a request apart.

use std::sync::atomic::{AtomicU64, Ordering};

use super::connection::Connection;
use crate::http::Status;

/// The counters of one worker. On cache lines of their own, for another worker writes what lies beside.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Counters {
    accepted: Counter,
    /// Connections that ended.
    closed: Counter,
    /// Connections that sent the beginning of a request head, and those that have gone on since.
    heads_begun: Counter,
    heads_over: Counter,
    requests: Counter,
    /// Requests that are over, by the first digit of the answer's status; 0 for those without an answer.
    answers: [Counter; CLASSES],
}

/// Answers are of class 0 (none), 1 to 5, and what scripts make up.
const CLASSES: usize = 10;

/// What was counted up to now; of several workers together, if they are added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open; each is reading a head, being answered, or waiting.
    pub open: u64,
    /// Connections whose client has sent a request head in part.
    pub reading: u64,
    /// Connections with a request that is being answered.
    pub writing: u64,
    /// Requests.
    pub requests: u64,
    /// Requests that are over, by the first digit of the answer's status; 0 for those without an answer.
    pub answers: [u64; CLASSES],
}

/// Grows by one at a time, by one thread.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self) {
        self.0.store(self.value().wrapping_add(1), Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// A connection was accepted.
    pub(super) fn opened(&self) {
        self.accepted.add();
    }

    /// A connection has ended.
    pub(super) fn closed(&self) {
        self.closed.add();
    }

    /// As it is now. What ends is read before what begins, so that no difference is less than nothing.
    pub fn counts(&self) -> Counts {
        let answers = std::array::from_fn(|class| self.answers[class].value());
        let (closed, over) = (self.closed.value(), self.heads_over.value());
        let (accepted, requests) = (self.accepted.value(), self.requests.value());
        Counts {
            accepted,
            open: accepted.saturating_sub(closed),
            reading: self.heads_begun.value().saturating_sub(over),
            writing: requests.saturating_sub(answers.iter().sum()),
            requests,
            answers,
        }
    }
}

impl Counts {
    /// Connections that are open and have no request under way.
    pub fn waiting(&self) -> u64 {
        self.open.saturating_sub(self.reading + self.writing)
    }

    /// Requests that were answered.
    pub fn answered(&self) -> u64 {
        self.answers[1..].iter().sum()
    }

    /// Answers that the server is to blame for: 5xx.
    pub fn failures(&self) -> u64 {
        self.answers[5]
    }

    /// Together with those of another worker.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            open: self.open + other.open,
            reading: self.reading + other.reading,
            writing: self.writing + other.writing,
            requests: self.requests + other.requests,
            answers: std::array::from_fn(|class| self.answers[class] + other.answers[class]),
        }
    }
}

/// A request under way. However it ends, it is counted as over: with an answer if it had one.
pub(super) struct Answering<'c> {
    counters: &'c Counters,
    class: usize,
}

impl<'c> Answering<'c> {
    /// A request begins.
    pub(super) fn begin(counters: &'c Counters) -> Self {
        counters.requests.add();
        Self { counters, class: 0 }
    }

    /// It has an answer.
    pub(super) fn answer(&mut self, status: Status) {
        self.class = usize::from(status.code() / 100).min(CLASSES - 1);
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.counters.answers[self.class].add();
    }
}

impl Connection {
    /// Notes whether the client has sent a request head in part.
    pub(super) fn set_reading(&self, reading: bool) {
        if self.reading.replace(reading) != reading {
            let counters = &self.station.counters;
            let counter = if reading { &counters.heads_begun } else { &counters.heads_over };
            counter.add();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_over_however_it_ends() {
        let counters = Counters::default();
        let mut answered = Answering::begin(&counters);
        answered.answer(Status::SERVICE_UNAVAILABLE);
        let given_up = Answering::begin(&counters);
        assert_eq!((counters.counts().requests, counters.counts().writing), (2, 2));
        drop((answered, given_up));
        let counts = counters.counts();
        assert_eq!((counts.requests, counts.writing, counts.answered(), counts.failures()), (2, 0, 1, 1));
        assert_eq!(counts.answers[0], 1);
    }

    #[test]
    fn workers_are_added() {
        let (one, other) = (Counters::default(), Counters::default());
        [&one, &one, &other].iter().for_each(|counters| counters.opened());
        other.closed();
        let sum = one.counts().and(&other.counts());
        assert_eq!((sum.accepted, sum.open, sum.waiting()), (3, 2, 2));
    }
}

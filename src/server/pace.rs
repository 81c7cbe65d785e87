//! The pace at which a response goes out (`limit_rate`): how many bytes may be sent now, and when more may.
//!
//! nginx's rule (`ngx_http_write_filter`): by the end of each second since the request began so many bytes may be sent,
//! and after each run of bytes comes a pause as long as they should have taken. A run ends when its bytes are used up,
//! the client takes no more, or there is nothing more to send. `outbound` asks before each write and tells what was
//! written; a response without a limit has no pace. Reads no clock.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsFd;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::exchange::Exchange;
use crate::exchange::body::FileSlice;
use crate::runtime::{Deadline, Handle};

/// The pace of one response.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: NonZeroU64,
    /// Bytes that come before those that are limited.
    after: u64,
    /// `sendfile_max_chunk`: the longest run; 0 is no limit.
    run_bytes_max: u64,
    /// When the request began.
    started: Instant,
    sent: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing may be sent before.
    Paused(Instant),
    /// A run is being sent.
    Running {
        /// `sent` when it began.
        begin: u64,
        /// `sent` when it is used up.
        end: u64,
    },
}

impl Pace {
    /// The pace of an exchange whose response is about to be sent, if it has one.
    pub(super) fn of(exchange: &mut Exchange) -> Option<Box<Self>> {
        let rate = exchange.decide_rate();
        let bytes_per_second = NonZeroU64::new(rate.bytes_per_second)?;
        let run_bytes_max = exchange.plan.settings.sendfile_max_chunk;
        Some(Box::new(Self::new(bytes_per_second, rate.after, run_bytes_max, exchange.started)))
    }

    fn new(bytes_per_second: NonZeroU64, after: u64, run_bytes_max: u64, started: Instant) -> Self {
        Self { bytes_per_second, after, run_bytes_max, started, sent: 0, state: State::Paused(started) }
    }

    /// How many bytes may be sent now, at least one; or when to ask again.
    fn allowance(&mut self, now: Instant) -> Result<u64, Instant> {
        loop {
            match self.state {
                State::Paused(until) if now < until => return Err(until),
                State::Paused(_) => self.begin_run(now),
                State::Running { end, .. } if self.sent < end => return Ok(end - self.sent),
                State::Running { .. } => self.pause(now),
            }
        }
    }

    fn begin_run(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.started).as_secs() + 1;
        let allowed = self.bytes_per_second.get().saturating_mul(seconds).saturating_add(self.after);
        let run = match self.run_bytes_max {
            0 => allowed.saturating_sub(self.sent),
            longest => allowed.saturating_sub(self.sent).min(longest),
        };
        self.state = match run {
            0 => State::Paused(now + self.time_for(self.sent - allowed) + Duration::from_millis(1)),
            _ => State::Running { begin: self.sent, end: self.sent.saturating_add(run) },
        };
    }

    /// Ends a run: what was sent in it should have taken a while.
    fn pause(&mut self, now: Instant) {
        if let State::Running { begin, .. } = self.state {
            let limited = self.sent.saturating_sub(self.after) - begin.saturating_sub(self.after);
            self.state = State::Paused(now + self.time_for(limited));
        }
    }

    /// To the millisecond. No longer than the request has lasted, and a second: no run has more bytes.
    fn time_for(&self, bytes: u64) -> Duration {
        let ms = u128::from(bytes) * 1000 / u128::from(self.bytes_per_second.get());
        Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

impl Connection {
    /// The client has its time from when it may be sent something again.
    pub(super) fn put_off(&self, deadline: &mut Deadline) {
        let handle = &self.station.handle;
        if let Some(until) = held_until(&self.outbox.borrow().pace, handle.now()) {
            deadline.reset(until + Duration::from(self.send_timeout.get()));
        }
    }

    /// Sends up to `count` bytes of a file from `offset`, as many as may be sent now.
    pub(super) fn poll_sendfile(&self, slice: &FileSlice, offset: &mut u64, count: usize) -> Poll<io::Result<usize>> {
        let handle = &self.station.handle;
        let pace = &mut self.outbox.borrow_mut().pace;
        let allowed = ready!(poll_allowed(pace, handle, count));
        let written = self.transport.poll_sendfile(slice.file.as_fd(), offset, allowed);
        note(pace, handle, &written);
        written
    }
}

/// How many of `waiting` bytes may be sent now; while none may, the task is polled when that changes.
pub(super) fn poll_allowed(pace: &mut Option<Box<Pace>>, handle: &Handle, waiting: usize) -> Poll<usize> {
    let Some(pace) = pace else { return Poll::Ready(waiting) };
    match pace.allowance(handle.now()) {
        Ok(bytes) => Poll::Ready(usize::try_from(bytes).map_or(waiting, |bytes| bytes.min(waiting))),
        Err(until) => {
            handle.note_deadline(until);
            Poll::Pending
        }
    }
}

/// Takes note of what a write has sent, or that the client takes no more.
pub(super) fn note(pace: &mut Option<Box<Pace>>, handle: &Handle, written: &Poll<io::Result<usize>>) {
    let Some(pace) = pace else { return };
    match written {
        Poll::Ready(Ok(count)) => pace.sent += *count as u64,
        Poll::Ready(Err(_)) => {}
        Poll::Pending => pace.pause(handle.now()),
    }
}

/// Takes note that there is nothing more to send at the moment.
pub(super) fn rest(pace: &mut Option<Box<Pace>>, handle: &Handle) {
    if let Some(pace) = pace {
        pace.pause(handle.now());
    }
}

/// Until when the server itself holds the response back, if it does.
fn held_until(pace: &Option<Box<Pace>>, now: Instant) -> Option<Instant> {
    match pace.as_deref()?.state {
        State::Paused(until) if until > now => Some(until),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pace, the time in milliseconds since its request began, and who sends as much as it may.
    struct Sending {
        pace: Pace,
        started: Instant,
        ms: u64,
    }

    impl Sending {
        fn at(bytes_per_second: u64, after: u64, run_bytes_max: u64) -> Self {
            let started = Instant::now();
            let rate = NonZeroU64::new(bytes_per_second).unwrap();
            Self { pace: Pace::new(rate, after, run_bytes_max, started), started, ms: 0 }
        }

        fn now(&self) -> Instant {
            self.started + Duration::from_millis(self.ms)
        }

        /// Sends up to `socket` bytes of what may be sent; then the socket is full.
        fn send(&mut self, socket: u64) -> u64 {
            let count = self.pace.allowance(self.now()).map_or(0, |allowed| allowed.min(socket));
            self.pace.sent += count;
            count
        }

        /// Sends all that may be sent now, and says how much that was and how long the pause behind it is.
        fn run(&mut self) -> (u64, u64) {
            let mut count = 0;
            loop {
                match self.pace.allowance(self.now()) {
                    Ok(allowed) => (count, self.pace.sent) = (count + allowed, self.pace.sent + allowed),
                    Err(until) => return (count, (until - self.now()).as_millis() as u64),
                }
            }
        }
    }

    #[test]
    fn a_seconds_bytes_go_at_once_and_a_second_of_rest_follows() {
        let mut sending = Sending::at(1000, 0, 0);
        for second in 0..5 {
            sending.ms = second * 1000;
            assert_eq!(sending.run(), (1000, 1000), "second {second}");
        }
        sending.ms = 4500;
        assert_eq!(sending.run(), (0, 500));
    }

    #[test]
    fn bytes_before_the_limit_cost_no_time() {
        let mut sending = Sending::at(1000, 5000, 0);
        assert_eq!(sending.run(), (6000, 1000));
        sending.ms = 1000;
        assert_eq!(sending.run(), (1000, 1000));
    }

    #[test]
    fn a_run_is_no_longer_than_sendfile_max_chunk() {
        let mut sending = Sending::at(1000, 600, 500);
        // 500 bytes are free, then 100 of 500 are; the rest takes its time.
        assert_eq!(sending.run(), (1000, 400));
        sending.ms = 400;
        assert_eq!(sending.run(), (500, 500));
    }

    #[test]
    fn a_request_that_was_answered_late_may_catch_up() {
        let mut sending = Sending::at(1000, 0, 0);
        sending.ms = 10_000;
        assert_eq!(sending.run(), (11_000, 11_000));
    }

    #[test]
    fn a_full_socket_ends_a_run_and_the_rest_of_the_second_remains() {
        let mut sending = Sending::at(1000, 0, 0);
        assert_eq!(sending.send(300), 300);
        sending.pace.pause(sending.now());
        assert_eq!(sending.run(), (0, 300));
        sending.ms = 300;
        assert_eq!(sending.run(), (700, 700));
    }

    #[test]
    fn a_run_goes_on_over_several_writes() {
        let mut sending = Sending::at(1000, 0, 0);
        assert_eq!((sending.send(250), sending.send(u64::MAX)), (250, 750));
        assert_eq!(sending.run(), (0, 1000));
    }

    #[test]
    fn nothing_is_sent_beyond_the_limit_of_the_second() {
        let mut sending = Sending::at(1000, 0, 0);
        sending.pace.sent = 1000;
        // As in nginx it is looked at again soon.
        assert_eq!(sending.run(), (0, 1));
        sending.pace.sent = 3000;
        sending.ms = 1;
        assert_eq!(sending.run(), (0, 2001));
    }

    #[test]
    fn the_largest_rate_is_no_trouble() {
        let mut sending = Sending::at(u64::MAX, u64::MAX, 0);
        assert_eq!(sending.send(1 << 40), 1 << 40);
        sending.pace.pause(sending.now());
        assert_eq!(sending.send(1 << 40), 1 << 40);
    }
}

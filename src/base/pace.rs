//! The pace of long work that must not keep others waiting: a reload beside running traffic.
//!
//! A worker that wakes up on the core where the control thread builds a tree does not run at once: Linux lets a running
//! thread go on to the end of its slice, which the timer's tick ends, 3 to 4 ms later (EEVDF, since Linux 6.6; a nice
//! value changes nothing). So the control thread offers its core after each `STRETCH` of work. Where nobody waits for
//! the core the offer is a system call that returns at once (less than 1 µs in 50).
//!
//! Who yields gives up the rest of its slice, each time, to all that wait: on a machine that is busy with other things in
//! the same control group, offers alone would keep a reload from its end. So the longer an offer was taken, the later
//! comes the next: after `WORK_PER_PAUSE` times that, or, where no worker can have had it, `WORK_PER_LONG_PAUSE`
//! times. Pauses are a quarter of the time at most, and the pace fades by itself where it would help nobody.
//!
//! Off everywhere but in [`paced`]: at the start and for `-t` nobody waits.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    /// The pace of this thread, if it has one.
    static PACE: Cell<Option<Pace>> = const { Cell::new(None) };
}

/// When the core is offered to others.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Not before.
    next: Instant,
    /// How many breaths were drawn since the clock was read.
    breaths: u32,
}

/// Does long work, which calls [`breathe`] at least every few microseconds, at a pace that lets others run.
pub fn paced<T>(work: impl FnOnce() -> T) -> T {
    let _restored = Restore(PACE.replace(Some(Pace::from(Instant::now()))));
    work()
}

/// Offers the core to whoever waits for it, if this thread has a pace and has worked for long enough.
#[inline]
pub fn breathe() {
    if let Some(mut pace) = PACE.get() {
        pace.breathe(Instant::now, || {
            put_freed_memory_together();
            thread::yield_now();
        });
        PACE.set(Some(pace));
    }
}

/// Small blocks that are freed are only noted by glibc, and put together when the next large one is asked for: that is
/// held to be why taking a whole tree apart had one stretch of 54 ms. So a large one is asked for while they are few.
fn put_freed_memory_together() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE_BLOCK_BYTES)));
}

impl Pace {
    /// For work that begins now.
    fn from(now: Instant) -> Self {
        Self { next: now + STRETCH, breaths: 0 }
    }

    fn breathe(&mut self, clock: impl Fn() -> Instant, offer: impl FnOnce()) {
        self.breaths += 1;
        if self.breaths < BREATHS {
            return;
        }
        self.breaths = 0;
        let before = clock();
        if before < self.next {
            return;
        }
        offer();
        let after = clock();
        let paused = after.saturating_duration_since(before);
        let work_per_pause = if paused < LONG_PAUSE { WORK_PER_PAUSE } else { WORK_PER_LONG_PAUSE };
        self.next = after + STRETCH.max(paused * work_per_pause);
    }
}

/// Gives a thread its pace back, also when the work panics.
struct Restore(Option<Pace>);

impl Drop for Restore {
    fn drop(&mut self) {
        PACE.set(self.0);
    }
}

/// A worker waits about as long: half of what an answer takes.
const STRETCH: Duration = Duration::from_micros(50);
/// How many times as long as an offer was taken is worked before the next one.
const WORK_PER_PAUSE: u32 = 3;
/// A worker's turn is much shorter: something else took the core, and keeps it to the end of a slice each time.
const LONG_PAUSE: Duration = Duration::from_millis(1);
/// As [`WORK_PER_PAUSE`], after a long one.
const WORK_PER_LONG_PAUSE: u32 = 20;
/// Reading the clock costs 30 ns, and the smallest pieces of work not much more.
const BREATHS: u32 = 4;

/// glibc calls large what is 1 KiB or more.
const LARGE_BLOCK_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    /// A thread's work on a clock that is moved by hand.
    struct Work {
        began: Instant,
        now: Cell<Instant>,
        pace: Pace,
        /// When the core was offered, in microseconds of the clock.
        offers: Vec<u128>,
    }

    impl Work {
        fn new() -> Self {
            let now = Instant::now();
            Self { began: now, now: Cell::new(now), pace: Pace::from(now), offers: Vec::new() }
        }

        /// Works for so many microseconds with a breath after each; whoever gets the core keeps it for `taken`.
        fn go_on(&mut self, microseconds: u32, taken: Duration) {
            let (began, now) = (self.began, &self.now);
            for _ in 0..microseconds {
                now.set(now.get() + MICROSECOND);
                let offers = &mut self.offers;
                self.pace.breathe(
                    || now.get(),
                    || {
                        offers.push((now.get() - began).as_micros());
                        now.set(now.get() + taken);
                    },
                );
            }
        }
    }

    #[test]
    fn the_core_is_offered_after_each_stretch() {
        let mut work = Work::new();
        work.go_on(220, Duration::ZERO);
        assert_eq!(work.offers, [52, 104, 156, 208]);
    }

    #[test]
    fn after_a_workers_turn_thrice_as_much_is_worked() {
        let mut work = Work::new();
        work.go_on(52 + 120, MICROSECOND * 40);
        assert_eq!(work.offers, [52, 92 + 120]);
    }

    #[test]
    fn who_keeps_the_core_for_long_is_not_asked_again_before_much_has_been_worked() {
        let mut work = Work::new();
        work.go_on(52 + 80_000, MICROSECOND * 4000);
        assert_eq!(work.offers, [52, 4052 + 80_000]);
    }

    #[test]
    fn work_without_a_pace_is_none_of_its_business() {
        assert!(PACE.get().is_none());
        breathe();
        assert!(PACE.get().is_none());
    }

    #[test]
    fn a_pace_ends_with_its_work_also_when_that_panics() {
        let breaths = paced(|| {
            breathe();
            PACE.get().map(|pace| pace.breaths)
        });
        assert_eq!(breaths, Some(1));
        assert!(PACE.get().is_none());
        let panicked = std::panic::catch_unwind(|| paced(|| panic!("as the work may")));
        assert!(panicked.is_err());
        assert!(PACE.get().is_none());
    }
}

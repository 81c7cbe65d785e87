//! The time as a worker sees it: the system's, or one that tests move by hand.
//!
//! Read once per turn by the worker; everything else asks the worker (`Handle::now`, `Handle::wall`). Formats nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Where a worker reads the time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Mutex<Times>>),
}

#[derive(Clone, Copy, Debug)]
struct Times {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Clock {
        Clock(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it; its clones move with it. The wall clock starts at
    /// Sun, 06 Nov 1994 08:49:37 GMT, the example date of RFC 9110 section 5.6.7.
    pub fn manual() -> Clock {
        let wall = SystemTime::UNIX_EPOCH + EXAMPLE_DATE;
        Clock(Source::Manual(Arc::new(Mutex::new(Times { monotonic: Instant::now(), wall }))))
    }

    /// Moves both times of a manual clock forward. The machine's clock moves by itself and is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(times) = &self.0 {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            times.monotonic += by;
            times.wall += by;
        }
    }

    /// The monotonic time, for deadlines.
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual(times) => times.lock().unwrap_or_else(PoisonError::into_inner).monotonic,
        }
    }

    /// The time of day, for dates and logs.
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Source::System => SystemTime::now(),
            Source::Manual(times) => times.lock().unwrap_or_else(PoisonError::into_inner).wall,
        }
    }
}

const EXAMPLE_DATE: Duration = Duration::from_secs(784_111_777);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_both_times_and_its_clones() {
        let clock = Clock::manual();
        let copy = clock.clone();
        let (monotonic, wall) = (copy.now(), copy.wall());
        clock.advance(Duration::from_secs(90));
        assert_eq!(copy.now() - monotonic, Duration::from_secs(90));
        assert_eq!(copy.wall().duration_since(wall).unwrap(), Duration::from_secs(90));
    }
}

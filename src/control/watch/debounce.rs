//! When something that keeps changing counts as having changed: after a time of quiet, or when there is none for long.
//!
//! A value that is told the time; it waits for nothing itself.

use std::time::{Duration, Instant};

/// Changes that have been heard of and not been acted upon.
#[derive(Debug)]
pub(super) struct Debounce {
    quiet: Duration,
    /// When the first and the last of them came.
    heard: Option<(Instant, Instant)>,
}

impl Debounce {
    /// None heard of yet.
    pub(super) fn new(quiet: Duration) -> Self {
        Self { quiet, heard: None }
    }

    /// From now on it must be quiet for this long.
    pub(super) fn set_quiet(&mut self, quiet: Duration) {
        self.quiet = quiet;
    }

    /// Something has changed.
    pub(super) fn hear(&mut self, now: Instant) {
        let first = self.heard.map_or(now, |(first, _)| first);
        self.heard = Some((first, now));
    }

    /// When to act, if nothing else changes.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, last) = self.heard?;
        Some((last + self.quiet).min(first + self.quiet * QUIETS_MAX))
    }

    /// Whether to act now; what was heard of is forgotten then.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = self.due().is_some_and(|due| due <= now);
        if due {
            self.heard = None;
        }
        due
    }
}

/// How many times of quiet are waited for where something changes all the time.
const QUIETS_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(100);

    #[test]
    fn it_is_due_when_it_has_been_quiet() {
        let start = Instant::now();
        let mut debounce = Debounce::new(QUIET);
        assert_eq!(debounce.due(), None);
        assert!(!debounce.take(start + QUIET));
        debounce.hear(start);
        debounce.hear(start + QUIET / 2);
        assert!(!debounce.take(start + QUIET), "there was a change since");
        assert!(debounce.take(start + QUIET * 3 / 2));
        assert!(!debounce.take(start + QUIET * 2), "once");
    }

    #[test]
    fn what_never_rests_is_looked_at_all_the_same() {
        let start = Instant::now();
        let mut debounce = Debounce::new(QUIET);
        let times = (0..).map(|count| start + QUIET / 2 * count);
        let mut heard = 0;
        for now in times {
            if debounce.take(now) {
                break;
            }
            debounce.hear(now);
            heard += 1;
        }
        assert_eq!(heard, 2 * QUIETS_MAX);
    }

    #[test]
    fn a_changed_time_of_quiet_holds_at_once() {
        let start = Instant::now();
        let mut debounce = Debounce::new(QUIET);
        debounce.hear(start);
        debounce.set_quiet(QUIET * 2);
        assert_eq!(debounce.due(), Some(start + QUIET * 2));
    }
}

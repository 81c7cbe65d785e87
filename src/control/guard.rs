//! `reload_guard`: judges a new configuration by its answers, and those of the time before. Pure: counts and times in,
//! a judgement out.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use crate::base::duration::format_duration;
use crate::config::build::ReloadGuard;
use crate::server::Counts;

/// How many answers there were, and how many of them 5xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    answers: u64,
    failures: u64,
}

/// What was answered up to some moments of the last while, to tell how it was before a reload.
#[derive(Debug, Default)]
pub(super) struct History {
    looks: VecDeque<(Instant, Tally)>,
    /// When it was looked last, noted or not.
    last: Option<Instant>,
}

/// A configuration that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    rule: ReloadGuard,
    /// In the window before the reload.
    before: Tally,
    /// All that was answered up to the reload.
    from: Tally,
    until: Instant,
}

/// What is to be done about a configuration that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The window is not over.
    Wait,
    /// It stays, for this reason.
    Stays(String),
    /// It goes, for this reason.
    Goes(String),
}

impl Tally {
    fn since(self, earlier: Self) -> Self {
        let answers = self.answers.saturating_sub(earlier.answers);
        Self { answers, failures: self.failures.saturating_sub(earlier.failures) }
    }

    /// Whether the share of failures is one that the rule does not bear.
    fn is_too_much(self, rule: &ReloadGuard) -> bool {
        let (failures, answers) = (u128::from(self.failures), u128::from(self.answers));
        answers > 0 && failures * WHOLE >= answers * u128::from(rule.share)
    }
}

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Self {
        Self { answers: counts.answered(), failures: counts.failures() }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, failures } = self;
        let percent = if *answers == 0 { 0.0 } else { *failures as f64 * 100.0 / *answers as f64 };
        write!(formatter, "{failures} of {answers} answers were 5xx ({percent:.1}%)")
    }
}

/// How long it is until the next look: not long while a configuration is watched.
pub(super) fn pause(rule: &ReloadGuard, is_watched: bool) -> Duration {
    let pause = rule.window / LOOKS;
    if is_watched { pause.min(PAUSE_WATCHED) } else { pause }
}

impl History {
    /// Notes what was answered up to now, and forgets what is too old.
    pub(super) fn note(&mut self, now: Instant, tally: Tally, window: Duration) {
        self.last = Some(now);
        match self.looks.back() {
            // Nothing is known of how it was between the start and now.
            None => self.looks.push_back((now, Tally::default())),
            Some((at, _)) if now.duration_since(*at) < window / LOOKS => return,
            Some(_) => {}
        }
        self.looks.push_back((now, tally));
        // The last one that is a window ago stays: it is where the window begins.
        while self.looks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= window) || self.looks.len() > LOOKS_MAX
        {
            self.looks.pop_front();
        }
    }

    /// Forgets what was, but for what was answered up to now.
    pub(super) fn begin_anew(&mut self, now: Instant, tally: Tally) {
        *self = Self { looks: VecDeque::from([(now, tally)]), last: Some(now) };
    }

    /// When it was looked last.
    pub(super) fn last(&self) -> Option<Instant> {
        self.last
    }

    /// What was answered in the last window, or since it is known, which is since the start if nothing was noted.
    pub(super) fn lately(&self, tally: Tally) -> Tally {
        tally.since(self.looks.front().map_or(Tally::default(), |(_, earlier)| *earlier))
    }
}

impl Watched {
    /// Watches a configuration from now on, unless `before` was no better than what would be borne: then why not.
    pub(super) fn begin(rule: ReloadGuard, before: Tally, from: Tally, now: Instant) -> Result<Self, String> {
        if before.is_too_much(&rule) {
            return Err(format!("reload_guard: {before} before the reload, so those after it are not judged"));
        }
        let until = now.checked_add(rule.window).unwrap_or(now);
        Ok(Self { rule, before, from, until })
    }

    /// What was answered before.
    pub(super) fn before(&self) -> Tally {
        self.before
    }

    /// Until when.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Its rule.
    pub(super) fn rule(&self) -> &ReloadGuard {
        &self.rule
    }

    /// Judges by all that was answered up to now.
    pub(super) fn judge(&self, now: Instant, tally: Tally) -> Judgement {
        let after = tally.since(self.from);
        let (window, before) = (format_duration(self.rule.window), self.before);
        if after.answers >= self.rule.answers_min && after.is_too_much(&self.rule) {
            return Judgement::Goes(format!("reload_guard: {after} after the reload, before it {before}"));
        }
        match now >= self.until {
            false => Judgement::Wait,
            true if after.answers < self.rule.answers_min => {
                Judgement::Stays(format!("{after} in the {window} after the reload, too few to judge"))
            }
            true => Judgement::Stays(format!("{after} in the {window} after the reload")),
        }
    }
}

/// All, in the unit of shares.
const WHOLE: u128 = 10_000;

/// In how many parts a window is looked at.
const LOOKS: u32 = 10;

/// A window and what is looked at beyond it.
const LOOKS_MAX: usize = 2 * LOOKS as usize;

/// So long failures of a configuration that is watched go unseen at the most.
const PAUSE_WATCHED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: ReloadGuard = ReloadGuard { share: 1000, window: Duration::from_secs(30), answers_min: 20 };

    fn tally(answers: u64, failures: u64) -> Tally {
        Tally { answers, failures }
    }

    /// The first letter of the judgement, at a second of the window.
    fn judged(second: u64, answers: u64, failures: u64) -> char {
        let start = Instant::now();
        let watched = Watched::begin(RULE, tally(50, 1), tally(1000, 100), start).unwrap();
        let judgement = watched.judge(start + Duration::from_secs(second), tally(1000 + answers, 100 + failures));
        format!("{judgement:?}").chars().next().unwrap()
    }

    #[test]
    fn a_share_from_the_threshold_on_goes_at_once_if_there_are_enough_answers() {
        assert_eq!(judged(1, 20, 2), 'G');
        assert_eq!(judged(1, 20, 1), 'W');
        assert_eq!(judged(1, 19, 19), 'W');
        assert_eq!(judged(29, 2000, 199), 'W');
    }

    #[test]
    fn at_the_end_of_the_window_it_stays_or_goes() {
        assert_eq!(judged(30, 2000, 199), 'S');
        assert_eq!(judged(30, 2000, 200), 'G');
        assert_eq!(judged(30, 19, 19), 'S', "too few to judge");
        assert_eq!(judged(30, 0, 0), 'S');
    }

    #[test]
    fn what_was_as_bad_before_is_not_judged() {
        let reason = Watched::begin(RULE, tally(10, 1), tally(1000, 100), Instant::now()).unwrap_err();
        assert_eq!(
            reason,
            "reload_guard: 1 of 10 answers were 5xx (10.0%) before the reload, so those after it are not judged"
        );
        assert!(Watched::begin(RULE, tally(0, 0), tally(0, 0), Instant::now()).is_ok());
    }

    #[test]
    fn the_time_before_is_a_window_long() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut history = History::default();
        assert_eq!(history.lately(tally(7, 3)), tally(7, 3));
        for count in 0..=100 {
            history.note(start + second * 3 * count, tally(count.into(), 0), RULE.window);
            assert!(history.looks.len() <= LOOKS_MAX);
        }
        assert_eq!(history.lately(tally(101, 0)), tally(11, 0), "of the 100 looks, those of the last 30 s");
        history.begin_anew(start, tally(101, 0));
        assert_eq!(history.lately(tally(105, 1)), tally(4, 1));
    }
}

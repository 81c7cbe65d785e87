//! A configuration on trial: it is taken back unless it is confirmed in time (`webserv reload --confirm`), or for its
//! answers (`reload_guard`). Until that is decided, what was before is all kept, the addresses that it lacks too.
//!
//! A further reload takes the place of the one on trial; what comes back is still what was before both, and no later.

use std::time::{Duration, Instant};

use super::generation::Generation;
use super::guard::{self, Judgement, Tally, Watched};
use super::notify;
use super::reload;
use super::serve::Server;
use super::wire::{Answer, Manner};
use crate::base::duration::format_duration;
use crate::base::json::Json;
use crate::base::report::{Severity, report};
use crate::config::build::ReloadGuard;

/// What is kept as long as the configuration is on trial.
#[derive(Debug)]
pub(super) struct Trial {
    /// What comes back.
    pub(super) fallback: Generation,
    /// How many files the process could have open before, if that is known.
    pub(super) open_files_max: Option<u64>,
    terms: Terms,
}

/// What a configuration on trial has to do to stay.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    confirm: Option<Deadline>,
    watched: Option<Watched>,
}

/// By when it must be confirmed.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    within: Duration,
    at: Instant,
}

/// How things stand with a configuration on trial, for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prospect {
    /// The number of the configuration that comes back.
    pub(super) back_to: u64,
    /// How long it may still be confirmed, if it must be.
    pub(super) confirm_in: Option<Duration>,
    /// How long its answers are still watched, if they are.
    pub(super) watched_for: Option<Duration>,
}

impl Trial {
    pub(super) fn new(fallback: Generation, open_files_max: Option<u64>, terms: Terms) -> Self {
        Self { fallback, open_files_max, terms }
    }

    /// How things stand now.
    pub(super) fn prospect(&self, now: Instant) -> Prospect {
        let Terms { confirm, watched } = &self.terms;
        Prospect {
            back_to: self.fallback.number,
            confirm_in: confirm.map(|deadline| deadline.at.saturating_duration_since(now)),
            watched_for: watched.as_ref().map(|watched| watched.until().saturating_duration_since(now)),
        }
    }

    /// Gives it some time before it is taken back once more.
    pub(super) fn put_off(&mut self) {
        self.terms = Terms { confirm: Some(Deadline::after(RETRY_AFTER)), watched: None };
    }
}

impl Deadline {
    fn after(within: Duration) -> Self {
        let now = Instant::now();
        Self { within, at: now.checked_add(within).unwrap_or(now) }
    }
}

impl Server {
    /// The terms on which a configuration with this guard is taken up now, if on any; `confirm` is what was asked for.
    pub(super) fn terms(&self, rule: Option<ReloadGuard>, confirm: Option<Duration>) -> Option<Terms> {
        let pending = self.trial.as_ref().map(|trial| &trial.terms);
        let tally = Tally::from(self.workers.counts());
        let before = pending.and_then(|terms| terms.watched.as_ref()).map(Watched::before);
        let before = before.unwrap_or_else(|| self.answers.lately(tally));
        let watched = rule.and_then(|rule| match Watched::begin(rule, before, tally, Instant::now()) {
            Ok(watched) => Some(watched),
            Err(why_not) => {
                report(Severity::Notice, format_args!("{why_not}"));
                None
            }
        });
        let confirm = confirm.map(Deadline::after).or(pending.and_then(|terms| terms.confirm));
        (confirm.is_some() || watched.is_some()).then_some(Terms { confirm, watched })
    }

    /// When something is to be done about a trial, or to look how requests are answered.
    pub(super) fn trial_deadline(&self) -> Option<Instant> {
        let confirm = self.trial.as_ref().and_then(|trial| trial.terms.confirm).map(|deadline| deadline.at);
        let look = self.rule().map(|rule| self.next_look(&rule).unwrap_or_else(Instant::now));
        confirm.into_iter().chain(look).min()
    }

    /// Does what is due: looks how requests are answered, and takes the configuration back.
    pub(super) fn tend_trial(&mut self) {
        let now = Instant::now();
        if let Some(rule) = self.rule()
            && self.next_look(&rule).is_none_or(|at| at <= now)
        {
            self.look_at_answers(&rule, now);
        }
        let deadline = self.trial.as_ref().and_then(|trial| trial.terms.confirm);
        if let Some(deadline) = deadline
            && deadline.at <= now
        {
            let within = format_duration(deadline.within);
            self.take_back(&format!("generation {} was not confirmed within {within}", self.current.number));
        }
    }

    /// `webserv confirm`.
    pub(super) fn confirm(&mut self, manner: Manner) -> Answer {
        let number = self.current.number;
        if self.trial.is_none() {
            let text = format!("nothing to confirm: generation {number} is not on trial");
            let json = || vec![("confirmed", Json::Bool(false)), ("generation", Json::Number(number))];
            let text = if manner.json { Json::Object(json()).to_string() } else { text };
            return Answer { ok: false, text: text + "\n" };
        }
        let closed = self.settle("confirmed");
        let mut text = format!("generation {number} is confirmed\n");
        if manner.json {
            let closed = closed.iter().map(|address| Json::from(&**address)).collect();
            let members = vec![
                ("confirmed", Json::Bool(true)),
                ("generation", Json::Number(number)),
                ("no_longer_listening", Json::List(closed)),
            ];
            text = format!("{}\n", Json::Object(members));
        } else {
            closed.iter().for_each(|address| text += &format!("- listening on {address}\n"));
        }
        Answer { ok: true, text }
    }

    /// By what answers are judged: those of a configuration on trial, or of the next one.
    fn rule(&self) -> Option<ReloadGuard> {
        let watched = self.trial.as_ref().and_then(|trial| trial.terms.watched.as_ref());
        watched.map(|watched| *watched.rule()).or(self.current.process.reload_guard)
    }

    /// When to look next how requests are answered; none if that has not begun.
    fn next_look(&self, rule: &ReloadGuard) -> Option<Instant> {
        let is_watched = self.trial.as_ref().is_some_and(|trial| trial.terms.watched.is_some());
        self.answers.last().map(|last| last + guard::pause(rule, is_watched))
    }

    fn look_at_answers(&mut self, rule: &ReloadGuard, now: Instant) {
        let tally = Tally::from(self.workers.counts());
        self.answers.note(now, tally, rule.window);
        let Some(terms) = self.trial.as_mut().map(|trial| &mut trial.terms) else { return };
        let Some(watched) = &terms.watched else { return };
        match watched.judge(now, tally) {
            Judgement::Wait => {}
            Judgement::Goes(why) => {
                self.take_back(&why);
                // The next reload is compared with what comes back, not with this.
                self.answers.begin_anew(Instant::now(), self.workers.counts().into());
            }
            Judgement::Stays(why) => {
                terms.watched = None;
                match terms.confirm {
                    Some(_) => report(Severity::Notice, format_args!("reload_guard: {why}")),
                    None => drop(self.settle(&format!("reload_guard: {why}"))),
                }
            }
        }
    }

    /// Has requests answered again by what was before the configuration on trial.
    fn take_back(&mut self, why: &str) {
        let Some(trial) = self.trial.take() else { return };
        let verdict = reload::take_back(self, trial, why);
        self.notifier.ready(&notify::summary(&verdict));
        self.history.note(&verdict);
    }

    /// Ends the trial: the configuration stays. What only the other one has is let go; the addresses among it.
    fn settle(&mut self, why: &str) -> Vec<String> {
        let closed = reload::settle(self);
        report(Severity::Notice, format_args!("configuration stays: generation {}, {why}", self.current.number));
        closed.iter().for_each(|address| report(Severity::Notice, format_args!("no longer listening on {address}")));
        closed
    }
}

/// Where a configuration cannot be taken back at once, it is tried again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(10);

//! What `webserv status` says: a look at the server as the control thread knows it, for a person or a program.

use std::time::{Duration, Instant, SystemTime};

use super::trial::Prospect;
use super::verdict::{Outcome, Standing, Verdict};
use crate::base::duration::format_roughly;
use crate::base::json::Json;
use crate::base::local_time;
use crate::server::Counts;

/// What is known of how configurations were taken up.
#[derive(Debug)]
pub(super) struct History {
    started: (SystemTime, Instant),
    /// When and why the current configuration was loaded.
    loaded: (SystemTime, String),
    /// The last reload that was refused, if none was taken since: when, why there was one, and why it was refused.
    refused: Option<(SystemTime, String, String)>,
    /// The configuration that was taken back, if none was taken up since: when, which, and why.
    taken_back: Option<(SystemTime, u64, String)>,
}

/// How the server is.
#[derive(Debug)]
pub(super) struct Status<'s> {
    pub(super) version: &'static str,
    pub(super) process: u32,
    pub(super) generation: u64,
    /// How things stand with the configuration, if it is on trial.
    pub(super) prospect: Option<Prospect>,
    pub(super) history: &'s History,
    /// How many workers take connections, and how many end with their last one.
    pub(super) workers: usize,
    pub(super) leaving: usize,
    pub(super) counts: Counts,
    pub(super) listeners: Vec<&'s str>,
    pub(super) servers: usize,
    pub(super) locations: usize,
}

impl History {
    /// Of a server that starts now.
    pub(super) fn begin() -> Self {
        let now = SystemTime::now();
        Self { started: (now, Instant::now()), loaded: (now, "start".to_owned()), refused: None, taken_back: None }
    }

    fn uptime(&self) -> Duration {
        self.started.1.elapsed()
    }

    /// Notes the end of a reload.
    pub(super) fn note(&mut self, verdict: &Verdict) {
        match &verdict.outcome {
            Outcome::Taken { standing, .. } => {
                self.loaded = (verdict.at, verdict.why.clone());
                self.refused = None;
                self.taken_back = None;
                if let Standing::Again { was, instead_of } = standing {
                    self.loaded.1 = format!("generation {was} again");
                    self.taken_back = Some((verdict.at, *instead_of, verdict.why.clone()));
                }
            }
            Outcome::Refused(_) => {
                let reasons = verdict.reasons().join("\n");
                self.refused = Some((verdict.at, verdict.why.clone(), reasons));
            }
        }
    }
}

impl Status<'_> {
    /// For a person.
    pub(super) fn text(&self) -> String {
        let Self { version, process, generation, history, .. } = self;
        let mut lines = vec![
            format!(
                "{version}, process {process}, up {} since {}",
                format_roughly(history.uptime()),
                time(history.started.0)
            ),
            format!("generation {generation}, loaded {} ({})", time(history.loaded.0), history.loaded.1),
            format!("{} servers, {} locations", self.servers, self.locations),
        ];
        lines.extend(self.prospect.map(|prospect| format!("on trial: {prospect}")));
        if let Some((at, number, why)) = &history.taken_back {
            lines.push(format!("generation {number} was taken back {}: {why}", time(*at)));
        }
        if let Some((at, why, reasons)) = &history.refused {
            lines.push(format!("last reload refused {} ({why}):", time(*at)));
            lines.extend(reasons.lines().map(|line| format!("    {line}")));
        }
        let leaving = if self.leaving > 0 { format!(", {} ending", self.leaving) } else { String::new() };
        lines.push(format!("{} workers{leaving}", self.workers));
        lines.extend(traffic(&self.counts));
        lines.extend(self.listeners.iter().map(|address| format!("listening on {address}")));
        lines.join("\n") + "\n"
    }

    /// For a program: one JSON document.
    pub(super) fn json(&self) -> String {
        let history = self.history;
        let refused = history.refused.as_ref().map_or(Json::Null, |(at, why, reasons)| {
            let reasons = reasons.lines().map(Json::from).collect();
            let members = vec![("at", seconds(*at)), ("why", Json::from(&**why)), ("reasons", Json::List(reasons))];
            Json::Object(members)
        });
        let taken_back = history.taken_back.as_ref().map_or(Json::Null, |(at, number, why)| {
            let members =
                vec![("at", seconds(*at)), ("generation", Json::Number(*number)), ("why", Json::from(&**why))];
            Json::Object(members)
        });
        let document = Json::Object(vec![
            ("version", Json::from(self.version)),
            ("pid", Json::Number(self.process.into())),
            ("started", seconds(history.started.0)),
            ("uptime_seconds", Json::Number(history.uptime().as_secs())),
            ("generation", Json::Number(self.generation)),
            ("loaded", seconds(history.loaded.0)),
            ("loaded_why", Json::from(&*history.loaded.1)),
            ("on_trial", self.prospect.map_or(Json::Null, |prospect| prospect.json())),
            ("last_taken_back", taken_back),
            ("last_refused", refused),
            ("servers", Json::count(self.servers)),
            ("locations", Json::count(self.locations)),
            ("workers", Json::count(self.workers)),
            ("workers_ending", Json::count(self.leaving)),
            ("connections", connections(&self.counts)),
            ("requests", requests(&self.counts)),
            ("listeners", Json::List(self.listeners.iter().map(|address| Json::from(*address)).collect())),
        ]);
        format!("{document}\n")
    }
}

/// Connections by state, in nginx's words for them, and requests with the classes of their answers.
fn traffic(counts: &Counts) -> [String; 2] {
    let Counts { open, reading, writing, accepted, requests, .. } = counts;
    let waiting = counts.waiting();
    let classes = classes(counts).map(|(class, count)| format!(", {count} {class}"));
    [
        format!("{open} connections: {reading} reading, {writing} writing, {waiting} waiting; {accepted} accepted"),
        format!("{requests} requests{}", classes.collect::<String>()),
    ]
}

fn connections(counts: &Counts) -> Json {
    Json::Object(vec![
        ("open", Json::Number(counts.open)),
        ("reading", Json::Number(counts.reading)),
        ("writing", Json::Number(counts.writing)),
        ("waiting", Json::Number(counts.waiting())),
        ("accepted", Json::Number(counts.accepted)),
    ])
}

fn requests(counts: &Counts) -> Json {
    let mut members = vec![("begun", Json::Number(counts.requests))];
    members.extend(classes(counts).map(|(class, count)| (class, Json::Number(count))));
    Json::Object(members)
}

/// The classes that answers are of, and how many; the usual ones are named though there be none.
fn classes(counts: &Counts) -> impl Iterator<Item = (&'static str, u64)> {
    const NAMES: [&str; 6] = ["unanswered", "1xx", "2xx", "3xx", "4xx", "5xx"];
    const USUAL: std::ops::Range<usize> = 2..6;
    let known = NAMES.into_iter().zip(counts.answers).enumerate();
    let other = counts.answers[NAMES.len()..].iter().sum();
    let named = known.filter(|(class, (_, count))| *count > 0 || USUAL.contains(class)).map(|(_, known)| known);
    named.chain((other > 0).then_some(("other", other)))
}

/// Local time, as in the error log.
fn time(at: SystemTime) -> String {
    let mut text = String::new();
    local_time::with(at, |time| text = String::from_utf8_lossy(&time.error_log).into_owned());
    text
}

/// Whole seconds since 1970.
fn seconds(at: SystemTime) -> Json {
    Json::Number(at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

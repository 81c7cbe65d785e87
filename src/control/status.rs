//! What `webserv status` says: a look at the server as the control thread knows it, for a person or a program.

use std::time::SystemTime;

use super::verdict::{Outcome, Verdict};
use crate::base::json::Json;
use crate::base::local_time;

/// What is known of how configurations were taken up.
#[derive(Debug)]
pub(super) struct History {
    pub(super) started: SystemTime,
    /// When and why the current configuration was loaded.
    loaded: (SystemTime, String),
    /// The last reload that was refused, if none was taken since: when, why there was one, and why it was refused.
    refused: Option<(SystemTime, String, String)>,
}

/// How the server is.
#[derive(Debug)]
pub(super) struct Status<'s> {
    pub(super) version: &'static str,
    pub(super) process: u32,
    pub(super) generation: u64,
    pub(super) history: &'s History,
    /// How many workers take connections, and how many end with their last one.
    pub(super) workers: usize,
    pub(super) leaving: usize,
    pub(super) listeners: Vec<&'s str>,
    pub(super) servers: usize,
    pub(super) locations: usize,
}

impl History {
    /// Of a server that starts now.
    pub(super) fn begin(now: SystemTime) -> Self {
        Self { started: now, loaded: (now, "start".to_owned()), refused: None }
    }

    /// Notes the end of a reload.
    pub(super) fn note(&mut self, verdict: &Verdict) {
        match &verdict.outcome {
            Outcome::Taken { .. } => {
                self.loaded = (verdict.at, verdict.why.clone());
                self.refused = None;
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
            format!("{version}, process {process}, up since {}", time(history.started)),
            format!("generation {generation}, loaded {} ({})", time(history.loaded.0), history.loaded.1),
            format!("{} servers, {} locations", self.servers, self.locations),
        ];
        if let Some((at, why, reasons)) = &history.refused {
            lines.push(format!("last reload refused {} ({why}):", time(*at)));
            lines.extend(reasons.lines().map(|line| format!("    {line}")));
        }
        let leaving = if self.leaving > 0 { format!(", {} ending", self.leaving) } else { String::new() };
        lines.push(format!("{} workers{leaving}", self.workers));
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
        let document = Json::Object(vec![
            ("version", Json::from(self.version)),
            ("pid", Json::Number(self.process.into())),
            ("started", seconds(history.started)),
            ("generation", Json::Number(self.generation)),
            ("loaded", seconds(history.loaded.0)),
            ("loaded_why", Json::from(&*history.loaded.1)),
            ("last_refused", refused),
            ("servers", Json::count(self.servers)),
            ("locations", Json::count(self.locations)),
            ("workers", Json::count(self.workers)),
            ("workers_ending", Json::count(self.leaving)),
            ("listeners", Json::List(self.listeners.iter().map(|address| Json::from(*address)).collect())),
        ]);
        format!("{document}\n")
    }
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

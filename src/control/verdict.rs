//! What became of a reload: for whoever asked, for the log, for `status`. It is a value; it does nothing.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

use super::listeners::BindError;
use super::trial::Prospect;
use super::wire::{Answer, Manner};
use crate::base::duration::format_roughly;
use crate::base::json::Json;
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::base::size::format_size;
use crate::config::diagnostics::Level;
use crate::config::inventory::{Change, Difference};
use crate::config::load::Report;
use crate::config::render;
use crate::config::zones::ZoneResized;
use crate::runtime::TempFileError;

/// The end of a reload.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Why there was one: `HUP`, `webserv reload`.
    pub(super) why: String,
    pub(super) outcome: Outcome,
    /// What was read, and what is wrong with it or hardly meant.
    pub(super) report: Report,
    /// How long it took.
    pub(super) took: Duration,
    /// When it ended.
    pub(super) at: SystemTime,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Requests are answered by the new configuration, the one of this number.
    Taken {
        generation: u64,
        servers: usize,
        locations: usize,
        addresses: usize,
        changes: Box<Changes>,
        standing: Standing,
    },
    /// Nothing has changed.
    Refused(Refusal),
}

/// How things stand with a configuration that was taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It stays.
    Settled,
    /// It may be taken back.
    OnTrial(Prospect),
    /// It ran before, under this number, and has come back in place of another.
    Again { was: u64, instead_of: u64 },
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The report says what.
    #[error("the configuration has errors")]
    Configuration,
    #[error(transparent)]
    Folder(#[from] TempFileError),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Bind(Vec<BindError>),
    #[error("a worker cannot be started {}", Reason(.0))]
    Worker(std::io::Error),
    #[error("cannot write \"{path}\" {}", Reason(.error))]
    PidFile { path: String, error: std::io::Error },
    #[error("the control socket \"{path}\" cannot be opened {}", Reason(.error))]
    ControlSocket { path: String, error: std::io::Error },
    #[error("the server is ending")]
    Ending,
}

/// What is another than before.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Addresses, as they are bound.
    pub(super) listening: Vec<String>,
    pub(super) no_longer_listening: Vec<String>,
    /// Those that are not in the configuration, and stay for the case that it is taken back.
    pub(super) still_listening: Vec<String>,
    pub(super) other_options: Vec<String>,
    /// How many workers there were and are, where that differs.
    pub(super) workers: Option<(usize, usize)>,
    /// Directives whose new value needs a start.
    pub(super) at_next_start: Vec<&'static str>,
    pub(super) differences: Vec<Difference>,
    /// What became of zones whose size changed.
    pub(super) zones: Vec<ZoneResized>,
    /// Zones that should have another size, for which there is no memory.
    pub(super) zones_as_they_are: Vec<Box<str>>,
}

impl Verdict {
    /// Says it in the error log: every finding, every change of addresses, and a last line.
    pub(super) fn log(&self) {
        for finding in &self.report.diagnostics {
            let line = render::one_line(finding, &self.report.sources);
            report(finding.level.severity(), format_args!("{line}"));
        }
        match &self.outcome {
            Outcome::Taken { generation, servers, addresses, changes, standing, .. } => {
                changes.log();
                let what = match standing {
                    Standing::Again { .. } => "taken back",
                    Standing::Settled | Standing::OnTrial(_) => "reloaded",
                };
                report(
                    Severity::Notice,
                    format_args!(
                        "configuration {what}: generation {generation}{standing}, {servers} servers on {addresses} \
                         addresses"
                    ),
                );
            }
            Outcome::Refused(refusal) => {
                if !matches!(refusal, Refusal::Configuration) {
                    refusal.to_string().lines().for_each(|line| report(Severity::Emerg, format_args!("{line}")));
                }
                report(Severity::Error, format_args!("configuration not changed, see the errors above"));
            }
        }
    }

    /// Why it was refused, a line each; empty if it was not.
    pub(super) fn reasons(&self) -> Vec<String> {
        let Outcome::Refused(refusal) = &self.outcome else { return Vec::new() };
        let errors = self.report.diagnostics.iter().filter(|finding| finding.level == Level::Error);
        let errors = errors.map(|finding| render::one_line(finding, &self.report.sources));
        errors.chain(refusal.to_string().lines().map(str::to_owned)).collect()
    }

    /// In the manner of whoever asked.
    pub(super) fn answer(&self, manner: Manner) -> Answer {
        let colour = if manner.colour { render::Colour::On } else { render::Colour::Off };
        let text = if manner.json { self.json() } else { self.text(colour) };
        Answer { ok: matches!(self.outcome, Outcome::Taken { .. }), text }
    }

    /// For a program: one JSON document.
    fn json(&self) -> String {
        let took = Json::Number(u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX));
        let mut members = vec![
            ("reloaded", Json::Bool(matches!(self.outcome, Outcome::Taken { .. }))),
            ("why", Json::from(&*self.why)),
            ("took_ms", took),
        ];
        match &self.outcome {
            Outcome::Taken { generation, servers, locations, addresses, changes, standing } => {
                let changes = changes.lines().iter().map(|line| Json::from(&**line)).collect();
                members.extend([
                    ("generation", Json::Number(*generation)),
                    ("servers", Json::count(*servers)),
                    ("locations", Json::count(*locations)),
                    ("addresses", Json::count(*addresses)),
                    ("changes", Json::List(changes)),
                ]);
                if let Standing::OnTrial(prospect) = standing {
                    members.push(("on_trial", prospect.json()));
                }
            }
            Outcome::Refused(refusal) => {
                let reasons = refusal.to_string().lines().map(Json::from).collect();
                members.push(("refused", Json::List(reasons)));
            }
        }
        members.extend(render::json_members(&self.report));
        format!("{}\n", Json::Object(members))
    }

    /// For a person: findings with their excerpts, what changed, and the verdict as the last line.
    fn text(&self, colour: render::Colour) -> String {
        let mut text = render::text(&self.report, colour);
        match &self.outcome {
            Outcome::Taken { generation, servers, locations, addresses, changes, standing } => {
                let lines = changes.lines();
                for line in lines.iter().take(LINES_MAX) {
                    text += line;
                    text.push('\n');
                }
                if lines.len() > LINES_MAX {
                    let _never_fails = writeln!(text, "and {} more", lines.len() - LINES_MAX);
                }
                if lines.is_empty() {
                    text += "nothing changed\n";
                }
                let counts = format!("{servers} servers, {locations} locations, {addresses} addresses");
                let _never_fails =
                    writeln!(text, "reloaded in {}: generation {generation}, {counts}", Milliseconds(self.took));
                if let Standing::OnTrial(prospect) = standing {
                    text += &format!("on trial: {prospect}\n");
                }
            }
            Outcome::Refused(refusal) => {
                let _never_fails = writeln!(text, "not reloaded, the server goes on as before: {refusal}");
            }
        }
        text
    }
}

impl Changes {
    /// Takes in what became of zones; that their sizes differ need not be said besides.
    pub(super) fn take_zones(&mut self, zones: Vec<ZoneResized>) {
        let is_told = |difference: &Difference| {
            difference.kind == "zone" && zones.iter().any(|zone| zone.name == difference.name)
        };
        self.differences.retain(|difference| !is_told(difference));
        self.zones = zones;
    }

    fn log(&self) {
        for address in &self.listening {
            report(Severity::Notice, format_args!("listening on {address}"));
        }
        for address in &self.no_longer_listening {
            report(Severity::Notice, format_args!("no longer listening on {address}"));
        }
        for address in &self.still_listening {
            report(Severity::Notice, format_args!("{address} is kept open as long as the configuration is on trial"));
        }
        for address in &self.other_options {
            report(Severity::Notice, format_args!("{address} has other options"));
        }
        if let Some((before, after)) = self.workers {
            report(Severity::Notice, format_args!("{after} workers instead of {before}"));
        }
        for zone in &self.zones {
            let severity = if zone.entries.dropped > 0 { Severity::Warn } else { Severity::Notice };
            report(severity, format_args!("{zone}"));
        }
        for name in &self.zones_as_they_are {
            report(Severity::Warn, format_args!("zone \"{name}\" keeps its size: there is no memory for the other"));
        }
        for name in &self.at_next_start {
            report(Severity::Warn, format_args!("the changed \"{name}\" takes effect at the next start"));
        }
    }

    /// A line for each: `+ server a`, `- listening on 0.0.0.0:80`.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.listening.iter().map(|address| format!("+ listening on {address}")));
        lines.extend(self.no_longer_listening.iter().map(|address| format!("- listening on {address}")));
        lines.extend(
            self.still_listening
                .iter()
                .map(|address| format!("- listening on {address}, as soon as that is confirmed")),
        );
        lines.extend(self.other_options.iter().map(|address| format!("~ options of {address}")));
        lines.extend(self.workers.map(|(before, after)| format!("~ {after} workers instead of {before}")));
        lines.extend(self.differences.iter().map(ToString::to_string));
        lines.extend(self.zones.iter().map(|zone| format!("~ {zone}")));
        lines.extend(self.zones_as_they_are.iter().map(|name| format!("! zone \"{name}\" keeps its size")));
        lines.extend(self.at_next_start.iter().map(|name| format!("! \"{name}\" takes effect at the next start")));
        lines
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Changed => '~',
        };
        let text = format!("{sign} {} {}", self.kind, self.name);
        formatter.write_str(text.trim_end())
    }
}

impl fmt::Display for ZoneResized {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, kept, dropped) = (&self.name, self.entries.kept, self.entries.dropped);
        write!(formatter, "zone \"{name}\" has {} instead of {}", format_size(self.after), format_size(self.before))?;
        match dropped {
            0 => Ok(()),
            _ => write!(formatter, ": {dropped} of its {} entries, the least recently used, are lost", kept + dropped),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => Ok(()),
            Self::OnTrial(prospect) => write!(formatter, " on trial ({prospect})"),
            Self::Again { was, instead_of } => write!(formatter, ", which is {was} again in place of {instead_of}"),
        }
    }
}

impl fmt::Display for Prospect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "generation {} comes back", self.back_to)?;
        if let Some(time) = self.confirm_in {
            write!(formatter, " in {} unless `webserv confirm` comes", left(time))?;
        }
        let joint = if self.confirm_in.is_some() { "; or" } else { "" };
        match self.watched_for {
            None => Ok(()),
            Some(time) => {
                write!(formatter, "{joint} if reload_guard finds too many 5xx within {}", left(time))
            }
        }
    }
}

/// How much time is left, in whole seconds if there are any.
fn left(time: Duration) -> impl fmt::Display {
    let rounded = Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0));
    format_roughly(if time.as_secs() > 0 { rounded } else { time })
}

impl Prospect {
    /// For a program.
    pub(super) fn json(&self) -> Json {
        let ms = |time: Option<Duration>| {
            time.map_or(Json::Null, |time| Json::Number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
        };
        Json::Object(vec![
            ("back_to", Json::Number(self.back_to)),
            ("confirm_in_ms", ms(self.confirm_in)),
            ("watched_for_ms", ms(self.watched_for)),
        ])
    }
}

/// A time as people read it: `12 ms`, `1.5 s`.
struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            ms @ ..1000 => write!(formatter, "{ms} ms"),
            _ => write!(formatter, "{:.1} s", self.0.as_secs_f64()),
        }
    }
}

/// More changes than this are counted, not listed.
const LINES_MAX: usize = 100;

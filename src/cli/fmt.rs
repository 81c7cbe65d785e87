//! `webserv fmt`: configuration files in the one layout.
//!
//! Reads each file by itself, follows no `include`. A file that cannot be read or has errors is left alone, with the
//! reason, and the others are formatted all the same.

use std::fs;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use similar::TextDiff;

use super::CommandError;
use super::arguments::UsageError;
use crate::base::reason::Reason;
use crate::base::replace::replace;
use crate::config::{format, render};

/// What is to be formatted, and what is to become of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Job {
    /// `-` is standard input, whose formatted text goes to standard output.
    pub(super) files: Vec<PathBuf>,
    /// Only say which files would change.
    pub(super) check: bool,
    /// Only show what would change.
    pub(super) diff: bool,
}

impl Job {
    /// Understands the words behind `fmt`.
    pub(super) fn parse(parser: &mut lexopt::Parser) -> Result<Self, UsageError> {
        use lexopt::prelude::{Long, Value};
        let mut job = Self::default();
        while let Some(word) = parser.next()? {
            match word {
                Long("check") => job.check = true,
                Long("diff") => job.diff = true,
                Value(file) => job.files.push(file.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        match job.files.iter().filter(|file| is_standard_input(file)).count() {
            _ if job.files.is_empty() => {
                Err(UsageError("expected a file behind \"fmt\", or - for standard input".into()))
            }
            0 | 1 => Ok(job),
            _ => Err(UsageError("standard input can be read once".into())),
        }
    }
}

/// Formats, checks or compares all files; fails if one of them could not be, or with `--check` if one would change.
pub(super) fn run(job: &Job) -> Result<ExitCode, CommandError> {
    let mut fine = true;
    for file in &job.files {
        match one(job, file) {
            Ok(same) => fine &= same || !job.check,
            Err(message) => {
                eprintln!("{}", message.trim_end());
                fine = false;
            }
        }
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Treats one file; says whether it was formatted before.
fn one(job: &Job, file: &Path) -> Result<bool, String> {
    let name = if is_standard_input(file) { "standard input".into() } else { file.display().to_string() };
    let bytes = read(file).map_err(|error| format!("webserv: reading \"{name}\" failed {}", Reason(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("webserv: \"{name}\" is not UTF-8"))?;
    let formatted =
        format::format(&name, &text).map_err(|report| render::text(&report, render::Colour::when_terminal()))?;
    let same = formatted == text;
    let shown = match (job.check, job.diff) {
        (_, true) if same => String::new(),
        (_, true) => diff(&name, &text, &formatted),
        (true, false) if same => String::new(),
        (true, false) => format!("{name}\n"),
        (false, false) if is_standard_input(file) => formatted,
        (false, false) if same => String::new(),
        (false, false) => {
            replace(file, formatted.as_bytes())
                .map_err(|error| format!("webserv: replacing \"{name}\" failed {}", Reason(&error)))?;
            String::new()
        }
    };
    super::print(&shown).map_err(|error| format!("webserv: {error}"))?;
    Ok(same)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if !is_standard_input(file) {
        return fs::read(file);
    }
    let mut bytes = Vec::new();
    stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// A unified diff, as `patch` takes it.
fn diff(name: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::configure().timeout(SEARCH_TIME_MAX).diff_lines(old, new);
    diff.unified_diff().context_radius(CONTEXT_LINES).header(name, name).to_string()
}

/// How long the shortest diff is searched for. Where nearly every line of a large file differs the search would take
/// hours; a longer diff that is found soon says as much.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(1);

/// As many as `diff -u` shows around a change.
const CONTEXT_LINES: usize = 3;

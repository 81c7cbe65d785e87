//! `webserv -t` and `-T`: checks the configuration and says everything that is wrong with it, to a person or a program.

use std::process::ExitCode;

use super::CommandError;
use super::arguments::UsageError;
use crate::config::load::{Report, Request, Totals};
use crate::config::{dump, lint, load, render};

/// How a configuration is to be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Check {
    /// `-q`: say nothing but what is wrong.
    pub(super) quiet: bool,
    /// `-T`: print all files that were read to standard output.
    pub(super) dump: bool,
    /// `--format`.
    pub(super) format: Format,
    /// `--deny`: which warnings let the check fail.
    pub(super) deny: Vec<Denied>,
}

/// Warnings that let a check fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// All of them.
    Warnings,
    /// Those with this code.
    Code(&'static str),
}

/// For whom the findings are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// For a person, on standard error.
    #[default]
    Text,
    /// For a program, on standard output.
    Json,
}

impl Format {
    /// Understands the word behind `--format`.
    pub(super) fn parse(word: &str) -> Result<Self, UsageError> {
        match word {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UsageError(format!("invalid format \"{word}\", expected text or json"))),
        }
    }
}

impl Denied {
    /// Understands the word behind `--deny`.
    pub(super) fn parse(word: &str) -> Result<Self, UsageError> {
        match (word, lint::find(word)) {
            ("warnings", _) => Ok(Self::Warnings),
            (_, Some(lint)) => Ok(Self::Code(lint.code)),
            _ => Err(UsageError(format!("\"{word}\" cannot be denied, expected warnings or a code of `webserv lint`"))),
        }
    }

    /// Whether any of the warnings is among these.
    fn found(self, totals: &Totals) -> bool {
        match self {
            Self::Warnings => totals.warnings > 0,
            Self::Code(code) => totals.codes.contains(code),
        }
    }
}

/// Checks a configuration.
pub(super) fn run(request: &Request, check: &Check) -> Result<ExitCode, CommandError> {
    let loaded = load::check(request);
    let name = request.origin.to_string();
    let denied = check.deny.iter().any(|denied| denied.found(&loaded.report.totals));
    let ok = loaded.result.is_ok() && !denied;
    match check.format {
        Format::Json => {
            super::print(&render::json(&loaded.report, &name, ok))?;
        }
        Format::Text => {
            say(&loaded.report, &name, ok, check.quiet);
            if check.dump && ok {
                super::print(&dump::dump(&loaded.report.sources))?;
            }
        }
    }
    // The process is about to end: giving a large configuration back piece by piece would take a quarter of the check.
    std::mem::forget(loaded);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(report: &Report, name: &str, ok: bool, quiet: bool) {
    eprint!("{}", render::text(report, render::Colour::when_terminal()));
    match ok {
        false if !report.has_errors() => {
            eprintln!("webserv: configuration file {name} test failed: its warnings are denied");
        }
        false => eprintln!("webserv: configuration file {name} test failed"),
        true if quiet => {}
        true => {
            eprintln!("webserv: the configuration file {name} syntax is ok");
            eprintln!("webserv: configuration file {name} test is successful");
        }
    }
}

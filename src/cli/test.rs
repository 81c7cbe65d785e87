//! `webserv -t` and `-T`: checks the configuration and says everything that is wrong with it, to a person or a program.

use std::process::ExitCode;

use super::CommandError;
use super::arguments::UsageError;
use crate::config::load::{Report, Request};
use crate::config::{dump, load, render};

/// How a configuration is to be checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Check {
    /// `-q`: say nothing but what is wrong.
    pub(super) quiet: bool,
    /// `-T`: print all files that were read to standard output.
    pub(super) dump: bool,
    /// `--format`.
    pub(super) format: Format,
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

/// Checks a configuration.
pub(super) fn run(request: &Request, check: Check) -> Result<ExitCode, CommandError> {
    let loaded = load::load(request, None);
    let name = request.origin.to_string();
    let ok = loaded.result.is_ok();
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
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(report: &Report, name: &str, ok: bool, quiet: bool) {
    eprint!("{}", render::text(report, render::Colour::when_terminal()));
    match ok {
        false => eprintln!("webserv: configuration file {name} test failed"),
        true if quiet => {}
        true => {
            eprintln!("webserv: the configuration file {name} syntax is ok");
            eprintln!("webserv: configuration file {name} test is successful");
        }
    }
}

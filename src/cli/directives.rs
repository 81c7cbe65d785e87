//! `webserv directives [NAME]`: the manual of the configuration, from the tables alone.

use std::process::ExitCode;

use super::CommandError;
use crate::config::manual;
use crate::modules::MODULES;

/// Prints the list, one entry, or the whole manual as Markdown.
pub(super) fn run(name: Option<&str>) -> Result<ExitCode, CommandError> {
    let text = match name {
        None => manual::list(MODULES),
        Some("--markdown") => manual::markdown(MODULES),
        Some(name) => manual::entry(MODULES, name)?,
    };
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

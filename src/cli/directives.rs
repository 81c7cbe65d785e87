//! `webserv directives`: the manual of the configuration, from the tables alone.

use std::process::ExitCode;

use super::CommandError;
use super::arguments::Part;
use crate::config::manual;
use crate::modules::MODULES;

/// Prints the whole manual, as plain text or Markdown, one entry of it, how each directive is written, or all names.
pub(super) fn run(part: &Part) -> Result<ExitCode, CommandError> {
    let text = match part {
        Part::Whole => manual::plain(MODULES),
        Part::List => manual::list(MODULES),
        Part::Words => manual::words(MODULES),
        Part::Markdown => manual::markdown(MODULES),
        Part::Directive(name) => manual::entry(MODULES, name)?,
    };
    super::print(&text)
}

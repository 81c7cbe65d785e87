//! `webserv variables`: what each variable is, from the tables alone.

use std::process::ExitCode;

use super::CommandError;
use crate::config::manual;
use crate::modules::MODULES;

/// Prints what the manual says of one variable, with or without its `$`, or of all.
pub(super) fn run(name: Option<&str>) -> Result<ExitCode, CommandError> {
    let text = match name {
        Some(name) => manual::variable(MODULES, name)?,
        None => manual::variable_list(MODULES),
    };
    super::print(&text)
}

//! `webserv confirm`: lets the running server keep the configuration that is on trial.

use std::process::ExitCode;

use super::CommandError;
use super::running;
use super::test::Format;
use crate::config::load::Request;
use crate::control::{self, Command};

/// Asks, and prints what was confirmed; fails if nothing was on trial.
pub(super) fn run(request: &Request, format: Format) -> Result<ExitCode, CommandError> {
    let process = running::process(request);
    let path = running::control_socket(&process)?;
    running::say(&control::ask(path, running::asked(Command::Confirm, format))?)
}

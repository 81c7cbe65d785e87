//! `webserv upgrade`: has a new process of the program take the place of the running one, and prints what became of it.
//!
//! The answer comes over the control socket. Where there is none the signal is all that can be sent, and that is said.

use std::process::ExitCode;

use super::CommandError;
use super::running;
use super::test::Format;
use crate::config::load::Request;
use crate::control::{Command, SignalName};

/// Asks, and waits until the new process serves or has failed.
pub(super) fn run(request: &Request, format: Format) -> Result<ExitCode, CommandError> {
    running::ask_or_signal(request, running::asked(Command::Upgrade, format), (SignalName::Upgrade, "USR2"))
}

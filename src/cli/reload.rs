//! `webserv reload`, and `-s reload`: has the running server take up its configuration, and prints its verdict.
//!
//! The verdict comes over the control socket. Where there is none the signal is all that can be sent, and that is said.

use std::process::ExitCode;
use std::time::Duration;

use super::CommandError;
use super::running;
use super::test::Format;
use crate::config::load::Request;
use crate::control::{Asked, Command, SignalName};

/// Asks, and waits for the verdict; `confirm` is how long the new configuration may run without being confirmed.
pub(super) fn run(request: &Request, format: Format, confirm: Option<Duration>) -> Result<ExitCode, CommandError> {
    let asked = Asked { confirm, ..running::asked(Command::Reload, format) };
    running::ask_or_signal(request, asked, (SignalName::Reload, "HUP"))
}

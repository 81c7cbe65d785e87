//! `webserv reload`, and `-s reload`: has the running server take up its configuration, and prints its verdict.
//!
//! The verdict comes over the control socket. Where there is none the signal is all that can be sent, and that is said.

use std::process::ExitCode;
use std::time::Duration;

use super::CommandError;
use super::running;
use super::test::Format;
use crate::config::load::Request;
use crate::control::{self, AskError, Asked, Command, SignalName};

/// Asks, and waits for the verdict; `confirm` is how long the new configuration may run without being confirmed.
pub(super) fn run(request: &Request, format: Format, confirm: Option<Duration>) -> Result<ExitCode, CommandError> {
    let process = running::process(request);
    let why = match running::control_socket(&process) {
        Err(_) => "the configuration has no control socket".to_owned(),
        Ok(path) => match control::ask(path, Asked { confirm, ..running::asked(Command::Reload, format) }) {
            Ok(answer) => return running::say(&answer),
            Err(error @ AskError::NoAnswer(_)) => return Err(error.into()),
            Err(error) => error.to_string(),
        },
    };
    if confirm.is_some() {
        return Err(format!("{why}, and a signal cannot say that the configuration is to be confirmed").into());
    }
    let number = running::signal(&process, SignalName::Reload).map_err(|error| format!("{why}; {error}"))?;
    eprintln!("webserv: {why}: sent HUP to process {number}, whose error log has the verdict");
    Ok(ExitCode::SUCCESS)
}

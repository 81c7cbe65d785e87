//! `webserv -s SIGNAL`: finds the running server by the pid file of its configuration, and signals it.

use std::process::ExitCode;

use super::CommandError;
use super::{reload, running};
use crate::config::load::Request;
use crate::control::SignalName;

/// Sends the signal; a reload is asked for so that it answers.
pub(super) fn run(request: &Request, name: SignalName) -> Result<ExitCode, CommandError> {
    if name == SignalName::Reload {
        return reload::run(request, super::test::Format::Text, None);
    }
    running::signal(&running::process(request), name)?;
    Ok(ExitCode::SUCCESS)
}

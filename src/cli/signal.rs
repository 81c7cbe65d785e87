//! `webserv -s SIGNAL`: finds the running server by the pid file of its configuration, and signals it.

use std::process::ExitCode;

use super::CommandError;
use crate::base::reason::Reason;
use crate::config::load::{self, Request};
use crate::config::render;
use crate::control::{self, SignalName};

/// Sends the signal.
pub(super) fn run(request: &Request, name: SignalName) -> Result<ExitCode, CommandError> {
    let loaded = load::load(request, None);
    let Ok(configuration) = loaded.result else {
        eprint!("{}", render::text(&loaded.report, render::Colour::when_terminal()));
        return Err("the configuration has errors, so its pid file is not known".into());
    };
    let path = configuration.process.pid.ok_or(
        "the configuration names no \"pid\" file, so the running server cannot be found: \
         signal it by its process id (HUP reloads, QUIT and TERM end, USR1 reopens logs)",
    )?;
    let pid = control::read_pid(&path)?;
    control::send(name, pid)
        .map_err(|error| format!("kill({}, {name:?}) failed {}", pid.as_raw_nonzero(), Reason(&error)))?;
    Ok(ExitCode::SUCCESS)
}

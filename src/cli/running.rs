//! How a command finds the running server: by what its configuration says of the process.
//!
//! That is understood as far as it can be also where the configuration has errors, for a reload of such a one is just
//! what the server is to judge.

use std::io::{IsTerminal, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::CommandError;
use super::test::Format;
use crate::base::reason::Reason;
use crate::config::load::{self, Process, Request};
use crate::control::{self, Answer, AskError, Asked, Command, Manner, SignalName};

/// What the configuration says of the process.
pub(super) fn process(request: &Request) -> Process {
    load::look_for_process(request)
}

/// Signals the server of a pid file.
pub(super) fn signal(process: &Process, name: SignalName) -> Result<i32, CommandError> {
    let path = process.pid.as_ref().ok_or(
        "the configuration names no \"pid\" file, so the running server cannot be found: \
         signal it by its process id (HUP reloads, QUIT and TERM end, USR1 reopens logs, USR2 upgrades)",
    )?;
    let pid = control::read_pid(path)?;
    let number = pid.as_raw_nonzero().get();
    control::send(name, pid).map_err(|error| format!("kill({number}, {name:?}) failed {}", Reason(&error)))?;
    Ok(number)
}

/// Has the running server do something, waits until it has, and prints what became of it; or sends a signal where there
/// is no control socket.
pub(super) fn ask_or_signal(
    request: &Request,
    asked: Asked,
    (signal, name): (SignalName, &str),
) -> Result<ExitCode, CommandError> {
    let process = process(request);
    let why = match control_socket(&process) {
        Err(_) => "the configuration has no control socket".to_owned(),
        Ok(path) => match control::ask(path, asked) {
            Ok(answer) => return say(&answer),
            Err(error @ AskError::NoAnswer(_)) => return Err(error.into()),
            Err(error) => error.to_string(),
        },
    };
    if asked.confirm.is_some() {
        return Err(format!("{why}, and a signal cannot say that the configuration is to be confirmed").into());
    }
    let number = self::signal(&process, signal).map_err(|error| format!("{why}; {error}"))?;
    eprintln!("webserv: {why}: sent {name} to process {number}, whose error log has the verdict");
    Ok(ExitCode::SUCCESS)
}

/// The control socket of a server.
pub(super) fn control_socket(process: &Process) -> Result<&PathBuf, CommandError> {
    let path = process.control.as_ref();
    Ok(path.ok_or("the configuration has no control socket: it needs a \"pid\" or \"control\" line")?)
}

/// Prints an answer, and picks the exit code by it.
pub(super) fn say(answer: &Answer) -> Result<ExitCode, CommandError> {
    super::print(&answer.text)?;
    Ok(if answer.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A command whose answer is for this format.
pub(super) fn asked(command: Command, format: Format) -> Asked {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let json = format == Format::Json;
    Asked::plainly(command, Manner { json, colour: !json && !unwanted && stdout().is_terminal() })
}

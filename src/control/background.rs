//! `daemon on`: starts the program anew in a session of its own, and ends when that serves or has failed.
//!
//! The new process writes what it has to say to this one's standard error until it serves; then it lets go of the
//! terminal.

use std::fs::File;
use std::io::{self, stdout};
use std::sync::Arc;

use rustix::process::setsid;

use super::generation::Generation;
use super::handover::{Legacy, Purpose, Successor};
use super::program::Program;
use crate::base::log_file::LogFile;
use crate::base::report::{Severity, report};

/// Starts the program in the background, and waits until it serves.
///
/// # Errors
/// Why it does not; what is wrong with its configuration it has said itself.
pub(super) fn start(program: &Program, legacy: Legacy) -> Result<(), String> {
    let legacy = Legacy { purpose: Some(Purpose::Background), ..legacy };
    let failed = |error: io::Error| format!("\"{}\" cannot be started: {error}", program.path().display());
    let mut successor = Successor::start(program, legacy).map_err(failed)?;
    successor.wait_until_ready()?;
    successor.go()
}

/// In the new process: leaves the session of the terminal that it was started from.
///
/// # Errors
/// The system's reason.
pub(super) fn leave_session() -> io::Result<()> {
    setsid()?;
    Ok(())
}

/// In the new process, once it serves: lets go of the terminal, or of whatever waits for the end of its output.
///
/// # Errors
/// The system's reason.
pub(super) fn leave_terminal(current: &Generation) -> io::Result<()> {
    let standard_error = LogFile::standard_error();
    if current.process.error_log.writes_to(&standard_error) {
        report(
            Severity::Warn,
            format_args!("\"error_log stderr\" goes nowhere from here on, for \"daemon\" is on: let it name a file"),
        );
    }
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    let _flushed = io::Write::flush(&mut stdout());
    rustix::stdio::dup2_stdin(&nowhere)?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    rustix::stdio::dup2_stderr(&nowhere)?;
    let files = current.resources.log_files().map(|(_, file)| Arc::clone(file));
    files.chain([standard_error]).try_for_each(|file| file.follow_stream())
}

//! The command line: nginx's options, and commands of our own, each in a file.
//!
//! `arguments` turns words into an `Invocation`; `run` does it and picks the exit code. What is printed for a person
//! to read on demand goes to standard output, everything else to standard error.

mod arguments;
mod commands;
mod completions;
mod confirm;
mod defaults;
mod directives;
mod explain;
mod fmt;
mod lint;
mod reload;
mod running;
mod serve;
mod signal;
mod status;
mod test;
mod upgrade;
mod variables;

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use arguments::{Action, Invocation, UsageError};

use crate::config::load::Request;
use crate::exchange::error_pages::SIGNATURE;
use crate::modules::MODULES;

/// Does what the command line says.
pub fn run(words: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    crate::base::report::install_logger();
    let invocation = match arguments::parse(words) {
        Ok(invocation) => invocation,
        Err(UsageError(message)) => {
            eprintln!("webserv: {message}\nTry `webserv -h`.");
            return ExitCode::from(2);
        }
    };
    match perform(invocation) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("webserv: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What a command can fail with: a text for the person who gave it.
type CommandError = Box<dyn std::error::Error>;

fn perform(invocation: Invocation) -> Result<ExitCode, CommandError> {
    match &invocation.action {
        Action::Help => print(&commands::help()),
        Action::Version => {
            eprintln!("webserv version: {SIGNATURE}");
            Ok(ExitCode::SUCCESS)
        }
        Action::VersionAndBuild => {
            eprintln!("webserv version: {SIGNATURE}");
            eprintln!("built for {}-{}", std::env::consts::ARCH, std::env::consts::OS);
            eprintln!("configuration: {}", defaults::CONFIGURATION_PATH);
            eprintln!("modules: {}", MODULES.iter().map(|module| module.name()).collect::<Vec<_>>().join(" "));
            Ok(ExitCode::SUCCESS)
        }
        Action::Directives(part) => directives::run(part),
        Action::Format(job) => fmt::run(job),
        Action::Test | Action::Dump => test::run(&request(&invocation)?, &invocation.check()),
        Action::Explain(job) => explain::run(&request(&invocation)?, job, invocation.format.unwrap_or_default()),
        Action::Variables(name) => variables::run(name.as_deref()),
        Action::Completions(shell) => completions::run(*shell),
        Action::Lint(code) => lint::run(code.as_deref()),
        Action::Reload => {
            reload::run(&request(&invocation)?, invocation.format.unwrap_or_default(), invocation.confirm)
        }
        Action::Confirm => confirm::run(&request(&invocation)?, invocation.format.unwrap_or_default()),
        Action::Status => status::run(&request(&invocation)?, invocation.format.unwrap_or_default()),
        Action::Upgrade => upgrade::run(&request(&invocation)?, invocation.format.unwrap_or_default()),
        Action::Signal(name) => signal::run(&request(&invocation)?, *name),
        Action::Serve => serve::run(request(&invocation)?),
    }
}

/// Writes a text to standard output. That a reader has seen enough (`webserv directives | head`) is no error.
fn print(text: &str) -> Result<ExitCode, CommandError> {
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// How the configuration is to be read.
fn request(invocation: &Invocation) -> Result<Request, CommandError> {
    defaults::request(invocation)
}

//! `webserv`: serves in the foreground.

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use super::CommandError;
use super::defaults::WELCOME_PORT;
use crate::config::load::{Origin, Request};
use crate::control::{self, Ended};

/// Serves until a signal ends it.
pub(super) fn run(request: Request) -> Result<ExitCode, CommandError> {
    let origin = request.origin.clone();
    let prefix = request.prefix.clone();
    match control::serve(request, |addresses| greet(&origin, &prefix, addresses))? {
        Ended::Gracefully => Ok(ExitCode::SUCCESS),
        Ended::BySignal(signal) => Ok(control::end_by(signal)),
    }
}

/// Tells whoever started it from a terminal, or without a configuration, what is going on.
fn greet(origin: &Origin, prefix: &std::path::Path, addresses: &[&str]) {
    match origin {
        Origin::BuiltIn(_) => {
            eprintln!("webserv serves its welcome page, {}/html, at http://localhost:{WELCOME_PORT}", prefix.display());
            eprintln!("Give it a configuration:   webserv -c FILE   (for example conf.d/example.conf)");
            eprintln!("Check one:                 webserv -t -c FILE");
            eprintln!("Ctrl-C ends it.");
        }
        Origin::File(file) if stderr().is_terminal() => {
            eprintln!("webserv serves {} at {}; Ctrl-C ends it", file.display(), addresses.join(", "));
        }
        Origin::File(_) => {}
    }
}

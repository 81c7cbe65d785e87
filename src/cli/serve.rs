//! `webserv`: serves in the foreground.

use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::process::ExitCode;

use super::CommandError;
use super::defaults::WELCOME_PORT;
use crate::control::{self, Main, Source};

/// Serves until a signal ends it.
pub(super) fn run(source: Source) -> Result<ExitCode, CommandError> {
    let (main, prefix) = (source.main.clone(), source.prefix.clone());
    Ok(control::serve(source, |addresses| greet(&main, &prefix, addresses))?)
}

/// Tells whoever started it from a terminal, or without a configuration, what is going on.
fn greet(main: &Main, prefix: &Path, addresses: &[&str]) {
    match main {
        Main::BuiltIn(_) => {
            eprintln!("webserv serves its welcome page, {}/html, at http://localhost:{WELCOME_PORT}", prefix.display());
            eprintln!("Give it a configuration:   webserv -c FILE   (for example conf.d/example.conf)");
            eprintln!("Check one:                 webserv -t -c FILE");
            eprintln!("Ctrl-C ends it.");
        }
        Main::File(file) if stderr().is_terminal() => {
            eprintln!("webserv serves {} at {}; Ctrl-C ends it", file.display(), addresses.join(", "));
        }
        Main::File(_) => {}
    }
}

//! `webserv -t` and `-T`: checks the configuration and says everything that is wrong with it.

use std::process::ExitCode;

use super::CommandError;
use crate::config::load::Request;
use crate::config::{dump, load, render};

/// Checks; with `dump_too`, prints all files that were read to standard output.
pub(super) fn run(request: &Request, quiet: bool, dump_too: bool) -> Result<ExitCode, CommandError> {
    let loaded = load::load(request, None);
    eprint!("{}", render::text(&loaded.report, render::Colour::when_terminal()));
    let name = request.origin.to_string();
    let Ok(_configuration) = loaded.result else {
        eprintln!("webserv: configuration file {name} test failed");
        return Ok(ExitCode::FAILURE);
    };
    if !quiet {
        eprintln!("webserv: the configuration file {name} syntax is ok");
        eprintln!("webserv: configuration file {name} test is successful");
    }
    if dump_too {
        return super::print(&dump::dump(&loaded.report.sources));
    }
    Ok(ExitCode::SUCCESS)
}

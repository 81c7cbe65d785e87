//! `webserv -t` and `-T`: checks the configuration and says everything that is wrong with it.

use std::process::ExitCode;

use super::CommandError;
use crate::config::dump;
use crate::config::render::Colour;
use crate::control::Source;

/// Checks; with `dump_too`, prints all files that were read to standard output.
pub(super) fn run(source: &Source, quiet: bool, dump_too: bool) -> Result<ExitCode, CommandError> {
    let loaded = source.load(None);
    eprint!("{}", loaded.report.render(Colour::of_standard_error()));
    let name = &source.main;
    let Ok(_configuration) = loaded.result else {
        eprintln!("webserv: configuration file {name} test failed");
        return Ok(ExitCode::FAILURE);
    };
    if !quiet {
        eprintln!("webserv: the configuration file {name} syntax is ok");
        eprintln!("webserv: configuration file {name} test is successful");
    }
    if dump_too {
        dump::dump(&loaded.report.sources, &mut std::io::stdout().lock())?;
    }
    Ok(ExitCode::SUCCESS)
}

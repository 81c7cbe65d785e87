//! The program `webserv`: everything is in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    webserv::cli::run(std::env::args_os().skip(1))
}

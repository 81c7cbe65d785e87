//! `webserv lint`: what the warnings of `webserv -t` mean, from their table alone.

use std::process::ExitCode;

use super::CommandError;
use crate::config::lint;

/// Explains one kind of warning, or lists all.
pub(super) fn run(code: Option<&str>) -> Result<ExitCode, CommandError> {
    let Some(code) = code else { return super::print(&lint::list()) };
    match (lint::find(code), lint::nearest_code(code)) {
        (Some(lint), _) => super::print(&lint.page()),
        (None, Some(near)) => Err(format!("there is no lint \"{code}\", did you mean \"{near}\"?").into()),
        (None, None) => Err(format!("there is no lint \"{code}\": `webserv lint` lists all").into()),
    }
}

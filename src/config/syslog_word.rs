//! The word `syslog:server=...` of `error_log` and `access_log`: its parameters, and errors at the right one.

use super::arguments::Arguments;
use super::diagnostics::Diagnostic;
use crate::base::syslog::Parameters;

const PREFIX: &str = "syslog:";

impl Arguments<'_> {
    /// The parameters of word `index`, or `None` when it does not begin with `syslog:`.
    ///
    /// # Errors
    /// A parameter that is wrong, at its place.
    pub fn syslog(&self, index: usize) -> Result<Option<Parameters>, Diagnostic> {
        let Some(text) = self.word(index).strip_prefix(PREFIX) else { return Ok(None) };
        let parsed = Parameters::parse(text).map_err(|error| {
            let start = PREFIX.len() + error.at;
            let diagnostic = self.error_in(index, start..start + error.length, error.message);
            match error.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        });
        parsed.map(Some)
    }
}

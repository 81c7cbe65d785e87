//! Words that several modules read alike: names of variables, paths of subrequests, sets of media types.
//!
//! What every directive has (numbers, sizes, times, values) is in `arguments`.

use bytes::Bytes;

use super::arguments::Arguments;
use super::diagnostics::Diagnostic;
use super::lint;
use crate::exchange::variables::Slot;
use crate::http::media_types::MediaTypes;

impl Arguments<'_> {
    /// Defines the variable that word `index` names, `$` before it.
    ///
    /// # Errors
    /// It is no name of a variable, or one of webserv's own variables.
    pub fn define_variable(&self, index: usize) -> Result<Slot, Diagnostic> {
        let word = self.word(index);
        let invalid = || self.error(index, format!("invalid variable name \"{word}\""));
        let Some(name) = word.strip_prefix('$') else {
            return Err(invalid().label("expected `$` before the name"));
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(invalid().label("expected letters, digits and underscores behind `$`"));
        }
        if self.session.variables.borrow().is_built_in(name) {
            let error = self.error(index, format!("the duplicate \"{name}\" variable"));
            return Err(error.label(format!("webserv itself defines `{word}`")).help("give the variable another name"));
        }
        Ok(self.define(name))
    }

    /// The path of a subrequest, which is taken as it is.
    ///
    /// # Errors
    /// It is no path. Unlike nginx, which would look for it beside the document root.
    pub fn subrequest_uri(&self, index: usize) -> Result<Bytes, Diagnostic> {
        let word = self.word(index);
        if !word.starts_with('/') {
            let error = self.error(index, format!("invalid URI \"{word}\" in \"{}\" directive", self.name()));
            return Err(error.label("expected a path of this server, beginning with `/`"));
        }
        let misleading = [("$", "variables have no meaning here"), ("?", "there are no arguments here")];
        for (mark, reason) in misleading {
            if let Some(at) = word.find(mark) {
                let message = format!("the \"{mark}\" in \"{word}\" is a part of the path");
                let warning = Diagnostic::warning(self.place_in(index, at..at + 1), message).label(reason);
                self.warn(warning.lint(&lint::LITERAL_SIGN));
            }
        }
        Ok(Bytes::copy_from_slice(word.as_bytes()))
    }

    /// Adds the media types that all words name. As in nginx a type that is there already is a warning.
    pub fn add_media_types(&self, types: &mut MediaTypes) {
        for (index, word) in self.words().enumerate() {
            if !types.add(word) {
                let warning = Diagnostic::warning(self.place(index), format!("duplicate MIME type \"{word}\""));
                self.warn(warning.lint(&lint::DUPLICATE_VALUE));
            }
        }
    }
}

//! Words that several modules read alike: names of variables, paths of subrequests, sets of media types.
//!
//! What every directive has (numbers, sizes, times, values) is in `arguments`.

use std::net::IpAddr;

use bytes::Bytes;

use super::arguments::Arguments;
use super::diagnostics::Diagnostic;
use super::lint;
use crate::exchange::variables::Assignee;
use crate::http::media_types::MediaTypes;

impl Arguments<'_> {
    /// The variable that word `index`, `$name`, names, for a value that comes later in a request; before that it has
    /// none, of which nothing is said.
    ///
    /// # Errors
    /// The word is no variable, or one of webserv's that takes no other value.
    pub fn receiver(&self, index: usize) -> Result<Assignee, Diagnostic> {
        let assignee = self.assignee(index)?;
        if matches!(assignee, Assignee::Slot(_)) {
            self.define(self.word(index).trim_start_matches('$'));
        }
        Ok(assignee)
    }

    /// What is wrong with a word that should be an address or a network; `expected` says what could stand there.
    pub fn no_network(&self, word: &str, expected: &str) -> String {
        let parts = word.split_once('/').and_then(|(address, prefix)| Some((address.parse::<IpAddr>().ok()?, prefix)));
        match parts {
            Some((IpAddr::V4(_), prefix)) if prefix.parse::<IpAddr>().is_ok() => {
                "expected the length of the prefix behind the slash, such as 24 for 255.255.255.0".to_owned()
            }
            Some((IpAddr::V4(_), _)) => "the prefix of an IPv4 network has 0 to 32 bits".to_owned(),
            Some((IpAddr::V6(_), _)) => "the prefix of an IPv6 network has 0 to 128 bits".to_owned(),
            None => expected.to_owned(),
        }
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

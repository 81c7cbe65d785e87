//! A regular expression whose named groups are variables.

use bytes::Bytes;

use super::diagnostics::{Diagnostic, Place};
use super::session::Session;
use crate::base::regex::{MatchError, Regex};
use crate::exchange::Captured;
use crate::route::tree::{self, Slots};

/// A compiled expression, and the slots of its named groups.
#[derive(Clone, Debug)]
pub struct NamedRegex {
    /// The expression.
    pub regex: Regex,
    /// Each named group, and its slot.
    pub names: Slots,
}

impl NamedRegex {
    /// Matches a text; what was captured is ready for `Exchange::keep_captures`.
    ///
    /// # Errors
    /// The limit on the steps was reached.
    pub fn captures(&self, subject: &Bytes) -> Result<Option<Captured>, MatchError> {
        let Some(captures) = self.regex.captures(subject)? else { return Ok(None) };
        Ok(Some(tree::captured(subject.clone(), &captures, &self.names)))
    }

    /// Compiles an expression and defines its named groups. `place` gives the place of a byte of the
    /// pattern, or of all of it.
    pub(super) fn compile(
        pattern: &str,
        case_insensitive: bool,
        session: &Session,
        place: impl Fn(Option<usize>) -> Place,
    ) -> Result<Self, Diagnostic> {
        let regex = Regex::new(pattern, case_insensitive).map_err(|error| {
            Diagnostic::error(place(error.position()), format!("invalid regular expression \"{pattern}\""))
                .label(error.reason())
        })?;
        let names = slots(&regex, session, place(None))?;
        Ok(Self { regex, names })
    }
}

/// Defines the named groups of an expression as variables. An error, at `place`, for a name that
/// webserv itself defines.
pub(super) fn slots(regex: &Regex, session: &Session, place: Place) -> Result<Slots, Diagnostic> {
    let mut variables = session.variables.borrow_mut();
    regex
        .names()
        .map(|(name, group)| {
            if variables.is_built_in(name) {
                return Err(Diagnostic::error(place, format!("the duplicate \"{name}\" variable"))
                    .label(format!("webserv itself defines `${name}`"))
                    .help("give the group another name"));
            }
            Ok((group, variables.define(name)))
        })
        .collect()
}

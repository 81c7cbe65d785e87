//! What `map`, `geo` and `split_clients` have in common as directives: a variable that a block defines, and lines in
//! the block that say which value stands for what.
//!
//! The names are kept by `variables`; how a variable is computed is said by the module.

use std::ops::Range;

use bytes::Bytes;

use super::arguments::Arguments;
use super::diagnostics::{Diagnostic, Place};
use super::lint;
use super::named_regex::NamedRegex;
use crate::exchange::definitions::Definition;
use crate::exchange::template::{Part, Template};
use crate::exchange::variables::Computed;

/// The name of a variable that a block defines.
#[derive(Clone, Debug)]
pub struct NewVariable {
    name: Box<str>,
    place: Place,
}

impl<'a> Arguments<'a> {
    /// The variable that word `index`, `$name`, defines: from here on it is known, how it is computed is told to
    /// [`Arguments::compute_by`].
    ///
    /// # Errors
    /// The word is no variable, or one of webserv's own.
    pub fn new_variable(&self, index: usize) -> Result<NewVariable, Diagnostic> {
        let word = self.word(index);
        let invalid = || self.error(index, format!("invalid variable name \"{word}\""));
        let Some(name) = word.strip_prefix('$') else {
            return Err(invalid().label("expected `$` before the name of the variable that is defined"));
        };
        if let Some(inner) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            return Err(invalid().label(format!("expected `${inner}`, without braces")));
        }
        // nginx takes any name; such a one could never be read.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(invalid().label("expected `$` and letters, digits or `_`"));
        }
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(invalid().label("a digit behind `$` is a group of a regular expression"));
        }
        let name = name.to_ascii_lowercase().into_boxed_str();
        let mut variables = self.session.variables.borrow_mut();
        if variables.is_built_in(&name) {
            let duplicate = self.error(index, format!("the duplicate \"{name}\" variable"));
            return Err(duplicate.label(format!("webserv itself defines `${name}`")).help("give it another name"));
        }
        variables.define(&name);
        Ok(NewVariable { name, place: self.place(index) })
    }

    /// Says how a variable is computed. Of several definitions the last counts, as in nginx; a warning says so.
    pub fn compute_by(&self, variable: NewVariable, value: Box<dyn Computed>, volatile: bool) {
        let NewVariable { name, place } = variable;
        let message = format!("the variable \"{name}\" is defined again");
        let earlier = self.session.variables.borrow_mut().compute_by(Definition { name, value, volatile }, place);
        if let Some(earlier) = earlier {
            let warning = Diagnostic::warning(place, message).label("this definition counts");
            let warning = warning.lint(&lint::VARIABLE_DEFINED_AGAIN);
            self.warn(warning.related(earlier, "this one has no effect"));
        }
    }

    /// The one variable that word `index` is: `$name`.
    ///
    /// # Errors
    /// The word is anything else.
    pub fn variable(&self, index: usize) -> Result<Template, Diagnostic> {
        let word = self.word(index);
        let invalid = || self.error(index, format!("invalid variable name \"{word}\""));
        if !word.starts_with('$') {
            return Err(invalid().label("expected `$` before the name of a variable"));
        }
        let template = self.template(index)?;
        match template.parts() {
            [Part::Variable(_)] => Ok(template),
            _ => Err(invalid().label("expected one variable alone")),
        }
    }

    /// A value that stands as it is: word `index`. A `$` in it is warned of, for elsewhere it would be a variable.
    pub fn plain_value(&self, index: usize) -> Bytes {
        let word = self.word(index);
        if let Some(at) = word.find('$') {
            let place = self.place_in(index, at..at + 1);
            let warning = Diagnostic::warning(place, format!("the value \"{word}\" is not searched for variables"));
            self.warn(warning.label("this `$` stands for itself").lint(&lint::LITERAL_SIGN));
        }
        Bytes::copy_from_slice(word.as_bytes())
    }

    /// Where a part of the name stands, given as a range of bytes of `name()`.
    pub fn place_in_name(&self, range: Range<usize>) -> Place {
        self.session.sources.place_in_word(self.line.file, self.line.name, range)
    }

    /// A regular expression: the name from byte `from` on, in a line of a raw block. Its named groups become variables.
    ///
    /// # Errors
    /// The expression is wrong, or exceeds a limit.
    pub fn regex_in_name(&self, from: usize, case_insensitive: bool) -> Result<NamedRegex, Diagnostic> {
        let text = self.name().get(from..).unwrap_or_default();
        NamedRegex::compile(text, case_insensitive, self.session, |at| match at {
            Some(at) => self.place_in_name(from + at..from + at + 1),
            None => self.place_in_name(from..from + text.len()),
        })
    }

    /// Reads the lines of a raw block, each by itself, so that all that are wrong are told.
    ///
    /// # Errors
    /// The last line that is wrong; those before it are reported.
    pub fn each_entry(&self, mut read: impl FnMut(&Arguments<'a>) -> Result<(), Diagnostic>) -> Result<(), Diagnostic> {
        let mut wrong: Option<Diagnostic> = None;
        for entry in self.entries() {
            if let Err(error) = read(&entry)
                && let Some(earlier) = wrong.replace(error)
            {
                self.warn(earlier);
            }
        }
        wrong.map_or(Ok(()), Err)
    }
}

//! The words of one directive, typed: what a setter is given.
//!
//! Every getter that can fail says what is wrong, where, and what was expected; a setter only
//! passes the error on. Counting words was done before the setter is called. What a word means
//! beyond its type is the setter's matter.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::diagnostics::{Diagnostic, Place};
use super::lines::Line;
use super::lint;
use super::named_regex::NamedRegex;
use super::schema::Contexts;
use super::semicolons;
use super::session::Session;
use crate::base::duration::{DurationError, parse_duration, parse_seconds};
use crate::base::size::{SizeError, parse_offset, parse_size};
use crate::base::suggest::nearest;
use crate::exchange::template::{Template, TemplateError};
use crate::exchange::variables::{Assignee, Slot};
use crate::http::status::Status;

/// One directive as a setter sees it. Word 0 is the first behind the name.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    pub(super) session: &'a Session,
    pub(super) line: Line<'a>,
    pub(super) context: Contexts,
    pub(super) first_in_block: bool,
    /// The line of the location it stands in.
    pub(super) location: Option<Line<'a>>,
    /// The number of the `if` it stands in, or opens.
    pub(super) conditional: Option<usize>,
}

impl<'a> Arguments<'a> {
    /// The directive's name; in a line of a raw block its first word.
    pub fn name(&self) -> &'a str {
        &self.line.name.text
    }

    /// How many words stand behind the name.
    pub fn len(&self) -> usize {
        self.line.words.len()
    }

    /// Whether no word stands behind the name.
    pub fn is_empty(&self) -> bool {
        self.line.words.is_empty()
    }

    /// Word `index`, without quotes and escapes; empty if there is none.
    pub fn word(&self, index: usize) -> &'a str {
        self.line.words.get(index).map_or("", |word| &word.text)
    }

    /// All words.
    pub fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.line.words.iter().map(|word| &*word.text)
    }

    /// Where word `index` stands; the name's place if there is none.
    pub fn place(&self, index: usize) -> Place {
        self.line.words.get(index).map_or_else(|| self.place_of_name(), |word| self.line.place(word))
    }

    /// Where a part of word `index` stands, given as a range of bytes of `word(index)`.
    pub fn place_in(&self, index: usize, range: Range<usize>) -> Place {
        match self.line.words.get(index) {
            Some(word) => self.session.sources.place_in_word(self.line.file, word, range),
            None => self.place_of_name(),
        }
    }

    /// Where the name stands.
    pub fn place_of_name(&self) -> Place {
        self.line.place(self.line.name)
    }

    /// The file and the line of the directive, for what is told of it later: `site.conf:3`.
    pub fn file_and_line(&self) -> Arc<str> {
        self.session.sources.file_and_line(self.place_of_name()).into()
    }

    /// Where the whole directive stands, from its name to its last word.
    pub fn whole(&self) -> Place {
        self.line.whole()
    }

    /// The error for a directive without its `;`, where another line follows that was taken for words of it.
    pub fn missing_semicolon(&self) -> Option<Diagnostic> {
        let next = self.line.words.iter().position(|word| word.starts_line)?;
        Some(semicolons::missing(&Line { words: &self.line.words[..next], block: None, ..self.line }, self.session))
    }

    /// The block that the directive stands in.
    pub fn context(&self) -> Contexts {
        self.context
    }

    /// How the location that the directive stands in was written: its modifier, if there is one, and
    /// its pattern. None outside of locations.
    pub fn location(&self) -> Option<(Option<&'a str>, &'a str)> {
        match self.location?.words {
            [pattern] => Some((None, &pattern.text)),
            [modifier, pattern] => Some((Some(&modifier.text), &pattern.text)),
            _ => None,
        }
    }

    /// The number of the `if` that the directive stands in, or that it opens, among those of the block
    /// around it, from 0. Told only to a module whose directives are a script.
    pub fn conditional(&self) -> Option<usize> {
        self.conditional
    }

    /// Whether no directive of this name came before in this block: then a setter that collects
    /// drops what the enclosing block had.
    pub fn first_in_block(&self) -> bool {
        self.first_in_block
    }

    /// `on` or `off`.
    ///
    /// # Errors
    /// Another word.
    pub fn flag(&self, index: usize) -> Result<bool, Diagnostic> {
        let word = self.word(index);
        if word.eq_ignore_ascii_case("on") {
            return Ok(true);
        }
        if word.eq_ignore_ascii_case("off") {
            return Ok(false);
        }
        let message =
            format!("invalid value \"{word}\" in \"{}\" directive, it must be \"on\" or \"off\"", self.name());
        Err(self.error(index, message).label("expected `on` or `off`"))
    }

    /// A size in bytes, with nginx's units `k` and `m` (buffers and the like).
    ///
    /// # Errors
    /// The word is no size.
    pub fn size(&self, index: usize) -> Result<u64, Diagnostic> {
        parse_size(self.word(index)).map_err(|error| self.size_error(index, &error))
    }

    /// A size in bytes where nginx knows the unit `g` too (`client_max_body_size`, `sendfile_max_chunk`).
    ///
    /// # Errors
    /// The word is no size.
    pub fn offset(&self, index: usize) -> Result<u64, Diagnostic> {
        parse_offset(self.word(index)).map_err(|error| self.size_error(index, &error))
    }

    /// A time in nginx's units, to the millisecond.
    ///
    /// # Errors
    /// The word is no time.
    pub fn duration(&self, index: usize) -> Result<Duration, Diagnostic> {
        parse_duration(self.word(index)).map_err(|error| self.duration_error(index, &error))
    }

    /// A time in nginx's units where nginx counts whole seconds (`expires`, `valid=`).
    ///
    /// # Errors
    /// The word is no time, or has milliseconds.
    pub fn seconds(&self, index: usize) -> Result<Duration, Diagnostic> {
        parse_seconds(self.word(index)).map_err(|error| self.duration_error(index, &error))
    }

    /// A decimal number.
    ///
    /// # Errors
    /// The word is no number of this type.
    pub fn number<T: FromStr>(&self, index: usize) -> Result<T, Diagnostic> {
        let word = self.word(index);
        let digits = word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty();
        match word.parse() {
            Ok(number) if !word.starts_with('+') => Ok(number),
            _ if digits => Err(self.invalid_value(index, "number").label("the number is too large")),
            _ => Err(self.invalid_value(index, "number").label("expected a number, such as 8")),
        }
    }

    /// The status of an answer that refuses, from 400 to 599 (`limit_req_status`).
    ///
    /// # Errors
    /// Another number, or none.
    pub fn error_status(&self, index: usize) -> Result<Status, Diagnostic> {
        let code = self.number::<u16>(index)?;
        let status = Status::new(code).filter(|_| (400..=599).contains(&code));
        status.ok_or_else(|| self.invalid_value(index, "status").label("expected a code from 400 to 599"))
    }

    /// One of these words, in either case, as nginx takes them.
    ///
    /// # Errors
    /// Another word; the message lists those that are possible, and the nearest.
    pub fn choice<T: Clone>(&self, index: usize, choices: &[(&str, T)]) -> Result<T, Diagnostic> {
        let word = self.word(index);
        if let Some((_, value)) = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
            return Ok(value.clone());
        }
        let names = || choices.iter().map(|(name, _)| *name);
        let error = self.error(index, format!("invalid value \"{word}\" in \"{}\" directive", self.name()));
        let error = match nearest(word, names()) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error,
        };
        Err(error.help(format!("expected {}", list_of(names()))))
    }

    /// An address (a network of one) or a network such as `10.0.0.0/8`; none when the word is neither. Bits behind the
    /// network are warned of, and are not in the result.
    pub fn network(&self, index: usize) -> Option<IpNet> {
        let word = self.word(index);
        let network = match word.contains('/') {
            false => word.parse().map(IpAddr::into).ok()?,
            true => word.parse::<IpNet>().ok()?,
        };
        if network.trunc() != network {
            let warning = Diagnostic::warning(self.place(index), format!("low address bits of {word} are meaningless"));
            let warning = warning.label(format!("the network is {}", network.trunc()));
            self.warn(warning.lint(&lint::NETWORK_HOST_BITS));
        }
        Some(network.trunc())
    }

    /// A value with variables. A variable that nobody defines is reported at the end of the run, for
    /// a named capture may come later.
    ///
    /// # Errors
    /// A `$` without a name, a `${` without its end.
    pub fn template(&self, index: usize) -> Result<Template, Diagnostic> {
        self.template_in(index, 0..self.word(index).len())
    }

    /// A value with variables that is a part of word `index`, given as a range of its bytes
    /// (`path=$x` from byte 5 on).
    ///
    /// # Errors
    /// As [`Arguments::template`].
    pub fn template_in(&self, index: usize, part: Range<usize>) -> Result<Template, Diagnostic> {
        let text = self.word(index).get(part.clone()).unwrap_or_default();
        self.compile(text, |within| self.place_in(index, part.start + within.start..part.start + within.end))
    }

    /// A value with variables that does not stand in the text as it is (joined, or completed);
    /// errors are shown at `place`.
    ///
    /// # Errors
    /// As [`Arguments::template`].
    pub fn template_of(&self, text: &str, place: Place) -> Result<Template, Diagnostic> {
        self.compile(text, |_| place)
    }

    /// A regular expression: word `index` from byte `from` on. Its named groups become variables.
    ///
    /// # Errors
    /// The expression is wrong, or exceeds a limit.
    pub fn regex(&self, index: usize, from: usize, case_insensitive: bool) -> Result<NamedRegex, Diagnostic> {
        self.regex_in(index, from..self.word(index).len(), case_insensitive)
    }

    /// A regular expression that is a part of word `index`, given as a range of its bytes.
    ///
    /// # Errors
    /// As [`Arguments::regex`].
    pub fn regex_in(&self, index: usize, part: Range<usize>, case_insensitive: bool) -> Result<NamedRegex, Diagnostic> {
        let text = self.word(index).get(part.clone()).unwrap_or_default();
        NamedRegex::compile(text, case_insensitive, self.session, |at| match at {
            Some(at) => self.place_in(index, part.start + at..part.start + at + 1),
            None => self.place_in(index, part.clone()),
        })
    }

    /// A path, taken from the prefix if it is relative.
    pub fn path(&self, index: usize) -> PathBuf {
        self.session.prefix_path().join(self.word(index))
    }

    /// Whether the process was started by root; it may have become another user since.
    pub fn as_root(&self) -> bool {
        self.session.as_root
    }

    /// The prefix that relative paths are taken from.
    pub fn prefix(&self) -> &'a str {
        &self.session.prefix
    }

    /// The folder of the main file, where nginx takes relative names from of files that belong to the configuration
    /// (`include`, `auth_basic_user_file`); the prefix for a text without a file.
    pub fn folder(&self) -> &'a Path {
        &self.session.folder
    }

    /// The lines of a raw block (`types { }`), what they include expanded. Each line's name is its
    /// first word. A line that has a block itself is reported and left out.
    pub fn entries(&self) -> Vec<Arguments<'a>> {
        let Some(block) = self.line.block else { return Vec::new() };
        let session = self.session;
        let mut entries = Vec::new();
        session.documents.each_line(self.line.file, block, &mut |line| match line.block {
            None => entries.push(Arguments { line, first_in_block: false, ..*self }),
            Some(_) => session.report(
                Diagnostic::error(line.place(line.name), format!("unexpected \"{{\" in \"{}\"", self.name()))
                    .label("no block may stand here"),
            ),
        });
        entries
    }

    /// An error at word `index`.
    pub fn error(&self, index: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.place(index), message)
    }

    /// An error at a part of word `index`.
    pub fn error_in(&self, index: usize, part: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.place_in(index, part), message)
    }

    /// An error at the directive's name.
    pub fn error_here(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.place_of_name(), message)
    }

    /// `invalid parameter "x"` at word `index`, with the nearest of the words that are possible.
    pub fn invalid_parameter<'n>(&self, index: usize, possible: impl IntoIterator<Item = &'n str>) -> Diagnostic {
        let word = self.word(index);
        let error = self.error(index, format!("invalid parameter \"{word}\""));
        match nearest(word, possible) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    /// Reports something that refuses nothing; or an error, where the setter can go on and find more.
    pub fn warn(&self, finding: Diagnostic) {
        self.session.report(finding);
    }

    /// Defines a variable of the configuration's own; the same name is the same slot.
    pub fn define(&self, name: &str) -> Slot {
        self.session.variables.borrow_mut().define(name)
    }

    /// The variable that word `index`, `$name`, gives a value to; unless webserv itself defines it, it is
    /// one of the configuration's own from here on.
    ///
    /// # Errors
    /// The word is no variable, or one of webserv's that takes no other value.
    pub fn assignee(&self, index: usize) -> Result<Assignee, Diagnostic> {
        let word = self.word(index);
        let error = || self.error(index, format!("invalid variable name \"{word}\""));
        let Some(name) = word.strip_prefix('$') else {
            return Err(error().label("expected `$` before the name").help(format!("write `{} ${word}`", self.name())));
        };
        if let Some(inner) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            return Err(error().label(format!("expected `${inner}`, without braces")));
        }
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(error().label("expected `$` and letters, digits or `_`"));
        }
        if let [b'0'..=b'9'] = name.as_bytes() {
            return Err(error().label("a group of the last regular expression takes no other value"));
        }
        self.session.variables.borrow_mut().assignee(name).ok_or_else(|| {
            self.error(index, format!("the duplicate \"{}\" variable", name.to_ascii_lowercase()))
                .label(format!("webserv itself defines `${name}`, and it takes no other value"))
        })
    }

    fn invalid_value(&self, index: usize, kind: &str) -> Diagnostic {
        self.error(index, format!("invalid {kind} \"{}\" in \"{}\" directive", self.word(index), self.name()))
    }

    fn size_error(&self, index: usize, error: &SizeError) -> Diagnostic {
        let base = self.invalid_value(index, "size");
        match error {
            SizeError::UnknownUnit { unit, units, .. } => {
                let place = self.place_of_unit(index, unit);
                Diagnostic { place: Some(place), ..base }.label(format!("expected the unit {units}"))
            }
            SizeError::NoNumber => base.label("expected a size, such as 8k or 10m"),
            SizeError::TooLarge { .. } => base.label("the size is too large"),
        }
    }

    fn duration_error(&self, index: usize, error: &DurationError) -> Diagnostic {
        let base = self.invalid_value(index, "time");
        let at_unit =
            |base: Diagnostic, unit: &str| Diagnostic { place: Some(self.place_of_unit(index, unit)), ..base };
        match error {
            DurationError::UnknownUnit { unit, .. } => {
                at_unit(base, unit).label("expected one of the units ms, s, m, h, d, w, M (months), y")
            }
            DurationError::NoNumberBefore { unit, .. } => at_unit(base, unit).label("expected a number before it"),
            DurationError::Order { unit, .. } => {
                at_unit(base, unit).label("expected each unit once, and larger units first")
            }
            DurationError::Milliseconds { .. } => at_unit(base, "ms").label("expected whole seconds"),
            DurationError::NoNumber => base.label("expected a time, such as 30s, 500ms or 1h30m"),
            DurationError::TooLong { .. } => base.label("the time is too long"),
        }
    }

    /// Where a unit that was refused stands in word `index`.
    fn place_of_unit(&self, index: usize, unit: &str) -> Place {
        match self.word(index).rfind(unit) {
            Some(at) if !unit.is_empty() => self.place_in(index, at..at + unit.len()),
            _ => self.place(index),
        }
    }

    fn compile(&self, text: &str, place: impl Fn(Range<usize>) -> Place) -> Result<Template, Diagnostic> {
        let mut variables = self.session.variables.borrow_mut();
        let compiled = Template::compile(text, |name| {
            // The name is a part of the text, so the distance of their addresses is its offset.
            let at = name.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len());
            let dollar = text[..at].rfind('$').unwrap_or(at);
            Some(variables.resolve(name, || place(dollar..at + name.len())))
        });
        drop(variables);
        let mut errors = compiled
            .map_err(|errors| errors.into_iter().map(|error| template_error(text, &error, &place)).collect::<Vec<_>>());
        if let Err(errors) = &mut errors {
            for further in errors.drain(1..) {
                self.session.report(further);
            }
        }
        errors.map_err(|errors| errors.into_iter().next().expect("a template that fails has an error"))
    }
}

impl std::fmt::Debug for Arguments<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entry(&self.name()).entries(self.words()).finish()
    }
}

fn template_error(text: &str, error: &TemplateError, place: &impl Fn(Range<usize>) -> Place) -> Diagnostic {
    match error {
        TemplateError::Unclosed { name, at } => {
            Diagnostic::error(place(*at..at + 2 + name.len()), error.to_string()).label("expected `}` behind the name")
        }
        TemplateError::NoName { at } => {
            Diagnostic::error(place(*at..at + 1), error.to_string()).label("expected a variable's name behind `$`")
        }
        TemplateError::Unknown { at, length, .. } => {
            let end = (at + length).min(text.len());
            Diagnostic::error(place(*at..end), error.to_string())
        }
    }
}

/// `a, b or c`.
pub(super) fn list_of<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| format!("`{item}`")).collect();
    let last = items.pop().unwrap_or_default();
    if items.is_empty() { last } else { format!("{} or {last}", items.join(", ")) }
}

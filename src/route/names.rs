//! Virtual servers by name: nginx's `server_name`; and whatever else has the names of hosts for keys (`map`).
//!
//! `config` reads names and builds a [`NameTable`] for each listening address; the connection's host name is looked up
//! in it. An exact name comes before a wildcard, the longest wildcard at the start before the longest one at the end,
//! those before the first regular expression that matches. Whoever asks falls back to the address's default server.
//! Does not read `listen`, and does not normalise a host name beyond the case of its letters.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;
use memchr::{memchr_iter, memrchr_iter};
use thiserror::Error;

use crate::base::regex::{Captures, MatchError, Regex, RegexError};

/// One argument of `server_name`, in lower case; cheap to clone.
#[derive(Clone, Debug)]
pub struct Name {
    text: String,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// `example.org`, and everything odd without a star: `_`, the empty name.
    Exact,
    /// `*.example.org`: any name that ends with `.example.org`.
    Leading,
    /// `.example.org`: that, and `example.org` itself.
    ExactAndLeading,
    /// `www.example.*`: any name that begins with `www.example.`.
    Trailing,
    /// `~^www\d+\.`.
    Regex(Regex),
}

/// Why a text is not a server name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// A star or a dot stands where it means nothing.
    #[error(
        "invalid server name or wildcard \"{0}\", a star stands for whole labels \
         at the start (\"*.example.org\") or at the end (\"www.example.*\")"
    )]
    Invalid(String),
    /// `~` alone.
    #[error("empty regex in server name \"~\"")]
    EmptyRegex,
    /// The regular expression does not compile.
    #[error(transparent)]
    Regex(#[from] RegexError),
}

/// A name that an earlier server of the same address has; nginx warns and ignores it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("conflicting server name \"{name}\"")]
pub struct Conflict {
    /// The later name.
    pub name: String,
}

/// Host name to `T`.
#[derive(Clone, Debug)]
pub struct NameTable<T> {
    values: Vec<T>,
    exact: HashMap<Box<[u8]>, usize, RandomState>,
    /// Keyed by what follows `*.`.
    leading: Wildcards,
    /// Keyed by what comes before `.*`.
    trailing: Wildcards,
    regexes: Vec<(Regex, usize)>,
}

/// Wildcards by their fixed labels.
#[derive(Clone, Debug, Default)]
struct Wildcards {
    names: HashMap<Box<[u8]>, usize, RandomState>,
    /// Of the name with the most labels; no more than these are looked at, however many a host name has.
    labels_max: usize,
}

/// Collects names for a [`NameTable`].
#[derive(Clone, Debug)]
pub struct NameTableBuilder<T> {
    table: NameTable<T>,
}

/// What a host name leads to.
#[derive(Debug)]
pub struct Match<'t, T> {
    /// What was inserted with the name.
    pub value: &'t T,
    /// Groups of the host name in lower case, if the name is a regular expression.
    pub captures: Option<Captures>,
}

impl Name {
    /// Reads a name as nginx does; a regular expression ignores case if it has a capital letter (host names are
    /// compared in lower case, so nothing else would ever match).
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn parse(text: &str) -> Result<Name, NameError> {
        if let Some(pattern) = text.strip_prefix('~') {
            if pattern.is_empty() {
                return Err(NameError::EmptyRegex);
            }
            let ignore_case = pattern.bytes().any(|byte| byte.is_ascii_uppercase());
            return Ok(Name { text: text.to_owned(), form: Form::Regex(Regex::new(pattern, ignore_case)?) });
        }
        Self::parse_mask(text)
    }

    /// Reads a name that may have a star at its start or end, or a dot at its start; `~` means nothing to it.
    ///
    /// # Errors
    /// See [`NameError::Invalid`].
    pub fn parse_mask(text: &str) -> Result<Name, NameError> {
        let (form, fixed) = if let Some(fixed) = text.strip_prefix('.') {
            (Form::ExactAndLeading, fixed)
        } else if let Some(fixed) = text.strip_prefix("*.") {
            (Form::Leading, fixed)
        } else if let Some(fixed) = text.strip_suffix(".*") {
            (Form::Trailing, fixed)
        } else {
            (Form::Exact, text)
        };
        let is_short = fixed.is_empty() && !text.is_empty();
        if is_short || fixed.contains(['*', '\0']) || text.contains("..") {
            return Err(NameError::Invalid(text.to_owned()));
        }
        Ok(Name { text: text.to_ascii_lowercase(), form })
    }

    /// A text that is meant as it is, stars and all; in any case of its letters.
    #[must_use]
    pub fn exact(text: &str) -> Name {
        Name { text: text.to_ascii_lowercase(), form: Form::Exact }
    }

    /// The name as written, but for the case of letters outside a regular expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What `$server_name` shows where this is a server's first name: `.example.org` without its dot.
    #[must_use]
    pub fn as_variable(&self) -> &str {
        self.text.strip_prefix('.').unwrap_or(&self.text)
    }

    /// The regular expression, if it is one.
    #[must_use]
    pub fn regex(&self) -> Option<&Regex> {
        match &self.form {
            Form::Regex(regex) => Some(regex),
            _ => None,
        }
    }

    /// Whether it holds a slash, as a URL pasted by mistake does; nginx warns of "suspicious symbols".
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        self.regex().is_none() && self.text.contains('/')
    }

    /// The labels without a star or the dot of `.example.org`.
    fn fixed(&self) -> &[u8] {
        let text = self.text.as_bytes();
        match self.form {
            Form::Exact | Form::Regex(_) => text,
            Form::Leading => &text["*.".len()..],
            Form::ExactAndLeading => &text[".".len()..],
            Form::Trailing => &text[..text.len() - ".*".len()],
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<T> NameTableBuilder<T> {
    /// No names yet.
    #[must_use]
    pub fn new() -> Self {
        NameTableBuilder { table: NameTable::default() }
    }

    /// Adds a name; regular expressions are tried in the order of their insertion.
    ///
    /// # Errors
    /// An earlier name is the same: it stays, and nothing is added. [`NameTableBuilder::position`] tells which.
    pub fn insert(&mut self, name: Name, value: T) -> Result<(), Conflict> {
        if self.position(&name).is_some() {
            return Err(Conflict { name: name.text });
        }
        let table = &mut self.table;
        let index = table.values.len();
        table.values.push(value);
        let fixed = name.fixed();
        if matches!(name.form, Form::Exact | Form::ExactAndLeading) {
            table.exact.insert(fixed.into(), index);
        }
        if matches!(name.form, Form::Leading | Form::ExactAndLeading) {
            table.leading.insert(fixed, index);
        }
        if matches!(name.form, Form::Trailing) {
            table.trailing.insert(fixed, index);
        }
        if let Form::Regex(regex) = name.form {
            table.regexes.push((regex, index));
        }
        Ok(())
    }

    /// Which of those inserted, counted from 0, stands in the way of this name.
    #[must_use]
    pub fn position(&self, name: &Name) -> Option<usize> {
        let fixed = name.fixed();
        let exact = || self.table.exact.get(fixed);
        let leading = || self.table.leading.names.get(fixed);
        let index = match name.form {
            Form::Exact => exact(),
            Form::Leading => leading(),
            Form::ExactAndLeading => exact().or_else(leading),
            Form::Trailing => self.table.trailing.names.get(fixed),
            Form::Regex(_) => None,
        };
        index.copied()
    }

    /// What was inserted with a name that stands in the way of this one.
    #[must_use]
    pub fn existing(&self, name: &Name) -> Option<&T> {
        self.position(name).map(|index| &self.table.values[index])
    }

    /// The finished table.
    #[must_use]
    pub fn build(self) -> NameTable<T> {
        self.table
    }
}

impl<T> Default for NameTableBuilder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> NameTable<T> {
    /// What `host` leads to: a name without port and without a dot at its end; empty for a request without one.
    ///
    /// Costs one hash, and one for each label up to those of the longest wildcard; regular expressions come last and
    /// never see the empty name.
    ///
    /// # Errors
    /// A regular expression did not come to an end; nginx answers 500.
    pub fn find(&self, host: &[u8]) -> Result<Option<Match<'_, T>>, MatchError> {
        if self.values.is_empty() {
            return Ok(None);
        }
        let lowered;
        let host = if host.iter().any(u8::is_ascii_uppercase) {
            lowered = host.to_ascii_lowercase();
            &lowered
        } else {
            host
        };
        let by_hash = (self.exact.get(host).copied())
            .or_else(|| self.leading.longest_end_of(host))
            .or_else(|| self.trailing.longest_start_of(host));
        if let Some(index) = by_hash {
            return Ok(Some(self.found(index, None)));
        }
        if host.is_empty() {
            return Ok(None);
        }
        for (regex, index) in &self.regexes {
            if let Some(captures) = regex.captures(host)? {
                return Ok(Some(self.found(*index, Some(captures))));
            }
        }
        Ok(None)
    }

    /// What was inserted, in the order of insertion.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }

    /// Gives everything back, and calls `pause` between values.
    pub(super) fn take_apart(self, pause: &mut dyn FnMut()) {
        let Self { values, exact, leading, trailing, regexes: _ } = self;
        values.into_iter().for_each(|value| {
            drop(value);
            pause();
        });
        for names in [exact, leading.names, trailing.names] {
            names.into_keys().for_each(|name| {
                drop(name);
                pause();
            });
        }
    }

    fn found(&self, index: usize, captures: Option<Captures>) -> Match<'_, T> {
        Match { value: &self.values[index], captures }
    }
}

impl<T> Default for NameTable<T> {
    fn default() -> Self {
        NameTable {
            values: Vec::new(),
            exact: HashMap::default(),
            leading: Wildcards::default(),
            trailing: Wildcards::default(),
            regexes: Vec::new(),
        }
    }
}

impl Wildcards {
    fn insert(&mut self, fixed: &[u8], index: usize) {
        let labels = memchr_iter(b'.', fixed).count() + 1;
        self.labels_max = self.labels_max.max(labels);
        self.names.insert(fixed.into(), index);
    }

    /// The longest name that `host` ends with, behind a dot.
    fn longest_end_of(&self, host: &[u8]) -> Option<usize> {
        if self.names.is_empty() {
            return None;
        }
        memrchr_iter(b'.', host)
            .take(self.labels_max)
            .filter_map(|dot| self.names.get(&host[dot + 1..]))
            .last()
            .copied()
    }

    /// The longest name that `host` begins with, before a dot.
    fn longest_start_of(&self, host: &[u8]) -> Option<usize> {
        if self.names.is_empty() {
            return None;
        }
        memchr_iter(b'.', host).take(self.labels_max).filter_map(|dot| self.names.get(&host[..dot])).last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table in which every name leads to itself.
    fn table(names: &[&'static str]) -> NameTable<&'static str> {
        let mut builder = NameTableBuilder::new();
        for name in names {
            builder.insert(Name::parse(name).unwrap(), *name).unwrap();
        }
        builder.build()
    }

    #[track_caller]
    fn check(names: &[&'static str], expected: &[(&str, Option<&str>)]) {
        let table = table(names);
        for (host, name) in expected {
            let found = table.find(host.as_bytes()).unwrap();
            assert_eq!(found.map(|found| *found.value), *name, "{host}");
        }
    }

    #[test]
    fn a_table_is_given_back_value_by_value() {
        let value = std::rc::Rc::new(());
        let mut builder = NameTableBuilder::new();
        for name in ["a.test", "*.b.test", "c.*", "~d"] {
            builder.insert(Name::parse(name).unwrap(), std::rc::Rc::clone(&value)).unwrap();
        }
        let mut left = Vec::new();
        builder.build().take_apart(&mut || left.push(std::rc::Rc::strong_count(&value) - 1));
        assert_eq!(left[..4], [3, 2, 1, 0]);
    }

    #[test]
    fn an_exact_name_matches_itself_in_any_case() {
        check(
            &["example.org", "WWW.example.org", "_", ""],
            &[
                ("example.org", Some("example.org")),
                ("Example.ORG", Some("example.org")),
                ("www.example.org", Some("WWW.example.org")),
                ("_", Some("_")),
                ("", Some("")),
                ("a.example.org", None),
                ("org", None),
            ],
        );
    }

    #[test]
    fn a_leading_wildcard_stands_for_one_label_or_more() {
        check(
            &["*.example.org", "*.b.example.org", "*.org"],
            &[
                ("a.example.org", Some("*.example.org")),
                ("x.y.example.org", Some("*.example.org")),
                ("x.b.example.org", Some("*.b.example.org")),
                ("b.example.org", Some("*.example.org")),
                ("example.org", Some("*.org")),
                ("a.examples.org", Some("*.org")),
                ("org", None),
            ],
        );
    }

    #[test]
    fn a_leading_dot_stands_for_the_name_itself_too() {
        check(
            &[".example.org"],
            &[
                ("example.org", Some(".example.org")),
                ("a.b.example.org", Some(".example.org")),
                ("anexample.org", None),
            ],
        );
    }

    #[test]
    fn a_trailing_wildcard_stands_for_one_label_or_more() {
        check(
            &["www.example.*", "www.*"],
            &[
                ("www.example.org", Some("www.example.*")),
                ("www.example.co.uk", Some("www.example.*")),
                ("www.examples.org", Some("www.*")),
                ("www", None),
                ("ww.example.org", None),
            ],
        );
    }

    #[test]
    fn the_forms_come_in_the_order_of_nginx() {
        check(
            &["~^www\\.example", "www.example.*", "*.example.org", "www.example.org", "~example"],
            &[
                ("www.example.org", Some("www.example.org")),
                ("x.example.org", Some("*.example.org")),
                ("www.x.example.org", Some("*.example.org")),
                ("www.example.net", Some("www.example.*")),
                ("www.example", Some("~^www\\.example")),
                ("example.net", Some("~example")),
                ("other.net", None),
            ],
        );
    }

    #[test]
    fn a_regular_expression_gives_its_groups_and_sees_lower_case() {
        let table = table(&["~^(?<user>.+)\\.Example\\.org$"]);
        let found = table.find(b"ANNA.example.ORG").unwrap().unwrap();
        assert_eq!(found.captures.unwrap().name("user"), Some(0..4));
    }

    #[test]
    fn a_request_without_host_meets_no_regular_expression() {
        check(&["~.*"], &[("", None), ("x", Some("~.*"))]);
    }

    #[test]
    fn the_first_of_equal_names_stays() {
        let cases = [
            ("example.org", "EXAMPLE.org"),
            ("example.org", ".example.org"),
            (".example.org", "example.org"),
            ("*.example.org", ".example.org"),
            (".example.org", "*.example.org"),
            ("www.*", "www.*"),
            ("", ""),
        ];
        for (first, second) in cases {
            let mut builder = NameTableBuilder::new();
            builder.insert(Name::parse(first).unwrap(), 1).unwrap();
            let name = Name::parse(second).unwrap();
            assert_eq!(builder.existing(&name), Some(&1));
            let conflict = builder.insert(name, 2).unwrap_err();
            let expected = format!("conflicting server name \"{}\"", second.to_lowercase());
            assert_eq!(conflict.to_string(), expected);
        }
        table(&["example.org", "*.example.org", "example.*", "~example", "~example"]);
    }

    #[test]
    fn a_star_within_a_name_is_refused() {
        for name in
            ["*", "*.", ".", "..", "*.*", "a.*.b", "w*.x", "*x.org", "x.*org", "*.x.*", ".x.*", "a..b", "**.x", ".*"]
        {
            let error = Name::parse(name).unwrap_err().to_string();
            let expected = format!("invalid server name or wildcard \"{name}\"");
            assert!(error.starts_with(&expected), "{error}");
        }
        assert_eq!(Name::parse("~").unwrap_err(), NameError::EmptyRegex);
        assert!(matches!(Name::parse("~("), Err(NameError::Regex(_))));
    }

    #[test]
    fn an_exact_name_has_no_wildcards() {
        let mut builder = NameTableBuilder::new();
        builder.insert(Name::exact("*.A"), 1).unwrap();
        builder.insert(Name::parse_mask("*.a").unwrap(), 2).unwrap();
        builder.insert(Name::parse_mask("~b").unwrap(), 3).unwrap();
        let table = builder.build();
        let found =
            ["*.a", "x.A", "~B", "b"].map(|host| table.find(host.as_bytes()).unwrap().map(|found| *found.value));
        assert_eq!(found, [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn a_name_shows_itself() {
        assert_eq!(Name::parse(".Example.org").unwrap().as_variable(), "example.org");
        assert_eq!(Name::parse("~^Www").unwrap().as_variable(), "~^Www");
        assert_eq!(Name::parse("*.Example.org").unwrap().to_string(), "*.example.org");
        assert!(Name::parse("http://x").unwrap().is_suspicious());
        assert!(!Name::parse("~^[^/]").unwrap().is_suspicious());
    }

    #[test]
    fn a_hostile_host_name_costs_no_more_labels_than_are_configured() {
        let table = table(&["*.example.org", "www.*"]);
        assert_eq!((table.leading.labels_max, table.trailing.labels_max), (2, 1));
        assert!(table.find(&b"a.".repeat(100_000)).unwrap().is_none());
    }
}

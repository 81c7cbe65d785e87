//! The table of a `map`: a text to its value, as nginx finds it.
//!
//! Keys that are texts are found by hash, in any case of their letters; then the expressions are tried in their order,
//! on the text as it is. The empty text meets no expression.

use bytes::Bytes;

use crate::base::report::Severity;
use crate::config::diagnostics::Place;
use crate::config::named_regex::NamedRegex;
use crate::exchange::Exchange;
use crate::exchange::template::Template;
use crate::exchange::variables::Computed;
use crate::route::names::NameTable;

/// How a variable that `map` defines is computed.
#[derive(Debug)]
pub(super) struct Map {
    /// What is looked up.
    pub(super) source: Template,
    /// `hostnames`: a dot at the end of what is looked up does not count.
    pub(super) hostnames: bool,
    /// The keys that are texts.
    pub(super) keys: NameTable<Target>,
    /// The keys that are regular expressions, and the number of each one's value.
    pub(super) regexes: Vec<(NamedRegex, u32)>,
    /// The number of the value of `default`.
    pub(super) default: Option<u32>,
    /// The values, by their numbers.
    pub(super) values: Vec<Template>,
}

/// What a key leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// The number of its value.
    pub(super) value: u32,
    /// Where the key stands, for who writes it again.
    pub(super) place: Place,
}

impl Computed for Map {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        if let Some(value) = self.found(exchange) {
            value.render_into(exchange, out);
        }
        true
    }

    fn value(&self, exchange: &Exchange) -> Option<Bytes> {
        Some(self.found(exchange).map(|value| value.render_bytes(exchange)).unwrap_or_default())
    }
}

impl Map {
    fn found(&self, exchange: &Exchange) -> Option<&Template> {
        let mut subject = self.source.render_bytes(exchange);
        if self.hostnames && subject.ends_with(b".") {
            subject.truncate(subject.len() - 1);
        }
        let number = self.look_up(exchange, &subject).or(self.default)?;
        self.values.get(usize::try_from(number).ok()?)
    }

    fn look_up(&self, exchange: &Exchange, subject: &Bytes) -> Option<u32> {
        // Without regular expressions a look-up does not fail.
        if let Ok(Some(found)) = self.keys.find(subject) {
            return Some(found.value.value);
        }
        if subject.is_empty() {
            return None;
        }
        for (regex, value) in &self.regexes {
            match regex.captures(subject) {
                Ok(None) => {}
                Ok(Some(captured)) => {
                    exchange.keep_captures(captured);
                    return Some(*value);
                }
                Err(error) => {
                    exchange.report(Severity::Alert, format_args!("{error}"));
                    return None;
                }
            }
        }
        None
    }
}

//! Values with variables in them, compiled at load.
//!
//! `"$scheme://$host/x"` becomes a list of parts; a request only joins them. A value without
//! variables is one literal and costs nothing. Which variables exist is decided by who compiles
//! (`config` knows the tables); this file knows the syntax: `$name`, `${name}`, `$1`.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::exchange::Exchange;
use super::variables::Reference;

/// A compiled value.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Shared, for one value holds in many locations.
    parts: Arc<[Part]>,
}

/// One part of a compiled value.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text as it is.
    Literal(Bytes),
    /// A variable, computed when the value is needed.
    Variable(Reference),
}

/// What is wrong with a value, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `${name` without `}`.
    #[error("the closing bracket in \"${{{name}\" variable is missing")]
    Unclosed {
        /// What follows the bracket.
        name: String,
        /// Byte offset of the `$`.
        at: usize,
    },
    /// A `$` with no name behind it.
    #[error("invalid variable name")]
    NoName {
        /// Byte offset of the `$`.
        at: usize,
    },
    /// The one who compiles does not know the variable.
    #[error("unknown \"{name}\" variable")]
    Unknown {
        /// The name as written.
        name: String,
        /// Byte offset of the `$`.
        at: usize,
        /// Length of the reference in bytes, `$` and brackets included.
        length: usize,
    },
}

impl Template {
    /// A value that has no variables.
    pub fn literal(text: impl AsRef<[u8]>) -> Self {
        let text = Bytes::copy_from_slice(text.as_ref());
        Self { parts: if text.is_empty() { Arc::default() } else { Arc::new([Part::Literal(text)]) } }
    }

    /// Compiles a value; `resolve` turns a variable's name into a reference, or knows none.
    ///
    /// # Errors
    /// All that is wrong with the text, in order of place.
    pub fn compile(text: &str, mut resolve: impl FnMut(&str) -> Option<Reference>) -> Result<Self, Vec<TemplateError>> {
        let mut parts = Vec::new();
        let mut errors = Vec::new();
        let mut literal_start = 0;
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'$', &text.as_bytes()[at..]) {
            let dollar = at + found;
            match variable_name(text, dollar) {
                Ok((name, end)) => {
                    push_literal(&mut parts, &text[literal_start..dollar]);
                    match resolve(name) {
                        Some(reference) => parts.push(Part::Variable(reference)),
                        None => errors.push(TemplateError::Unknown {
                            name: name.to_owned(),
                            at: dollar,
                            length: end - dollar,
                        }),
                    }
                    literal_start = end;
                    at = end;
                }
                Err(error) => {
                    errors.push(error);
                    at = dollar + 1;
                }
            }
        }
        push_literal(&mut parts, &text[literal_start..]);
        if errors.is_empty() { Ok(Self { parts: parts.into() }) } else { Err(errors) }
    }

    /// The parts, for those who treat values and text differently (log escaping).
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text, when there is no variable in it.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match &*self.parts {
            [] => Some(b""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether the value is the empty text whatever the request.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Writes the value for this exchange behind what `out` holds. A variable without a value is
    /// the empty text.
    pub fn render_into(&self, exchange: &Exchange, out: &mut Vec<u8>) {
        for part in self.parts.iter() {
            match part {
                Part::Literal(text) => out.extend_from_slice(text),
                Part::Variable(reference) => {
                    reference.write(exchange, out);
                }
            }
        }
    }

    /// The value for this exchange.
    pub fn render<'a>(&'a self, exchange: &Exchange) -> Cow<'a, [u8]> {
        if let Some(text) = self.as_literal() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(64);
        self.render_into(exchange, &mut out);
        Cow::Owned(out)
    }

    /// The value for this exchange, sharing memory where it can.
    pub fn render_bytes(&self, exchange: &Exchange) -> Bytes {
        match &*self.parts {
            [] => Bytes::new(),
            [Part::Literal(text)] => text.clone(),
            _ => {
                let mut out = Vec::with_capacity(64);
                self.render_into(exchange, &mut out);
                Bytes::from(out)
            }
        }
    }
}

/// The name of the variable at `dollar`, and where its reference ends.
fn variable_name(text: &str, dollar: usize) -> Result<(&str, usize), TemplateError> {
    let rest = &text[dollar + 1..];
    if let Some(inner) = rest.strip_prefix('{') {
        let length = name_length(inner);
        if !inner[length..].starts_with('}') {
            return Err(TemplateError::Unclosed { name: inner[..length].to_owned(), at: dollar });
        }
        if length == 0 {
            return Err(TemplateError::NoName { at: dollar });
        }
        return Ok((&inner[..length], dollar + 2 + length + 1));
    }
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok((&rest[..1], dollar + 2));
    }
    match name_length(rest) {
        0 => Err(TemplateError::NoName { at: dollar }),
        length => Ok((&rest[..length], dollar + 1 + length)),
    }
}

fn name_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Literal(Bytes::copy_from_slice(text.as_bytes())));
    }
}

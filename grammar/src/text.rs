//! A piece of a source, or a text of its own.
//!
//! Almost every word says what stands in the source, so it is a share of the source rather than a copy: of a large
//! configuration the copies would be more than the source itself.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::Span;

/// A text that shares its bytes with the source it was read from.
#[derive(Clone, Default)]
pub struct Text {
    source: Arc<str>,
    span: Span,
}

impl Text {
    /// What stands at `span`; nothing when the span is not of this source.
    pub(crate) fn of(source: &Arc<str>, span: Span) -> Text {
        match source.get(span.range()) {
            Some(_) => Text { source: Arc::clone(source), span },
            None => Text::default(),
        }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.span.slice(&self.source)
    }
}

impl From<&str> for Text {
    /// Of what is longer than any source nothing is kept.
    fn from(text: &str) -> Text {
        let end = u32::try_from(text.len()).unwrap_or(0);
        Text { source: text.into(), span: Span::new(0, end) }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        text.as_str().into()
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_source_is_what_stands_there() {
        let source = Arc::from("listen 80;");
        let text = Text::of(&source, Span::new(7, 9));
        assert_eq!((&*text, text.to_string()), ("80", "80".to_owned()));
        assert_eq!(text, Text::from("80"));
        assert!(Arc::ptr_eq(&text.clone().source, &source));
    }

    #[test]
    fn a_place_that_is_not_of_the_source_has_no_text() {
        let source = Arc::from("\u{e4}");
        assert_eq!(Text::of(&source, Span::new(1, 2)), "");
        assert_eq!(Text::of(&source, Span::new(0, 9)), "");
    }
}

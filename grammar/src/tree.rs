//! The tree of a configuration file: what stands where, as written.
//!
//! Owns the types `parse` gives and `print` takes. Gives no meaning to any name.

use std::ops::Range;

use crate::Text;

/// A place in a source: byte offsets from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// The offset of the first byte.
    pub start: u32,
    /// The offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The span of the given offsets.
    pub fn new(start: u32, end: u32) -> Span {
        Span { start, end }
    }

    /// The place before the byte at `offset`, with nothing in it.
    pub fn empty_at(offset: u32) -> Span {
        Span::new(offset, offset)
    }

    /// How many bytes it covers.
    pub fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it is a place between two bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The smallest span that covers both.
    pub fn join(self, other: Span) -> Span {
        Span::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The text it covers; empty when the span is not of this source.
    #[inline]
    pub fn slice(self, source: &str) -> &str {
        source.get(self.range()).unwrap_or("")
    }

    /// The same as a range of indices.
    #[inline]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// How a word was quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Quote {
    /// Not at all.
    #[default]
    None,
    /// `'so'`
    Single,
    /// `"so"`
    Double,
}

/// A directive's name or one of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// What it says: without quotes, and with backslashes resolved as nginx does.
    pub text: Text,
    /// Where it stands, quotes included.
    pub span: Span,
    /// How it was quoted.
    pub quote: Quote,
    /// Whether it is the first on its line. An argument that starts a line is where a missing `;`
    /// shows, and a layout the printer keeps.
    pub starts_line: bool,
    /// The word as written, quotes included, when it holds a backslash: the printer keeps that form.
    /// To change `text` afterwards, make a new word.
    pub written: Option<Box<Text>>,
}

impl Word {
    /// A word that was never in a source.
    pub fn new(text: impl Into<Text>) -> Word {
        Word { text: text.into(), ..Word::default() }
    }
}

/// A directive: `name argument ...;` or `name argument ... { ... }`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directive {
    /// The first word.
    pub name: Word,
    /// The other words.
    pub arguments: Vec<Word>,
    /// The block, if it ends with one instead of `;`.
    pub body: Option<Block>,
    /// From the name to the `;` or `}`, or to the last word where that is missing.
    pub span: Span,
}

/// What stands between `{` and `}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// The `{`; empty where it is missing.
    pub open: Span,
    /// The `}`; none where it is missing.
    pub close: Option<Span>,
    /// The content, in order.
    pub items: Vec<Item>,
}

impl Block {
    /// The directives, without comments and blank lines.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        directives(&self.items)
    }
}

/// A comment: `#` and the rest of its line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comment {
    /// The text with its `#`, without white space at the end. One line.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Whether it follows a directive or a `{` on the same line.
    pub trailing: bool,
}

/// What a block or a file is a list of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A directive.
    Directive(Directive),
    /// A comment. One between the words of a directive is listed before that directive.
    Comment(Comment),
    /// One or more empty lines between two items.
    BlankLine,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The content, in order.
    pub items: Vec<Item>,
}

impl Document {
    /// The directives, without comments and blank lines.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        directives(&self.items)
    }

    /// Whether both say the same: equal directives, words and comments in equal order, whatever
    /// their layout and quotes.
    pub fn means_the_same_as(&self, other: &Document) -> bool {
        same_items(&self.items, &other.items)
    }
}

fn directives(items: &[Item]) -> impl Iterator<Item = &Directive> {
    items.iter().filter_map(|item| match item {
        Item::Directive(directive) => Some(directive),
        Item::Comment(_) | Item::BlankLine => None,
    })
}

fn same_items(left: &[Item], right: &[Item]) -> bool {
    let spoken = |item: &&Item| !matches!(item, Item::BlankLine);
    let mut left = left.iter().filter(spoken);
    let mut right = right.iter().filter(spoken);
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(left), Some(right)) if same_item(left, right) => {}
            _ => return false,
        }
    }
}

fn same_item(left: &Item, right: &Item) -> bool {
    match (left, right) {
        (Item::Directive(left), Item::Directive(right)) => same_directive(left, right),
        (Item::Comment(left), Item::Comment(right)) => left.text == right.text,
        _ => false,
    }
}

fn same_directive(left: &Directive, right: &Directive) -> bool {
    let texts =
        |directive: &Directive| -> Vec<Text> { directive.arguments.iter().map(|word| word.text.clone()).collect() };
    left.name.text == right.name.text
        && texts(left) == texts(right)
        && match (&left.body, &right.body) {
            (None, None) => true,
            (Some(left), Some(right)) => same_items(&left.items, &right.items),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_join_and_slice() {
        let source = "listen 80;";
        let joined = Span::new(0, 6).join(Span::new(7, 9));
        assert_eq!(joined.slice(source), "listen 80");
        assert_eq!(joined.len(), 9);
        assert!(Span::empty_at(9).is_empty());
    }

    #[test]
    fn a_span_of_another_source_slices_to_nothing() {
        assert_eq!(Span::new(5, 9).slice("abc"), "");
        assert_eq!(Span::new(1, 2).slice("\u{e4}\u{e4}"), "");
        assert_eq!(Span::new(3, 1).slice("abcdef"), "");
    }

    #[test]
    fn meaning_ignores_layout_but_not_words() {
        let document = |source| crate::parse(source).document;
        let written = document("a 'b' { c; }\n\nd;");
        assert!(written.means_the_same_as(&document("a b {\n c;\n}\nd;")));
        assert!(!written.means_the_same_as(&document("a b { c; }")));
        assert!(!written.means_the_same_as(&document("a b { c; } e;")));
        assert!(!written.means_the_same_as(&document("a b; d;")));
    }
}

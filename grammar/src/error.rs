//! Everything that can be wrong with a source, and how it is told.
//!
//! Owns the kinds and all texts: lower case, no full stop, the thing named, and what to write instead.
//! Does not render them; the excerpt and the caret are the caller's.

use crate::{ERRORS_MAX, NESTING_MAX, SOURCE_BYTES_MAX, Span, WORD_BYTES_MAX};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A directive ends, at `}` or at the end of the file, without its `;`.
    MissingSemicolon,
    /// A `;` with no directive before it.
    UnexpectedSemicolon,
    /// A `{` whose `}` is missing.
    UnclosedBlock,
    /// A `}` whose `{` is missing, where it is clear which directive it belongs to.
    MissingOpeningBrace,
    /// A `}` too many.
    UnexpectedClosingBrace,
    /// A `{` with no name before it.
    NamelessBlock,
    /// A quoted word whose closing quote is missing.
    UnterminatedQuote,
    /// Text directly after a closing quote.
    TextAfterQuote,
    /// A control character in a word.
    ControlCharacter,
    /// A word longer than [`WORD_BYTES_MAX`].
    WordTooLong,
    /// Blocks nested deeper than [`NESTING_MAX`].
    NestingTooDeep,
    /// A source larger than [`SOURCE_BYTES_MAX`]; nothing of it was read.
    SourceTooLarge,
    /// More than [`ERRORS_MAX`] errors; the rest is not listed.
    TooManyErrors,
}

/// One thing that is wrong, told at the place where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What it is.
    pub kind: ErrorKind,
    /// Where it is wrong; empty where something is missing.
    pub span: Span,
    /// The error in one line.
    pub message: String,
    /// What to say at the place itself.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Another place that explains it, and what to say there.
    pub related: Option<(Span, String)>,
}

impl SyntaxError {
    fn new(kind: ErrorKind, span: Span, message: String, label: &str) -> SyntaxError {
        SyntaxError { kind, span, message, label: label.to_owned(), help: None, related: None }
    }

    fn help(mut self, help: impl Into<String>) -> SyntaxError {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn related(mut self, span: Span, text: impl Into<String>) -> SyntaxError {
        self.related = Some((span, text.into()));
        self
    }
}

/// The directive from `first` to `last` has no `;`.
pub(crate) fn missing_semicolon(source: &str, first: Span, last: Span) -> SyntaxError {
    let message = format!("missing `;` after `{}`", excerpt(last.slice(source)));
    let whole = first.join(last).slice(source);
    let shown = match whole.contains('\n') || whole.len() > EXCERPT_CHARACTERS_MAX {
        true => last.slice(source),
        false => whole,
    };
    let error =
        SyntaxError::new(ErrorKind::MissingSemicolon, Span::empty_at(last.end), message, "the directive ends here");
    error.help(format!("write `{};`", excerpt(shown)))
}

pub(crate) fn unexpected_semicolon(span: Span, after_block: bool) -> SyntaxError {
    let message = "unexpected `;`: no directive stands before it".to_owned();
    let error = SyntaxError::new(ErrorKind::UnexpectedSemicolon, span, message, "ends nothing");
    error.help(match after_block {
        true => "remove it: a block ends with its `}`",
        false => "remove it",
    })
}

/// `server; {`
pub(crate) fn semicolon_before_block(semicolon: Span, name: &str, open: Span) -> SyntaxError {
    let message = format!("unexpected `;` between `{}` and its block", excerpt(name));
    let error =
        SyntaxError::new(ErrorKind::UnexpectedSemicolon, semicolon, message, "ends the directive before its block");
    error.help("remove it").related(open, "the block begins here")
}

pub(crate) fn unclosed_block(name: &str, open: Span) -> SyntaxError {
    let name = excerpt(name);
    let message = format!("missing `}}`: the block of `{name}` is never closed");
    let error = SyntaxError::new(ErrorKind::UnclosedBlock, open, message, "opened here");
    error.help(format!("write `}}` where the block of `{name}` ends"))
}

/// `last` is the word after which the `{` is missing, `close` the `}` that shows it.
pub(crate) fn missing_opening_brace(source: &str, last: Span, close: Span) -> SyntaxError {
    let last_text = excerpt(last.slice(source));
    let message = format!("missing `{{` after `{last_text}`");
    let error =
        SyntaxError::new(ErrorKind::MissingOpeningBrace, Span::empty_at(last.end), message, "the block begins here");
    let error = error.help(format!("write `{last_text} {{`"));
    error.related(close, "this `}` ends the block")
}

/// The word `word` ends in `${`, which nginx reads as the beginning of a variable.
pub(crate) fn brace_read_as_variable(source: &str, word: Span) -> SyntaxError {
    let text = word.slice(source).trim_end_matches('{');
    let message = format!("missing white space between `{}` and `{{`", excerpt(text));
    let error = SyntaxError::new(
        ErrorKind::MissingOpeningBrace,
        Span::new(word.end - 1, word.end),
        message,
        "after `$` this is a part of the word, the beginning of a variable's name",
    );
    error.help(format!("write `{} {{`", excerpt(text)))
}

pub(crate) fn unexpected_closing_brace(span: Span) -> SyntaxError {
    let message = "unexpected `}`: there is no block for it to close".to_owned();
    let error = SyntaxError::new(ErrorKind::UnexpectedClosingBrace, span, message, "closes nothing");
    error.help("remove it, or write the name and the `{` of the block it is to close")
}

pub(crate) fn nameless_block(span: Span) -> SyntaxError {
    let message = "missing name before `{`".to_owned();
    let error = SyntaxError::new(ErrorKind::NamelessBlock, span, message, "this block has no name");
    error.help("write the name of the block before it, or remove it")
}

/// `end` is where the closing quote probably belongs.
pub(crate) fn unterminated_quote(quote: char, open: Span, end: u32) -> SyntaxError {
    let message = format!("missing closing `{quote}`");
    let error = SyntaxError::new(ErrorKind::UnterminatedQuote, open, message, "this quote is never closed");
    let error = error.help(format!("write `{quote}` where the text ends, or `\\{quote}` for the character itself"));
    error.related(Span::empty_at(end), "it probably ends here")
}

pub(crate) fn text_after_quote(text: &str, quote: &str, span: Span) -> SyntaxError {
    let text = excerpt(text);
    let message = format!("unexpected `{text}` directly after a closing `{quote}`");
    let error = SyntaxError::new(ErrorKind::TextAfterQuote, span, message, "white space, `;` or `{` must come first");
    error.help(format!("put all of the word into the quotes; inside them `\\{quote}` is the character itself"))
}

pub(crate) fn control_character(character: char, span: Span) -> SyntaxError {
    let message = format!("control character U+{:04X}", u32::from(character));
    let error =
        SyntaxError::new(ErrorKind::ControlCharacter, span, message, "cannot be seen, and is not white space here");
    error.help("remove it")
}

pub(crate) fn word_too_long(start: Span, quoted: bool) -> SyntaxError {
    let message = format!("word longer than {WORD_BYTES_MAX} bytes");
    let error = SyntaxError::new(ErrorKind::WordTooLong, start, message, "begins here");
    error.help(match quoted {
        true => "shorten it, or look for a missing closing quote",
        false => "shorten it, or look for missing white space",
    })
}

pub(crate) fn nesting_too_deep(open: Span) -> SyntaxError {
    let message = format!("blocks nested more than {NESTING_MAX} deep");
    let error = SyntaxError::new(ErrorKind::NestingTooDeep, open, message, "this block is one too deep");
    error.help("close the blocks around it, or move it out of them")
}

pub(crate) fn source_too_large() -> SyntaxError {
    let message = format!("file larger than {SOURCE_BYTES_MAX} bytes");
    let error = SyntaxError::new(ErrorKind::SourceTooLarge, Span::default(), message, "was not read");
    error.help("split it, and `include` the parts")
}

/// Puts errors in order of place, and cuts the list at its limit.
pub(crate) fn in_order(mut errors: Vec<SyntaxError>) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| error.span);
    if errors.len() > ERRORS_MAX {
        let span = errors[ERRORS_MAX].span;
        errors.truncate(ERRORS_MAX);
        let message = format!("more than {ERRORS_MAX} errors");
        errors.push(SyntaxError::new(
            ErrorKind::TooManyErrors,
            span,
            message,
            "what is wrong from here on is not listed",
        ));
    }
    errors
}

/// Adds an error, unless there are already more than will be listed: keeps the list itself bounded.
pub(crate) fn add(errors: &mut Vec<SyntaxError>, error: SyntaxError) {
    if errors.len() <= ERRORS_MAX {
        errors.push(error);
    }
}

/// The text in one line of at most `EXCERPT_CHARACTERS_MAX` characters, fit for a message.
fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    let mut excerpt: String = line
        .chars()
        .take(EXCERPT_CHARACTERS_MAX)
        .flat_map(|character| match character.is_control() {
            true => character.escape_default().collect::<Vec<_>>(),
            false => vec![character],
        })
        .collect();
    if text.len() > line.len() || line.chars().nth(EXCERPT_CHARACTERS_MAX).is_some() {
        excerpt.push_str("...");
    }
    excerpt
}

/// Longer words tell no more about where they stand.
const EXCERPT_CHARACTERS_MAX: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt("listen"), "listen");
        assert_eq!(excerpt("two\nlines"), "two...");
        assert_eq!(excerpt(&"a".repeat(61)), "a".repeat(60) + "...");
        assert_eq!(excerpt("\u{7}"), "\\u{7}");
    }

    #[test]
    fn the_list_of_errors_has_an_end() {
        let parsed = crate::parse(&"; a; ".repeat(ERRORS_MAX + 50));
        assert_eq!(parsed.errors.len(), ERRORS_MAX + 1);
        assert_eq!(parsed.errors[ERRORS_MAX].kind, ErrorKind::TooManyErrors);
        let parsed = crate::parse(&"; a; ".repeat(ERRORS_MAX));
        assert_eq!(parsed.errors.len(), ERRORS_MAX);
    }
}

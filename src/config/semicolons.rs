//! Finds semicolons that were forgotten at the end of a line.
//!
//! Without its `;` a directive swallows the lines behind it as words. That shows when a word that
//! begins a line is the name of a directive: then the line is taken for a directive of its own, so
//! that one slip is one error. Lists over several lines must not be torn apart: where the words
//! are fine as they stand, the rest must also make a good directive.

use super::diagnostics::Diagnostic;
use super::index::{Found, Index};
use super::lines::Line;
use super::schema::{Contexts, Entry};
use super::session::Session;
use webserv_grammar::Quote;

/// A line that holds two directives.
#[derive(Debug)]
pub(super) struct Split<'a> {
    /// What stands before the place where the semicolon is missing.
    pub(super) first: Line<'a>,
    /// What stands behind it.
    pub(super) rest: Line<'a>,
}

/// Looks for a missing semicolon in a directive; `entry` is its line of the table, if it is known.
pub(super) fn split<'a>(line: Line<'a>, entry: Option<&Entry>, context: Contexts, index: &Index) -> Option<Split<'a>> {
    let fits = entry.is_some_and(|entry| fits(entry, line.words.len(), line.block.is_some()));
    // The word behind the name can only be the next directive where the name stands alone wrongly.
    let first = usize::from(fits || entry.is_none());
    let begins = |at: &usize| line.words[*at].starts_line && line.words[*at].quote == Quote::None;
    let at = (first..line.words.len()).filter(begins).find(|at| {
        let name = &*line.words[*at].text;
        let Found::Here(number) = index.find(name, context) else { return false };
        let next = (at + 1..line.words.len()).find(begins).unwrap_or(line.words.len());
        let with_block = next == line.words.len() && line.block.is_some();
        (entry.is_some() && !fits) || self::fits(&index.known(number).entry, next - at - 1, with_block)
    })?;
    Some(Split {
        first: Line { words: &line.words[..at], block: None, ..line },
        rest: Line { name: &line.words[at], words: &line.words[at + 1..], ..line },
    })
}

/// The error at the end of the first directive.
pub(super) fn missing(first: &Line<'_>, session: &Session) -> Diagnostic {
    let text = &session.sources.source(first.file).text;
    let last = first.words.last().unwrap_or(first.name);
    let whole = first.whole().span.slice(text);
    let error = Diagnostic::error(first.behind(), format!("missing `;` after `{}`", last.span.slice(text)))
        .label("the directive ends here");
    match whole.contains('\n') || whole.len() > HELP_BYTES_MAX {
        true => error.help("write `;` at the end of the line"),
        false => error.help(format!("write `{whole};`")),
    }
}

/// Whether so many words, and a block or none, are what the directive takes.
pub(super) fn fits(entry: &Entry, words: usize, block: bool) -> bool {
    let (min, max) = entry.word_count();
    (min..=max).contains(&words) && entry.has_block() == block
}

/// A longer line is not repeated in the advice.
const HELP_BYTES_MAX: usize = 80;

//! From byte offsets to lines and columns, as people count them.
//!
//! Called where a place is shown. Does not keep the source.

use crate::Span;

/// The byte order mark some editors put before a text; nobody sees it, so no column counts it.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where each line of a source begins: for many look-ups in one source.
#[derive(Debug, Clone)]
pub struct Lines<'source> {
    source: &'source str,
    starts: Vec<u32>,
}

impl<'source> Lines<'source> {
    /// Finds the lines of `source`.
    pub fn new(source: &'source str) -> Lines<'source> {
        let ends = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(index, _)| index as u32 + 1));
        Lines { source, starts: starts.collect() }
    }

    /// The line and the column of a byte offset, both counted from 1, the column in characters.
    /// An offset past the end is taken as the end.
    pub fn position(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line.saturating_sub(1)];
        (line as u32, column(self.source, start, offset))
    }

    /// The span of a line, counted from 1, without its line end; none past the last line.
    pub fn span(&self, line: u32) -> Option<Span> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let text = self.source.get(start as usize..)?.lines().next();
        Some(Span::new(start, start + text.unwrap_or("").len() as u32))
    }

    /// How many lines there are; text after the last line end counts, even when it is empty.
    pub fn count(&self) -> u32 {
        self.starts.len() as u32
    }
}

/// The line and the column of one byte offset: see [`Lines::position`].
pub fn position(source: &str, offset: u32) -> (u32, u32) {
    let before = &source.as_bytes()[..source.len().min(offset as usize)];
    let line = before.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
    (line, column(source, start as u32, offset))
}

/// Whether nothing but white space stands before `span` on its line.
///
/// An argument for which this holds may be the name of the next directive, its line's predecessor
/// lacking the `;`.
pub fn starts_line(source: &str, span: Span) -> bool {
    let before = source.get(..span.start as usize).unwrap_or("");
    before
        .trim_start_matches(BYTE_ORDER_MARK)
        .chars()
        .rev()
        .take_while(|character| *character != '\n')
        .all(char::is_whitespace)
}

fn column(source: &str, line_start: u32, offset: u32) -> u32 {
    let characters = source
        .get(line_start as usize..)
        .unwrap_or("")
        .char_indices()
        .take_while(|(index, _)| *index < offset.saturating_sub(line_start) as usize)
        .filter(|(_, character)| *character != BYTE_ORDER_MARK);
    characters.count() as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "ab\n\u{e4}\u{f6}\u{fc} x\n\nend";

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(position(SOURCE, 0), (1, 1));
        assert_eq!(position(SOURCE, 2), (1, 3));
        assert_eq!(position(SOURCE, 3), (2, 1));
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let offset = SOURCE.find('x').unwrap() as u32;
        assert_eq!(position(SOURCE, offset), (2, 5));
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        assert_eq!(position(SOURCE, 900), (4, 4));
        assert_eq!(position("", 900), (1, 1));
    }

    #[test]
    fn the_byte_order_mark_is_no_column() {
        assert_eq!(position("\u{feff}listen", 3), (1, 1));
        assert!(starts_line("\u{feff}listen", Span::new(3, 9)));
    }

    #[test]
    fn the_table_of_lines_says_the_same() {
        let lines = Lines::new(SOURCE);
        for offset in 0..=SOURCE.len() as u32 + 2 {
            assert_eq!(lines.position(offset), position(SOURCE, offset));
        }
        assert_eq!(lines.count(), 4);
        assert_eq!(lines.span(2).unwrap().slice(SOURCE), "\u{e4}\u{f6}\u{fc} x");
        assert_eq!(lines.span(3).unwrap().slice(SOURCE), "");
        assert_eq!(lines.span(0), None);
        assert_eq!(lines.span(5), None);
    }

    #[test]
    fn a_word_starts_a_line_when_only_white_space_precedes_it() {
        let source = "root /srv\n\t index a;";
        assert!(starts_line(source, Span::new(0, 4)));
        assert!(!starts_line(source, Span::new(5, 9)));
        assert!(starts_line(source, Span::new(12, 17)));
        assert!(!starts_line(source, Span::new(18, 19)));
    }
}

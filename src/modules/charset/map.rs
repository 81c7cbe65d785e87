//! Tables from one charset to another: what `charset_map` says, and the recoding of bytes by it.
//!
//! Charsets of one byte a character, and UTF-8. Knows no response.

use std::sync::Arc;

use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;

/// A `charset_map`: two charsets and the ways between them.
#[derive(Clone, Debug)]
pub(super) struct Map {
    from: Arc<str>,
    to: Arc<str>,
    forth: Arc<Table>,
    back: Arc<Table>,
}

/// The way from one charset to another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Both have one byte a character.
    Bytes(Box<[u8; 256]>),
    /// From one byte a character to UTF-8.
    ToUtf8(Box<[Letter; 256]>),
    /// From UTF-8 to one byte a character: by the upper and then the lower byte of a code point. 0 is none.
    FromUtf8(Box<[Option<Box<[u8; 256]>>; 256]>),
}

/// A character in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    bytes: [u8; 3],
    length: u8,
}

impl Map {
    /// Reads a `charset_map`. Lines that are wrong are reported.
    pub(super) fn read(arguments: &Arguments<'_>, known: &[Self]) -> Result<Self, Diagnostic> {
        let (from, to) = (arguments.word(0), arguments.word(1));
        if from.eq_ignore_ascii_case(to) {
            let message = format!("\"charset_map\" between the same charsets \"{from}\" and \"{to}\"");
            return Err(arguments.error(1, message));
        }
        if is_utf8(from) {
            let error = arguments.error(0, format!("invalid charset \"{from}\" in \"charset_map\" directive"));
            return Err(error.label("expected the charset of one byte a character before `utf-8`"));
        }
        if known.iter().any(|map| map.way(from, to).is_some()) {
            return Err(arguments.error(0, format!("duplicate \"charset_map\" between \"{from}\" and \"{to}\"")));
        }
        let (forth, back) = if is_utf8(to) { with_utf8(arguments) } else { with_bytes(arguments) };
        Ok(Self { from: from.into(), to: to.into(), forth: Arc::new(forth), back: Arc::new(back) })
    }

    /// The way between two charsets, if these are the map's.
    pub(super) fn way(&self, from: &str, to: &str) -> Option<&Arc<Table>> {
        let is = |a: &str, b: &str| self.from.eq_ignore_ascii_case(a) && self.to.eq_ignore_ascii_case(b);
        if is(from, to) {
            return Some(&self.forth);
        }
        is(to, from).then_some(&self.back)
    }
}

/// Whether a charset is UTF-8, which has more than one byte a character.
pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8")
}

impl Table {
    /// Whether recoded content has the length that it had.
    pub(super) fn keeps_length(&self) -> bool {
        matches!(self, Self::Bytes(_))
    }

    /// Recodes a piece of content. `rest` holds the beginning of a character that the piece before ended in, and then
    /// that which this piece ends in.
    pub(super) fn recode(&self, piece: &[u8], rest: &mut Vec<u8>, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(table) => out.extend(piece.iter().map(|byte| table[usize::from(*byte)])),
            Self::ToUtf8(letters) => {
                for byte in piece {
                    let letter = &letters[usize::from(*byte)];
                    out.extend_from_slice(&letter.bytes[..usize::from(letter.length)]);
                }
            }
            Self::FromUtf8(pages) if rest.is_empty() => from_utf8(pages, piece, rest, out),
            Self::FromUtf8(pages) => {
                // Of the two pieces only the first character lies across.
                let (first, behind) = piece.split_at(piece.len().min(LETTER_BYTES_MAX - 1));
                let mut joined = std::mem::take(rest);
                joined.extend_from_slice(first);
                from_utf8(pages, &joined, rest, out);
                if rest.is_empty() {
                    from_utf8(pages, behind, rest, out);
                } else if !behind.is_empty() {
                    self.recode(behind, rest, out);
                }
            }
        }
    }

    /// The end of the content: a character that has not come to its end is none.
    pub(super) fn end(rest: &mut Vec<u8>, out: &mut Vec<u8>) {
        if !rest.is_empty() {
            out.push(UNKNOWN);
            rest.clear();
        }
    }
}

fn from_utf8(pages: &[Option<Box<[u8; 256]>>; 256], text: &[u8], rest: &mut Vec<u8>, out: &mut Vec<u8>) {
    let mut chunks = text.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        for character in chunk.valid().chars() {
            push_character(pages, character, out);
        }
        let invalid = chunk.invalid();
        if chunks.peek().is_none() && is_beginning(invalid) {
            rest.extend_from_slice(invalid);
        } else if !invalid.is_empty() {
            out.push(UNKNOWN);
        }
    }
}

/// A character that the charset has not is written as HTML does, as nginx does.
fn push_character(pages: &[Option<Box<[u8; 256]>>; 256], character: char, out: &mut Vec<u8>) {
    let code = u32::from(character);
    if let Some(byte) = u8::try_from(code).ok().filter(u8::is_ascii) {
        return out.push(byte);
    }
    let [0, 0, upper, lower] = code.to_be_bytes() else { return push_reference(code, out) };
    match pages[usize::from(upper)].as_ref().map_or(0, |page| page[usize::from(lower)]) {
        0 => push_reference(code, out),
        byte => out.push(byte),
    }
}

fn push_reference(code: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("&#{code};").as_bytes());
}

/// Whether invalid bytes at the end of a piece may be valid with what follows them.
fn is_beginning(invalid: &[u8]) -> bool {
    let error = std::str::from_utf8(invalid).err();
    error.is_some_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

/// Both ways between charsets of one byte a character. ASCII is the same in both unless the map says otherwise.
fn with_bytes(arguments: &Arguments<'_>) -> (Table, Table) {
    let ascii = std::array::from_fn(|byte| u8::try_from(byte).ok().filter(u8::is_ascii).unwrap_or(UNKNOWN));
    let (mut forth, mut back) = (ascii, ascii);
    for entry in arguments.entries() {
        let Some(from) = byte_of(&entry) else { continue };
        match u8::from_str_radix(entry.word(0), 16) {
            Ok(to) if is_hexadecimal(entry.word(0)) => {
                forth[usize::from(from)] = to;
                back[usize::from(to)] = from;
            }
            _ => entry.warn(invalid(&entry, 0).label("expected a byte in hexadecimal, such as 9A")),
        }
    }
    (Table::Bytes(Box::new(forth)), Table::Bytes(Box::new(back)))
}

/// Both ways between a charset of one byte a character and UTF-8.
fn with_utf8(arguments: &Arguments<'_>) -> (Table, Table) {
    let mut forth: Box<[Letter; 256]> = Box::new(std::array::from_fn(|byte| {
        let byte = u8::try_from(byte).ok().filter(u8::is_ascii).unwrap_or(UNKNOWN);
        Letter { bytes: [byte, 0, 0], length: 1 }
    }));
    let mut back: Box<[Option<Box<[u8; 256]>>; 256]> = Box::new(std::array::from_fn(|_| None));
    for entry in arguments.entries() {
        let Some(from) = byte_of(&entry) else { continue };
        let Some((letter, code)) = letter(entry.word(0)) else {
            entry.warn(invalid(&entry, 0).label("expected a character up to U+FFFF in UTF-8, such as E282AC"));
            continue;
        };
        forth[usize::from(from)] = letter;
        let [upper, lower] = code.to_be_bytes();
        back[usize::from(upper)].get_or_insert_with(|| Box::new([0; 256]))[usize::from(lower)] = from;
    }
    (Table::ToUtf8(forth), Table::FromUtf8(back))
}

/// The byte that a line of a map is about; what is wrong with the line is reported.
fn byte_of(entry: &Arguments<'_>) -> Option<u8> {
    if entry.len() != 1 {
        entry.warn(entry.error_here("invalid parameters number").label("expected two codes and a semicolon"));
        return None;
    }
    let byte = u8::from_str_radix(entry.name(), 16).ok().filter(|_| is_hexadecimal(entry.name()));
    if byte.is_none() {
        let error = entry.error_here(format!("invalid value \"{}\"", entry.name()));
        entry.warn(error.label("expected a byte in hexadecimal, such as 80"));
    }
    byte
}

/// A character that is written as the bytes of its UTF-8, and its code point of 16 bits.
fn letter(text: &str) -> Option<(Letter, u16)> {
    if !is_hexadecimal(text) || !text.len().is_multiple_of(2) || text.len() > 2 * LETTER_BYTES_MAX {
        return None;
    }
    let mut bytes = [0; 3];
    let length = text.len() / 2;
    for (index, byte) in bytes.iter_mut().enumerate().take(length) {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    let mut characters = std::str::from_utf8(&bytes[..length]).ok()?.chars();
    let code = u16::try_from(u32::from(characters.next()?)).ok()?;
    let letter = Letter { bytes, length: u8::try_from(length).ok()? };
    characters.next().is_none().then_some((letter, code))
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn invalid(entry: &Arguments<'_>, index: usize) -> Diagnostic {
    entry.error(index, format!("invalid value \"{}\"", entry.word(index)))
}

/// What stands for a byte that is no character.
const UNKNOWN: u8 = b'?';

/// The bytes of the longest character that a map can hold.
const LETTER_BYTES_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::Charset;
    use super::*;
    use crate::config::testing::load_with;

    /// The only map of a configuration.
    pub(super) fn report(map: &str) -> String {
        load_with::<Charset>(&format!("http {{ {map} server {{ }} }}")).1
    }

    fn table(from: &str, to: &str) -> Arc<Table> {
        let map = super::super::tests::maps(
            "charset_map koi8-r utf-8 { C1 D0B0; 9A C2A0; 80 E282AC; } charset_map a b { 80 90; 24 24; }",
        );
        let found = map.iter().find_map(|map| map.way(from, to));
        Arc::clone(found.unwrap())
    }

    /// Recodes the pieces one after the other.
    fn recoded(from: &str, to: &str, pieces: &[&[u8]]) -> Vec<u8> {
        let table = table(from, to);
        let (mut rest, mut out) = (Vec::new(), Vec::new());
        pieces.iter().for_each(|piece| table.recode(piece, &mut rest, &mut out));
        Table::end(&mut rest, &mut out);
        out
    }

    #[test]
    fn bytes_become_other_bytes_and_unknown_ones_a_question_mark() {
        assert_eq!(recoded("a", "b", &[b"x$\x80\x90\xff"]), b"x$\x90??");
        assert_eq!(recoded("B", "A", &[b"\x80\x90"]), b"?\x80");
    }

    #[test]
    fn bytes_become_characters_of_utf8() {
        assert_eq!(recoded("koi8-r", "utf-8", &[b"a\xc1\x80\x81"]), "aа€?".as_bytes());
    }

    #[test]
    fn characters_of_utf8_become_bytes_or_references() {
        assert_eq!(recoded("UTF-8", "koi8-r", &["aа€é日😀".as_bytes()]), b"a\xc1\x80&#233;&#26085;&#128512;");
        assert_eq!(recoded("utf-8", "koi8-r", &[b"a\xffb\xd0c\xe2\x82"]), b"a?b?c?");
    }

    #[test]
    fn a_character_may_lie_across_pieces() {
        let text = "xа€é日😀y";
        let whole = recoded("utf-8", "koi8-r", &[text.as_bytes()]);
        for at in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            assert_eq!(recoded("utf-8", "koi8-r", &[first, second]), whole, "{at}");
        }
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(recoded("utf-8", "koi8-r", &single), whole);
    }

    #[test]
    fn lines_that_are_no_codes_are_refused() {
        for (map, reason) in [
            ("charset_map a A { }", "between the same charsets"),
            ("charset_map utf-8 a { }", "before `utf-8`"),
            ("charset_map a b { } charset_map B a { }", "duplicate \"charset_map\""),
            ("charset_map a b { 80; }", "invalid parameters number"),
            ("charset_map a b { 80 90 91; }", "invalid parameters number"),
            ("charset_map a b { 1ff 90; }", "invalid value \"1ff\""),
            ("charset_map a b { 80 zz; }", "invalid value \"zz\""),
            ("charset_map a b { +8 90; }", "invalid value \"+8\""),
            ("charset_map a utf-8 { 80 E282; }", "invalid value \"E282\""),
            ("charset_map a utf-8 { 80 F09F9880; }", "invalid value \"F09F9880\""),
            ("charset_map a utf-8 { 80 E2828; }", "invalid value \"E2828\""),
            ("charset_map a utf-8 { 80 2424; }", "invalid value \"2424\""),
            ("charset_map a utf-8 { 80 ''; }", "invalid value \"\""),
        ] {
            let report = report(map);
            assert!(report.contains(reason), "{map}: {report}");
        }
    }
}

//! Heads that came whole and in plain form, as nearly all do: read in one look.
//!
//! Whatever is unusual (a head still to be completed, other line ends, odd names, tabs, many fields) or wrong is left to
//! `lines`, `request_line` and `fields`, which say exactly what it is; what is read here means the same to them. Called
//! by the decoder, whose tests cut every input at every place and so go both ways.

use super::head::Limits;
use super::request_line::RequestLine;
use crate::http::Version;
use crate::http::headers::{IS_PLAIN_NAME_BYTE, OWS};
use crate::http::scan::find_control;

/// More fields than this are unusual; browsers send some 15.
const FIELDS_MAX: usize = 32;

/// Memory for the places of a head's fields, of the caller: a copy of it would cost more than the reading.
pub(super) type Places = [Span; FIELDS_MAX];

/// The places of a head's parts.
pub(super) struct Whole<'p> {
    pub(super) line: RequestLine,
    pub(super) fields: &'p [Span],
    /// Of the head, with the empty line that ends it.
    pub(super) length: usize,
}

/// Where a field stands, in the bytes of its head.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) name_start: u32,
    pub(super) name_end: u32,
    pub(super) value_start: u32,
    pub(super) value_end: u32,
}

impl<'p> Whole<'p> {
    /// The head at the beginning of `bytes`, if it is one of these.
    pub(super) fn read(bytes: &[u8], limits: &Limits, places: &'p mut Places) -> Option<Whole<'p>> {
        let bytes = &bytes[..bytes.len().min(limits.head_bytes_max)];
        let (line, mut start) = request_line(bytes)?;
        if start > limits.line_bytes_max {
            return None;
        }
        let mut count = 0;
        while !bytes.get(start..)?.starts_with(b"\r\n") {
            let (span, end) = field(bytes, start)?;
            if end - start > limits.line_bytes_max || count >= limits.headers_max {
                return None;
            }
            *places.get_mut(count)? = span;
            count += 1;
            start = end;
        }
        Some(Whole { line, fields: &places[..count], length: start + 2 })
    }
}

/// The request line, and where the line behind it begins: three words, one space between each two.
fn request_line(bytes: &[u8]) -> Option<(RequestLine, usize)> {
    let method_end = bytes.iter().position(|byte| !byte.is_ascii_uppercase())?;
    if method_end == 0 || bytes[method_end] != b' ' {
        return None;
    }
    let target_start = method_end + 1;
    // Spaces and control bytes alike end it.
    let target_end = target_start + bytes[target_start..].iter().position(|byte| *byte <= b' ' || *byte == 0x7f)?;
    let (version, behind) = bytes[target_end..].split_first_chunk()?;
    let version = match version {
        b" HTTP/1.1\r" => Version::Http11,
        b" HTTP/1.0\r" => Version::Http10,
        _ => return None,
    };
    if target_end == target_start || behind.first() != Some(&b'\n') {
        return None;
    }
    let length = target_end + " HTTP/1.1".len();
    let next_line = length + 2;
    Some((RequestLine::at(method_end, target_start..target_end, length, next_line, version), next_line))
}

/// The field line at `start`, and where the line behind it begins.
fn field(bytes: &[u8], start: usize) -> Option<(Span, usize)> {
    let line = &bytes[start..];
    let colon = line.iter().position(|byte| !IS_PLAIN_NAME_BYTE[usize::from(*byte)])?;
    if colon == 0 || line[colon] != b':' {
        return None;
    }
    let skipped = line[colon + 1..].iter().position(|byte| !OWS.contains(byte))?;
    let value_start = colon + 1 + skipped;
    let line_end = value_start + find_control(&line[value_start..])?;
    if !line[line_end..].starts_with(b"\r\n") {
        return None;
    }
    let spaces = line[value_start..line_end].iter().rev().take_while(|byte| **byte == b' ').count();
    // Heads are shorter than 4 GiB: a longer one could not have been buffered.
    let narrow = |place: usize| u32::try_from(start + place).ok();
    let span = Span {
        name_start: narrow(0)?,
        name_end: narrow(colon)?,
        value_start: narrow(value_start)?,
        value_end: narrow(line_end - spaces)?,
    };
    Some((span, start + line_end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read(head: &str) -> bool {
        let mut places = Places::default();
        Whole::read(head.as_bytes(), &Limits::default(), &mut places).is_some_and(|whole| whole.length == head.len())
    }

    #[test]
    fn a_plain_head_is_read_at_once() {
        assert!(is_read("GET /a?b HTTP/1.1\r\nHost: a\r\nX:\r\nAccept:  b c \r\n\r\n"));
        assert!(is_read("POST * HTTP/1.0\r\n\r\n"));
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        for head in [
            "",
            "GET",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r",
            "GET / HTTP/1.1\nHost: a\n\n",
            "\r\nGET / HTTP/1.1\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1 \r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "get / HTTP/1.1\r\n\r\n",
            "GET  HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n: a\r\n\r\n",
            "GET / HTTP/1.1\r\na b: c\r\n\r\n",
            "GET / HTTP/1.1\r\na_b: c\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\tc\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\n a: b\r\n\r\n",
        ] {
            assert!(!is_read(head), "{head:?}");
        }
    }

    #[test]
    fn limits_are_left_to_others_to_tell() {
        let head = "GET /abc HTTP/1.1\r\nHost: a.example.org\r\n\r\n";
        let reads = |limits: Limits| Whole::read(head.as_bytes(), &limits, &mut Places::default()).is_some();
        assert!(reads(Limits { line_bytes_max: 21, head_bytes_max: 42, headers_max: 1, ..Limits::default() }));
        assert!(!reads(Limits { line_bytes_max: 20, ..Limits::default() }));
        assert!(!reads(Limits { head_bytes_max: 41, ..Limits::default() }));
        assert!(!reads(Limits { headers_max: 0, ..Limits::default() }));
    }
}

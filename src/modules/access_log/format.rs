//! `log_format`: a line's parts, compiled, and how values are escaped in it (nginx's `escape=`).

use crate::exchange::Exchange;
use crate::exchange::core_variables;
use crate::exchange::template::{Part, Template};
use crate::http::escape;

/// A compiled format.
#[derive(Debug, PartialEq)]
pub(super) struct Format {
    parts: Box<[Part]>,
    escape: Escape,
}

/// What becomes of bytes in values that could be taken for something else. The format's own text stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Escape {
    /// `"`, `\`, and bytes below 32 and above 126 as `\xXX`; a missing value is `-`.
    #[default]
    Default,
    /// For the inside of a JSON string; a missing value is empty.
    Json,
    /// Nothing; a missing value is empty.
    None,
}

impl Escape {
    /// By the word behind `escape=`.
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("default", Self::Default), ("json", Self::Json), ("none", Self::None)];
}

impl Format {
    /// A format of these values, one behind the other.
    pub(super) fn new(values: &[Template], escape: Escape) -> Self {
        Self { parts: values.iter().flat_map(|value| value.parts().iter().cloned()).collect(), escape }
    }

    /// The format `combined`, which is there without being configured.
    pub(super) fn combined() -> Self {
        let value = Template::compile(COMBINED, core_variables::resolve);
        Self::new(&[value.expect("the variables of the format are in the core's table")], Escape::Default)
    }

    /// Writes the line, without its line feed, behind what `out` holds.
    pub(super) fn render_into(&self, exchange: &Exchange, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text),
                Part::Variable(variable) => {
                    let start = out.len();
                    let has_value = variable.write(exchange, out);
                    match self.escape {
                        Escape::Default if has_value => escape_tail(out, start, is_plain, escape_default),
                        Escape::Default => out.push(b'-'),
                        Escape::Json => escape_tail(out, start, is_plain_in_json, escape::json),
                        Escape::None => {}
                    }
                }
            }
        }
    }
}

/// Escapes what `out` holds from `start` on. Almost always there is nothing to escape, and nothing is copied.
fn escape_tail(out: &mut Vec<u8>, start: usize, is_plain: fn(u8) -> bool, escape: fn(&[u8], &mut Vec<u8>)) {
    if let Some(first) = out[start..].iter().position(|byte| !is_plain(*byte)) {
        let tail = out.split_off(start + first);
        escape(&tail, out);
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

fn is_plain_in_json(byte: u8) -> bool {
    byte >= b' ' && !matches!(byte, b'"' | b'\\')
}

fn escape_default(value: &[u8], out: &mut Vec<u8>) {
    const HEX_DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value {
        if is_plain(*byte) {
            out.push(*byte);
        } else {
            let (high, low) = (HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'x', high, low]);
        }
    }
}

/// nginx's built-in format.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \
                        \"$http_referer\" \"$http_user_agent\"";

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::exchange::test_support::{Bench, template};

    /// A line with one field of the request in it, between bars.
    fn line_with(value: &'static [u8], escape: Escape) -> Vec<u8> {
        let mut exchange = Bench::new().exchange("GET / HTTP/1.0\r\n\r\n");
        exchange.request.head.headers.append("X", Bytes::from_static(value));
        let mut out = b"before ".to_vec();
        Format::new(&[template("|$http_x|")], escape).render_into(&exchange, &mut out);
        out.strip_prefix(b"before ").unwrap().to_vec()
    }

    #[test]
    fn every_byte_is_escaped_as_in_nginx() {
        for byte in 0..=255_u8 {
            let value: &'static [u8] = Box::leak(Box::new([byte]));
            let escaped = match byte {
                b'"' | b'\\' | 0..=31 | 127..=255 => format!("|\\x{byte:02X}|").into_bytes(),
                plain => vec![b'|', plain, b'|'],
            };
            assert_eq!(line_with(value, Escape::Default), escaped, "{byte}");
            assert_eq!(line_with(value, Escape::None), [b'|', byte, b'|'], "{byte}");
        }
    }

    #[test]
    fn only_what_needs_it_is_escaped() {
        assert_eq!(line_with(b"a\"b\\c\x1b\xc3\xa4d", Escape::Default), b"|a\\x22b\\x5Cc\\x1B\\xC3\\xA4d|");
        assert_eq!(
            line_with(b"a\"b\\c\n\x01\x1f\x7f\xc3\xa4", Escape::Json),
            b"|a\\\"b\\\\c\\n\\u0001\\u001F\x7f\xc3\xa4|"
        );
    }

    #[test]
    fn a_missing_value_is_a_hyphen_or_nothing() {
        let exchange = Bench::new().exchange("GET / HTTP/1.0\r\n\r\n");
        let line = |escape| {
            let mut out = Vec::new();
            Format::new(&[template("[$http_x]"), template("[$is_args]")], escape).render_into(&exchange, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(line(Escape::Default), "[-][]");
        assert_eq!(line(Escape::Json), "[][]");
        assert_eq!(line(Escape::None), "[][]");
    }

    #[test]
    fn the_combined_format() {
        let request = "GET /a\"b?c HTTP/1.1\r\nHost: a\r\nReferer: http://x/\r\nUser-Agent: Mozilla/5.0\r\n\r\n";
        let exchange = Bench::new().exchange(request);
        let mut out = Vec::new();
        Format::combined().render_into(&exchange, &mut out);
        let line = String::from_utf8(out).unwrap();
        let (start, rest) = line.split_once('[').unwrap();
        let (_time, end) = rest.split_once(']').unwrap();
        assert_eq!(start, "192.0.2.7 - - ");
        assert_eq!(end, " \"GET /a\\x22b?c HTTP/1.1\" 000 0 \"http://x/\" \"Mozilla/5.0\"");
    }
}

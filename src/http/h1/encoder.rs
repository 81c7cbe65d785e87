//! The HTTP/1 response encoder (RFC 9112 sections 4, 5 and 7.1): heads, chunk framing and trailers to bytes.
//!
//! Owns the promise that no value breaks out of its field. Called by whatever sends a response. It decides nothing:
//! which fields there are, and whether a body is chunked, is said by the caller.
//!
//! A carriage return, line feed or NUL in a value (from a CGI script, or a variable with something decoded in it) is
//! written as a space, as RFC 9110 section 5.5 asks; the field is kept, so that the answer stays the one that was
//! meant. A field whose name is no token is not written at all, for no other name would be the right one.

use std::num::NonZeroUsize;
use std::ops::Deref;

use crate::http::scan::find_control;
use crate::http::{Headers, Status, Version};

/// What stands behind the data of every chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// The last chunk and an empty trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends a response head with its empty line. nginx answers with `HTTP/1.1` whatever the request's version, and so
/// should the caller. The reason phrase is `reason` (a script's own) or else the status's. Says how many fields were
/// left out because of their names.
pub fn encode_head(
    out: &mut Vec<u8>,
    version: Version,
    status: Status,
    reason: Option<&[u8]>,
    headers: &Headers,
) -> usize {
    let reason = reason.unwrap_or(status.reason().as_bytes());
    let fields_bytes: usize = headers.iter().map(|field| field.name.len() + field.value.len() + 4).sum();
    out.reserve(version.as_str().len() + reason.len() + fields_bytes + 9);
    push_status_line(out, version, status, reason);
    encode_fields(out, headers)
}

/// Appends a status line; for callers that append their fields one by one with [`push_field`] and end the head with
/// [`END_OF_HEAD`].
pub fn push_status_line(out: &mut Vec<u8>, version: Version, status: Status, reason: &[u8]) {
    out.extend_from_slice(version.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(&status.digits());
    out.push(b' ');
    push_value(out, reason);
    out.extend_from_slice(b"\r\n");
}

/// Appends one field; false when it was left out because its name is no token.
pub fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> bool {
    if !is_token(name) {
        return false;
    }
    push_known_field(out, name, value);
    true
}

/// Appends one field whose name is known to be a token, as the constants in `headers::names` are.
pub fn push_known_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    push_value(out, value);
    out.extend_from_slice(b"\r\n");
}

/// What stands behind the last field of a head.
pub const END_OF_HEAD: &[u8] = b"\r\n";

/// Appends the last chunk of a body and its trailers. Says how many were left out because of their names.
pub fn encode_trailers(out: &mut Vec<u8>, trailers: &Headers) -> usize {
    out.extend_from_slice(b"0\r\n");
    encode_fields(out, trailers)
}

/// What stands before the data of a chunk of `length` bytes. There is no chunk of 0 bytes: that is `LAST_CHUNK`.
pub fn chunk_head(length: NonZeroUsize) -> ChunkHead {
    let mut bytes = [0; CHUNK_HEAD_BYTES_MAX];
    let mut start = CHUNK_HEAD_BYTES_MAX - 2;
    bytes[start..].copy_from_slice(b"\r\n");
    let mut rest = length.get();
    while rest > 0 {
        start -= 1;
        bytes[start] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
    }
    ChunkHead { bytes, start }
}

/// Appends a number in decimal, as in `Content-Length`.
pub fn push_decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; DECIMAL_DIGITS_MAX];
    let mut start = DECIMAL_DIGITS_MAX;
    let mut rest = number;
    loop {
        start -= 1;
        // A remainder of 10 fits in a byte.
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// The digits of `u64::MAX`.
const DECIMAL_DIGITS_MAX: usize = 20;

/// The hexadecimal digits of `usize::MAX`, and a line end.
const CHUNK_HEAD_BYTES_MAX: usize = usize::BITS as usize / 4 + 2;

/// The size line of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct ChunkHead {
    bytes: [u8; CHUNK_HEAD_BYTES_MAX],
    start: usize,
}

impl Deref for ChunkHead {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

fn encode_fields(out: &mut Vec<u8>, headers: &Headers) -> usize {
    let mut left_out = 0;
    for field in headers {
        if !push_field(out, &field.name, &field.value) {
            left_out += 1;
        }
    }
    out.extend_from_slice(END_OF_HEAD);
    left_out
}

fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    // Values are short: a search that is made ready for long ones would cost more than it finds.
    if find_control(value).is_none() || memchr::memchr3(b'\r', b'\n', 0, value).is_none() {
        out.extend_from_slice(value);
        return;
    }
    out.extend(value.iter().map(|byte| match byte {
        b'\r' | b'\n' | 0 => b' ',
        byte => *byte,
    }));
}

/// Whether `name` is a token (RFC 9110 section 5.6.2).
pub fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| IS_TOKEN_BYTE[usize::from(*byte)])
}

/// The bytes of tokens.
const IS_TOKEN_BYTE: [bool; 256] = {
    let mut of_token = [false; 256];
    let mut byte = 0;
    while byte < of_token.len() {
        let text = byte as u8;
        of_token[byte] = text.is_ascii_alphanumeric()
            || matches!(
                text,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        byte += 1;
    }
    of_token
};

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, reason: Option<&str>, fields: &[(&'static str, &'static str)]) -> (String, usize) {
        let mut headers = Headers::new();
        fields.iter().for_each(|(name, value)| headers.append(*name, *value));
        let mut out = Vec::new();
        let status = Status::new(status).unwrap();
        let left_out = encode_head(&mut out, Version::Http11, status, reason.map(str::as_bytes), &headers);
        (String::from_utf8(out).unwrap(), left_out)
    }

    #[test]
    fn a_head_is_its_status_line_and_its_fields_in_order() {
        let (text, left_out) = head(200, None, &[("Server", "webserv"), ("Content-Length", "0"), ("X", "")]);
        assert_eq!(text, "HTTP/1.1 200 OK\r\nServer: webserv\r\nContent-Length: 0\r\nX: \r\n\r\n");
        assert_eq!(left_out, 0);
    }

    #[test]
    fn the_reason_is_nginx_wording_or_the_script_s_own() {
        assert_eq!(head(302, None, &[]).0, "HTTP/1.1 302 Moved Temporarily\r\n\r\n");
        assert_eq!(head(299, None, &[]).0, "HTTP/1.1 299 \r\n\r\n");
        assert_eq!(head(404, Some("Gone fishing"), &[]).0, "HTTP/1.1 404 Gone fishing\r\n\r\n");
        assert_eq!(head(404, Some("a\r\nb: c"), &[]).0, "HTTP/1.1 404 a  b: c\r\n\r\n");
    }

    #[test]
    fn no_value_breaks_out_of_its_field() {
        let (text, _) = head(200, None, &[("Location", "/a\r\nSet-Cookie: b\0")]);
        assert_eq!(text, "HTTP/1.1 200 OK\r\nLocation: /a  Set-Cookie: b \r\n\r\n");
    }

    #[test]
    fn a_field_without_a_proper_name_is_left_out() {
        let (text, left_out) = head(200, None, &[("", "a"), ("A\r\nB", "b"), ("C D", "c"), ("E:", "e"), ("F_g", "f")]);
        assert_eq!(text, "HTTP/1.1 200 OK\r\nF_g: f\r\n\r\n");
        assert_eq!(left_out, 4);
    }

    #[test]
    fn a_chunk_begins_with_its_size() {
        let text = |length| String::from_utf8(chunk_head(NonZeroUsize::new(length).unwrap()).to_vec()).unwrap();
        assert_eq!(text(1), "1\r\n");
        assert_eq!(text(0x1a0), "1a0\r\n");
        assert_eq!(text(usize::MAX), format!("{:x}\r\n", usize::MAX));
    }

    #[test]
    fn trailers_follow_the_last_chunk() {
        let mut out = Vec::new();
        encode_trailers(&mut out, &Headers::new());
        assert_eq!(out, LAST_CHUNK);
        let mut trailers = Headers::new();
        trailers.append("A", "b");
        out.clear();
        encode_trailers(&mut out, &trailers);
        assert_eq!(out, b"0\r\nA: b\r\n\r\n");
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 9, 10, 65_535, u64::MAX] {
            let mut out = Vec::new();
            push_decimal(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}

//! The head of an HTTP/1 response: framing, persistence, and the fields in nginx's order.

use crate::exchange::error_pages::{NAME, SIGNATURE};
use crate::exchange::record::Record;
use crate::exchange::response::Response;
use crate::exchange::settings::{Keepalive, ServerTokens, Settings};
use crate::http::h1::RequestHead;
use crate::http::h1::encoder::{END_OF_HEAD, push_decimal, push_field, push_known_field, push_status_line};
use crate::http::headers::names;
use crate::http::{Method, Version, date};
use bytes::Bytes;

/// How the end of a response's content is told (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// No content follows, and no length is told (1xx, 204, 304).
    None,
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Until the connection closes.
    Close,
}

impl Framing {
    /// How this response is framed for this request.
    pub(super) fn choose(request: &RequestHead, response: &Response, settings: &Settings) -> Self {
        let code = response.status.code();
        if code < 200 || code == 204 || code == 304 {
            return Self::None;
        }
        match response.body.length() {
            Some(length) => Self::Length(length),
            None if request.version == Version::Http11 && settings.chunked_transfer_encoding => Self::Chunked,
            None => Self::Close,
        }
    }
}

/// Whether content follows the head.
pub(super) fn has_content(method: &Method, framing: Framing) -> bool {
    *method != Method::Head && framing != Framing::None
}

/// Writes the head behind what `out` holds, and what logs want to know of it into `record`.
pub(super) fn write(
    out: &mut Vec<u8>,
    response: &Response,
    framing: Framing,
    keep_alive: bool,
    settings: &Settings,
    date_now: &Bytes,
    record: &mut Record,
) {
    let start = out.len();
    push_status_line(out, Version::Http11, response.status, response.status.reason().as_bytes());
    match &settings.server_tokens {
        ServerTokens::On | ServerTokens::Build => push_known_field(out, names::SERVER, SIGNATURE.as_bytes()),
        ServerTokens::Off => push_known_field(out, names::SERVER, NAME.as_bytes()),
        ServerTokens::Text(text) if text.is_empty() => {}
        ServerTokens::Text(text) => push_known_field(out, names::SERVER, text),
    }
    push_known_field(out, names::DATE, date_now);
    if let Some(content_type) = &response.content_type {
        push_known_field(out, names::CONTENT_TYPE, content_type);
    }
    if let Framing::Length(length) = framing {
        out.extend_from_slice(b"Content-Length: ");
        push_decimal(out, length);
        out.extend_from_slice(b"\r\n");
        record.content_length = Some(length);
    }
    if let Some(last_modified) = response.last_modified {
        push_known_field(out, names::LAST_MODIFIED, &date::format(last_modified));
    }
    if let Some(location) = &response.location {
        push_known_field(out, names::LOCATION, location);
    }
    if framing == Framing::Chunked {
        push_known_field(out, names::TRANSFER_ENCODING, b"chunked");
    }
    write_persistence(out, keep_alive, &settings.keepalive);
    for header in response.headers.iter() {
        // A field whose name is no token (a script's mistake) is left out; the rest of the answer stands.
        let _left_out = !push_field(out, &header.name, &header.value);
    }
    out.extend_from_slice(END_OF_HEAD);
    record.chunked = framing == Framing::Chunked;
    record.keep_alive = keep_alive;
    record.head_bytes = (out.len() - start) as u64;
}

fn write_persistence(out: &mut Vec<u8>, keep_alive: bool, keepalive: &Keepalive) {
    if !keep_alive {
        return push_known_field(out, names::CONNECTION, b"close");
    }
    push_known_field(out, names::CONNECTION, b"keep-alive");
    if let Some(timeout) = keepalive.header_timeout {
        out.extend_from_slice(b"Keep-Alive: timeout=");
        push_decimal(out, timeout.as_secs());
        out.extend_from_slice(b"\r\n");
    }
}

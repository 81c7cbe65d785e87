//! The head of an HTTP/1 response: framing, persistence, and the fields in nginx's order.

use crate::exchange::error_pages::NAME;
use crate::exchange::record::Record;
use crate::exchange::response::Response;
use crate::exchange::settings::{Keepalive, ServerTokens, Settings};
use crate::http::h1::RequestHead;
use crate::http::h1::encoder::{END_OF_HEAD, push_decimal, push_field, push_known_field, push_status_line};
use crate::http::headers::names;
use crate::http::{Method, Status, Version, date};

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
        if response.raw {
            return Self::Close;
        }
        let code = response.status.code();
        if code < 200 || code == 204 || code == 304 {
            return Self::None;
        }
        let may_chunk = request.version == Version::Http11 && settings.chunked_transfer_encoding;
        match response.body.length() {
            // An answer to HEAD has no end that trailers could stand at.
            Some(_) if response.trailers.is_some() && may_chunk && request.method != Method::Head => Self::Chunked,
            Some(length) => Self::Length(length),
            // As in nginx, an answer to HEAD does not tell how content of unknown length would come.
            None if request.method == Method::Head => Self::None,
            None if may_chunk => Self::Chunked,
            None => Self::Close,
        }
    }
}

/// Whether content follows the head.
pub(super) fn has_content(method: &Method, framing: Framing) -> bool {
    *method != Method::Head && framing != Framing::None
}

/// The dates of a head, in the form that is sent.
pub(super) struct Dates<'a> {
    /// `Date`.
    pub(super) now: &'a [u8; date::LENGTH],
    /// `Last-Modified`, of a response that has one.
    pub(super) last_modified: Option<&'a [u8; date::LENGTH]>,
}

/// Writes the head behind what `out` holds, and what logs want to know of it into `record`.
pub(super) fn write(
    out: &mut Vec<u8>,
    response: &Response,
    framing: Framing,
    keep_alive: bool,
    settings: &Settings,
    dates: &Dates<'_>,
    record: &mut Record,
) {
    let start = out.len();
    out.reserve(USUAL_HEAD_BYTES);
    match response.status {
        // Most answers.
        Status::OK => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
        status => push_status_line(out, Version::Http11, status, status.reason().as_bytes()),
    }
    match &settings.server_tokens {
        ServerTokens::On | ServerTokens::Build => out.extend_from_slice(SERVER_LINE.as_bytes()),
        ServerTokens::Off => push_known_field(out, names::SERVER, NAME.as_bytes()),
        ServerTokens::Text(text) if text.is_empty() => {}
        ServerTokens::Text(text) => push_known_field(out, names::SERVER, text),
    }
    push_line(out, b"Date: ", dates.now);
    if let Some(content_type) = &response.content_type {
        push_known_field(out, names::CONTENT_TYPE, content_type);
    }
    if let Framing::Length(length) = framing {
        out.extend_from_slice(b"Content-Length: ");
        push_decimal(out, length);
        out.extend_from_slice(b"\r\n");
        record.content_length = Some(length);
    }
    if let Some(last_modified) = dates.last_modified {
        push_line(out, b"Last-Modified: ", last_modified);
    }
    if let Some(location) = &response.location {
        push_known_field(out, names::LOCATION, location);
    }
    if framing == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
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

/// Room for most heads, taken at once.
const USUAL_HEAD_BYTES: usize = 512;

/// `Server` with the version, whole.
const SERVER_LINE: &str = concat!("Server: webserv/", env!("CARGO_PKG_VERSION"), "\r\n");

/// A line of texts that are ours: they hold nothing that could end it.
fn push_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn write_persistence(out: &mut Vec<u8>, keep_alive: bool, keepalive: &Keepalive) {
    if !keep_alive {
        return out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"Connection: keep-alive\r\n");
    if let Some(timeout) = keepalive.header_timeout {
        out.extend_from_slice(b"Keep-Alive: timeout=");
        push_decimal(out, timeout.as_secs());
        out.extend_from_slice(b"\r\n");
    }
}

//! What was sent in answer to a request: the facts that logs and `$sent_*` variables read.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use super::response::Response;
use crate::http::headers::Headers;

/// What became of an exchange on the wire. Empty until the head is sent.
#[derive(Debug, Default)]
pub struct Record {
    /// The response as it was sent; its body has been taken.
    pub response: Option<Box<Response>>,
    /// The status for the log when no response was sent (499 when the client left first).
    pub status: Option<crate::http::status::Status>,
    /// `Content-Length` as sent.
    pub content_length: Option<u64>,
    /// Fields behind the content, as sent; also where the protocol had no place for them.
    pub trailers: Headers,
    /// Whether the body was sent in chunks.
    pub chunked: bool,
    /// Whether the connection was to be kept.
    pub keep_alive: bool,
    /// `$bytes_sent`: bytes that the client took, head included.
    pub bytes_sent: u64,
    /// Bytes of the head.
    pub head_bytes: u64,
    /// Bytes of the request's line and fields.
    pub request_bytes: u64,
    /// Bytes of the request's content that a handler has read, as they were on the wire; none when there is no content.
    pub content_meter: Option<Rc<Cell<u64>>>,
    /// When the last byte was sent or given up.
    pub ended: Option<Instant>,
    /// Whether the whole response went out (`$request_completion`).
    pub complete: bool,
    /// `$connection_requests`: which request of its connection it is, from 1. Answers are logged together, when the
    /// connection may have counted further.
    pub connection_requests: u64,
    /// `$pipe`: the request came together with the one before it.
    pub pipelined: bool,
}

impl Record {
    /// `$request_length`: bytes of the request read so far: line, fields and content.
    pub fn request_length(&self) -> u64 {
        self.request_bytes + self.content_meter.as_ref().map_or(0, |meter| meter.get())
    }

    /// `$body_bytes_sent`: what was sent behind the head.
    pub fn body_bytes_sent(&self) -> u64 {
        self.bytes_sent.saturating_sub(self.head_bytes)
    }
}

//! The response a handler makes and filters change.
//!
//! What every protocol expresses in its own way (the length, the framing, `Date`, `Connection`) is
//! not here: the encoder of the connection adds it.

use std::time::SystemTime;

use bytes::Bytes;

use super::body::Body;
use super::trailers::Trailers;
use crate::http::conditional::weaken;
use crate::http::headers::{Headers, names};
use crate::http::status::Status;

/// A response: head and body.
#[derive(Debug)]
pub struct Response {
    /// The status code (RFC 9110 section 15).
    pub status: Status,
    /// `Content-Type`, when there is one.
    pub content_type: Option<Bytes>,
    /// `Last-Modified`, which is also what conditional requests are held against.
    pub last_modified: Option<SystemTime>,
    /// `Location` as it will be sent.
    pub location: Option<Bytes>,
    /// All other fields, in the order in which they are sent.
    pub headers: Headers,
    /// The content. For HEAD it is what GET would have sent; the connection leaves it out.
    pub body: Body,
    /// Fields behind the content. They ask for content in chunks, where the protocol has those.
    pub trailers: Option<Trailers>,
    /// Whether the content may be answered in ranges (RFC 9110 section 14): set by handlers that
    /// can produce any part of it.
    pub ranges: bool,
    /// Whether the connection must close after this answer, whatever the client asked for.
    pub close: bool,
    /// Whether the body is a whole answer already, head and all, in HTTP/1's form (RFC 3875 section 5): it is sent as it
    /// is, also to HEAD, and its end is the connection's. The other fields here are not sent.
    pub raw: bool,
}

impl Response {
    /// A response without content.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            content_type: None,
            last_modified: None,
            location: None,
            headers: Headers::new(),
            body: Body::Empty,
            trailers: None,
            ranges: false,
            close: false,
            raw: false,
        }
    }

    /// A response with content that is in memory.
    pub fn with_bytes(status: Status, content_type: impl Into<Bytes>, content: impl Into<Bytes>) -> Self {
        Self { content_type: Some(content_type.into()), body: Body::Bytes(content.into()), ..Self::new(status) }
    }

    /// What a filter calls that changes the content: parts of it can no longer be had, and a tag that stood for its
    /// bytes stands for its meaning (RFC 9110 section 8.8.1). As in nginx a tag that is none is taken away.
    pub fn content_changes(&mut self) {
        self.ranges = false;
        self.headers.remove(names::ACCEPT_RANGES);
        let Some(tag) = self.headers.get(names::ETAG) else { return };
        if tag.starts_with(b"\"") || tag.starts_with(b"W/") {
            let weak = weaken(tag);
            self.headers.set(names::ETAG, weak);
        } else {
            self.headers.remove(names::ETAG);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_content_has_a_weak_tag_or_none() {
        for (tag, weak) in [("\"a\"", Some("W/\"a\"")), ("W/\"a\"", Some("W/\"a\"")), ("a", None)] {
            let mut response = Response::new(Status::OK);
            response.headers.append("ETag", tag);
            response.content_changes();
            assert_eq!(response.headers.get(names::ETAG).map(|tag| &**tag), weak.map(str::as_bytes));
        }
    }
}

//! What the decoder is given and gives: limits, the request head, and what is known of a request that failed.
//!
//! Owns the types alone. Made by the decoder, read by the connection and the exchange.

use bytes::Bytes;

use crate::http::{Headers, Host, Method, Target, Version};

/// What one request head may cost, and what becomes of field names that nginx calls invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest request line or field line in bytes, with its line end: the size in `large_client_header_buffers`.
    pub line_bytes_max: usize,
    /// The longest head, and the longest trailer section, in bytes: size times number in `large_client_header_buffers`.
    pub head_bytes_max: usize,
    /// The most fields in a head or in a trailer section: `max_headers`.
    pub headers_max: usize,
    /// Whether fields with names that nginx calls invalid are dropped: `ignore_invalid_headers`. If not, those that
    /// are tokens are kept, as nginx does, and others refused.
    pub ignore_invalid_headers: bool,
    /// Whether an underscore is valid in a name: `underscores_in_headers`.
    pub underscores_in_headers: bool,
}

impl Default for Limits {
    /// nginx's defaults: `large_client_header_buffers 4 8k`, `max_headers 1000`, `ignore_invalid_headers on`,
    /// `underscores_in_headers off`.
    fn default() -> Limits {
        Limits {
            line_bytes_max: 8 * 1024,
            head_bytes_max: 4 * 8 * 1024,
            headers_max: 1000,
            ignore_invalid_headers: true,
            underscores_in_headers: false,
        }
    }
}

/// A complete, well-formed request head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target, as sent.
    pub target: Target,
    /// The version to answer by.
    pub version: Version,
    /// All fields in order, without the dropped ones.
    pub headers: Headers,
    /// How the end of the body is known.
    pub framing: BodyFraming,
    /// The host asked for: the authority of an absolute target, else the `Host` field. Nothing in an HTTP/1.0 request
    /// without either.
    pub host: Option<Host>,
    /// The request line as sent, without its line end: nginx's `$request`.
    pub request_line: Bytes,
    /// Whether the client wants the connection to stay, by version and `Connection`.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// The size of the head in bytes with all line ends, for `$request_length`.
    pub head_bytes: usize,
    /// Field lines dropped because of `ignore_invalid_headers`, for the log.
    pub dropped: Vec<Bytes>,
}

impl From<PartialRequest> for RequestHead {
    /// A head for a request that has none: what is known of it, and no body.
    fn from(partial: PartialRequest) -> RequestHead {
        RequestHead {
            method: partial.method.unwrap_or(Method::Get),
            target: partial.target.unwrap_or_else(Target::missing),
            version: partial.version.unwrap_or(Version::Http11),
            headers: partial.headers,
            framing: BodyFraming::None,
            host: None,
            request_line: partial.request_line,
            keep_alive: false,
            expect_continue: false,
            head_bytes: partial.head_bytes,
            dropped: Vec::new(),
        }
    }
}

/// How the end of a request's body is known (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is no body.
    None,
    /// By `Content-Length`, in bytes; at most `i64::MAX`.
    Length(u64),
    /// By `Transfer-Encoding: chunked`.
    Chunked,
}

/// What is known of a request whose head never became complete or was refused, for the access log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartialRequest {
    /// The request line as far as it was received, without its line end: nginx's `$request`.
    pub request_line: Bytes,
    /// The method, if the line got that far and it is one.
    pub method: Option<Method>,
    /// The target, if the line is well-formed.
    pub target: Option<Target>,
    /// The version, if the line is well-formed.
    pub version: Option<Version>,
    /// The fields, if they were well-formed and it was their meaning that was refused.
    pub headers: Headers,
    /// The bytes of the head received, for `$request_length`.
    pub head_bytes: usize,
}

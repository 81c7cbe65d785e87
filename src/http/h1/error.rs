//! What can be wrong with an HTTP/1 request, in nginx's words where it has some.
//!
//! Owns the wording for the error log and the status that answers. Made by the decoder, read by the connection.

use std::fmt;

use bytes::Bytes;

use crate::http::Status;

/// Bytes a client sent, cut to `Excerpt::BYTES_MAX` and printable: other bytes are shown as `\x1F`.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Bytes);

impl Excerpt {
    /// The most bytes quoted in a message.
    pub const BYTES_MAX: usize = 64;

    /// The beginning of `bytes`, copied, so that a message holds no read buffer.
    pub fn of(bytes: &[u8]) -> Excerpt {
        Excerpt(Bytes::copy_from_slice(&bytes[..bytes.len().min(Excerpt::BYTES_MAX)]))
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| match byte {
            b'"' | b'\\' => write!(formatter, "\\{}", char::from(*byte)),
            b' '..=b'~' => write!(formatter, "{}", char::from(*byte)),
            _ => write!(formatter, "\\x{byte:02X}"),
        })
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{self}\"")
    }
}

/// Why a request is refused. The client is always at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// More empty lines before the request line than are skipped.
    #[error("client sent invalid request: more than {limit} empty lines before the request line")]
    EmptyLines {
        /// How many are skipped.
        limit: usize,
    },
    /// The first word is no method.
    #[error("client sent invalid method while reading client request line: \"{found}\"")]
    Method {
        /// The line as far as it was received.
        found: Excerpt,
    },
    /// The line is not `method target version`.
    #[error("client sent invalid request while reading client request line: \"{found}\"")]
    RequestLine {
        /// The line.
        found: Excerpt,
    },
    /// The line has no version: HTTP/0.9 is not spoken.
    #[error("client sent invalid request while reading client request line: expected a version, found \"{found}\"")]
    MissingVersion {
        /// The line.
        found: Excerpt,
    },
    /// The major version is above 1.
    #[error("client sent invalid version while reading client request line: expected HTTP/1.x, found \"{found}\"")]
    Version {
        /// The line.
        found: Excerpt,
    },
    /// The target is not well-formed.
    #[error("client sent invalid URI while reading client request line: {reason}, found \"{found}\"")]
    Target {
        /// What was expected.
        reason: crate::http::target::BadTarget,
        /// The target.
        found: Excerpt,
    },
    /// A carriage return that no line feed follows.
    #[error("client sent a carriage return without a line feed while reading client request headers: \"{found}\"")]
    BareCarriageReturn {
        /// The line up to there.
        found: Excerpt,
    },
    /// A control byte.
    #[error("client sent invalid byte \\x{byte:02X} while reading client request headers: \"{found}\"")]
    ControlByte {
        /// The byte.
        byte: u8,
        /// The line up to there.
        found: Excerpt,
    },
    /// The request line is longer than one buffer.
    #[error("client sent too long URI while reading client request line: expected at most {limit} bytes")]
    RequestLineTooLong {
        /// `Limits::line_bytes_max`.
        limit: usize,
    },
    /// A field line is longer than one buffer.
    #[error("client sent too long header line: expected at most {limit} bytes, found \"{found}...\"")]
    FieldTooLong {
        /// `Limits::line_bytes_max`.
        limit: usize,
        /// The beginning of the line.
        found: Excerpt,
    },
    /// The head or the trailer section is longer than all buffers.
    #[error("client sent too large request: expected at most {limit} bytes of headers")]
    HeadTooLarge {
        /// `Limits::head_bytes_max`.
        limit: usize,
    },
    /// There are too many fields.
    #[error("client sent too many header lines: expected at most {limit}")]
    TooManyFields {
        /// `Limits::headers_max`.
        limit: usize,
    },
    /// A field line without a colon.
    #[error("client sent invalid header line: expected a colon in \"{found}\"")]
    MissingColon {
        /// The line.
        found: Excerpt,
    },
    /// A field line that begins with its colon.
    #[error("client sent invalid header line: expected a name in \"{found}\"")]
    EmptyFieldName {
        /// The line.
        found: Excerpt,
    },
    /// White space in a name or between a name and its colon (RFC 9112 section 5.1).
    #[error("client sent invalid header line: expected no white space before the colon in \"{found}\"")]
    WhiteSpaceInName {
        /// The line.
        found: Excerpt,
    },
    /// A field that goes on in a second line (RFC 9112 section 5.2).
    #[error("client sent invalid header line: expected no line that goes on the one before: \"{found}\"")]
    ObsoleteFold {
        /// The second line.
        found: Excerpt,
    },
    /// A name that is no token, while `ignore_invalid_headers` is off.
    #[error("client sent invalid header line: expected letters, digits and hyphens in the name of \"{found}\"")]
    FieldName {
        /// The line.
        found: Excerpt,
    },
    /// HTTP/1.1 without `Host`.
    #[error("client sent HTTP/1.1 request without \"Host\" header")]
    MissingHost,
    /// More than one `Host`.
    #[error("client sent duplicate host header: \"{found}\"")]
    RepeatedHost {
        /// The second value.
        found: Excerpt,
    },
    /// `Host`, or the authority of the target, is no host.
    #[error("client sent invalid host header: expected a host and at most a port, found \"{found}\"")]
    Host {
        /// The value.
        found: Excerpt,
    },
    /// `Content-Length` is no number up to `i64::MAX`.
    #[error("client sent invalid \"Content-Length\" header: expected a number of bytes, found \"{found}\"")]
    ContentLength {
        /// The value.
        found: Excerpt,
    },
    /// More than one `Content-Length`.
    #[error("client sent duplicate header line: \"Content-Length: {found}\"")]
    RepeatedContentLength {
        /// The second value.
        found: Excerpt,
    },
    /// Both ways of telling where the body ends (RFC 9112 section 6.1).
    #[error("client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time")]
    LengthAndTransferEncoding,
    /// HTTP/1.0 has no transfer codings.
    #[error("client sent HTTP/1.0 request with \"Transfer-Encoding\" header")]
    TransferEncodingInHttp10,
    /// A transfer coding other than `chunked`.
    #[error("client sent unknown \"Transfer-Encoding\": expected \"chunked\", found \"{found}\"")]
    TransferCoding {
        /// The coding.
        found: Excerpt,
    },
    /// `Transfer-Encoding` names no coding, or `chunked` more than once.
    #[error("client sent invalid \"Transfer-Encoding\" header: expected \"chunked\" once, found it {count} times")]
    RepeatedChunked {
        /// How often `chunked` stands there.
        count: usize,
    },
    /// A chunk is not well-formed.
    #[error("client sent invalid chunked body: expected {expected}, found \\x{found:02X}")]
    Chunk {
        /// What should stand there.
        expected: &'static str,
        /// The byte that stands there.
        found: u8,
    },
    /// A chunk size that does not fit, or has more digits than any that does.
    #[error("client sent invalid chunked body: expected a chunk size below 2^63")]
    ChunkTooLarge,
    /// More chunk extensions than are skipped.
    #[error("client sent invalid chunked body: expected at most {limit} bytes of chunk extensions")]
    ChunkExtensions {
        /// How many bytes are skipped in one body.
        limit: usize,
    },
}

impl BadRequest {
    /// The status that answers it.
    pub fn status(&self) -> Status {
        match self {
            BadRequest::RequestLineTooLong { .. } => Status::URI_TOO_LONG,
            BadRequest::FieldTooLong { .. } | BadRequest::HeadTooLarge { .. } | BadRequest::TooManyFields { .. } => {
                Status::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            BadRequest::TransferCoding { .. } => Status::NOT_IMPLEMENTED,
            BadRequest::Version { .. } => Status::HTTP_VERSION_NOT_SUPPORTED,
            _ => Status::BAD_REQUEST,
        }
    }
}

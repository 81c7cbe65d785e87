//! The HTTP/1 request decoder (RFC 9112): bytes to heads, pieces of bodies and ends.
//!
//! Owns the order of a request's parts and what is left of one that failed. Called by the connection with everything
//! it has read and not yet given. It reads no socket, has no time-outs, and does not limit the length of a body.

use bytes::{Buf, Bytes, BytesMut};

use super::chunked::{Chunked, Piece};
use super::error::{BadRequest, Excerpt};
use super::fields::Fields;
use super::framing;
use super::head::{BodyFraming, Limits, PartialRequest, RequestHead};
use super::lines::{Lines, Next, first_line};
use super::request_line::RequestLine;
use super::whole::{Places, Whole};
use crate::base::boxed::boxed;
use crate::http::{Headers, Host, Method, Target};

/// The most empty lines skipped before a request line (RFC 9112 section 2.2 asks for at least one; old clients send
/// one behind a body).
const EMPTY_LINES_MAX: usize = 8;

/// Reads the requests of one connection, one after the other. While it waits it holds no buffer and no memory of its
/// own: what was received of a head stays in the caller's buffer.
#[derive(Debug, Default)]
pub struct Decoder {
    stage: Stage,
}

/// Where a request is.
#[derive(Debug)]
enum Stage {
    /// Before or in the head. The request line is there once it is complete.
    Head { empty_lines: usize, lines: Lines, request_line: Option<RequestLine> },
    /// In a body of known length.
    Length { remaining: u64 },
    /// In a chunked body.
    Chunked(Chunked),
    /// Behind the last chunk.
    Trailers(Lines),
    /// A request was refused. Nothing more is read.
    Failed(Box<(BadRequest, PartialRequest)>),
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::Head { empty_lines: 0, lines: Lines::head(), request_line: None }
    }
}

/// What was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing complete: read more and call again.
    NeedMore,
    /// A request head. Its body and its end follow, unless its framing is [`BodyFraming::None`]: such a head is all of
    /// the request, and the next request follows.
    Head(Box<RequestHead>),
    /// A piece of the body, never empty.
    Body(Bytes),
    /// The end of a request that announced a body, also an empty one. The next request follows.
    End {
        /// The fields behind a chunked body.
        trailers: Headers,
    },
}

impl Decoder {
    /// Waits for the first request of a connection.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Takes the next thing out of `buffer`, and only its bytes: what follows stays there for the next call. The buffer
    /// must be the same in every call, with whatever was received since appended to it.
    ///
    /// After an error the buffer's rest has no meaning, and every further call gives the error again.
    pub fn receive(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Progress, BadRequest> {
        let outcome = match &mut self.stage {
            Stage::Head { .. } => return self.receive_head(buffer, limits),
            Stage::Length { .. } => return Ok(self.receive_length(buffer)),
            Stage::Chunked(_) => self.receive_chunked(buffer, limits),
            Stage::Trailers(_) => self.receive_trailers(buffer, limits),
            Stage::Failed(failure) => return Err(failure.0.clone()),
        };
        outcome.map_err(|error| self.fail(error, PartialRequest::default()))
    }

    /// Whether no byte of a further request has come: the connection is idle.
    pub fn is_between_requests(&self, buffer: &[u8]) -> bool {
        let no_head = matches!(&self.stage, Stage::Head { lines, .. } if lines.is_fresh());
        no_head && buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// Whether the end of the current request was not given: there is more to come, or it was refused and its end
    /// cannot be found.
    pub fn is_in_body(&self) -> bool {
        matches!(self.stage, Stage::Length { .. } | Stage::Chunked(_) | Stage::Trailers(_) | Stage::Failed(_))
    }

    /// How many bytes of a body of known length are to come; 0 in any other. They may be read past the decoder, which is
    /// told of them by `skip`, as long as no bytes wait in the buffer that it is given.
    pub fn plain_bytes(&self) -> u64 {
        match self.stage {
            Stage::Length { remaining } => remaining,
            _ => 0,
        }
    }

    /// Notes that `count` bytes of the body were read past the decoder, no more than `plain_bytes` says.
    pub fn skip(&mut self, count: u64) {
        if let Stage::Length { remaining } = &mut self.stage {
            *remaining = remaining.saturating_sub(count);
        }
    }

    /// How many bytes of the current chunk are still to come; 0 elsewhere.
    pub fn chunk_rest(&self) -> u64 {
        match &self.stage {
            Stage::Chunked(chunked) => chunked.data_rest(),
            _ => 0,
        }
    }

    /// What is known of a request whose head is not complete, or was refused. `buffer` is what `receive` was given.
    pub fn partial(&self, buffer: &[u8]) -> PartialRequest {
        match &self.stage {
            Stage::Head { request_line, .. } => PartialRequest::of(buffer, request_line.as_ref()),
            Stage::Failed(failure) => failure.1.clone(),
            Stage::Length { .. } | Stage::Chunked(_) | Stage::Trailers(_) => PartialRequest::default(),
        }
    }

    fn receive_head(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Progress, BadRequest> {
        let mut places = Places::default();
        if matches!(&self.stage, Stage::Head { lines, .. } if lines.is_fresh())
            && let Some(whole) = Whole::read(buffer, limits, &mut places)
        {
            self.stage = Stage::default();
            let bytes = buffer.split_to(whole.length).freeze();
            let fields = Fields::of(&bytes, &whole);
            return self.finish_head(bytes, &whole.line, fields);
        }
        match self.head_length(buffer, limits) {
            Ok(None) => Ok(Progress::NeedMore),
            Ok(Some(length)) => self.take_head(buffer.split_to(length).freeze(), limits),
            Err(error) => {
                let partial = self.partial(buffer);
                Err(self.fail(error, partial))
            }
        }
    }

    /// How long the head at the beginning of `buffer` is, once it is complete.
    fn head_length(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Option<usize>, BadRequest> {
        let Stage::Head { empty_lines, lines, request_line } = &mut self.stage else {
            return Ok(None);
        };
        while lines.is_fresh() {
            let length = match buffer.as_ref() {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                [] | [b'\r'] => return Ok(None),
                _ => break,
            };
            buffer.advance(length);
            *empty_lines += 1;
            if *empty_lines > EMPTY_LINES_MAX {
                return Err(BadRequest::EmptyLines { limit: EMPTY_LINES_MAX });
            }
        }
        loop {
            match lines.next(buffer, limits)? {
                Next::NeedMore => return Ok(None),
                Next::End(length) => return Ok(Some(length)),
                Next::Line(line) if request_line.is_none() => {
                    *request_line = Some(RequestLine::parse(&buffer[line], lines.next_line())?);
                }
                // The first line is the request line.
                Next::Line(_) if lines.count - 1 <= limits.headers_max => {}
                Next::Line(_) => {
                    return Err(BadRequest::TooManyFields { limit: limits.headers_max });
                }
            }
        }
    }

    /// Makes a request head of the bytes of a complete one.
    fn take_head(&mut self, bytes: Bytes, limits: &Limits) -> Result<Progress, BadRequest> {
        let Stage::Head { lines, request_line: Some(line), .. } = std::mem::take(&mut self.stage) else {
            // The empty line that ends a head comes behind a request line: one before it is skipped.
            let found = Excerpt::of(&bytes);
            return Err(self.fail(BadRequest::RequestLine { found }, PartialRequest::default()));
        };
        match Fields::parse(&bytes, line.fields_start(), lines.count - 1, limits) {
            Ok(fields) => self.finish_head(bytes, &line, fields),
            Err(error) => Err(self.fail(error, PartialRequest::of(&bytes, Some(&line)))),
        }
    }

    /// Finds out what a head means.
    fn finish_head(&mut self, bytes: Bytes, line: &RequestLine, fields: Fields) -> Result<Progress, BadRequest> {
        let meaning = match Meaning::read(&bytes, line, &fields) {
            Ok(meaning) => meaning,
            Err(error) => {
                let partial = PartialRequest { headers: fields.headers, ..PartialRequest::of(&bytes, Some(line)) };
                return Err(self.fail(error, partial));
            }
        };
        match meaning.framing {
            // The stage is the one before a head already.
            BodyFraming::None => {}
            BodyFraming::Length(remaining) => self.stage = Stage::Length { remaining },
            BodyFraming::Chunked => self.stage = Stage::Chunked(Chunked::new()),
        }
        Ok(Progress::Head(boxed(|| meaning.into_head(bytes, line, fields))))
    }

    fn receive_length(&mut self, buffer: &mut BytesMut) -> Progress {
        let Stage::Length { remaining } = &mut self.stage else {
            return Progress::NeedMore;
        };
        if *remaining == 0 {
            return self.end(Headers::new());
        }
        let piece = take_piece(buffer, *remaining);
        *remaining -= piece.len() as u64;
        if piece.is_empty() { Progress::NeedMore } else { Progress::Body(piece) }
    }

    fn receive_chunked(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Progress, BadRequest> {
        let Stage::Chunked(chunked) = &mut self.stage else {
            return Ok(Progress::NeedMore);
        };
        let (consumed, piece) = chunked.receive(buffer)?;
        buffer.advance(consumed);
        match piece {
            Piece::NeedMore => Ok(Progress::NeedMore),
            Piece::Data(remaining) => {
                let piece = take_piece(buffer, remaining);
                chunked.take_data(piece.len() as u64);
                Ok(Progress::Body(piece))
            }
            Piece::End => {
                self.stage = Stage::Trailers(Lines::trailers());
                self.receive_trailers(buffer, limits)
            }
        }
    }

    fn receive_trailers(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Progress, BadRequest> {
        let Stage::Trailers(lines) = &mut self.stage else {
            return Ok(Progress::NeedMore);
        };
        let length = loop {
            match lines.next(buffer, limits)? {
                Next::NeedMore => return Ok(Progress::NeedMore),
                Next::End(length) => break length,
                Next::Line(_) if lines.count <= limits.headers_max => {}
                Next::Line(_) => {
                    return Err(BadRequest::TooManyFields { limit: limits.headers_max });
                }
            }
        };
        let count = lines.count;
        let fields = Fields::parse(&buffer.split_to(length).freeze(), 0, count, limits)?;
        Ok(self.end(fields.headers))
    }

    /// Ends a request and waits for the next.
    fn end(&mut self, trailers: Headers) -> Progress {
        self.stage = Stage::default();
        Progress::End { trailers }
    }

    fn fail(&mut self, error: BadRequest, partial: PartialRequest) -> BadRequest {
        self.stage = Stage::Failed(Box::new((error.clone(), partial)));
        error
    }
}

/// What the bytes of a head mean.
struct Meaning {
    method: Method,
    target: Target,
    host: Option<Host>,
    framing: BodyFraming,
}

impl Meaning {
    fn read(bytes: &Bytes, line: &RequestLine, fields: &Fields) -> Result<Meaning, BadRequest> {
        let method = Method::parse(&bytes[line.method()])
            .ok_or_else(|| BadRequest::Method { found: Excerpt::of(&bytes[line.line()]) })?;
        let target = Target::parse(bytes.slice(line.target()), &method)
            .map_err(|reason| BadRequest::Target { reason, found: Excerpt::of(&bytes[line.target()]) })?;
        let host = framing::host(&fields.headers, &target, line.version)?;
        let framing = framing::body(fields, line.version)?;
        Ok(Meaning { method, target, host, framing })
    }

    fn into_head(self, bytes: Bytes, line: &RequestLine, fields: Fields) -> RequestHead {
        let head_bytes = bytes.len();
        let mut request_line = bytes;
        request_line.truncate(line.line().end);
        RequestHead {
            keep_alive: framing::keep_alive(&fields.headers, fields.present, line.version),
            expect_continue: framing::expect_continue(&fields.headers, fields.present, line.version, self.framing),
            method: self.method,
            target: self.target,
            version: line.version,
            headers: fields.headers,
            framing: self.framing,
            host: self.host,
            request_line,
            head_bytes,
            dropped: fields.dropped,
        }
    }
}

impl PartialRequest {
    /// What `received`, the beginning of a head, tells. Copied, so that a log record holds no read buffer.
    fn of(received: &[u8], line: Option<&RequestLine>) -> PartialRequest {
        let request_line = Bytes::copy_from_slice(first_line(received));
        let head_bytes = received.len();
        let Some(line) = line else {
            let method = memchr::memchr(b' ', &request_line).and_then(|end| Method::parse(&request_line[..end]));
            return PartialRequest { request_line, method, head_bytes, ..PartialRequest::default() };
        };
        let method = Method::parse(&request_line[line.method()]);
        let target = method.as_ref().and_then(|method| Target::parse(request_line.slice(line.target()), method).ok());
        let version = Some(line.version);
        PartialRequest { request_line, method, target, version, headers: Headers::new(), head_bytes }
    }
}

/// At most `length` bytes from the beginning of `buffer`.
fn take_piece(buffer: &mut BytesMut, length: u64) -> Bytes {
    let length = usize::try_from(length).map_or(buffer.len(), |length| length.min(buffer.len()));
    buffer.split_to(length).freeze()
}

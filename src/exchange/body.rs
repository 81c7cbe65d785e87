//! Message bodies as values: what a response carries, and what a request brings.
//!
//! A body says where its bytes come from and, where it is known, how many there are. Who sends it
//! (`server`) or changes it (a filter) decides how the bytes travel. Nothing here reads or writes.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::vec;

use bytes::Bytes;

use super::shared_file::SharedFile;
use crate::http::headers::Headers;

/// What a response carries after its head.
pub enum Body {
    /// No content at all.
    Empty,
    /// Content that is in memory already.
    Bytes(Bytes),
    /// A part of an open file, sent by `sendfile` unless a filter must see it.
    File(FileSlice),
    /// Content that comes piece by piece, with back-pressure: the next piece is asked for when the
    /// last one has been sent.
    Stream {
        /// Yields the pieces.
        source: Box<dyn Source>,
        /// The number of bytes that will come, when it is known beforehand.
        length: Option<u64>,
    },
}

impl Body {
    /// The number of content bytes, or `None` when only the end of a stream will tell.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(slice) => Some(slice.length),
            Self::Stream { length, .. } => *length,
        }
    }

    /// Several bodies, one behind the other. Each is dropped when it has ended.
    pub fn chain(bodies: impl IntoIterator<Item = Self>) -> Self {
        let bodies: Vec<Self> = bodies.into_iter().collect();
        let length = bodies.iter().map(Self::length).sum();
        Self::Stream { source: Box::new(Chain { current: Self::Empty, rest: bodies.into_iter() }), length }
    }

    /// The content piece by piece, for who must see it or frame it.
    pub fn into_source(self) -> Box<dyn Source> {
        match self {
            Self::Stream { source, .. } => source,
            whole => Box::new(whole),
        }
    }

    /// Whether the body is known to have no content.
    pub fn is_empty(&self) -> bool {
        self.length() == Some(0)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("Empty"),
            Self::Bytes(bytes) => write!(formatter, "Bytes({})", bytes.len()),
            Self::File(slice) => write!(formatter, "File({}+{})", slice.offset, slice.length),
            Self::Stream { length, .. } => write!(formatter, "Stream({length:?})"),
        }
    }
}

/// A run of bytes in an open file.
#[derive(Clone, Debug)]
pub struct FileSlice {
    /// The open file; shared, because several slices of one file make a multipart answer.
    pub file: Rc<SharedFile>,
    /// Where the run begins, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// One piece of a streamed body.
#[derive(Debug)]
pub enum Chunk {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A part of a file, for a sender that can use `sendfile`.
    File(FileSlice),
}

impl Chunk {
    /// The number of bytes in the piece.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(slice) => slice.length,
        }
    }

    /// Whether there are no bytes in the piece.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Chunk> for Body {
    fn from(chunk: Chunk) -> Self {
        match chunk {
            Chunk::Bytes(bytes) => Self::Bytes(bytes),
            Chunk::File(slice) => Self::File(slice),
        }
    }
}

/// A response body that comes piece by piece (a CGI script, an upstream server, a multipart answer).
pub trait Source {
    /// The next piece; `Ready(None)` at the end. An error means the body can't be completed: the
    /// client must be able to see that it was cut short.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>>;
}

impl Source for Body {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
        if let Self::Stream { source, .. } = self {
            return source.poll_next(context);
        }
        Poll::Ready(match std::mem::replace(self, Self::Empty) {
            Self::Bytes(bytes) => Some(Ok(Chunk::Bytes(bytes))),
            Self::File(slice) => Some(Ok(Chunk::File(slice))),
            Self::Empty | Self::Stream { .. } => None,
        })
    }
}

/// Bodies one behind the other.
struct Chain {
    current: Body,
    rest: vec::IntoIter<Body>,
}

impl Source for Chain {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
        loop {
            if let Some(piece) = ready!(self.current.poll_next(context)) {
                return Poll::Ready(Some(piece));
            }
            match self.rest.next() {
                Some(next) => self.current = next,
                None => return Poll::Ready(None),
            }
        }
    }
}

/// A request body as it arrives. A handler that reads slowly slows the client: nothing is read
/// ahead of what is asked for.
pub trait Inflow {
    /// The next piece of content; `Ready(None)` at the end.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, InflowError>>>;

    /// The next piece of content, lent to `take` while this call lasts, for who only passes it on: it need not be copied
    /// into memory of its own. Otherwise as `poll_next`; `take` is called once at the most.
    fn poll_lend(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Poll<Option<Result<(), InflowError>>> {
        self.poll_next(context).map(|piece| piece.map(|piece| piece.map(|piece| take(&piece))))
    }

    /// The trailer section (RFC 9110 section 6.5), complete once the end was seen.
    fn trailers(&self) -> &Headers;

    /// What the location allows: how many bytes in all, where their number was not announced, and how long the client
    /// may pause while it is waited for.
    fn set_limits(&mut self, bytes_max: Option<u64>, timeout: Duration);

    /// How many bytes the content has taken on the wire so far, its framing included.
    fn meter(&self) -> Rc<Cell<u64>>;
}

/// Why a request body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum InflowError {
    /// The client closed or reset the connection.
    #[error("client prematurely closed connection")]
    Closed,
    /// The client sent nothing for `client_body_timeout`.
    #[error("client timed out")]
    TimedOut,
    /// The client sent more than `client_max_body_size` (a chunked body, whose size is seen only as it comes).
    #[error("client intended to send too large chunked body: {received}+{announced} bytes")]
    TooLarge {
        /// How many bytes of content had come.
        received: u64,
        /// How many more the chunk has.
        announced: u64,
    },
    /// The client broke the framing of the body.
    #[error(transparent)]
    Malformed(#[from] crate::http::h1::BadRequest),
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Waits once before each of its pieces.
    struct Slow {
        pieces: Vec<&'static str>,
        waited: bool,
    }

    impl Source for Slow {
        fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
            self.waited = !self.waited;
            if self.waited {
                return Poll::Pending;
            }
            Poll::Ready(self.pieces.pop().map(|piece| Ok(Chunk::Bytes(Bytes::from_static(piece.as_bytes())))))
        }
    }

    fn slow(pieces: &[&'static str], length: Option<u64>) -> Body {
        let pieces = pieces.iter().rev().copied().collect();
        Body::Stream { source: Box::new(Slow { pieces, waited: false }), length }
    }

    /// The pieces of a body, each wait shown as a dot.
    fn pieces(mut body: Body) -> String {
        let mut seen = String::new();
        loop {
            match body.poll_next(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => seen.push('.'),
                Poll::Ready(Some(Ok(Chunk::Bytes(bytes)))) => seen += std::str::from_utf8(&bytes).unwrap(),
                Poll::Ready(Some(other)) => panic!("expected bytes, found {other:?}"),
                Poll::Ready(None) => return seen,
            }
        }
    }

    #[test]
    fn bodies_in_a_chain_come_one_behind_the_other() {
        let bytes = || Body::Bytes(Bytes::from_static(b"bytes"));
        assert_eq!(
            pieces(Body::chain([slow(&["a", "b"], None), Body::Empty, bytes(), slow(&["c"], None)])),
            ".a.b.bytes.c."
        );
        assert_eq!(pieces(Body::chain([])), "");
    }

    #[test]
    fn a_chain_has_the_length_of_its_bodies_if_all_have_one() {
        let bytes = || Body::Bytes(Bytes::from_static(b"bytes"));
        assert_eq!(Body::chain([bytes(), slow(&[], Some(3)), Body::Empty]).length(), Some(8));
        assert_eq!(Body::chain([bytes(), slow(&[], None)]).length(), None);
    }
}

//! What a client sends: requests one after the other, and the content of each as it is asked for.
//!
//! The decoder says what the bytes mean; this file says when to read and how long to wait.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::connection::{Connection, Ending};
use crate::base::report::{Severity, report};
use crate::exchange::body::{Inflow, InflowError};
use crate::http::Headers;
use crate::http::h1::{BadRequest, BodyFraming, PartialRequest, Progress, RequestHead};
use crate::runtime::{Deadline, SCRATCH_BYTES};

/// How much one read takes at the most.
const READ_BYTES: usize = 32 * 1024;

/// How many reads of a request's content are taken in, or thrown away, before other connections have their turn.
const READS_PER_TURN: u32 = 8;

/// How long a body may pause before a location says otherwise; nginx's default `client_body_timeout`.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// What is sent to a client that waits before it sends its content (RFC 9110 section 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What came next on a connection.
pub(super) enum Next {
    /// A request, and when its first byte was seen.
    Request(Box<RequestHead>, Instant),
    /// Something that is no request, as far as it was understood.
    Malformed(Box<(BadRequest, PartialRequest)>, Instant),
    /// A request that was begun and not ended in time, or by a client that left.
    Abandoned(Box<PartialRequest>, Instant, Ending),
    /// Nothing: the connection ends.
    Nothing(Ending),
}

/// What became of the content of a request that nobody wanted to read.
pub(super) enum Rest {
    /// All of it was thrown away; the next request can be found.
    Read,
    /// The client closed its side, or failed.
    Lost,
    /// It has no form.
    Malformed(BadRequest),
}

impl Connection {
    /// The next request. Answers that wait to be sent are sent before it waits for more.
    pub(super) async fn next_request(&self) -> Next {
        let mut began = None;
        loop {
            match self.decode() {
                Ok(Progress::Head(head)) => {
                    return Next::Request(head, began.unwrap_or_else(|| self.station.handle.now()));
                }
                Ok(Progress::Body(_) | Progress::End { .. }) => continue,
                Ok(Progress::NeedMore) => {}
                Err(error) => {
                    let partial = self.decoder.borrow().partial(&self.buffer.borrow());
                    let began = began.unwrap_or_else(|| self.station.handle.now());
                    return Next::Malformed(Box::new((error, partial)), began);
                }
            }
            if let Err(ending) = self.flush().await {
                return Next::Nothing(ending);
            }
            let idle = self.decoder.borrow().is_between_requests(&self.buffer.borrow());
            let deadline = if idle {
                self.idle_deadline()
            } else {
                self.set_reading(true);
                *began.get_or_insert_with(|| self.station.handle.now()) + self.header_timeout()
            };
            if let Err(ending) = self.fill(deadline, idle).await {
                return self.given_up(idle, began, ending);
            }
        }
    }

    fn decode(&self) -> Result<Progress, BadRequest> {
        let mut buffer = self.buffer.borrow_mut();
        self.listener().with_reading(|reading| self.decoder.borrow_mut().receive(&mut buffer, &reading.limits))
    }

    /// Reads once, or finds out why not. While idle it also looks at whether the connection should end.
    pub(super) async fn fill(&self, at: Instant, idle: bool) -> Result<(), Ending> {
        if self.buffer.borrow().is_empty() {
            // What waits owns no buffer.
            self.buffer.replace(BytesMut::new());
        }
        poll_fn(|_| {
            match self.transport.poll_read(&mut self.buffer.borrow_mut(), READ_BYTES) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Ending::ClientLeft)),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Ending::of(error))),
                Poll::Pending => {}
            }
            if idle && self.ends_when_idle() {
                return Poll::Ready(Err(Ending::Close));
            }
            self.station.handle.poll_deadline(at).map(|()| Err(Ending::TimedOut))
        })
        .await
    }

    fn given_up(&self, idle: bool, began: Option<Instant>, ending: Ending) -> Next {
        match began {
            Some(began) if !idle => {
                let partial = self.decoder.borrow().partial(&self.buffer.borrow());
                Next::Abandoned(Box::new(partial), began, ending)
            }
            _ => {
                if matches!(ending, Ending::TimedOut) && self.client.requests.get() == 0 {
                    report(
                        Severity::Info,
                        format_args!("*{} client timed out while waiting for request", self.client.number),
                    );
                }
                Next::Nothing(ending)
            }
        }
    }

    /// The content of the request whose head was just read, if it has any.
    pub(super) fn inflow(self: &Rc<Self>, head: &RequestHead) -> Option<Box<dyn Inflow>> {
        if matches!(head.framing, BodyFraming::None | BodyFraming::Length(0)) {
            return None;
        }
        self.inflow_held.set(true);
        self.expects_continue.set(head.expect_continue);
        let handle = &self.station.handle;
        Some(Box::new(RequestBody {
            deadline: handle.deadline(handle.now() + BODY_TIMEOUT),
            connection: Rc::clone(self),
            timeout: BODY_TIMEOUT,
            waiting: false,
            reads: 0,
            is_chunked: head.framing == BodyFraming::Chunked,
            limit: None,
            received: 0,
            on_wire: Rc::default(),
            trailers: Headers::new(),
            ended: false,
        }))
    }

    /// Reads and throws away what is left of a request's content, while nobody else reads it. `Ready` when there is
    /// nothing left, with whether the connection can go on. A fast sender does not keep others from their turn.
    pub(super) fn poll_discard(&self, context: &Context<'_>) -> Poll<Rest> {
        if self.inflow_held.get() {
            return Poll::Pending;
        }
        let mut reads = 0;
        loop {
            if !self.decoder.borrow().is_in_body() {
                return Poll::Ready(Rest::Read);
            }
            match self.decode() {
                Ok(Progress::Body(_)) => self.expects_continue.set(false),
                Ok(Progress::End { .. }) => return Poll::Ready(Rest::Read),
                Ok(Progress::Head(_)) => return Poll::Ready(Rest::Lost),
                Err(error) => return Poll::Ready(Rest::Malformed(error)),
                Ok(Progress::NeedMore) if reads == READS_PER_TURN => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(Progress::NeedMore) => match self.transport.poll_read(&mut self.buffer.borrow_mut(), READ_BYTES) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Rest::Lost),
                    Poll::Ready(Ok(_)) => reads += 1,
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}

/// The content of a request, read from the connection as it is asked for.
struct RequestBody {
    connection: Rc<Connection>,
    deadline: Deadline,
    /// `client_body_timeout`.
    timeout: Duration,
    /// The client is being waited for; the deadline counts.
    waiting: bool,
    /// Reads since others had their turn.
    reads: u32,
    is_chunked: bool,
    /// `client_max_body_size`, for content whose length was not announced.
    limit: Option<u64>,
    /// Bytes of content.
    received: u64,
    /// Bytes of content and its framing.
    on_wire: Rc<Cell<u64>>,
    trailers: Headers,
    ended: bool,
}

impl Inflow for RequestBody {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, InflowError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            if let Some(progress) = self.next_in_buffer() {
                self.waiting = false;
                return Poll::Ready(progress);
            }
            ready!(self.poll_turn(context));
            let read = |connection: &Connection| {
                connection.transport.poll_read(&mut connection.buffer.borrow_mut(), READ_BYTES)
            };
            if let Err(error) = ready!(self.poll_fill(context, read)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Content of known length goes from the socket to `take` through the worker's scratch buffer alone.
    fn poll_lend(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Poll<Option<Result<(), InflowError>>> {
        let connection = Rc::clone(&self.connection);
        let plain = connection.decoder.borrow().plain_bytes();
        if self.ended || plain == 0 || !connection.buffer.borrow().is_empty() {
            return self.poll_next(context).map(|piece| piece.map(|piece| piece.map(|piece| take(&piece))));
        }
        ready!(self.poll_turn(context));
        let at_most = usize::try_from(plain).map_or(SCRATCH_BYTES, |plain| plain.min(SCRATCH_BYTES));
        connection.station.handle.with_scratch(|scratch| {
            let read = |connection: &Connection| connection.transport.poll_read_into(&mut scratch[..at_most]);
            let count = match ready!(self.poll_fill(context, read)) {
                Ok(count) => count,
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            connection.decoder.borrow_mut().skip(count as u64);
            connection.expects_continue.set(false);
            self.on_wire.set(self.on_wire.get() + count as u64);
            self.received += count as u64;
            take(&scratch[..count]);
            Poll::Ready(Some(Ok(())))
        })
    }

    fn trailers(&self) -> &Headers {
        &self.trailers
    }

    fn set_limits(&mut self, bytes_max: Option<u64>, timeout: Duration) {
        // What was announced was judged with the head.
        self.limit = bytes_max.filter(|_| self.is_chunked);
        self.timeout = timeout;
        self.waiting = false;
    }

    fn meter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.on_wire)
    }
}

impl RequestBody {
    /// What was received already: a piece, the end (`Some(None)`), or why there is none; nothing when more must be read.
    fn next_in_buffer(&mut self) -> Option<Option<Result<Bytes, InflowError>>> {
        let before = self.connection.buffer.borrow().len();
        let progress = self.connection.decode();
        let taken = before - self.connection.buffer.borrow().len();
        self.on_wire.set(self.on_wire.get() + taken as u64);
        let announced = self.connection.decoder.borrow().chunk_rest();
        if let Some(limit) = self.limit
            && let Ok(Progress::NeedMore | Progress::Body(_)) = &progress
        {
            let piece = if let Ok(Progress::Body(piece)) = &progress { piece.len() as u64 } else { 0 };
            let (received, announced) = (self.received, announced.saturating_add(piece));
            if received.saturating_add(announced) > limit {
                return Some(Some(Err(InflowError::TooLarge { received, announced })));
            }
        }
        match progress {
            Ok(Progress::Body(piece)) => {
                self.connection.expects_continue.set(false);
                self.received += piece.len() as u64;
                Some(Some(Ok(piece)))
            }
            Ok(Progress::End { trailers }) => {
                self.ended = true;
                self.trailers = trailers;
                Some(None)
            }
            Ok(Progress::NeedMore) => None,
            Ok(Progress::Head(_)) => Some(Some(Err(InflowError::Closed))),
            Err(error) => Some(Some(Err(InflowError::Malformed(error)))),
        }
    }

    /// Ready unless so much was read that it is the turn of others.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.reads < READS_PER_TURN {
            return Poll::Ready(());
        }
        self.reads = 0;
        Pin::new(&mut self.connection.station.handle.yield_now()).poll(context)
    }

    /// Reads once, a byte at least, and says how many; a client that waits is told to go on.
    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        read: impl FnOnce(&Connection) -> Poll<io::Result<usize>>,
    ) -> Poll<Result<usize, InflowError>> {
        let connection = &self.connection;
        if connection.expects_continue.take() {
            connection.append(CONTINUE);
        }
        // What waits to be sent may be what the client waits for.
        if let Poll::Ready(Err(error)) = connection.poll_flush() {
            return Poll::Ready(Err(InflowError::Io(error)));
        }
        match read(connection) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(InflowError::Closed)),
            Poll::Ready(Ok(count)) => {
                self.reads += 1;
                self.waiting = false;
                return Poll::Ready(Ok(count));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(InflowError::Io(error))),
            Poll::Pending => self.reads = 0,
        }
        if !self.waiting {
            // Only what the client takes counts, not what the handler does between two pieces.
            self.waiting = true;
            self.deadline.reset(connection.station.handle.now() + self.timeout);
        }
        Pin::new(&mut self.deadline).poll(context).map(|()| Err(InflowError::TimedOut))
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.connection.inflow_held.set(false);
    }
}

impl Ending {
    /// What a failed read or write means.
    pub(super) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => {
                Self::ClientLeft
            }
            _ => Self::Failed(error),
        }
    }
}

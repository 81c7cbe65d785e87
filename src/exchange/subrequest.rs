//! Subrequests: exchanges without a client of their own, made to answer a part of another one (nginx's
//! `ngx_http_subrequest`).
//!
//! A subrequest asks the same virtual server for another path, with GET, the fields of the client's request and, as in
//! nginx, what was received of its content when the subrequest was made. It may reach `internal` locations and is not asked by access checks. What the configuration's variables hold
//! it shares with the request it is a part of; captures, error pages and internal redirects are its own. It is owned by
//! whoever made it, borrows nothing, and ends when it is dropped.
//!
//! There are two ways to make one:
//! - [`Subrequest::of`] an exchange that waits for it, to look at the response's head and variables (`auth_request`);
//! - [`Subrequests::body`], whose content takes its place in the body of a response (`add_before_body`): it is made
//!   when that place is reached, while the exchange itself is out of reach.
//!
//! What is done with the response is up to the modules.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::answer::answer;
use super::body::{Body, Chunk, Source};
use super::client::Client;
use super::content;
use super::exchange::{Exchange, Shown};
use super::family::{Family, Seat};
use super::request::Request;
use super::response::Response;
use super::site::Site;
use super::trace::{Step, Trace};
use crate::base::report::{ErrorLog, Severity};
use crate::http::h1::RequestHead;
use crate::http::method::Method;
use crate::http::status::Status;
use crate::runtime::Handle;

/// How deep subrequests may be nested before they are taken for a cycle (nginx's `NGX_HTTP_MAX_SUBREQUESTS`).
pub const DEPTH_MAX: u8 = 50;

/// How many subrequests of one client request may be at work at once: an exchange takes about a kilobyte. nginx stops
/// at 64,535.
pub const AT_ONCE_MAX: u16 = 1000;

/// A subrequest that is to be answered.
#[derive(Debug)]
pub struct Subrequest {
    exchange: Box<Exchange>,
    seat: Seat,
}

/// A subrequest and its response.
#[derive(Debug)]
pub struct Answered {
    exchange: Box<Exchange>,
    response: Box<Response>,
    _seat: Seat,
}

/// Why a subrequest has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubrequestError {
    /// It would be nested deeper than [`DEPTH_MAX`].
    #[error("subrequests cycle")]
    Cycle,
    /// There are [`AT_ONCE_MAX`] of them already.
    #[error("too many subrequests")]
    TooMany,
    /// Its location closes the connection without a word (`return 444`); the client's connection has to end.
    #[error("the subrequest was closed with {}", .0.code())]
    Closed(Status),
}

/// Makes subrequests of an exchange. It holds what they need of it and not the exchange itself, so that they can be made
/// while the response is being sent.
#[derive(Clone)]
pub struct Subrequests {
    kin: Kin,
    head: Rc<RequestHead>,
}

/// What a subrequest knows of the request that it is a part of.
#[derive(Clone, Debug)]
pub(super) struct Lineage {
    /// How many requests it is away from that of the client.
    depth: u8,
    /// The method of the client's request.
    pub(super) main_method: Method,
    /// The error log of the client's request.
    pub(super) error_log: Arc<ErrorLog>,
}

/// What a subrequest takes over.
#[derive(Clone)]
struct Kin {
    handle: Handle,
    client: Rc<Client>,
    site: Arc<dyn Site>,
    host: Bytes,
    family: Rc<Family>,
    lineage: Box<Lineage>,
    connection_requests: u64,
    content: content::Content,
    trace: Option<Rc<Trace>>,
}

impl Subrequest {
    /// A subrequest of an exchange to a path, which is decoded and normalised, with these arguments.
    ///
    /// # Errors
    /// There are too many of them; that is in the error log.
    pub fn of(exchange: &Exchange, uri: Bytes, args: Bytes) -> Result<Self, SubrequestError> {
        Kin::of(exchange).child(exchange.request.head.clone(), uri, args)
    }

    /// Runs it to its response.
    ///
    /// # Errors
    /// It was closed without one.
    pub async fn answer(mut self) -> Result<Answered, SubrequestError> {
        self.exchange.tell(|| Step::Asks { uri: self.exchange.uri.clone() });
        let response = answer(&mut self.exchange).await;
        self.exchange.tell(|| Step::Answered { status: response.as_ref().map(|response| response.status) });
        let Some(response) = response else {
            return Err(SubrequestError::Closed(self.exchange.record.status.unwrap_or(Status::CLOSE)));
        };
        let Self { mut exchange, seat } = self;
        exchange.record.content_length = response.body.length();
        Ok(Answered { exchange, response, _seat: seat })
    }
}

impl Answered {
    /// The status of the response.
    pub fn status(&self) -> Status {
        self.response.status
    }

    /// The response. Its body is read by who made the subrequest with [`Subrequests::body`].
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// Throws the content away unread, which ends whoever makes it, and has the subrequest logged. Gives the exchange,
    /// for values with variables: those of the response (`$status`, `$sent_http_name`) are there.
    pub fn finish(mut self) -> Box<Exchange> {
        self.response.body = Body::Empty;
        self.exchange.record.response = Some(self.response);
        log(&mut self.exchange);
        self.exchange
    }
}

impl Source for Answered {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
        let piece = ready!(self.response.body.poll_next(context));
        if let Some(Ok(piece)) = &piece {
            self.exchange.record.bytes_sent += piece.len();
        }
        Poll::Ready(piece)
    }
}

impl Subrequests {
    /// For subrequests of this exchange.
    pub fn of(exchange: &Exchange) -> Self {
        Self { kin: Kin::of(exchange), head: Rc::new(RequestHead::clone(&exchange.request.head)) }
    }

    /// The content of the response to a subrequest, whatever its status. Nothing is done before the first piece is asked
    /// for; it fails when the subrequest has no response.
    pub fn body(&self, uri: Bytes, args: Bytes) -> Body {
        Body::Stream { source: Box::new(Content::Asked { subrequests: self.clone(), uri, args }), length: None }
    }

    /// A subrequest to a path, which is decoded and normalised, with these arguments.
    ///
    /// # Errors
    /// There are too many of them; that is in the error log.
    pub fn make(&self, uri: Bytes, args: Bytes) -> Result<Subrequest, SubrequestError> {
        self.kin.clone().child(Box::new(RequestHead::clone(&self.head)), uri, args)
    }
}

impl Kin {
    fn of(exchange: &Exchange) -> Self {
        let lineage = Lineage {
            depth: exchange.lineage.as_ref().map_or(0, |lineage| lineage.depth).saturating_add(1),
            main_method: exchange.main_method().clone(),
            error_log: Arc::clone(exchange.error_log()),
        };
        Self {
            handle: exchange.handle.clone(),
            client: Rc::clone(&exchange.client),
            site: Arc::clone(&exchange.site),
            host: exchange.host.clone(),
            family: Rc::clone(exchange.family()),
            lineage: Box::new(lineage),
            connection_requests: exchange.record.connection_requests,
            content: exchange.content().clone(),
            trace: exchange.trace.clone(),
        }
    }

    fn child(self, head: Box<RequestHead>, uri: Bytes, args: Bytes) -> Result<Subrequest, SubrequestError> {
        let request = Request { content: self.content, ..Request::new(head, None) };
        let started = self.handle.now();
        let mut exchange = Box::new(Exchange::new(self.handle, self.client, request, self.site, (uri, args), started));
        exchange.method = Method::Get;
        exchange.host = self.host;
        exchange.internal = true;
        exchange.record.connection_requests = self.connection_requests;
        exchange.trace = self.trace;
        let depth = self.lineage.depth;
        exchange.lineage = Some(self.lineage);
        let refused = if depth > DEPTH_MAX {
            SubrequestError::Cycle
        } else if let Some(seat) = self.family.take_seat(AT_ONCE_MAX) {
            exchange.family = self.family.into();
            return Ok(Subrequest { exchange, seat });
        } else {
            SubrequestError::TooMany
        };
        exchange.report(Severity::Error, format_args!("{refused} while processing \"{}\"", Shown(&exchange.uri)));
        Err(refused)
    }
}

/// The content of a subrequest in the place where it belongs.
enum Content {
    /// Nobody has come to it yet.
    Asked { subrequests: Subrequests, uri: Bytes, args: Bytes },
    /// The response is being made.
    Awaited(Pin<Box<dyn Future<Output = Result<Answered, SubrequestError>>>>),
    /// The response is being read.
    Read(Answered),
    /// It was read, or there is none.
    Ended,
}

impl Source for Content {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
        loop {
            let next = match self {
                Self::Asked { subrequests, uri, args } => {
                    let made = subrequests.make(std::mem::take(uri), std::mem::take(args));
                    made.map(|subrequest| Self::Awaited(Box::pin(subrequest.answer())))
                }
                Self::Awaited(answer) => ready!(answer.as_mut().poll(context)).map(Self::Read),
                Self::Read(answered) => match ready!(answered.poll_next(context)) {
                    Some(piece) => return Poll::Ready(Some(piece)),
                    None => {
                        if let Self::Read(answered) = std::mem::replace(self, Self::Ended) {
                            drop(answered.finish());
                        }
                        return Poll::Ready(None);
                    }
                },
                Self::Ended => return Poll::Ready(None),
            };
            match next {
                Ok(next) => *self = next,
                Err(error) => {
                    *self = Self::Ended;
                    return Poll::Ready(Some(Err(io::Error::other(error))));
                }
            }
        }
    }
}

impl fmt::Debug for Subrequests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Subrequests({} deep)", self.kin.lineage.depth)
    }
}

/// Writes a finished subrequest to the access logs of its location, if they want such (`log_subrequest`).
fn log(exchange: &mut Exchange) {
    exchange.record.ended = Some(exchange.handle.now());
    if !exchange.plan.settings.log_subrequest || exchange.trace.is_some() {
        return;
    }
    for logger in &exchange.plan.loggers {
        logger.log(exchange);
    }
}

#[cfg(test)]
mod tests;

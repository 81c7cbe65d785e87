//! One connection, from its first byte to its end: the HTTP/1 loop.
//!
//! `serve` is the story; `inbound` reads, `exchange` answers, `outbound` sends, `linger` says goodbye. Everything a
//! connection holds is dropped with its task, which is how it is cancelled.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::counters::Answering;
use super::head::Framing;
use super::in_use::InUse;
use super::inbound::{Next, Rest};
use super::linger::linger;
use super::listener::ListenerState;
use super::outbound::Outbox;
use super::preface;
use super::station::Seat;
use crate::base::boxed::{boxed, pinned};
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::exchange::Exchange;
use crate::exchange::answer::answer_failure;
use crate::exchange::client::Client;
use crate::exchange::intake::answer_request;
use crate::exchange::request::Request;
use crate::exchange::response::Response;
use crate::exchange::settings::{Keepalive, Lingering, LingeringClose, Settings};
use crate::http::h1::{BadRequest, Decoder, PartialRequest, RequestHead};
use crate::http::headers::names;
use crate::http::{Method, Status};
use crate::runtime::{Address, Peer, Transport};

/// How many pipelined requests are answered before other connections have their turn.
const REQUESTS_PER_TURN: u32 = 32;

/// An open connection.
pub(super) struct Connection {
    /// Its place, and its worker's station.
    pub(super) station: Seat,
    /// Of the address it came by, or of the one that has its place since a reload.
    listener: RefCell<Rc<ListenerState>>,
    pub(super) client: Rc<Client>,
    pub(super) transport: Rc<Transport>,
    pub(super) decoder: RefCell<Decoder>,
    /// Received and not yet understood.
    pub(super) buffer: RefCell<BytesMut>,
    /// Answered and not yet sent.
    pub(super) outbox: RefCell<Outbox>,
    /// Somebody reads the content of the current request.
    pub(super) inflow_held: Cell<bool>,
    /// The client waits for `100 Continue`.
    pub(super) expects_continue: Cell<bool>,
    /// The client has sent a request head in part.
    pub(super) reading: Cell<bool>,
    /// When the last response was done; at first, when the connection was accepted.
    idle_since: Cell<Instant>,
    /// By the last location: how long the connection waits for the next request, and how it sends.
    keep_for: Cell<Patience>,
    pub(super) send_timeout: Cell<Patience>,
    nodelay: Cell<bool>,
}

/// A time-out that a connection keeps while it is idle: in milliseconds, for it takes a quarter of the room. Longer
/// ones than 49 days are 49 days.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    ms: u32,
}

impl From<Duration> for Patience {
    fn from(duration: Duration) -> Self {
        Self { ms: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX) }
    }
}

impl From<Patience> for Duration {
    fn from(patience: Patience) -> Self {
        Self::from_millis(patience.ms.into())
    }
}

/// How a connection ends, or a part of its work.
#[derive(Debug)]
pub(super) enum Ending {
    /// It has done its work.
    Close,
    /// As `Close`, but the client may still be sending.
    Linger(Box<Lingering>),
    /// The client closed or reset it.
    ClientLeft,
    /// The client was silent, or took nothing, for too long.
    TimedOut,
    /// As `TimedOut`, and `reset_timedout_connection` is on.
    Reset,
    /// The response cannot be completed; the client must see that it was cut short.
    Broken,
    /// The system says so.
    Failed(io::Error),
}

/// The life of a connection.
pub(super) async fn serve(connection: Rc<Connection>) {
    if let Err(error) = connection.transport.io().adopt() {
        return report(Severity::Alert, format_args!("a new connection cannot be polled {}", Reason(&error)));
    }
    let ending = connection.run().await;
    match ending {
        // What comes once in a connection's life, and rarely, takes no room in every idle connection.
        Ending::Linger(lingering) => {
            Box::pin(linger(&connection.station.handle, &connection.transport, *lingering)).await;
        }
        Ending::Reset => {
            if let Err(error) = connection.transport.reset_on_close() {
                report(Severity::Alert, format_args!("setsockopt(SO_LINGER) failed {}", Reason(&error)));
            }
        }
        Ending::Failed(error) => {
            report(Severity::Info, format_args!("*{} connection failed {}", connection.client.number, Reason(&error)));
        }
        Ending::Close | Ending::ClientLeft | Ending::TimedOut | Ending::Broken => {}
    }
}

impl Connection {
    /// A connection for a socket that was just accepted; its task takes it over with its first poll.
    pub(super) fn open(station: Seat, listener: Rc<ListenerState>, socket: OwnedFd, peer: Peer) -> io::Result<Self> {
        let transport = Rc::new(Transport::accepted(&station.handle, socket, &peer)?);
        let number = station.next_connection_number();
        let facts = Arc::clone(&listener.facts);
        let client = Client::new(number, peer, facts, station.handle.now(), Rc::downgrade(&transport));
        Ok(Self {
            idle_since: Cell::new(client.accepted),
            client: Rc::new(client),
            transport,
            decoder: RefCell::new(Decoder::new()),
            buffer: RefCell::default(),
            outbox: RefCell::default(),
            inflow_held: Cell::new(false),
            expects_continue: Cell::new(false),
            reading: Cell::new(false),
            keep_for: Cell::new(Patience::from(Duration::ZERO)),
            send_timeout: Cell::new(Patience::from(Duration::from_secs(60))),
            nodelay: Cell::new(true),
            station,
            listener: RefCell::new(listener),
        })
    }

    /// Request after request, until one of the two has had enough.
    async fn run(self: &Rc<Self>) -> Ending {
        if self.listener().expects_proxy_header()
            && let Err(ending) = Box::pin(preface::read(self)).await
        {
            return ending;
        }
        let mut this_turn = 0;
        loop {
            let next = self.next_request().await;
            self.set_reading(false);
            let result = match next {
                // An exchange needs much more memory than an idle connection, which must not pay for it.
                Next::Request(head, began) => pinned(|| self.exchange(head, began)).await,
                Next::Malformed(malformed, began) => Box::pin(self.refuse(malformed, began)).await,
                Next::Abandoned(partial, began, ending) => Err(self.abandon(*partial, began, ending)),
                Next::Nothing(ending) => Err(ending),
            };
            if let Err(ending) = result {
                return ending;
            }
            self.idle_since.set(self.station.handle.now());
            this_turn += 1;
            if this_turn >= REQUESTS_PER_TURN {
                this_turn = 0;
                self.station.handle.yield_now().await;
            }
        }
    }

    /// One request and its response.
    async fn exchange(self: &Rc<Self>, head: Box<RequestHead>, began: Instant) -> Result<(), Ending> {
        let answering = Answering::begin(&self.station.counters);
        let routes = self.routes();
        let mut exchange = self.begin(&routes, head, began);
        let response = self.while_sending(pin!(answer_request(&mut exchange))).await;
        let response = self.judge_content(&mut exchange, response).await;
        self.finish(exchange, response, answering).await
    }

    /// Awaits an answer. Where that takes time, the answers to earlier requests do not wait for it.
    async fn while_sending<T>(&self, mut answering: Pin<&mut impl Future<Output = T>>) -> T {
        poll_fn(|context| {
            let answered = answering.as_mut().poll(context);
            if answered.is_pending() {
                // Where it fails, sending this answer will fail too.
                let _whether_all_is_sent = self.poll_flush();
            }
            answered
        })
        .await
    }

    /// The response, unless what was received of content that no handler read shows that it has no form.
    async fn judge_content(&self, exchange: &mut Exchange, response: Option<Box<Response>>) -> Option<Box<Response>> {
        if !self.decoder.borrow().is_in_body() || response.as_ref().is_none_or(|response| response.close) {
            return response;
        }
        // From here on it is thrown away.
        exchange.request.body = None;
        let discarded = poll_fn(|context| Poll::Ready(self.poll_discard(context))).await;
        let Poll::Ready(Rest::Malformed(error)) = discarded else { return response };
        exchange.report(Severity::Info, format_args!("{error}"));
        let mut refusal = answer_failure(exchange, error.status()).await?;
        refusal.close = true;
        Some(refusal)
    }

    /// Something that was no request: it gets its answer, and the connection ends.
    async fn refuse(
        self: &Rc<Self>,
        malformed: Box<(BadRequest, PartialRequest)>,
        began: Instant,
    ) -> Result<(), Ending> {
        let (error, partial) = *malformed;
        let answering = Answering::begin(&self.station.counters);
        let routes = self.routes();
        let mut exchange = self.begin(&routes, Box::new(RequestHead::from(partial)), began);
        exchange.report(Severity::Info, format_args!("{error}"));
        let response = answer_failure(&mut exchange, error.status()).await;
        let lingering = exchange.plan.settings.lingering;
        let response = response.map(|mut response| {
            response.close = true;
            response
        });
        let answered = response.is_some();
        match self.finish(exchange, response, answering).await {
            // What was wrong may not have been all that the client sends.
            Err(Ending::Close) if answered && lingering.close != LingeringClose::Off => {
                Err(Ending::Linger(Box::new(lingering)))
            }
            ended => ended,
        }
    }

    /// A request whose client left, or was too slow: a line in the log.
    fn abandon(self: &Rc<Self>, partial: PartialRequest, began: Instant, ending: Ending) -> Ending {
        let mut exchange = self.begin(&self.routes(), Box::new(RequestHead::from(partial)), began);
        exchange.record.ended = Some(self.station.handle.now());
        let timed_out = matches!(ending, Ending::TimedOut);
        exchange.record.status = Some(if timed_out { Status::REQUEST_TIMEOUT } else { Status::BAD_REQUEST });
        let what = if timed_out { "client timed out" } else { "client prematurely closed connection" };
        exchange.report(Severity::Info, format_args!("{what} while reading client request headers"));
        log(&exchange);
        if timed_out { timed_out_ending(exchange.plan.settings.reset_timedout_connection) } else { ending }
    }

    /// What it is a connection of now.
    pub(super) fn listener(&self) -> Rc<ListenerState> {
        Rc::clone(&self.listener.borrow())
    }

    /// What requests are routed by now. A request holds it to its end, so that nothing of its tree goes with it.
    fn routes(&self) -> Rc<InUse> {
        self.listener.borrow().routes().expect("a listener has its routes before it accepts")
    }

    /// An exchange for a request, at the virtual server that its host names.
    fn begin(self: &Rc<Self>, routes: &InUse, head: Box<RequestHead>, began: Instant) -> Box<Exchange> {
        let pipelined = !self.outbox.borrow().is_empty();
        self.client.requests.set(self.client.requests.get() + 1);
        let (site, captured) = routes.select(head.host.as_ref().map(|host| &*host.name));
        let body = self.inflow(&head);
        let args = head.target.query().unwrap_or_default();
        let uri = head.target.path();
        let head_bytes = head.head_bytes as u64;
        let request = Request::new(head, body);
        let client = Rc::clone(&self.client);
        let handle = self.station.handle.clone();
        let mut exchange = boxed(|| Exchange::new(handle, client, request, site, (uri, args), began));
        exchange.record.request_bytes = head_bytes;
        exchange.record.content_meter = exchange.request.body.as_ref().map(|body| body.meter());
        exchange.record.pipelined = pipelined;
        if let Some(captured) = captured {
            exchange.keep_captures(captured);
        }
        exchange
    }

    /// Sends the response, logs the exchange, and says how the connection goes on.
    async fn finish(
        self: &Rc<Self>,
        mut exchange: Box<Exchange>,
        response: Option<Box<Response>>,
        mut answering: Answering<'_>,
    ) -> Result<(), Ending> {
        let Some(mut response) = response else {
            // Only this request has no answer; those before it have theirs.
            let sent = self.flush().await;
            exchange.record.status.get_or_insert(Status::CLOSE);
            exchange.record.ended = Some(self.station.handle.now());
            log(&exchange);
            sent?;
            let reset = exchange.plan.settings.reset_timedout_connection;
            return Err(if reset { Ending::Reset } else { Ending::Close });
        };
        answering.answer(response.status);
        let settings = &exchange.plan.settings;
        // What is asked of them when the exchange is over: copied, for its plan is counted by all workers.
        let (lingering, resets) = (settings.lingering, settings.reset_timedout_connection);
        self.take_settings(settings);
        let framing = Framing::choose(&exchange.request.head, &response, settings);
        let keep = framing != Framing::Close && self.keeps(&exchange, &response, settings);
        let sent = self.send(&mut exchange, &mut response, framing, keep).await;
        // A filter or a stream may have left content unread.
        exchange.request.body = None;
        exchange.record.response = Some(response);
        let sent = match sent {
            Ok(()) => {
                self.end_content(&mut exchange, framing);
                self.deliver(exchange, keep).await
            }
            Err(ending) => {
                self.give_up(exchange, &ending);
                Err(ending)
            }
        };
        match sent {
            Err(Ending::TimedOut) => Err(timed_out_ending(resets)),
            Err(ending) => Err(ending),
            Ok(()) if keep => self.drain(&lingering).await,
            Ok(()) if self.may_still_send(&lingering) => Err(Ending::Linger(Box::new(lingering))),
            Ok(()) => Err(Ending::Close),
        }
    }

    /// What a location says of the connection holds from its response on.
    fn take_settings(&self, settings: &Settings) {
        self.keep_for.set(settings.keepalive.timeout.into());
        self.send_timeout.set(settings.send_timeout.into());
        if self.nodelay.get() != settings.tcp_nodelay {
            self.nodelay.set(settings.tcp_nodelay);
            if let Err(error) = self.transport.set_nodelay(settings.tcp_nodelay) {
                report(Severity::Alert, format_args!("setsockopt(TCP_NODELAY) failed {}", Reason(&error)));
            }
        }
    }

    /// Whether the connection is kept for a further request.
    fn keeps(&self, exchange: &Exchange, response: &Response, settings: &Settings) -> bool {
        let keepalive = &settings.keepalive;
        exchange.request.head.keep_alive
            && !response.close
            && !keepalive.timeout.is_zero()
            && self.client.requests.get() < keepalive.requests_max
            && self.client.accepted.checked_add(keepalive.time_max).is_none_or(|end| self.station.handle.now() < end)
            && !self.expects_continue.get()
            // What was sent already is answered as well.
            && !((self.ends_when_idle() || self.station.gives_last_answers()) && self.buffer.borrow().is_empty())
            && !is_unfit_for_keepalive(exchange, keepalive)
    }

    /// Reads what is left of the request, so that the next one can be found; for `lingering_time` at the most.
    async fn drain(&self, lingering: &Lingering) -> Result<(), Ending> {
        if !self.decoder.borrow().is_in_body() {
            return Ok(());
        }
        let at_once = poll_fn(|context| Poll::Ready(self.poll_discard(context))).await;
        if matches!(at_once, Poll::Ready(Rest::Read)) {
            return Ok(());
        }
        // What was collected must not wait for content, which may never come.
        self.flush().await?;
        if at_once.is_ready() {
            return Err(Ending::Linger(Box::new(*lingering)));
        }
        let handle = &self.station.handle;
        let discarded = poll_fn(|context| self.poll_discard(context));
        match handle.timeout(handle.now() + lingering.time, discarded).await {
            Ok(Rest::Read) => Ok(()),
            Ok(Rest::Lost | Rest::Malformed(_)) => Err(Ending::Linger(Box::new(*lingering))),
            Err(_elapsed) => Err(Ending::Close),
        }
    }

    /// Whether closing now could cost the client its answer.
    fn may_still_send(&self, lingering: &Lingering) -> bool {
        match lingering.close {
            LingeringClose::Off => false,
            LingeringClose::Always => true,
            LingeringClose::On => {
                self.decoder.borrow().is_in_body() || !self.buffer.borrow().is_empty() || self.transport.is_readable()
            }
        }
    }

    /// Whether the connection should not wait for a further request.
    pub(super) fn ends_when_idle(&self) -> bool {
        self.station.handle.is_retiring() || (self.listener.borrow().is_closing() && !self.moves())
    }

    /// Goes over to the address that takes connections to where it came to, now that its own has left the configuration:
    /// from `127.0.0.1:80` to `*:80`, or back. False if there is none.
    fn moves(&self) -> bool {
        let Ok(Address::Inet(local)) = self.transport.local_address() else { return false };
        let Some(listener) = self.station.listener_for(local) else { return false };
        self.listener.replace(listener);
        true
    }

    /// Until when an idle connection is kept.
    pub(super) fn idle_deadline(&self) -> Instant {
        let patience = if self.client.requests.get() == 0 { self.header_timeout() } else { self.keep_for.get().into() };
        self.idle_since.get() + patience
    }

    /// `client_header_timeout` of the address's default server.
    pub(super) fn header_timeout(&self) -> Duration {
        self.listener.borrow().with_reading(|reading| reading.header_timeout)
    }
}

impl Drop for Connection {
    /// It may be cut off at any time.
    fn drop(&mut self) {
        self.set_reading(false);
    }
}

/// Tells the loggers of an exchange that is over.
pub(super) fn log(exchange: &Exchange) {
    for logger in &exchange.plan.loggers {
        logger.log(exchange);
    }
}

/// How a time-out ends a connection, by `reset_timedout_connection`.
fn timed_out_ending(resets: bool) -> Ending {
    if resets { Ending::Reset } else { Ending::TimedOut }
}

/// `keepalive_disable`: browsers that are known to mishandle a kept connection.
fn is_unfit_for_keepalive(exchange: &Exchange, keepalive: &Keepalive) -> bool {
    let asks_msie6 = keepalive.disable_msie6 && exchange.method == Method::Post;
    if !asks_msie6 && !keepalive.disable_safari {
        return false;
    }
    let Some(agent) = exchange.request.header(names::USER_AGENT) else { return false };
    let has = |text: &[u8]| memchr::memmem::find(agent, text).is_some();
    // Its second service pack mended it.
    let msie6 = || (has(b"MSIE 6.") && !has(b"SV1")) || has(b"MSIE 5.") || has(b"MSIE 4.");
    let safari = || has(b"Safari/") && has(b"Mac OS X") && !has(b"Chrome/");
    (asks_msie6 && msie6()) || (keepalive.disable_safari && safari())
}

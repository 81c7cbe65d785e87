//! A listening address of one worker: accepts sockets and makes connections of them.
//!
//! When descriptors or `worker_connections` run out it says so once, waits, and goes on by itself; what is open is
//! served meanwhile. When its address leaves the configuration it first takes what waits in its queue.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::connection::{self, Connection};
use super::in_use::InUse;
use super::station::{Seat, Station};
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::exchange::client::ListenerFacts;
use crate::route::tree::Reading;
use crate::runtime::{AcceptError, Acceptor, Address, Peer};
use std::os::fd::OwnedFd;

/// How long a listener waits when the system is out of descriptors or memory (nginx's `accept_mutex_delay` default).
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(500);

/// How many sockets are accepted in one turn with `multi_accept on`, so that open connections have their turn too.
const ACCEPTS_PER_TURN: usize = 64;

/// The same with `multi_accept off`: nginx takes one for each event; a few save a wake-up each.
const ACCEPTS_PER_TURN_SINGLE: usize = 8;

/// What a listener and its connections know of their address.
pub(super) struct ListenerState {
    pub(super) address: Address,
    pub(super) facts: Arc<ListenerFacts>,
    routes: RefCell<Option<Rc<InUse>>>,
    stage: Cell<Stage>,
    /// The sockets by which connections come.
    sockets: RefCell<Vec<SocketId>>,
    /// Those of them that other workers have now.
    released: RefCell<Vec<SocketId>>,
}

/// Names a listening socket of the process, however many descriptors and workers share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(pub u64);

/// Where a listener is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Its address left the configuration: it takes what is in its queue and ends; its connections end with their
    /// current request, unless another address has taken its place.
    Closing,
}

impl ListenerState {
    pub(super) fn new(address: Address, facts: Arc<ListenerFacts>) -> Rc<Self> {
        Rc::new(Self {
            address,
            facts,
            routes: RefCell::new(None),
            stage: Cell::new(Stage::Open),
            sockets: RefCell::default(),
            released: RefCell::default(),
        })
    }

    /// The virtual servers of the address, by the current configuration.
    pub(super) fn routes(&self) -> Option<Rc<InUse>> {
        self.routes.borrow().clone()
    }

    /// Whether connections begin with a PROXY protocol header (`listen ... proxy_protocol`).
    pub(super) fn expects_proxy_header(&self) -> bool {
        self.routes.borrow().as_ref().is_some_and(|routes| routes.proxy_protocol)
    }

    /// How requests are read: by the default server of the address, for no other is known yet.
    pub(super) fn with_reading<T>(&self, use_reading: impl FnOnce(&Reading) -> T) -> T {
        let routes = self.routes.borrow();
        let routes = routes.as_ref().expect("a listener has its routes before it accepts, and keeps them");
        use_reading(&routes.default.reading)
    }

    /// Takes up the routes of a new configuration; none means the address has left it, and the old ones stay for the
    /// requests that still come until it is closed.
    pub(super) fn set_routes(&self, routes: Option<InUse>) {
        if let Some(routes) = routes {
            drop(self.routes.replace(Some(Rc::new(routes))));
        }
    }

    /// Whether the system gives it the connections that come to a place, and with which rank among those that it could
    /// give them to.
    pub(super) fn takes(&self, local: SocketAddr) -> Option<Rank> {
        let ipv6only = self.routes.borrow().as_ref().is_none_or(|routes| routes.options.ipv6only);
        Rank::of(self.facts.inet?, ipv6only, local)
    }

    /// No more connections, and no further requests on open ones.
    pub(super) fn close(&self) {
        self.stage.set(Stage::Closing);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.stage.get() == Stage::Closing
    }

    /// Notes that other workers have these sockets now, as far as they are its own.
    pub(super) fn release(&self, sockets: &[SocketId]) {
        let own = self.sockets.borrow();
        self.released.borrow_mut().extend(sockets.iter().filter(|socket| own.contains(socket)));
    }

    /// Notes a socket that is listened on for it, until it is released.
    pub(super) fn adopt(&self, socket: SocketId) {
        self.sockets.borrow_mut().push(socket);
    }

    /// Whether the listener of a socket should end; that it was told is forgotten, for the socket may come back.
    fn takes_release(&self, socket: SocketId) -> bool {
        let mut released = self.released.borrow_mut();
        let place = released.iter().position(|other| *other == socket);
        if let Some(place) = place {
            released.swap_remove(place);
            self.sockets.borrow_mut().retain(|other| *other != socket);
        }
        place.is_some()
    }
}

/// How much a listener takes beside a place; the one that takes least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Everything,
    Family,
    Place,
}

impl Rank {
    /// That of a socket for connections to a place; none if they never come to it.
    pub(super) fn of(bound: SocketAddr, ipv6only: bool, local: SocketAddr) -> Option<Rank> {
        let (own, wanted) = (bound.ip().to_canonical(), local.ip().to_canonical());
        if bound.port() != local.port() {
            return None;
        }
        match own {
            own if own == wanted => Some(Rank::Place),
            own if own.is_unspecified() && own.is_ipv4() == wanted.is_ipv4() => Some(Rank::Family),
            IpAddr::V6(own) if own.is_unspecified() && !ipv6only => Some(Rank::Everything),
            _ => None,
        }
    }
}

/// Why a listener pauses, so that it is said once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    None,
    Exhausted,
    Full,
}

/// The listener's life: a task of its worker.
pub(super) async fn listen(station: Rc<Station>, listener: Rc<ListenerState>, id: SocketId, socket: OwnedFd) {
    // The control thread has a descriptor of it too, and other workers may.
    let acceptor = match Acceptor::duplicated(&station.handle, socket) {
        Ok(acceptor) => acceptor,
        Err(error) => {
            report(
                Severity::Alert,
                format_args!("the listener at {} cannot be polled {}", listener.address, Reason(&error)),
            );
            return;
        }
    };
    let mut pause = Pause::None;
    let mut accepted = 0;
    loop {
        match next_socket(&station, &listener, (id, &acceptor), &mut pause).await {
            None => return,
            Some(Ok((socket, peer, seat))) => {
                if pause == Pause::Exhausted {
                    say_again(&listener, &mut pause);
                }
                start(&station, &listener, socket, peer, seat);
                accepted += 1;
            }
            Some(Err(error)) => recover(&station, &listener, error, &mut pause).await,
        }
        let per_turn = if station.limits().multi_accept { ACCEPTS_PER_TURN } else { ACCEPTS_PER_TURN_SINGLE };
        if accepted >= per_turn {
            accepted = 0;
            station.handle.yield_now().await;
        }
    }
}

/// The next socket, and its place among `worker_connections`; `None` when the listener should end and its queue is
/// empty. With all places taken, the one socket that was taken from the queue waits here for one.
async fn next_socket(
    station: &Rc<Station>,
    listener: &ListenerState,
    (id, acceptor): (SocketId, &Acceptor),
    pause: &mut Pause,
) -> Option<Result<(OwnedFd, Peer, Seat), AcceptError>> {
    let accepted = poll_fn(|_| match acceptor.poll_accept() {
        Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
        Poll::Pending => {
            // Nobody waits any more.
            if *pause == Pause::Full {
                say_again(listener, pause);
            }
            if ends(station, listener, id) { Poll::Ready(None) } else { Poll::Pending }
        }
    });
    let (socket, peer) = match accepted.await? {
        Ok(accepted) => accepted,
        Err(error) => return Some(Err(error)),
    };
    let seat = poll_fn(|_| match station.seat() {
        Some(seat) => Poll::Ready(seat),
        None => {
            say_full(station, listener, pause);
            if let Some(task) = station.handle.current() {
                station.wait_for_seat(task);
            }
            Poll::Pending
        }
    });
    Some(Ok((socket, peer, seat.await)))
}

/// Says once that `worker_connections` are taken, until the queue was empty again.
fn say_full(station: &Station, listener: &ListenerState, pause: &mut Pause) {
    if *pause == Pause::Full {
        return;
    }
    *pause = Pause::Full;
    let limit = station.limits().connections_max;
    let address = &listener.facts.address;
    report(Severity::Alert, format_args!("{limit} worker_connections are not enough, {address} waits until one ends"));
}

fn say_again(listener: &ListenerState, pause: &mut Pause) {
    *pause = Pause::None;
    report(Severity::Notice, format_args!("accepting connections at {} again", listener.facts.address));
}

fn ends(station: &Station, listener: &ListenerState, socket: SocketId) -> bool {
    listener.is_closing() || station.accepts_no_more() || listener.takes_release(socket)
}

/// Makes a connection of a socket.
fn start(station: &Rc<Station>, listener: &Rc<ListenerState>, socket: OwnedFd, peer: Peer, seat: Seat) {
    match Connection::open(seat, Rc::clone(listener), socket, peer) {
        Ok(connection) => drop(station.handle.spawn(connection::serve(Rc::new(connection)))),
        Err(error) => report(Severity::Alert, format_args!("cannot poll a new connection: {error}")),
    }
}

/// What an accept error asks for: a pause, or nothing but a line in the log.
async fn recover(station: &Station, listener: &ListenerState, error: AcceptError, pause: &mut Pause) {
    match error {
        AcceptError::Aborted(reason) => report(Severity::Info, format_args!("accept4() failed ({reason})")),
        AcceptError::Exhausted(reason) => {
            if *pause != Pause::Exhausted {
                *pause = Pause::Exhausted;
                report(
                    Severity::Crit,
                    format_args!("accept4() failed ({reason}), {} waits until it can go on", listener.facts.address),
                );
            }
            station.handle.deadline(station.handle.now() + EXHAUSTED_PAUSE).await;
        }
        AcceptError::Other(reason) => {
            report(Severity::Alert, format_args!("accept4() failed ({reason}) at {}", listener.facts.address));
            station.handle.deadline(station.handle.now() + EXHAUSTED_PAUSE).await;
        }
    }
}

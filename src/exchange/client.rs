//! Facts about the connection that a request came on.

use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

use crate::http::proxy_protocol::ProxyHeader;
use crate::runtime::Address;
pub use crate::runtime::Peer;
use crate::runtime::Transport;

/// One client connection, as its exchanges see it.
#[derive(Debug)]
pub struct Client {
    /// `$connection`: its number, unique within the process.
    pub number: u64,
    /// The client's end; what a proxy in front says of it, where it is believed (`real_ip`).
    pub peer: Peer,
    /// The address it was accepted on, as configured.
    pub listener: Arc<ListenerFacts>,
    /// When it was accepted.
    pub accepted: Instant,
    /// `$connection_requests`: how many requests it has brought, the running one included.
    pub requests: Cell<u64>,
    /// The server's end: what the listener is bound to, or, where that is a wildcard, what the
    /// system said when first asked.
    pub local: OnceCell<Box<Option<SocketAddr>>>,
    beyond: OnceCell<Box<Beyond>>,
    /// The socket, for what must be asked of the system (a weak hold: logs may outlive it).
    pub transport: Weak<Transport>,
}

impl Client {
    /// A connection that was just accepted, and has brought no request.
    pub fn new(
        number: u64,
        peer: Peer,
        listener: Arc<ListenerFacts>,
        accepted: Instant,
        transport: Weak<Transport>,
    ) -> Self {
        let (requests, local, beyond) = (Cell::new(0), OnceCell::new(), OnceCell::new());
        Self { number, peer, listener, accepted, requests, local, beyond, transport }
    }

    /// The connection as a request sees it that comes from somebody else than the other end, who only passes it on.
    /// Requests before and after it on the same connection know nothing of that.
    pub fn on_behalf_of(self: &Rc<Self>, peer: Peer) -> Self {
        Self {
            number: self.number,
            peer,
            listener: Arc::clone(&self.listener),
            accepted: self.accepted,
            requests: self.requests.clone(),
            local: OnceCell::new(),
            beyond: OnceCell::from(Box::new(Beyond::PassedOn(Rc::clone(self)))),
            transport: Weak::clone(&self.transport),
        }
    }

    /// Whether somebody else than the other end of the connection is taken for the client.
    pub fn is_passed_on(&self) -> bool {
        self.passed_on_by().is_some()
    }

    /// The other end of the connection, whoever it speaks for.
    pub fn connected(&self) -> Peer {
        self.passed_on_by().map_or(self.peer, |connection| connection.connected())
    }

    /// What a proxy in front said of the connection, where there is one that does (`listen ... proxy_protocol`).
    pub fn proxy_header(&self) -> Option<&ProxyHeader> {
        match self.beyond.get().map(|beyond| &**beyond)? {
            Beyond::Header(header) => Some(header),
            Beyond::PassedOn(connection) => connection.proxy_header(),
        }
    }

    /// Keeps what a proxy said before the first request; only its first word counts.
    pub fn set_proxy_header(&self, header: ProxyHeader) {
        let _first_word = self.beyond.get_or_init(|| Box::new(Beyond::Header(header)));
    }

    /// `$server_addr` and `$server_port`: the server's end of the connection.
    pub fn local_address(&self) -> Option<SocketAddr> {
        let configured = self.listener.inet?;
        if !configured.ip().is_unspecified() {
            return Some(configured);
        }
        if let Some(connection) = self.passed_on_by() {
            return connection.local_address();
        }
        let ask = || match self.transport.upgrade()?.local_address() {
            Ok(Address::Inet(address)) => Some(address),
            _ => None,
        };
        **self.local.get_or_init(|| Box::new(ask()))
    }

    fn passed_on_by(&self) -> Option<&Rc<Self>> {
        match &**self.beyond.get()? {
            Beyond::PassedOn(connection) => Some(connection),
            Beyond::Header(_) => None,
        }
    }

    /// Ready when the client has closed its connection, or its side of it, or reset it: for handlers that wait for
    /// something else than the client. What it sent before may still be unread. Where there is no connection it is
    /// never ready.
    pub async fn left(&self) {
        match self.transport.upgrade() {
            Some(transport) => transport.closed().await,
            None => std::future::pending().await,
        }
    }
}

/// What is not so with most connections, in a box of its own: idle ones are many.
#[derive(Debug)]
enum Beyond {
    /// What a proxy in front said of the connection before its first request.
    Header(ProxyHeader),
    /// The connection's own view of its client, where a request has another.
    PassedOn(Rc<Client>),
}

/// What is known of a listening address.
#[derive(Debug)]
pub struct ListenerFacts {
    /// In nginx's form: `0.0.0.0:80`, `[::]:80`, `unix:/run/x`.
    pub address: Box<str>,
    /// The bound internet address; `None` for a Unix domain socket.
    pub inet: Option<SocketAddr>,
}

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
    /// The other end of the connection, where `peer` is another: the proxy that told of the client.
    pub through: Option<Box<Peer>>,
    /// The address it was accepted on, as configured.
    pub listener: Arc<ListenerFacts>,
    /// When it was accepted.
    pub accepted: Instant,
    /// `$connection_requests`: how many requests it has brought, the running one included.
    pub requests: Cell<u64>,
    /// The server's end: what the listener is bound to, or, where that is a wildcard, what the
    /// system said when first asked.
    pub local: OnceCell<Option<Box<SocketAddr>>>,
    /// What a proxy in front said of the connection before its first request.
    proxy_header: OnceCell<Rc<ProxyHeader>>,
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
        Self {
            number,
            peer,
            through: None,
            listener,
            accepted,
            requests: Cell::new(0),
            local: OnceCell::new(),
            proxy_header: OnceCell::new(),
            transport,
        }
    }

    /// The connection as a request sees it that comes from somebody else than the other end, who only passes it on.
    /// Requests before and after it on the same connection know nothing of that.
    pub fn on_behalf_of(&self, peer: Peer) -> Self {
        Self {
            number: self.number,
            peer,
            through: Some(Box::new(self.connected())),
            listener: Arc::clone(&self.listener),
            accepted: self.accepted,
            requests: self.requests.clone(),
            local: self.local.clone(),
            proxy_header: self.proxy_header.clone(),
            transport: Weak::clone(&self.transport),
        }
    }

    /// The other end of the connection, whoever it speaks for.
    pub fn connected(&self) -> Peer {
        self.through.as_deref().copied().unwrap_or(self.peer)
    }

    /// What a proxy in front said of the connection, where there is one that does (`listen ... proxy_protocol`).
    pub fn proxy_header(&self) -> Option<&ProxyHeader> {
        self.proxy_header.get().map(|header| &**header)
    }

    /// Keeps what a proxy said; only the first word counts.
    pub fn set_proxy_header(&self, header: ProxyHeader) {
        let _first_word = self.proxy_header.get_or_init(|| Rc::new(header));
    }

    /// `$server_addr` and `$server_port`: the server's end of the connection.
    pub fn local_address(&self) -> Option<SocketAddr> {
        let configured = self.listener.inet?;
        if !configured.ip().is_unspecified() {
            return Some(configured);
        }
        let asked = self.local.get_or_init(|| match self.transport.upgrade()?.local_address() {
            Ok(Address::Inet(address)) => Some(Box::new(address)),
            _ => None,
        });
        asked.as_deref().copied()
    }
}

/// What is known of a listening address.
#[derive(Debug)]
pub struct ListenerFacts {
    /// In nginx's form: `0.0.0.0:80`, `[::]:80`, `unix:/run/x`.
    pub address: Box<str>,
    /// The bound internet address; `None` for a Unix domain socket.
    pub inet: Option<SocketAddr>,
}

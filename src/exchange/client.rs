//! Facts about the connection that a request came on.

use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use std::rc::Weak;
use std::sync::Arc;
use std::time::Instant;

use crate::runtime::Address;
pub use crate::runtime::Peer;
use crate::runtime::Transport;

/// One client connection, as its exchanges see it.
#[derive(Debug)]
pub struct Client {
    /// `$connection`: its number, unique within the process.
    pub number: u64,
    /// The client's end.
    pub peer: Peer,
    /// The address it was accepted on, as configured.
    pub listener: Arc<ListenerFacts>,
    /// When it was accepted.
    pub accepted: Instant,
    /// `$connection_requests`: how many requests it has brought, the running one included.
    pub requests: Cell<u64>,
    /// The server's end: what the listener is bound to, or, where that is a wildcard, what the
    /// system said when first asked.
    pub local: OnceCell<Option<Box<SocketAddr>>>,
    /// The socket, for what must be asked of the system (a weak hold: logs may outlive it).
    pub transport: Weak<Transport>,
}

impl Client {
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

/// What is known of a listening address.
#[derive(Debug)]
pub struct ListenerFacts {
    /// In nginx's form: `0.0.0.0:80`, `[::]:80`, `unix:/run/x`.
    pub address: Box<str>,
    /// The bound internet address; `None` for a Unix domain socket.
    pub inet: Option<SocketAddr>,
}

//! The routing tree: address -> virtual server by name -> location. Immutable, shared by workers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::locations::LocationTree;
use super::names::NameTable;
use crate::base::regex::Captures as RegexCaptures;
use crate::exchange::client::ListenerFacts;
use crate::exchange::plan::Plan;
use crate::exchange::site::{Located, Site};
use crate::exchange::variables::Slot;
use crate::exchange::Captured;
use crate::http::h1::Limits;
use crate::runtime::listen::{Address, ListenOptions};

/// Everything that requests are routed by.
#[derive(Debug, Default)]
pub struct Tree {
    /// The addresses that are listened on.
    pub addresses: Vec<AddressRoutes>,
}

/// One listening address and its virtual servers.
#[derive(Debug)]
pub struct AddressRoutes {
    /// As configured; it is the key that a listener keeps across reloads.
    pub address: Address,
    /// How it is listened on.
    pub options: ListenOptions,
    /// Servers by name.
    pub names: NameTable<Named>,
    /// The server for names that no other has.
    pub default: Arc<Server>,
}

/// What a server name leads to.
#[derive(Clone, Debug)]
pub struct Named {
    /// The server.
    pub server: Arc<Server>,
    /// Named groups of the name's regular expression, and their slots.
    pub captures: Arc<[(usize, Slot)]>,
}

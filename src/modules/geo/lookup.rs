//! How a variable that `geo` defines is computed: whose address, and what it leads to.
//!
//! The address is the client's, or stands in a variable; where it is that of a trusted proxy, the one that the proxy
//! tells of is taken. What is no internet address counts as 255.255.255.255, as in nginx.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;

use super::ranges::Ranges;
use crate::base::networks::Networks;
use crate::exchange::Exchange;
use crate::exchange::client::Peer;
use crate::exchange::forwarded::{self, Trusted};
use crate::exchange::template::Template;
use crate::exchange::variables::{Computed, append};
use crate::http::headers::names;

/// A `geo` block.
#[derive(Debug)]
pub(super) struct Block {
    /// The variable with the address; none for the client's.
    pub(super) source: Option<Template>,
    /// `proxy`.
    pub(super) proxies: Box<[Trusted]>,
    /// `proxy_recursive`.
    pub(super) recursive: bool,
    /// What addresses lead to: numbers of values.
    pub(super) table: Table,
    /// The values, by their numbers.
    pub(super) values: Vec<Bytes>,
}

/// What addresses lead to.
#[derive(Debug)]
pub(super) enum Table {
    /// Networks; `default` is two of them.
    Networks(Networks<u32>),
    /// `ranges`, and `default`.
    Ranges(Ranges<u32>, Option<u32>),
}

impl Computed for Block {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        append(self.value(exchange).as_deref(), out)
    }

    fn value(&self, exchange: &Exchange) -> Option<Bytes> {
        let number = self.table.find(self.address(exchange));
        let value = number.and_then(|number| self.values.get(usize::try_from(number).ok()?));
        Some(value.cloned().unwrap_or_default())
    }
}

impl Block {
    fn address(&self, exchange: &Exchange) -> Option<IpAddr> {
        let peer = match &self.source {
            None => exchange.client.peer,
            Some(source) => Peer::Inet(SocketAddr::new(address(&source.render(exchange))?, 0)),
        };
        let told = match &*self.proxies {
            [] => None,
            proxies => {
                let lines = exchange.request.headers().get_all(names::X_FORWARDED_FOR).map(|line| &**line);
                let lines: Vec<&[u8]> = lines.collect();
                forwarded::client_address(peer, lines.into_iter(), proxies, self.recursive)
            }
        };
        match told.map_or(peer, Peer::Inet) {
            Peer::Inet(address) => Some(address.ip()),
            Peer::Unix => None,
        }
    }
}

impl Table {
    fn find(&self, address: Option<IpAddr>) -> Option<u32> {
        let address = address.map_or(IpAddr::V4(Ipv4Addr::BROADCAST), |address| address.to_canonical());
        match (self, address) {
            (Self::Networks(networks), address) => networks.find(address).copied(),
            (Self::Ranges(ranges, default), IpAddr::V4(address)) => ranges.find(address).copied().or(*default),
            (Self::Ranges(ranges, default), IpAddr::V6(_)) => ranges.find(Ipv4Addr::BROADCAST).copied().or(*default),
        }
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

//! Variables of the connection, the server and the time.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

use super::{show, show_seconds};
use crate::base::local_time;
use crate::exchange::Exchange;
use crate::exchange::client::Peer;
use crate::exchange::variables::append;

pub(super) fn remote_addr(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    write_address(&exchange.client.peer, out)
}

pub(super) fn remote_port(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    write_port(&exchange.client.peer, out)
}

pub(super) fn binary_remote_addr(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    match exchange.client.peer {
        Peer::Inet(address) => match address.ip() {
            IpAddr::V4(address) => append(Some(&address.octets()), out),
            IpAddr::V6(address) => append(Some(&address.octets()), out),
        },
        Peer::Unix => append(Some(UNIX_CLIENT), out),
    }
}

pub(super) fn server_addr(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    match exchange.client.local_address() {
        Some(address) => show(address.ip(), out),
        None if exchange.client.listener.inet.is_none() => {
            append(Some(exchange.client.listener.address.as_bytes()), out)
        }
        None => false,
    }
}

/// Empty for a Unix domain socket. A connection's port is that of its listener, so the system need not be asked.
pub(super) fn server_port(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    let bound = exchange.client.listener.inet.map(|address| address.port()).filter(|port| *port != 0);
    let port = bound.or_else(|| exchange.client.local_address().as_ref().map(SocketAddr::port));
    port.is_none_or(|port| show(port, out))
}

pub(super) fn server_name(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(exchange.site.name()), out)
}

pub(super) fn host_name(_exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    static HOST_NAME: LazyLock<Box<[u8]>> =
        LazyLock::new(|| rustix::system::uname().nodename().to_bytes().to_ascii_lowercase().into());
    append(Some(&HOST_NAME), out)
}

pub(super) fn scheme(_exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(b"http"), out)
}

pub(super) fn https(_exchange: &Exchange, _member: &str, _out: &mut Vec<u8>) -> bool {
    true
}

pub(super) fn number(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show(exchange.client.number, out)
}

pub(super) fn requests(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show(exchange.record.connection_requests, out)
}

pub(super) fn time(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show_seconds(exchange.handle.now().saturating_duration_since(exchange.client.accepted), out)
}

pub(super) fn pipe(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(if exchange.record.pipelined { b"p" } else { b"." }), out)
}

/// As in nginx it is 0 until the response is sent, unless it was set.
pub(super) fn limit_rate(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show(exchange.limit_rate.unwrap_or(0), out)
}

/// `set $limit_rate`: a size; another text changes nothing.
pub(super) fn set_limit_rate(exchange: &mut Exchange, value: Bytes) {
    exchange.set_limit_rate(&value);
}

pub(super) fn time_local(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    local_time::with(exchange.handle.wall(), |time| append(Some(&time.common), out))
}

pub(super) fn time_iso8601(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    local_time::with(exchange.handle.wall(), |time| append(Some(&time.iso8601), out))
}

pub(super) fn msec(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show_seconds(exchange.handle.wall().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO), out)
}

pub(super) fn process(_exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show(std::process::id(), out)
}

pub(super) fn version(_exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(env!("CARGO_PKG_VERSION").as_bytes()), out)
}

/// Writes the address of a peer, or what nginx calls a client on a Unix domain socket.
pub fn write_address(peer: &Peer, out: &mut Vec<u8>) -> bool {
    match peer {
        Peer::Inet(address) => show(address.ip(), out),
        Peer::Unix => append(Some(UNIX_CLIENT), out),
    }
}

/// Writes the port of a peer; nothing for a Unix domain socket, and for a client of which only the address was told.
/// Either is a value.
pub fn write_port(peer: &Peer, out: &mut Vec<u8>) -> bool {
    match peer {
        Peer::Inet(address) => show_port(address.port(), out),
        Peer::Unix => true,
    }
}

/// A port that is not known is empty.
pub(super) fn show_port(port: u16, out: &mut Vec<u8>) -> bool {
    port == 0 || show(port, out)
}

/// What nginx calls a client on a Unix domain socket.
const UNIX_CLIENT: &[u8] = b"unix:";

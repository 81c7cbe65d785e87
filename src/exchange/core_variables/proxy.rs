//! Variables of the PROXY protocol header that a connection began with. None has a value without one.

use super::connection::show_port;
use crate::base::report::Severity;
use crate::exchange::variables::append;
use crate::exchange::{Exchange, Shown};
use crate::http::proxy_protocol::{ProxyHeader, TlvError};

pub(super) fn source_addr(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(header(exchange).map(|header| header.source.address.as_bytes()), out)
}

pub(super) fn source_port(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    header(exchange).is_some_and(|header| show_port(header.source.port, out))
}

pub(super) fn destination_addr(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(header(exchange).map(|header| header.destination.address.as_bytes()), out)
}

pub(super) fn destination_port(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    header(exchange).is_some_and(|header| show_port(header.destination.port, out))
}

/// As in nginx a name that no field has is told of when it is read.
pub(super) fn tlv(exchange: &Exchange, member: &str, out: &mut Vec<u8>) -> bool {
    let Some(header) = header(exchange) else { return false };
    header.write_tlv(member, out).unwrap_or_else(|error| {
        match error {
            TlvError::Broken => exchange.report(Severity::Error, format_args!("{error}")),
            TlvError::UnknownName | TlvError::InvalidNumber => {
                exchange.report(Severity::Error, format_args!("{error} \"{}\"", Shown(member.as_bytes())));
            }
        }
        false
    })
}

fn header(exchange: &Exchange) -> Option<&ProxyHeader> {
    exchange.client.proxy_header()
}

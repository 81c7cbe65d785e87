//! Variables of the response: they have a value once its head was sent, which is when logs are written.

use super::{join_fields, show, show_seconds};
use crate::exchange::Exchange;
use crate::exchange::variables::append;
use crate::http::date;
use crate::http::status::Status;

/// What was sent, or is about to be; three zeros while nothing is known.
pub(super) fn status(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    let record = &exchange.record;
    let sent = record.response.as_ref().map(|response| response.status);
    let status = sent.or(record.status).or(exchange.error.status);
    append(Some(&status.map_or(*b"000", Status::digits)), out)
}

pub(super) fn bytes_sent(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show(exchange.record.bytes_sent, out)
}

pub(super) fn body_bytes_sent(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show(exchange.record.body_bytes_sent(), out)
}

pub(super) fn completion(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(if exchange.record.complete { b"OK" } else { b"" }), out)
}

pub(super) fn request_time(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    let end = exchange.record.ended.unwrap_or_else(|| exchange.handle.now());
    show_seconds(end.saturating_duration_since(exchange.started), out)
}

/// Fields that the connection adds are told from what it noted; `Server` and `Date` have no value, as in nginx.
pub(super) fn field(exchange: &Exchange, member: &str, out: &mut Vec<u8>) -> bool {
    let record = &exchange.record;
    let Some(response) = &record.response else { return false };
    match member {
        "content_type" => append(response.content_type.as_deref(), out),
        "content_length" => record.content_length.is_some_and(|length| show(length, out)),
        "location" if response.location.is_some() => append(response.location.as_deref(), out),
        "last_modified" => append(response.last_modified.map(date::format).as_ref().map(|date| &date[..]), out),
        "transfer_encoding" => append(record.chunked.then_some(&b"chunked"[..]), out),
        "connection" => append(Some(if record.keep_alive { b"keep-alive" } else { b"close" }), out),
        "keep_alive" => {
            let timeout = exchange.plan.settings.keepalive.header_timeout.filter(|_| record.keep_alive);
            timeout.is_some_and(|timeout| show(format_args!("timeout={}", timeout.as_secs()), out))
        }
        _ => join_fields(&response.headers, member, out),
    }
}

pub(super) fn trailer(exchange: &Exchange, member: &str, out: &mut Vec<u8>) -> bool {
    join_fields(&exchange.record.trailers, member, out)
}

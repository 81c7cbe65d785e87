//! What the methods check alike: fields of the request, and its conditions.

use bytes::Bytes;

use crate::base::report::Severity;
use crate::exchange::plan::Outcome;
use crate::exchange::target::{Found, conditions_hold};
use crate::exchange::{Exchange, Shown};
use crate::http::h1::BodyFraming;
use crate::http::headers::names;
use crate::http::status::Status;

/// `Depth` (RFC 4918 section 10.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    Zero,
    One,
    Infinity,
}

/// The field `Depth`; none if it has a value that it cannot have, which is logged.
pub(super) fn depth(exchange: &Exchange, default: Depth) -> Option<Depth> {
    let Some(value) = exchange.request.header(names::DEPTH) else { return Some(default) };
    match &value[..] {
        b"0" => Some(Depth::Zero),
        b"1" => Some(Depth::One),
        b"infinity" => Some(Depth::Infinity),
        _ => {
            exchange
                .report(Severity::Error, format_args!("client sent invalid \"Depth\" header: \"{}\"", Shown(value)));
            None
        }
    }
}

/// Whether what is there is replaced (RFC 4918 section 10.6).
pub(super) fn overwrites(exchange: &Exchange) -> Result<bool, Outcome> {
    let Some(value) = exchange.request.header(names::OVERWRITE) else { return Ok(true) };
    match &value[..] {
        b"T" | b"t" => Ok(true),
        b"F" | b"f" => Ok(false),
        _ => {
            let message = format_args!("client sent invalid \"Overwrite\" header: \"{}\"", Shown(value));
            Err(refuse(exchange, Status::BAD_REQUEST, message))
        }
    }
}

/// 415 for content where none has a meaning; what nginx calls the methods stands in the log.
pub(super) fn refuse_content(exchange: &Exchange, methods: &str) -> Result<(), Outcome> {
    if matches!(exchange.request.head.framing, BodyFraming::None | BodyFraming::Length(0)) {
        return Ok(());
    }
    let are = if methods.contains(' ') { "are" } else { "is" };
    let message = format_args!("{methods} with body {are} unsupported");
    Err(refuse(exchange, Status::UNSUPPORTED_MEDIA_TYPE, message))
}

/// 412 unless the conditions of the request hold for what is there.
pub(super) fn test_conditions(exchange: &Exchange, found: Option<&Found>) -> Result<(), Outcome> {
    match conditions_hold(&exchange.method, exchange.request.headers(), found) {
        true => Ok(()),
        false => Err(Outcome::Fail(Status::PRECONDITION_FAILED)),
    }
}

/// A refusal with its line in the log.
pub(super) fn refuse(exchange: &Exchange, status: Status, message: std::fmt::Arguments<'_>) -> Outcome {
    exchange.report(Severity::Error, message);
    Outcome::Fail(status)
}

/// A path without the slash at its end, which a folder's URI has.
pub(super) fn without_slash(mut path: Vec<u8>) -> Bytes {
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    Bytes::from(path)
}

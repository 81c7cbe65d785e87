//! Responses that cannot be sent to their end: what is told of them, and how the connection ends.
//!
//! Called by `outbound`. The client must be able to see that something is missing, so the connection always ends.

use std::io;

use super::connection::Ending;
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::exchange::Exchange;

pub(super) fn truncated(exchange: &Exchange, at: u64) -> Ending {
    exchange.report(Severity::Alert, format_args!("the file was truncated at {at} while sending response to client"));
    Ending::Broken
}

pub(super) fn unreadable(exchange: &Exchange, call: &str, error: &io::Error) -> Ending {
    exchange.report(Severity::Crit, format_args!("{call} failed {} while sending response to client", Reason(error)));
    Ending::Broken
}

/// A source that cannot go on. One that saw the client leave says so (`ConnectionAborted`).
pub(super) fn unfinished(exchange: &Exchange, error: &io::Error) -> Ending {
    if error.kind() == io::ErrorKind::ConnectionAborted {
        return Ending::ClientLeft;
    }
    if error.raw_os_error().is_some() {
        return unreadable(exchange, "reading the response", error);
    }
    exchange.report(Severity::Error, format_args!("{error} while sending response to client"));
    Ending::Broken
}

pub(super) fn cut_short(exchange: &Exchange, missing: u64) -> Ending {
    exchange.report(Severity::Error, format_args!("the response ended {missing} bytes before its announced length"));
    Ending::Broken
}

pub(super) fn too_much(exchange: &Exchange) -> Ending {
    exchange.report(Severity::Error, format_args!("the response is longer than its announced length"));
    Ending::Broken
}

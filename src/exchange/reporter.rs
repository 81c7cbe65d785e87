//! Messages about a request from what outlives its exchange, or works while that is out of reach: a body that comes
//! piece by piece, a script that is still running.
//!
//! A reporter holds what the tail of a log line says of the request, put together once.

use std::fmt;
use std::sync::Arc;

use super::exchange::{About, Exchange};
use crate::base::report::{self, ErrorLog, Severity};

/// Writes to the error log of a location about one request.
#[derive(Clone, Debug)]
pub struct Reporter {
    log: Arc<ErrorLog>,
    connection: u64,
    about: Arc<str>,
}

impl Exchange {
    /// What can speak of this request later. Not for rehearsals, which tell their trace and not a log.
    pub fn reporter(&self) -> Reporter {
        Reporter {
            log: Arc::clone(self.error_log()),
            connection: self.client.number,
            about: About(self).to_string().into(),
        }
    }
}

impl Reporter {
    /// As [`Exchange::report`].
    pub fn report(&self, severity: Severity, message: fmt::Arguments<'_>) {
        let Self { log, connection, about } = self;
        report::report_to(log, severity, format_args!("*{connection} {message}{about}"));
    }
}

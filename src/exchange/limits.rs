//! What limits have made of a request: how they judged it, and the places it holds until it is over.
//!
//! As in nginx a request is judged once by each kind of limit, wherever redirects lead it later, and its subrequests
//! with it (`family`). The limits themselves are modules.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;

use super::exchange::{Exchange, Shown};
use crate::base::report::Severity;

/// The limits of one request and its subrequests.
#[derive(Default)]
pub struct Limits {
    /// `$limit_req_status`; none before any request limit has counted it.
    pub requests: Cell<Option<Verdict>>,
    /// `$limit_conn_status`; none before any connection limit has counted it.
    pub connections: Cell<Option<Verdict>>,
    held: RefCell<Vec<Box<dyn Any>>>,
}

/// How a limit judged an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Passed,
    /// It may go on later.
    Delayed,
    /// It may not.
    Rejected,
    /// It would have been delayed.
    DelayedDryRun,
    /// It would have been refused.
    RejectedDryRun,
}

impl Verdict {
    /// As the variables write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Delayed => "DELAYED",
            Self::Rejected => "REJECTED",
            Self::DelayedDryRun => "DELAYED_DRY_RUN",
            Self::RejectedDryRun => "REJECTED_DRY_RUN",
        }
    }
}

impl Limits {
    /// Keeps something until the request is over, however it ends; its drop gives back what it stands for.
    pub fn hold(&self, place: impl Any) {
        self.held.borrow_mut().push(Box::new(place));
    }

    /// Gives back what the request holds: it is over, and only its record is still needed.
    pub(super) fn release(&self) {
        let held = self.held.take();
        drop(held);
    }
}

/// Whether a key is short enough to be counted by; one that is not is told in the error log. `written` is the key as it
/// is configured.
pub fn accepts_key(exchange: &Exchange, key: &[u8], written: &str, bytes_max: usize) -> bool {
    let accepted = key.len() <= bytes_max;
    if !accepted {
        let key = Shown(key);
        let message = format_args!("the value of the \"{written}\" key is more than {bytes_max} bytes: \"{key}\"");
        exchange.report(Severity::Error, message);
    }
    accepted
}

impl fmt::Debug for Limits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Limits({:?} {:?}, {} held)",
            self.requests.get(),
            self.connections.get(),
            self.held.borrow().len()
        )
    }
}

//! What limits have made of an exchange: how they judged it, and the places it holds until it is over.
//!
//! As in nginx an exchange is judged once by each kind of limit, wherever redirects lead it later; what answers a part
//! of another exchange has these in common with it. The limits themselves are modules.

use std::any::Any;
use std::fmt;

/// The limits of one exchange.
#[derive(Default)]
pub struct Limits {
    /// `$limit_req_status`; none before any request limit has counted it.
    pub requests: Option<Verdict>,
    /// `$limit_conn_status`; none before any connection limit has counted it.
    pub connections: Option<Verdict>,
    held: Vec<Box<dyn Any>>,
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
    /// Keeps something until the exchange is over, however it ends; its drop gives back what it stands for.
    pub fn hold(&mut self, place: impl Any) {
        self.held.push(Box::new(place));
    }

    /// Gives back what the exchange holds: it is over, and only its record is still needed.
    pub fn release(&mut self) {
        self.held = Vec::new();
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Limits({:?} {:?}, {} held)", self.requests, self.connections, self.held.len())
    }
}

//! What an exchange tells of its way: for `explain` and `expect`, which answer a request without a client.
//!
//! Owns the steps alone. Told by `answer` and by handlers that have something to say; read by `rehearsal`. An exchange
//! of a real client has no trace, and its steps are not even put together.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::plan::Plan;
use crate::http::status::Status;

/// The steps of one exchange, in order.
#[derive(Debug, Default)]
pub struct Trace {
    steps: RefCell<Vec<Step>>,
}

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// A location was chosen by the URI; the server's own plan where none fits.
    Located {
        /// `$uri` as it was then.
        uri: Bytes,
        /// What was chosen.
        plan: Arc<Plan>,
    },
    /// An internal redirect led to a named location.
    Named {
        /// Its name, with the `@`.
        name: Box<str>,
    },
    /// The URI was changed, by a rewrite or by an internal redirect.
    Rerouted {
        /// The new `$uri`.
        uri: Bytes,
        /// The new `$args`.
        args: Bytes,
    },
    /// Something failed with this status, or is a redirect by it; an error page may follow.
    Failed {
        /// The status.
        status: Status,
    },
    /// A handler decided; later ones were not asked.
    Decided {
        /// The name of its module.
        module: &'static str,
    },
    /// An `if` was looked at.
    Condition {
        /// Whether its condition holds.
        holds: bool,
        /// Where it is written: the number of a file, and an offset in it.
        written_at: (u32, u32),
        /// The same for people: `site.conf:3`.
        at: Arc<str>,
    },
    /// A subrequest is made; the steps up to its `Answered` are its own.
    Asks {
        /// The path that is asked for.
        uri: Bytes,
    },
    /// The subrequest has its answer; none if it closes the connection.
    Answered {
        /// The status.
        status: Option<Status>,
    },
    /// A file was found to be the content.
    File {
        /// Its path.
        path: Box<str>,
    },
    /// What a module says of its part, or what would have been written to the error log.
    Note {
        /// The text.
        text: Box<str>,
        /// Where the configuration says so (`site.conf:3`), if one line does.
        at: Option<Arc<str>>,
    },
}

impl Step {
    /// That this file is the content.
    pub fn file(path: &[u8]) -> Self {
        Self::File { path: String::from_utf8_lossy(path).into() }
    }
}

impl Trace {
    /// Adds a step; beyond a limit that no honest exchange reaches, steps are forgotten.
    pub fn tell(&self, step: Step) {
        let mut steps = self.steps.borrow_mut();
        if steps.len() < STEPS_MAX {
            steps.push(step);
        }
    }

    /// Adds a note.
    pub fn note(&self, text: fmt::Arguments<'_>, at: Option<Arc<str>>) {
        self.tell(Step::Note { text: text.to_string().into(), at });
    }

    /// The steps so far.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.borrow().clone()
    }
}

/// Ten internal redirects with a rewrite for each are far below it.
const STEPS_MAX: usize = 1000;

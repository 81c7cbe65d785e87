//! The command line: checking, starting, signalling, listening.

mod checking;
mod defaults;
mod formatting;
mod including;
mod linting;
mod listening;
mod manual;
mod mistakes;
mod options;
mod reporting;
mod signalling;
mod starting;

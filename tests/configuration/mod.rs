//! The command line: checking, starting, signalling, listening.

mod checking;
mod completing;
mod defaults;
mod explaining;
mod formatting;
mod including;
mod linting;
mod listening;
mod manual;
mod options;
mod reporting;
mod signalling;
mod starting;

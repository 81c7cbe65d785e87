//! The access log and the error log: forms, destinations, conditions.

mod access;
mod destinations;
mod errors;
mod forms;
mod syslog;

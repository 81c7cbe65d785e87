//! What webserv does, seen from outside: the real program, a configuration, bytes on the wire.
//!
//! A test here knows the binary and nothing of the library. `support` starts the server and speaks with it; the other
//! modules are the tests, by what they are about. `modules` has a file for each module of `src/modules`.

#![allow(clippy::unwrap_used, reason = "a failure in a test is what the test is for")]

mod configuration;
mod connection;
mod logs;
mod modules;
mod process;
mod reload;
mod shipped;
mod sites;
mod support;

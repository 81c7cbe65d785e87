//! webserv: a web server for Linux, configured in nginx's language with nginx's meaning.
//!
//! This page is the map of the code. A folder is a layer, a file is one idea, and imports point downwards only
//! (`tests/tidy.rs` holds the table).
//!
//! # The way of a request
//!
//! ```text
//! server::listener ─ accepts ─▶ server::connection ─ server::inbound reads, http::h1::decoder understands ─▶ a head
//!   ─ route::tree: address, host ─▶ a virtual server, an exchange::Exchange
//!   ─ exchange::answer: location ─▶ exchange::Plan: handlers by stage (modules/*), error pages, filters ─▶ a Response
//!   ─ server::head encodes, server::outbound sends ─▶ the client ─▶ loggers (modules::access_log)
//! ```
//!
//! A connection is one task of its worker, written from top to bottom in `server::connection`. The worker's loop is
//! `runtime::worker`: wait, dispatch, run what is ready, expire, flush; one map from descriptor to owner.
//!
//! # The way of a configuration
//!
//! ```text
//! text ─ webserv-grammar ─▶ spanned tree and all errors
//!   ─ config::engine with the modules' tables (config::schema) ─▶ typed settings, inherited block by block
//!   ─ config::assemble, Module::install ─▶ route::tree::Tree of finished Plans
//!   ─ control::reload publishes ─▶ server::published, which workers look at once a turn
//! ```
//!
//! # Layers, from the bottom
//!
//! | layer | owns |
//! |---|---|
//! | [`base`] | sizes, times, regular expressions, the timing wheel, named zones, log files and severities |
//! | [`http`] | messages as values; HTTP/1 bytes to messages and back; conditions, ranges, dates. No I/O, no clock |
//! | [`runtime`] | the event loop: workers, tasks, descriptors, timers, sockets, files, children, jobs for blocking work. No HTTP |
//! | [`exchange`] | one request and its one response: stages, plans, variables, templates, error pages, subrequests |
//! | [`route`] | which server and location: host names, prefix trees, regular expressions. Pure |
//! | [`rehearsal`] | a request without a client: what a tree would answer, for `explain` and `expect` |
//! | [`config`] | files to a finished configuration; every error with its place; the manual |
//! | [`modules`] | the features: a file each, a line each in `modules/mod.rs` |
//! | [`server`] | connections: listening, reading, sending, lingering |
//! | [`control`] | the main thread: signals, reload, upgrade, listeners, privileges, pid file; the thread that watches files |
//! | [`cli`] | the command line |
//!
//! # Where to begin
//!
//! - To add a directive: a line in the table of a file in `modules/`, and a field it sets.
//! - To add a feature: a file in `modules/` and its line in `modules/mod.rs`.
//! - To follow a connection: `server::connection`, from top to bottom.
//! - To see what happens at a reload: `control::reload`; and what starts one by itself: `control::watch`.

#![forbid(unsafe_code)]

pub mod base;
pub mod cli;
pub mod config;
pub mod control;
pub mod exchange;
pub mod http;
pub mod modules;
pub mod rehearsal;
pub mod route;
pub mod runtime;
pub mod server;

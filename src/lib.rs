//! webserv: a web server configured in nginx's language.

pub mod base;
pub mod cli;
pub mod config;
pub mod control;
pub mod exchange;
pub mod http;
pub mod modules;
pub mod route;
pub mod runtime;
pub mod server;

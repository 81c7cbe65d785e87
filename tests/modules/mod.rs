//! Each module's directives, a file for each module of `src/modules`.

mod access;
mod access_log;
mod autoindex;
mod client;
mod conditional;
mod error_log;
mod error_page;
mod headers;
mod ignored;
mod index;
mod internal;
mod keepalive;
mod lingering;
mod listen;
mod log_settings;
mod process;
mod range;
mod redirects;
mod return_response;
mod root;
mod sending;
mod server_name;
mod server_tokens;
mod static_files;
mod try_files;
mod types;

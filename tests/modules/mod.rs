//! Each module's directives, a file for each module of `src/modules`.

mod access;
mod access_log;
mod autoindex;
mod client;
mod conditional;
mod error_log;
mod error_page;
mod headers;
mod index;
mod internal;
mod range;
mod redirects;
mod return_response;
mod root;
mod server_name;
mod static_files;
mod try_files;
mod types;

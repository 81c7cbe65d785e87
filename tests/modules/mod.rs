//! Each module's directives, a file for each module of `src/modules`.

mod access_log;
mod autoindex;
mod conditional;
mod error_log;
mod error_page;
mod headers;
mod index;
mod range;
mod root;
mod static_files;
mod try_files;
mod types;

//! Each module's directives, a file for each module of `src/modules`.

mod autoindex;
mod conditional;
mod index;
mod range;
mod root;
mod static_files;
mod try_files;
mod types;

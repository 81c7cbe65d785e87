//! modules

pub mod autoindex;
pub mod conditional;
pub mod index;
pub mod range;
pub mod root;
pub mod static_files;
pub mod try_files;
pub mod types;

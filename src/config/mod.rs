//! From the text of a configuration to what runs.
//!
//! The way: `sources` and `includes` read the texts, `engine` understands them by the modules'
//! tables (`schema`) and gives a draft of typed settings, `assemble` asks the modules to build
//! plans and puts them into a routing tree. `load` is the entry. What is wrong is a `Diagnostic`
//! with its place, shown by `render`; `manual` explains the tables.
//!
//! It binds no address and publishes nothing.

mod addresses;
pub mod arguments;
mod assemble;
pub mod build;
mod definitions;
pub mod diagnostics;
pub mod dump;
mod engine;
pub mod expectations;
pub mod explain;
pub mod format;
mod includes;
mod index;
pub mod inventory;
mod lines;
pub mod lint;
pub mod load;
pub mod manual;
mod methods;
mod mistakes;
pub mod named_regex;
mod nginx_names;
mod nginx_variables;
mod permissions;
pub mod render;
pub mod resources;
pub mod schema;
mod semicolons;
mod session;
pub mod sources;
mod structure;
mod sweeps;
mod syslog_word;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod variables;
mod view;
pub mod watched;
mod words;
pub mod zones;

pub use load::{Configuration, Loaded, Origin, Report, Request, load};

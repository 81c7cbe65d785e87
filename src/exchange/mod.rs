//! One request and its one response, whatever the protocol.
//!
//! `Exchange` is the state, `answer` the order of things, `Plan` what a location does, `Response`
//! and `Body` the result. Modules put handlers, filters and loggers into plans; `server` makes
//! exchanges and sends responses; `route` is behind the trait `Site`. No sockets, no parsing.

pub mod answer;
pub mod body;
pub mod client;
pub mod core_variables;
pub mod definitions;
pub mod error_pages;
#[expect(clippy::module_inception, reason = "the folder is the layer, the file its main type")]
mod exchange;
pub mod files;
pub mod forwarded;
pub mod path;
pub mod plan;
pub mod record;
pub mod redirect;
pub mod request;
pub mod response;
pub mod settings;
pub mod shared_file;
pub mod site;
pub mod template;
#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
pub(crate) mod testing;
mod values;
pub mod variables;

pub use exchange::{Captured, Captures, ErrorState, Exchange, Shown};

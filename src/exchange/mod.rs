//! One request and its one response, whatever the protocol.
//!
//! `Exchange` is the state, `answer` the order of things, `Plan` what a location does, `Response`
//! and `Body` the result; `subrequest` lets an exchange ask for a part of its answer. Modules put handlers, filters and loggers into plans; `server` makes
//! exchanges and sends responses; `route` is behind the trait `Site`. No sockets, no parsing.

mod access;
pub mod answer;
pub mod body;
pub mod client;
pub mod content;
pub mod core_variables;
pub mod definitions;
pub mod error_pages;
#[expect(clippy::module_inception, reason = "the folder is the layer, the file its main type")]
mod exchange;
mod family;
pub mod files;
pub mod forwarded;
pub mod intake;
pub mod known_settings;
pub mod limits;
pub mod path;
pub mod plan;
pub mod rate;
pub mod record;
pub mod redirect;
pub mod reporter;
pub mod request;
pub mod response;
pub mod settings;
pub mod shared_file;
pub mod site;
pub mod storing;
pub mod subrequest;
pub mod target;
pub mod template;
#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
pub(crate) mod testing;
pub mod trace;
pub mod trailers;
mod values;
pub mod variables;

pub use exchange::{Captured, Captures, ErrorState, Exchange, Shown};

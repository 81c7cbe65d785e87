//! HTTP without input or output: bytes in, messages out, and back.
//!
//! Owns what every version of the protocol shares (methods, statuses, fields, the request target, dates, conditions,
//! ranges, media types) and, in `h1`, the form of HTTP/1 on the wire. Called by `exchange`, `server` and `modules`.
//! It opens nothing, waits for nothing and reads no clock: bytes and the time are arguments.

#![deny(clippy::disallowed_methods)]

pub mod cgi;
pub mod conditional;
pub mod credentials;
pub mod date;
pub mod escape;
pub mod h1;
pub mod headers;
pub mod host;
pub mod media_types;
pub mod method;
pub mod mime;
pub mod multipart;
pub mod proxy_protocol;
pub mod range;
mod scan;
pub mod status;
pub mod target;
pub mod version;

pub use headers::{Field, Headers};
pub use host::Host;
pub use method::Method;
pub use status::Status;
pub use target::Target;
pub use version::Version;

//! HTTP/1.0 and HTTP/1.1 on the wire (RFC 9112).
//!
//! Owns the reading of requests (`decoder`) and the writing of responses (`encoder`), without input or output. Called
//! by the connection in `server`. It knows no route and decides no answer; it only says what is wrong with a request
//! and which status answers that.

pub mod decoder;
pub mod encoder;
pub mod error;
pub mod head;

mod chunked;
mod fields;
mod framing;
mod lines;
mod request_line;
#[cfg(test)]
mod tests;
mod whole;

pub use decoder::{Decoder, Progress};
pub use error::{BadRequest, Excerpt};
pub use head::{BodyFraming, Limits, PartialRequest, RequestHead};

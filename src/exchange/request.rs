//! One request: its head, and its content as it comes.

use bytes::Bytes;

use super::body::Inflow;
use super::content::Content;
use crate::http::credentials::Credentials;
use crate::http::h1::RequestHead;
use crate::http::headers::{Headers, names};
use crate::http::method::Method;

/// A request as it was received.
pub struct Request {
    /// The head.
    pub head: Box<RequestHead>,
    /// The content as it comes, or `None` when there is none (or it was received, or taken).
    pub body: Option<Box<dyn Inflow>>,
    /// The content that was received; see `Exchange::receive_content`.
    pub content: Content,
}

impl Request {
    /// A request with this head, whose content has not been received.
    pub fn new(head: Box<RequestHead>, body: Option<Box<dyn Inflow>>) -> Self {
        Self { head, body, content: Content::Empty }
    }

    /// The method as received.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The value of the first field with this name.
    pub fn header(&self, name: &[u8]) -> Option<&Bytes> {
        self.head.headers.get(name)
    }

    /// The user and the password that were given with Basic authentication.
    pub fn credentials(&self) -> Option<Credentials> {
        Credentials::parse(self.header(names::AUTHORIZATION)?)
    }
}

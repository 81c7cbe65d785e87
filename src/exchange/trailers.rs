//! Fields behind a response's content (RFC 9110 section 6.5): chosen with the response, computed when its content has
//! been sent.
//!
//! A filter puts them into the response, the connection computes and sends them where the protocol has a place for
//! them, and the record keeps them for logs.

use std::sync::Arc;

use bytes::Bytes;

use super::exchange::Exchange;
use super::template::Template;
use crate::http::headers::Headers;

/// One field.
#[derive(Clone, Debug)]
pub struct Trailer {
    /// Its name.
    pub name: Bytes,
    /// Its value; a field whose value comes to nothing is not sent.
    pub value: Template,
    /// Whether it is sent whatever the status.
    pub always: bool,
}

/// The fields of one response.
#[derive(Clone, Debug)]
pub struct Trailers {
    /// What is configured.
    pub fields: Arc<[Trailer]>,
    /// Whether only those are sent that are sent always.
    pub only_always: bool,
}

impl Trailers {
    /// The fields of this kind of response; none if there is none to be sent.
    pub fn new(fields: &Arc<[Trailer]>, only_always: bool) -> Option<Self> {
        let any = fields.iter().any(|field| field.always || !only_always);
        any.then(|| Self { fields: Arc::clone(fields), only_always })
    }

    /// What is sent now that the content is.
    pub fn render(&self, exchange: &Exchange) -> Headers {
        let mut trailers = Headers::new();
        for field in self.fields.iter().filter(|field| field.always || !self.only_always) {
            let value = field.value.render_bytes(exchange);
            if !value.is_empty() {
                trailers.append(field.name.clone(), value);
            }
        }
        trailers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::test_support::{Bench, template};

    fn trailers(only_always: bool) -> Option<Trailers> {
        let trailer = |name, value, always| Trailer { name: Bytes::from_static(name), value: template(value), always };
        let fields = [trailer(b"A", "$uri", true), trailer(b"B", "$arg_none", true), trailer(b"C", "c", false)];
        Trailers::new(&Arc::from(fields), only_always)
    }

    fn names(only_always: bool) -> Vec<Bytes> {
        let exchange = Bench::new().exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        trailers(only_always).unwrap().render(&exchange).iter().map(|field| field.name.clone()).collect()
    }

    #[test]
    fn fields_without_a_value_are_left_out() {
        assert_eq!(names(false), ["A", "C"]);
    }

    #[test]
    fn some_fields_are_sent_always() {
        assert_eq!(names(true), ["A"]);
        let fields = [Trailer { name: Bytes::new(), value: template("x"), always: false }];
        assert!(Trailers::new(&Arc::from(fields), true).is_none());
    }
}

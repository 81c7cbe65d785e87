//! Request methods (RFC 9110 section 9, RFC 4918 section 9).
//!
//! Owns the known names and the bytes a method may consist of. Called by the decoder and by whatever decides by method.
//! It does not say which methods a location allows.

use bytes::Bytes;

/// A request method. Names are case-sensitive: `get` is not `GET`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET` (RFC 9110 section 9.3.1).
    Get,
    /// `HEAD` (RFC 9110 section 9.3.2).
    Head,
    /// `POST` (RFC 9110 section 9.3.3).
    Post,
    /// `PUT` (RFC 9110 section 9.3.4).
    Put,
    /// `DELETE` (RFC 9110 section 9.3.5).
    Delete,
    /// `OPTIONS` (RFC 9110 section 9.3.7).
    Options,
    /// `PATCH` (RFC 5789).
    Patch,
    /// `CONNECT` (RFC 9110 section 9.3.6).
    Connect,
    /// `TRACE` (RFC 9110 section 9.3.8).
    Trace,
    /// `MKCOL` (RFC 4918 section 9.3).
    Mkcol,
    /// `COPY` (RFC 4918 section 9.8).
    Copy,
    /// `MOVE` (RFC 4918 section 9.9).
    Move,
    /// `PROPFIND` (RFC 4918 section 9.1).
    Propfind,
    /// `PROPPATCH` (RFC 4918 section 9.2).
    Proppatch,
    /// `LOCK` (RFC 4918 section 9.10).
    Lock,
    /// `UNLOCK` (RFC 4918 section 9.11).
    Unlock,
    /// Any other well-formed method, as sent.
    Other(Bytes),
}

impl Method {
    /// The method `token` names, or nothing when it cannot be one: like nginx, a method is one or more of `A` to `Z`,
    /// `_` and `-`, which every registered method is.
    pub fn parse(token: &[u8]) -> Option<Method> {
        let known = match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"OPTIONS" => Method::Options,
            b"PATCH" => Method::Patch,
            b"CONNECT" => Method::Connect,
            b"TRACE" => Method::Trace,
            b"MKCOL" => Method::Mkcol,
            b"COPY" => Method::Copy,
            b"MOVE" => Method::Move,
            b"PROPFIND" => Method::Propfind,
            b"PROPPATCH" => Method::Proppatch,
            b"LOCK" => Method::Lock,
            b"UNLOCK" => Method::Unlock,
            other if other.is_empty() || !other.iter().copied().all(is_method_byte) => return None,
            _ => Method::Other(Bytes::copy_from_slice(token)),
        };
        Some(known)
    }

    /// The method as it is written in a request line.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Patch => "PATCH",
            Method::Connect => "CONNECT",
            Method::Trace => "TRACE",
            Method::Mkcol => "MKCOL",
            Method::Copy => "COPY",
            Method::Move => "MOVE",
            Method::Propfind => "PROPFIND",
            Method::Proppatch => "PROPPATCH",
            Method::Lock => "LOCK",
            Method::Unlock => "UNLOCK",
            // Only `parse` makes this variant, of ASCII bytes; one made by hand of other bytes reads as nothing.
            Method::Other(token) => std::str::from_utf8(token).unwrap_or_default(),
        }
    }

    /// Whether the method asks for no change (RFC 9110 section 9.2.1).
    pub fn is_safe(&self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options | Method::Trace | Method::Propfind)
    }

    /// Whether sending it twice means the same as sending it once (RFC 9110 section 9.2.2, RFC 4918 section 9).
    pub fn is_idempotent(&self) -> bool {
        let changes_once = matches!(
            self,
            Method::Put
                | Method::Delete
                | Method::Mkcol
                | Method::Copy
                | Method::Move
                | Method::Proppatch
                | Method::Unlock
        );
        self.is_safe() || changes_once
    }

    /// Whether this is `GET` or `HEAD`, the two methods which read a representation.
    pub fn is_get_or_head(&self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }
}

/// Whether `byte` may stand in a method: nginx takes capital letters, `_` and `-`.
pub(crate) fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Option<Method> {
        Method::parse(text.as_bytes())
    }

    #[test]
    fn every_known_name_is_read_and_written_alike() {
        let names = [
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "DELETE",
            "OPTIONS",
            "PATCH",
            "CONNECT",
            "TRACE",
            "MKCOL",
            "COPY",
            "MOVE",
            "PROPFIND",
            "PROPPATCH",
            "LOCK",
            "UNLOCK",
        ];
        for name in names {
            let method = parse(name).unwrap();
            assert!(!matches!(method, Method::Other(_)), "{name}");
            assert_eq!(method.as_str(), name);
        }
    }

    #[test]
    fn an_unknown_name_is_kept_as_sent() {
        assert_eq!(parse("M-SEARCH"), Some(Method::Other(Bytes::from_static(b"M-SEARCH"))));
        assert_eq!(parse("M-SEARCH").unwrap().as_str(), "M-SEARCH");
    }

    #[test]
    fn small_letters_and_other_bytes_make_no_method() {
        for text in ["", "get", "GE T", "G\u{e9}T", "GET\0", "G3T"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn reading_is_safe_and_writing_is_not() {
        assert!(Method::Get.is_safe() && Method::Get.is_idempotent());
        assert!(!Method::Put.is_safe() && Method::Put.is_idempotent());
        assert!(!Method::Post.is_idempotent());
    }
}

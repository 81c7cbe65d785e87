//! The request target (RFC 9112 section 3.2) and nginx's normal form of a path.
//!
//! Owns the four forms of a target and the one place where a path is decoded. Called by the decoder (`parse`) and by
//! routing (`normalise`). It does not map a path to a file, and a query is never decoded here.

use std::ops::Range;

use bytes::Bytes;

use super::method::Method;

/// What a request asks for, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    raw: Bytes,
    form: TargetForm,
    path: Range<u32>,
    query: Option<Range<u32>>,
}

/// The form of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`.
    Origin,
    /// `http://authority/path?query`.
    Absolute {
        /// The scheme as sent, without the colon.
        scheme: Bytes,
        /// What stands between `//` and the path: host and port, not yet validated as such.
        authority: Bytes,
    },
    /// `*`, with `OPTIONS` only.
    Asterisk,
    /// `host:port`, with `CONNECT` only.
    Authority,
}

/// The target or path is not well-formed, or leaves the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// It has none of the four forms, or one that the method does not go with.
    #[error("expected a path or an absolute URI")]
    Form,
    /// It contains white space or a control byte.
    #[error("expected no white space or control bytes in the URI")]
    Byte,
    /// A `%` without two hexadecimal digits, or `%00`.
    #[error("expected two hexadecimal digits, not 00, after \"%\" in the URI")]
    Escape,
    /// `..` leads above the root.
    #[error("expected no \"..\" above the root in the URI")]
    AboveRoot,
}

impl Target {
    /// Reads a target. Bytes above 127 are taken as they are, like in nginx; white space and control bytes are not.
    pub fn parse(raw: &Bytes, method: &Method) -> Result<Target, BadTarget> {
        if raw.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            return Err(BadTarget::Byte);
        }
        let whole = || span(0..raw.len());
        match raw.first() {
            Some(b'/') => {
                let (path, query) = split(raw, 0);
                Ok(Target {
                    raw: raw.clone(),
                    form: TargetForm::Origin,
                    path,
                    query,
                })
            }
            _ if *method == Method::Connect && !raw.is_empty() && !raw.contains(&b'/') => {
                Ok(Target {
                    raw: raw.clone(),
                    form: TargetForm::Authority,
                    path: whole(),
                    query: None,
                })
            }
            Some(b'*') if raw.len() == 1 && *method == Method::Options => Ok(Target {
                raw: raw.clone(),
                form: TargetForm::Asterisk,
                path: whole(),
                query: None,
            }),
            _ => Target::parse_absolute(raw),
        }
    }

    fn parse_absolute(raw: &Bytes) -> Result<Target, BadTarget> {
        let colon = raw
            .iter()
            .position(|byte| *byte == b':')
            .ok_or(BadTarget::Form)?;
        let scheme = raw.slice(..colon);
        let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
        if !is_scheme || !raw[colon + 1..].starts_with(b"//") {
            return Err(BadTarget::Form);
        }
        let start = colon + 3;
        let length = raw[start..]
            .iter()
            .position(|byte| b"/?#".contains(byte))
            .unwrap_or(raw.len() - start);
        let authority = raw.slice(start..start + length);
        if authority.is_empty() {
            return Err(BadTarget::Form);
        }
        let (path, query) = split(raw, start + length);
        Ok(Target {
            raw: raw.clone(),
            form: TargetForm::Absolute { scheme, authority },
            path,
            query,
        })
    }

    /// The whole target as it was sent.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Which of the four forms it has.
    pub fn form(&self) -> &TargetForm {
        &self.form
    }

    /// nginx's `$request_uri`: path and query as sent, without scheme and authority.
    pub fn request_uri(&self) -> Bytes {
        if self.path.start as usize == self.raw.len() {
            return Bytes::from_static(b"/");
        }
        self.raw.slice(self.path.start as usize..)
    }

    /// The path as sent, neither decoded nor resolved. `/` when an absolute URI has none, `*` and `host:port` in the
    /// forms that have no path.
    pub fn path(&self) -> &[u8] {
        if self.path.is_empty() {
            return b"/";
        }
        &self.raw[self.path.start as usize..self.path.end as usize]
    }

    /// The query as sent, without its question mark: nginx's `$args` at first. Nothing when there is no question mark.
    pub fn query(&self) -> Option<Bytes> {
        let query = self.query.as_ref()?;
        Some(self.raw.slice(query.start as usize..query.end as usize))
    }
}

/// Where path and query stand in `raw`, whose path begins at `start`. A fragment belongs to neither.
fn split(raw: &[u8], start: usize) -> (Range<u32>, Option<Range<u32>>) {
    let rest = &raw[start..];
    let end = start
        + rest
            .iter()
            .position(|byte| *byte == b'#')
            .unwrap_or(rest.len());
    match raw[start..end].iter().position(|byte| *byte == b'?') {
        Some(mark) => (span(start..start + mark), Some(span(start + mark + 1..end))),
        None => (span(start..end), None),
    }
}

/// Targets are shorter than 4 GiB because request lines are: a longer one could not have been buffered.
fn span(range: Range<usize>) -> Range<u32> {
    let narrow = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    narrow(range.start)..narrow(range.end)
}

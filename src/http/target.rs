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
    /// The target of a request that did not get as far as having one.
    pub fn missing() -> Target {
        Target { raw: Bytes::new(), form: TargetForm::Origin, path: span(0..0), query: None }
    }

    /// Reads a target. Bytes above 127 are taken as they are, like in nginx; white space and control bytes are not.
    pub fn parse(raw: Bytes, method: &Method) -> Result<Target, BadTarget> {
        if raw.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            return Err(BadTarget::Byte);
        }
        match raw.first() {
            Some(b'/') => {
                let (path, query) = split(&raw, 0);
                Ok(Target { raw, form: TargetForm::Origin, path, query })
            }
            _ if *method == Method::Connect && !raw.is_empty() && !raw.contains(&b'/') => {
                Ok(Target { path: span(0..raw.len()), raw, form: TargetForm::Authority, query: None })
            }
            Some(b'*') if raw.len() == 1 && *method == Method::Options => {
                Ok(Target { path: span(0..raw.len()), raw, form: TargetForm::Asterisk, query: None })
            }
            _ => Target::parse_absolute(raw),
        }
    }

    fn parse_absolute(raw: Bytes) -> Result<Target, BadTarget> {
        let colon = raw.iter().position(|byte| *byte == b':').ok_or(BadTarget::Form)?;
        let scheme = raw.slice(..colon);
        let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
        if !is_scheme || !raw[colon + 1..].starts_with(b"//") {
            return Err(BadTarget::Form);
        }
        let start = colon + 3;
        let length = raw[start..].iter().position(|byte| b"/?#".contains(byte)).unwrap_or(raw.len() - start);
        let authority = raw.slice(start..start + length);
        if authority.is_empty() {
            return Err(BadTarget::Form);
        }
        let (path, query) = split(&raw, start + length);
        Ok(Target { raw, form: TargetForm::Absolute { scheme, authority }, path, query })
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
    pub fn path(&self) -> Bytes {
        let range = self.path.start as usize..self.path.end as usize;
        if range.is_empty() { Bytes::from_static(b"/") } else { self.raw.slice(range) }
    }

    /// The query as sent, without its question mark: nginx's `$args` at first. Nothing when there is no question mark.
    pub fn query(&self) -> Option<Bytes> {
        let query = self.query.as_ref()?;
        Some(self.raw.slice(query.start as usize..query.end as usize))
    }
}

/// Where path and query stand in `raw`, whose path begins at `start`. A fragment belongs to neither.
fn split(raw: &[u8], start: usize) -> (Range<u32>, Option<Range<u32>>) {
    let end_of = |start: usize, is_end: fn(&u8) -> bool| {
        raw[start..].iter().position(is_end).map_or(raw.len(), |offset| start + offset)
    };
    let path_end = end_of(start, |byte| matches!(byte, b'?' | b'#'));
    let query = (raw.get(path_end) == Some(&b'?')).then(|| span(path_end + 1..end_of(path_end, |byte| *byte == b'#')));
    (span(start..path_end), query)
}

/// Targets are shorter than 4 GiB because request lines are: a longer one could not have been buffered.
fn span(range: Range<usize>) -> Range<u32> {
    let narrow = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    narrow(range.start)..narrow(range.end)
}

/// The path that routing sees: nginx's `$uri`. Escapes are decoded once, then `.` and `..` segments are resolved, so
/// that no spelling of them is missed; runs of slashes become one if `merge_slashes`. What follows a `?` or `#` is left out.
/// An escaped `%`, `?` or `#` stands for itself, an escaped slash separates segments like any other.
///
/// The outcome begins with a slash, has no `.` or `..` segment and no NUL byte: joined to a folder it stays inside.
/// Refused are bad escapes, `%00`, and a `..` that leads above the root.
pub fn normalise(raw_path: &[u8], merge_slashes: bool) -> Result<Vec<u8>, BadTarget> {
    let [b'/', rest @ ..] = raw_path else {
        return Err(BadTarget::Form);
    };
    let mut path = Vec::with_capacity(raw_path.len());
    path.push(b'/');
    let mut rest = rest.iter();
    while let Some(byte) = rest.next() {
        let (byte, separates) = match byte {
            b'?' | b'#' => break,
            b'%' => {
                let byte = unescape(rest.next(), rest.next())?;
                (byte, byte == b'/')
            }
            byte => (*byte, *byte == b'/'),
        };
        match byte {
            0 => return Err(BadTarget::Byte),
            _ if separates => end_segment(&mut path, merge_slashes)?,
            _ => path.push(byte),
        }
    }
    resolve_dots(&mut path)?;
    Ok(path)
}

/// [`normalise`] for a path whose bytes are shared: most paths are normal as they were sent, and need no copy. Nothing
/// when it is one of them.
///
/// # Errors
/// As there.
pub fn normalise_unless_normal(raw_path: &[u8], merge_slashes: bool) -> Result<Option<Bytes>, BadTarget> {
    if is_normal(raw_path) {
        return Ok(None);
    }
    normalise(raw_path, merge_slashes).map(|path| Some(Bytes::from(path)))
}

/// Whether there is nothing to do for `normalise`: no escape, no end of the path, and no segment that is empty or
/// begins with a dot.
fn is_normal(path: &[u8]) -> bool {
    let mut before = 0;
    for byte in path {
        match byte {
            b'/' | b'.' if before == b'/' => return false,
            b'%' | b'?' | b'#' | 0 => return false,
            byte => before = *byte,
        }
    }
    path.first() == Some(&b'/')
}

/// The byte of two hexadecimal digits, which is not NUL.
fn unescape(high: Option<&u8>, low: Option<&u8>) -> Result<u8, BadTarget> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    match (digit(high), digit(low)) {
        (Some(0), Some(0)) => Err(BadTarget::Escape),
        (Some(high), Some(low)) => u8::try_from(high << 4 | low).map_err(|_| BadTarget::Escape),
        _ => Err(BadTarget::Escape),
    }
}

/// Ends the last segment of `path` with a slash, unless it vanishes.
fn end_segment(path: &mut Vec<u8>, merge_slashes: bool) -> Result<(), BadTarget> {
    let vanishes = resolve_dots(path)? || (merge_slashes && path.ends_with(b"/"));
    if !vanishes {
        path.push(b'/');
    }
    Ok(())
}

/// Resolves the last segment of `path` if it is `.` or `..`, and says whether it was. The path then ends with a slash.
fn resolve_dots(path: &mut Vec<u8>) -> Result<bool, BadTarget> {
    if path.ends_with(b"/.") {
        path.pop();
        return Ok(true);
    }
    if !path.ends_with(b"/..") {
        return Ok(false);
    }
    let parent_end = path.len() - b"/..".len();
    let parent = memchr::memrchr(b'/', &path[..parent_end]).ok_or(BadTarget::AboveRoot)?;
    path.truncate(parent + 1);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::escape;

    fn parse(raw: &'static str, method: Method) -> Result<Target, BadTarget> {
        Target::parse(Bytes::from_static(raw.as_bytes()), &method)
    }

    fn normal(raw: &str) -> Result<String, BadTarget> {
        normalise(raw.as_bytes(), true).map(|path| String::from_utf8(path).unwrap())
    }

    #[test]
    fn an_origin_form_has_a_path_and_perhaps_a_query() {
        let target = parse("/a/b?c=d?e#f", Method::Get).unwrap();
        assert_eq!(target.form(), &TargetForm::Origin);
        assert_eq!(target.path(), "/a/b");
        assert_eq!(target.query().unwrap(), "c=d?e");
        assert_eq!(target.request_uri(), "/a/b?c=d?e#f");
        assert_eq!(parse("/a?", Method::Get).unwrap().query().unwrap(), "");
        assert_eq!(parse("/a#b?c", Method::Get).unwrap().query(), None);
    }

    #[test]
    fn an_absolute_form_names_a_host_as_well() {
        let target = parse("http://a:80/b?c", Method::Get).unwrap();
        let form = TargetForm::Absolute { scheme: "http".into(), authority: "a:80".into() };
        assert_eq!(target.form(), &form);
        assert_eq!(target.path(), "/b");
        assert_eq!(target.request_uri(), "/b?c");
        assert_eq!(target.raw(), "http://a:80/b?c");
    }

    #[test]
    fn an_absolute_form_without_a_path_asks_for_the_root() {
        let target = parse("http://a", Method::Get).unwrap();
        assert_eq!((target.path(), target.query()), ("/".into(), None));
        assert_eq!(target.request_uri(), "/");
        let target = parse("http://a?b", Method::Get).unwrap();
        assert_eq!((target.path(), target.query().unwrap()), ("/".into(), "b".into()));
    }

    #[test]
    fn some_forms_go_with_one_method_only() {
        assert_eq!(parse("*", Method::Options).unwrap().form(), &TargetForm::Asterisk);
        assert_eq!(parse("*", Method::Get), Err(BadTarget::Form));
        assert_eq!(parse("a:443", Method::Connect).unwrap().form(), &TargetForm::Authority);
        assert_eq!(parse("a:443", Method::Get), Err(BadTarget::Form));
    }

    #[test]
    fn what_has_none_of_the_forms_is_refused() {
        for raw in ["", "a", "a/b", "http:", "http:/a", "http://", "http:///a", "1a://b/", "://a"] {
            assert_eq!(parse(raw, Method::Get), Err(BadTarget::Form), "{raw:?}");
        }
        for raw in ["/a b", "/\t", "/\0", "/\x7f"] {
            assert_eq!(parse(raw, Method::Get), Err(BadTarget::Byte), "{raw:?}");
        }
        assert!(parse("/\u{e9}", Method::Get).is_ok());
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(normal("/a%20b").unwrap(), "/a b");
        assert_eq!(normal("/a%2525").unwrap(), "/a%25");
        assert_eq!(normal("/%2525%23%3F").unwrap(), "/%25#?");
        assert_eq!(normal("/a+b").unwrap(), "/a+b");
    }

    #[test]
    fn dot_segments_are_resolved_in_every_spelling() {
        for raw in ["/a/./b", "/a/x/../b", "/a/%2e/b", "/a/x/%2E./b", "/a%2fx%2f%2e%2e%2fb", "/x/../a/b"] {
            assert_eq!(normal(raw).unwrap(), "/a/b", "{raw}");
        }
        for raw in ["/a/.", "/a/b/..", "/a/%2e", "/a/b/.%2e", "/a/b/..?x", "/a/.#"] {
            assert_eq!(normal(raw).unwrap(), "/a/", "{raw}");
        }
        for name in ["/a/...", "/a/.b", "/a/..b", "/a/b.", "/a/b.."] {
            assert_eq!(normal(name).unwrap(), name);
        }
    }

    #[test]
    fn a_path_above_the_root_is_refused() {
        for raw in ["/..", "/../", "/a/../..", "/%2e%2e/a", "/..%2fa", "/./../a", "/a/../../b", "//.."] {
            assert_eq!(normal(raw), Err(BadTarget::AboveRoot), "{raw}");
        }
    }

    #[test]
    fn bad_escapes_are_refused() {
        for raw in ["/%", "/%2", "/%zz", "/%2g", "/%00", "/a%", "/%?a"] {
            assert_eq!(normal(raw), Err(BadTarget::Escape), "{raw}");
        }
    }

    #[test]
    fn slashes_are_merged_only_if_asked() {
        assert_eq!(normalise(b"//a///b%2f/", true).unwrap(), b"/a/b/");
        assert_eq!(normalise(b"//a///b%2f/", false).unwrap(), b"//a///b//");
        assert_eq!(normalise(b"/a//../b", false).unwrap(), b"/a/b");
        assert_eq!(normalise(b"/a//../b", true).unwrap(), b"/b");
        assert_eq!(normalise(b"//..", false).unwrap(), b"/");
    }

    #[test]
    fn a_fragment_is_cut() {
        assert_eq!(normal("/a#b/../../..").unwrap(), "/a");
    }

    /// Paths built of what traversal is made of, in many spellings, and of any bytes.
    fn raw_path() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            4 => prop::sample::select(vec![
                "/", "//", ".", "..", "%2e", "%2E", "%2f", "%2F", "%5c", "\\", "%25", "%252e", "%00", "a", "b", "%c0%ae",
                "?", "#", "%3f", "%23", "+", "%", " ",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(part, 0..20).prop_map(|parts| [b"/".to_vec(), parts.concat()].concat())
    }

    proptest! {
        #[test]
        fn no_path_escapes(raw in raw_path(), merge_slashes: bool) {
            if let Ok(path) = normalise(&raw, merge_slashes) {
                prop_assert!(path.starts_with(b"/"));
                prop_assert!(!path.contains(&0));
                prop_assert!(path.split(|byte| *byte == b'/').all(|segment| segment != b"." && segment != b".."));
                prop_assert!(!merge_slashes || !path.windows(2).any(|pair| pair == b"//"));
                prop_assert!(path.len() <= raw.len());
            }
        }

        #[test]
        fn only_a_path_that_stays_as_it_is_is_taken_for_normal(raw in raw_path(), merge_slashes: bool) {
            let path = normalise_unless_normal(&raw, merge_slashes).map(|path| path.unwrap_or(Bytes::from(raw.clone())));
            prop_assert_eq!(path, normalise(&raw, merge_slashes).map(Bytes::from));
        }

        #[test]
        fn a_normal_path_stays_as_it_is(raw in raw_path(), merge_slashes: bool) {
            if let Ok(path) = normalise(&raw, merge_slashes) {
                let mut written = Vec::new();
                escape::uri(&path, &mut written);
                prop_assert_eq!(normalise(&written, merge_slashes), Ok(path));
            }
        }

        #[test]
        fn any_bytes_are_a_target_or_refused(raw: Vec<u8>) {
            if let Ok(target) = Target::parse(Bytes::from(raw), &Method::Get) {
                let _ = (target.path(), target.query(), target.request_uri());
            }
        }
    }
}

//! Conditional requests (RFC 9110 sections 8.8 and 13).
//!
//! Owns the comparison of entity tags and dates and the order in which conditions count. Called by modules that know
//! the validators of what they are about to answer. `If-Range` is evaluated in `range`.

use std::time::SystemTime;

use bytes::Bytes;

use super::date;
use super::headers::{Headers, names, trim};
use super::method::Method;

/// What identifies the current representation of a resource that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag as it is sent: `"5f0-1a"` or `W/"5f0-1a"`.
    pub etag: Option<Bytes>,
    /// When it was last changed.
    pub last_modified: Option<SystemTime>,
}

/// nginx's directive `if_modified_since`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfModifiedSince {
    /// The field is ignored; the answer is always sent.
    Off,
    /// Not modified if the dates are the same.
    #[default]
    Exact,
    /// Not modified if the resource's date is the same or earlier.
    Before,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered as if it had no conditions.
    Proceed,
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
}

/// Evaluates the conditions of a request in RFC 9110's order (section 13.2.2). A date that cannot be read is ignored,
/// and so is a condition on a date when the resource has none.
pub fn evaluate(
    method: &Method,
    headers: &Headers,
    validators: &Validators,
    if_modified_since: IfModifiedSince,
) -> Verdict {
    if headers.contains(names::IF_MATCH) {
        if !any_tag(headers, names::IF_MATCH, validators, strong_match) {
            return Verdict::PreconditionFailed;
        }
    } else if let Some((date, last_modified)) = dates(headers, names::IF_UNMODIFIED_SINCE, validators)
        && last_modified > date
    {
        return Verdict::PreconditionFailed;
    }
    if headers.contains(names::IF_NONE_MATCH) {
        return match any_tag(headers, names::IF_NONE_MATCH, validators, weak_match) {
            false => Verdict::Proceed,
            true if method.is_get_or_head() => Verdict::NotModified,
            true => Verdict::PreconditionFailed,
        };
    }
    if !method.is_get_or_head() {
        return Verdict::Proceed;
    }
    let not_modified = match (if_modified_since, dates(headers, names::IF_MODIFIED_SINCE, validators)) {
        (IfModifiedSince::Off, _) | (_, None) => false,
        (IfModifiedSince::Exact, Some((date, last_modified))) => last_modified == date,
        (IfModifiedSince::Before, Some((date, last_modified))) => last_modified <= date,
    };
    if not_modified { Verdict::NotModified } else { Verdict::Proceed }
}

/// Whether there is any condition: most requests have none, which one look at each name tells.
pub fn has_conditions(headers: &Headers) -> bool {
    headers.iter().any(|field| field.name.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case(b"If-")))
}

/// Evaluates the conditions of a request for a resource that does not exist, such as a `PUT` that would make it:
/// `If-Match` fails, `If-None-Match` holds, dates are ignored.
pub fn evaluate_missing(headers: &Headers) -> Verdict {
    if headers.contains(names::IF_MATCH) { Verdict::PreconditionFailed } else { Verdict::Proceed }
}

/// The entity tag nginx gives a file: `"<seconds of its change>-<size>"`, both hexadecimal.
pub fn etag(modified: SystemTime, size: u64) -> Bytes {
    // As format!("\"{:x}-{:x}\"") would, at a tenth of its cost: every file has a tag.
    let mut tag = Vec::with_capacity(2 + 1 + 2 * HEX_DIGITS_MAX);
    tag.push(b'"');
    push_hex(&mut tag, date::second_of(modified));
    tag.push(b'-');
    push_hex(&mut tag, size);
    tag.push(b'"');
    Bytes::from(tag)
}

/// The hexadecimal digits of `u64::MAX`.
const HEX_DIGITS_MAX: usize = 16;

fn push_hex(out: &mut Vec<u8>, number: u64) {
    let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..digits).rev().map(|digit| b"0123456789abcdef"[(number >> (digit * 4)) as usize & 15]));
}

/// The tag as a weak one, for a body that was transformed on its way.
pub fn weaken(etag: &Bytes) -> Bytes {
    if etag.starts_with(b"W/") {
        return etag.clone();
    }
    Bytes::from([b"W/", etag.as_ref()].concat())
}

/// Whether two tags are the same and neither is weak (RFC 9110 section 8.8.3.2).
pub fn strong_match(one: &[u8], other: &[u8]) -> bool {
    one == other && !one.starts_with(b"W/")
}

/// Whether two tags are the same, be they weak or not.
pub fn weak_match(one: &[u8], other: &[u8]) -> bool {
    let opaque = |tag| <[u8]>::strip_prefix(tag, b"W/").unwrap_or(tag);
    opaque(one) == opaque(other)
}

/// Whether a field is `*` or has a tag that matches.
fn any_tag(headers: &Headers, name: &[u8], validators: &Validators, matches: fn(&[u8], &[u8]) -> bool) -> bool {
    headers.get_all(name).any(|value| {
        if trim(value) == b"*" {
            return true;
        }
        let Some(etag) = &validators.etag else {
            return false;
        };
        Tags { rest: value }.any(|tag| matches(tag, etag))
    })
}

/// A field's date and the resource's, if both are there, in seconds.
fn dates(headers: &Headers, name: &[u8], validators: &Validators) -> Option<(u64, u64)> {
    let date = date::parse(headers.get(name)?)?;
    Some((date::second_of(date), date::second_of(validators.last_modified?)))
}

/// The entity tags of a list, which may have commas within their quotes. Ends where the list is not well-formed.
struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let tag = &self.rest[start..];
        let prefix = if tag.starts_with(b"W/") { 2 } else { 0 };
        if tag.get(prefix) != Some(&b'"') {
            self.rest = &[];
            return None;
        }
        let Some(length) = memchr::memchr(b'"', &tag[prefix + 1..]) else {
            self.rest = &[];
            return None;
        };
        let (tag, rest) = tag.split_at(prefix + length + 2);
        self.rest = rest;
        Some(tag)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn verdict_of(method: Method, mode: IfModifiedSince, fields: &[(&'static str, &'static str)]) -> Verdict {
        let mut headers = Headers::new();
        fields.iter().for_each(|(name, value)| headers.append(*name, *value));
        let last_modified = UNIX_EPOCH + Duration::from_millis(784_111_777_500);
        let validators = Validators { etag: Some("\"a\"".into()), last_modified: Some(last_modified) };
        evaluate(&method, &headers, &validators, mode)
    }

    fn get(fields: &[(&'static str, &'static str)]) -> Verdict {
        verdict_of(Method::Get, IfModifiedSince::Exact, fields)
    }

    fn put(fields: &[(&'static str, &'static str)]) -> Verdict {
        verdict_of(Method::Put, IfModifiedSince::Exact, fields)
    }

    #[test]
    fn a_request_without_conditions_proceeds() {
        assert_eq!(get(&[]), Verdict::Proceed);
    }

    #[test]
    fn a_client_that_has_the_tag_needs_no_body() {
        for value in ["\"a\"", "W/\"a\"", "*", "\"b\", \"a\"", "\"x,y\",,W/\"a\"", " \"a\" "] {
            assert_eq!(get(&[("If-None-Match", value)]), Verdict::NotModified, "{value}");
            assert_eq!(put(&[("If-None-Match", value)]), Verdict::PreconditionFailed, "{value}");
        }
        for value in ["\"b\"", "a", "", "\"a", "\"A\"", "w/\"a\"", "b \"a\"", "\"b,\"a\""] {
            assert_eq!(get(&[("If-None-Match", value)]), Verdict::Proceed, "{value}");
        }
    }

    #[test]
    fn if_match_compares_strongly() {
        for value in ["\"a\"", "*", "\"b\",\"a\""] {
            assert_eq!(put(&[("If-Match", value)]), Verdict::Proceed, "{value}");
        }
        for value in ["W/\"a\"", "\"b\"", ""] {
            assert_eq!(put(&[("If-Match", value)]), Verdict::PreconditionFailed, "{value}");
        }
        assert_eq!(get(&[("If-Match", "\"b\""), ("if-match", "\"a\"")]), Verdict::Proceed);
    }

    #[test]
    fn if_modified_since_is_exact_unless_told_otherwise() {
        let cases = [(EARLIER, false, false), (SAME, true, true), (LATER, false, true), ("nonsense", false, false)];
        for (date, exact, before) in cases {
            let verdict = |mode| verdict_of(Method::Get, mode, &[("If-Modified-Since", date)]) == Verdict::NotModified;
            assert_eq!(verdict(IfModifiedSince::Exact), exact, "{date}");
            assert_eq!(verdict(IfModifiedSince::Before), before, "{date}");
            assert!(!verdict(IfModifiedSince::Off));
        }
        assert_eq!(put(&[("If-Modified-Since", SAME)]), Verdict::Proceed);
    }

    #[test]
    fn if_unmodified_since_guards_a_later_change() {
        assert_eq!(put(&[("If-Unmodified-Since", EARLIER)]), Verdict::PreconditionFailed);
        assert_eq!(put(&[("If-Unmodified-Since", SAME)]), Verdict::Proceed);
        assert_eq!(put(&[("If-Unmodified-Since", "nonsense")]), Verdict::Proceed);
    }

    #[test]
    fn tags_count_before_dates() {
        assert_eq!(get(&[("If-None-Match", "\"b\""), ("If-Modified-Since", SAME)]), Verdict::Proceed);
        assert_eq!(put(&[("If-Match", "\"a\""), ("If-Unmodified-Since", EARLIER)]), Verdict::Proceed);
        let both = [("If-Match", "\"b\""), ("If-None-Match", "\"a\"")];
        assert_eq!(get(&both), Verdict::PreconditionFailed);
    }

    #[test]
    fn without_validators_only_a_star_matches() {
        let mut headers = Headers::new();
        headers.append("If-Modified-Since", SAME);
        let none = Validators::default();
        let verdict = |headers: &Headers| evaluate(&Method::Get, headers, &none, IfModifiedSince::Exact);
        assert_eq!(verdict(&headers), Verdict::Proceed);
        headers.set("If-None-Match", "*");
        assert_eq!(verdict(&headers), Verdict::NotModified);
    }

    #[test]
    fn what_does_not_exist_matches_nothing() {
        let mut headers = Headers::new();
        headers.append("If-None-Match", "*");
        assert_eq!(evaluate_missing(&headers), Verdict::Proceed);
        headers.append("If-Match", "*");
        assert_eq!(evaluate_missing(&headers), Verdict::PreconditionFailed);
    }

    #[test]
    fn a_file_has_the_tag_nginx_gives_it() {
        let tag = etag(UNIX_EPOCH + Duration::from_secs(0x5f0), 0x1a);
        assert_eq!(tag, "\"5f0-1a\"");
        assert_eq!(weaken(&tag), "W/\"5f0-1a\"");
        assert_eq!(weaken(&weaken(&tag)), "W/\"5f0-1a\"");
    }
}

//! Range requests (RFC 9110 section 14), with nginx's answers where the RFC leaves a choice.
//!
//! Owns the reading of `Range` and `If-Range` and the texts of partial answers. Called by whatever answers with a body
//! of known length. It moves no bytes of a body.

use std::ops::Range;

use bytes::Bytes;

use super::conditional::{Validators, strong_match};
use super::date;

/// What a `Range` field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeVerdict {
    /// The whole body with 200: there is no range to speak of, or asking for all is cheaper.
    Whole,
    /// One range with 206; never empty, within the length.
    Single(Range<u64>),
    /// Several ranges with 206 and `multipart/byteranges`, in the order asked for; together no longer than the body.
    Multiple(Vec<Range<u64>>),
    /// 416.
    Unsatisfiable,
}

/// Reads the value of `Range` for a body of `length` bytes, as nginx does: another unit, more ranges than
/// `max_ranges`, and ranges which together are longer than the body are answered whole; what is not well-formed, or
/// has no range within the body, is unsatisfiable. `max_ranges 0` turns ranges off.
pub fn evaluate(header: &[u8], length: u64, max_ranges: usize) -> RangeVerdict {
    let Some((unit, list)) = header.split_at_checked(b"bytes=".len()) else {
        return RangeVerdict::Whole;
    };
    if max_ranges == 0 || !unit.eq_ignore_ascii_case(b"bytes=") || list.is_empty() {
        return RangeVerdict::Whole;
    }
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut total = 0_u64;
    for member in list.split(|byte| *byte == b',') {
        let Some(range) = parse_member(member, length) else {
            return RangeVerdict::Unsatisfiable;
        };
        if !range.is_empty() {
            if ranges.len() == max_ranges {
                return RangeVerdict::Whole;
            }
            total = total.saturating_add(range.end - range.start);
            ranges.push(range);
        } else if range.start == 0 {
            // Only of a body without bytes.
            return RangeVerdict::Whole;
        }
    }
    if ranges.len() > 1 && total > length {
        return RangeVerdict::Whole;
    }
    if ranges.len() > 1 {
        return RangeVerdict::Multiple(ranges);
    }
    ranges.pop().map_or(RangeVerdict::Unsatisfiable, RangeVerdict::Single)
}

/// One `first-last`, `first-` or `-count`, cut to the length; empty when it lies behind the end. Nothing when it is
/// not well-formed, also when a number is larger than nginx's offsets.
fn parse_member(member: &[u8], length: u64) -> Option<Range<u64>> {
    let dash = member.iter().position(|byte| *byte == b'-')?;
    let (first, rest) = (&member[..dash], &member[dash + 1..]);
    let last = trim_spaces(rest);
    if first.iter().all(|byte| *byte == b' ') {
        if rest.starts_with(b" ") {
            return None;
        }
        let count = parse_number(last)?;
        return Some(length.saturating_sub(count)..length);
    }
    let first = parse_number(trim_spaces(first))?;
    if last.is_empty() {
        return Some(first..length);
    }
    let last = parse_number(last)?;
    Some(first..length.min(last.saturating_add(1)))
}

/// Digits alone, up to `i64::MAX`.
fn parse_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse::<i64>().ok()?;
    u64::try_from(number).ok()
}

/// `text` without the spaces around it; nginx allows no tabs here.
fn trim_spaces(text: &[u8]) -> &[u8] {
    let Some(first) = text.iter().position(|byte| *byte != b' ') else {
        return &[];
    };
    let last = text.iter().rposition(|byte| *byte != b' ').unwrap_or(first);
    &text[first..=last]
}

/// Whether `If-Range` lets the range be answered (RFC 9110 section 13.1.5): its tag matches strongly, or its date is
/// the resource's. Otherwise the whole body is.
pub fn if_range_holds(value: &[u8], validators: &Validators) -> bool {
    if value.len() >= 2 && value.ends_with(b"\"") {
        return validators.etag.as_ref().is_some_and(|etag| strong_match(value, etag));
    }
    match (date::parse(value), validators.last_modified) {
        (Some(date), Some(last_modified)) => date::second_of(date) == date::second_of(last_modified),
        _ => false,
    }
}

/// The value of `Content-Range` for a range: `bytes 0-9/100`.
pub fn content_range(range: &Range<u64>, length: u64) -> Bytes {
    Bytes::from(format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1)))
}

/// The value of `Content-Range` in a 416: `bytes */100`.
pub fn content_range_unsatisfied(length: u64) -> Bytes {
    Bytes::from(format!("bytes */{length}"))
}

/// The texts around the parts of a `multipart/byteranges` body (RFC 9110 section 14.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart {
    boundary: String,
    content_type: Option<Bytes>,
    length: u64,
}

impl Multipart {
    /// For a body of `length` bytes and this type. `number` makes the boundary: nginx counts, so that it differs
    /// from one answer to the next.
    pub fn new(number: u64, content_type: Option<Bytes>, length: u64) -> Multipart {
        Multipart { boundary: format!("{number:020}"), content_type, length }
    }

    /// The type of the whole answer.
    pub fn content_type(&self) -> Bytes {
        Bytes::from(format!("multipart/byteranges; boundary={}", self.boundary))
    }

    /// What stands before the bytes of one range.
    pub fn part_head(&self, range: &Range<u64>) -> Bytes {
        let mut head = format!("\r\n--{}\r\n", self.boundary).into_bytes();
        if let Some(content_type) = &self.content_type {
            head.extend_from_slice(b"Content-Type: ");
            head.extend_from_slice(content_type);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"Content-Range: ");
        head.extend_from_slice(&content_range(range, self.length));
        head.extend_from_slice(b"\r\n\r\n");
        Bytes::from(head)
    }

    /// What stands behind the last range.
    pub fn end(&self) -> Bytes {
        Bytes::from(format!("\r\n--{}--\r\n", self.boundary))
    }

    /// The length of the whole answer's body with these ranges.
    pub fn body_length(&self, ranges: &[Range<u64>]) -> u64 {
        let part = |range: &Range<u64>| self.part_head(range).len() as u64 + range.end.saturating_sub(range.start);
        ranges.iter().map(part).sum::<u64>() + self.end().len() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    const NO_LIMIT: usize = usize::MAX;

    fn of_100(header: &str) -> RangeVerdict {
        evaluate(header.as_bytes(), 100, NO_LIMIT)
    }

    #[test]
    fn one_range_is_cut_to_the_length() {
        assert_eq!(of_100("bytes=0-9"), RangeVerdict::Single(0..10));
        assert_eq!(of_100("Bytes=90-"), RangeVerdict::Single(90..100));
        assert_eq!(of_100("bytes=90-1000"), RangeVerdict::Single(90..100));
        assert_eq!(of_100("bytes=0-9223372036854775807"), RangeVerdict::Single(0..100));
        assert_eq!(of_100("bytes= 0 - 9 "), RangeVerdict::Single(0..10));
    }

    #[test]
    fn a_suffix_counts_from_the_end() {
        assert_eq!(of_100("bytes=-10"), RangeVerdict::Single(90..100));
        assert_eq!(of_100("bytes=-1000"), RangeVerdict::Single(0..100));
        assert_eq!(of_100("bytes=-0"), RangeVerdict::Unsatisfiable);
    }

    #[test]
    fn several_ranges_keep_their_order() {
        assert_eq!(of_100("bytes=50-59,0-9, -1"), RangeVerdict::Multiple(vec![50..60, 0..10, 99..100]));
    }

    #[test]
    fn ranges_behind_the_end_are_left_out() {
        assert_eq!(of_100("bytes=200-300,0-9"), RangeVerdict::Single(0..10));
        assert_eq!(of_100("bytes=100-"), RangeVerdict::Unsatisfiable);
        assert_eq!(of_100("bytes=9-5"), RangeVerdict::Unsatisfiable);
    }

    #[test]
    fn asking_for_more_than_there_is_gets_the_whole() {
        assert_eq!(of_100("bytes=0-,0-"), RangeVerdict::Whole);
        assert_eq!(of_100("bytes=0-49,50-99"), RangeVerdict::Multiple(vec![0..50, 50..100]));
        assert_eq!(of_100("bytes=0-50,50-99"), RangeVerdict::Whole);
    }

    #[test]
    fn the_number_of_ranges_has_a_limit() {
        assert_eq!(evaluate(b"bytes=0-0,1-1", 100, 2), RangeVerdict::Multiple(vec![0..1, 1..2]));
        assert_eq!(evaluate(b"bytes=0-0,1-1", 100, 1), RangeVerdict::Whole);
        assert_eq!(evaluate(b"bytes=0-0", 100, 0), RangeVerdict::Whole);
    }

    #[test]
    fn another_unit_is_ignored() {
        for header in ["", "bytes", "bytes=", "items=0-1", "bytes =0-1"] {
            assert_eq!(of_100(header), RangeVerdict::Whole, "{header}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_unsatisfiable() {
        let headers = [
            "bytes=x",
            "bytes=-",
            "bytes=1",
            "bytes=0-1,",
            "bytes=,0-1",
            "bytes=0-1x",
            "bytes=0--1",
            "bytes=- 1",
            "bytes=1 1-2",
            "bytes=+1-2",
            "bytes=0-9223372036854775808",
            "bytes=\t0-1",
        ];
        for header in headers {
            assert_eq!(of_100(header), RangeVerdict::Unsatisfiable, "{header}");
        }
    }

    #[test]
    fn an_empty_body_has_no_ranges() {
        assert_eq!(evaluate(b"bytes=0-", 0, NO_LIMIT), RangeVerdict::Whole);
        assert_eq!(evaluate(b"bytes=-5", 0, NO_LIMIT), RangeVerdict::Whole);
        assert_eq!(evaluate(b"bytes=1-", 0, NO_LIMIT), RangeVerdict::Unsatisfiable);
    }

    #[test]
    fn if_range_needs_the_very_same_representation() {
        let last_modified = Some(UNIX_EPOCH + Duration::from_millis(784_111_777_500));
        let validators = Validators { etag: Some("\"a\"".into()), last_modified };
        assert!(if_range_holds(b"\"a\"", &validators));
        assert!(if_range_holds(b"Sun, 06 Nov 1994 08:49:37 GMT", &validators));
        for value in ["\"b\"", "W/\"a\"", "Sun, 06 Nov 1994 08:49:38 GMT", "a", "\"", ""] {
            assert!(!if_range_holds(value.as_bytes(), &validators), "{value}");
        }
        let weak = Validators { etag: Some("W/\"a\"".into()), last_modified: None };
        assert!(!if_range_holds(b"W/\"a\"", &weak));
    }

    #[test]
    fn the_parts_of_an_answer_look_like_nginx_parts() {
        let multipart = Multipart::new(7, Some("text/html".into()), 100);
        assert_eq!(multipart.content_type(), "multipart/byteranges; boundary=00000000000000000007");
        let head = "\r\n--00000000000000000007\r\nContent-Type: text/html\r\nContent-Range: bytes 0-9/100\r\n\r\n";
        assert_eq!(multipart.part_head(&(0..10)), head);
        assert_eq!(multipart.end(), "\r\n--00000000000000000007--\r\n");
        let whole = multipart.part_head(&(0..10)).len() + 10 + multipart.part_head(&(20..21)).len() + 1 + 28;
        assert_eq!(multipart.body_length(&[0..10, 20..21]), whole as u64);
        assert_eq!(content_range_unsatisfied(100), "bytes */100");
    }

    proptest! {
        #[test]
        fn every_range_lies_within_the_body(
            header in "bytes=[0-9 ,x-]{0,40}",
            length in prop_oneof![0_u64..200, Just(i64::MAX as u64)],
            max_ranges in 0_usize..5,
        ) {
            let ranges = match evaluate(header.as_bytes(), length, max_ranges) {
                RangeVerdict::Whole | RangeVerdict::Unsatisfiable => Vec::new(),
                RangeVerdict::Single(range) => vec![range],
                RangeVerdict::Multiple(ranges) => ranges,
            };
            prop_assert!(ranges.len() <= max_ranges);
            prop_assert!(ranges.iter().all(|range| range.start < range.end && range.end <= length));
            prop_assert!(ranges.iter().map(|range| range.end - range.start).sum::<u64>() <= length);
        }

        #[test]
        fn any_bytes_are_a_range_or_refused(header: Vec<u8>, length: u64) {
            let _ = evaluate(&header, length, NO_LIMIT);
            let _ = evaluate(&[b"bytes=".as_slice(), &header].concat(), length, NO_LIMIT);
        }
    }
}

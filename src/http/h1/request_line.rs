//! Request lines (RFC 9112 section 3).
//!
//! Owns where method, target and version stand. Called by the decoder. It does not read what the target means.

use std::ops::Range;

use super::error::{BadRequest, Excerpt};
use crate::http::Version;
use crate::http::version::BadVersion;

/// The parts of a request line, as places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestLine {
    /// Where the line ends, without its line end.
    pub(super) length: u32,
    /// Where the method ends.
    method_end: u32,
    target_start: u32,
    target_end: u32,
    /// Where the next line begins.
    next_line: u32,
    /// The version.
    pub(super) version: Version,
}

impl RequestLine {
    /// Reads a line without its line end; the fields begin at `next_line`. As in nginx, several spaces may stand where
    /// one should, and at the end.
    pub(super) fn parse(line: &[u8], next_line: usize) -> Result<RequestLine, BadRequest> {
        let Some(method_end) = memchr::memchr(b' ', line) else {
            return Err(BadRequest::Method { found: Excerpt::of(line) });
        };
        let target_start = skip_spaces(line, method_end);
        let Some(target_length) = memchr::memchr(b' ', &line[target_start..]) else {
            return Err(BadRequest::MissingVersion { found: Excerpt::of(line) });
        };
        let target_end = target_start + target_length;
        let version_start = skip_spaces(line, target_end);
        let version_end = line.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        if version_end <= version_start {
            return Err(BadRequest::MissingVersion { found: Excerpt::of(line) });
        }
        let version = Version::parse(&line[version_start..version_end]).map_err(|error| match error {
            BadVersion::Malformed => BadRequest::RequestLine { found: Excerpt::of(line) },
            BadVersion::Unsupported => BadRequest::Version { found: Excerpt::of(line) },
        })?;
        Ok(RequestLine::at(method_end, target_start..target_end, line.len(), next_line, version))
    }

    /// A line whose parts stand at these places.
    pub(super) fn at(
        method_end: usize,
        target: Range<usize>,
        length: usize,
        next_line: usize,
        version: Version,
    ) -> RequestLine {
        // Lines are shorter than 4 GiB: a longer one could not have been buffered.
        let narrow = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        RequestLine {
            length: narrow(length),
            method_end: narrow(method_end),
            target_start: narrow(target.start),
            target_end: narrow(target.end),
            next_line: narrow(next_line),
            version,
        }
    }

    /// Where the line itself stands.
    pub(super) fn line(&self) -> Range<usize> {
        0..self.length as usize
    }

    /// Where the fields begin in a head that begins with this line.
    pub(super) fn fields_start(&self) -> usize {
        self.next_line as usize
    }

    /// Where the method stands.
    pub(super) fn method(&self) -> Range<usize> {
        0..self.method_end as usize
    }

    /// Where the target stands.
    pub(super) fn target(&self) -> Range<usize> {
        self.target_start as usize..self.target_end as usize
    }
}

/// The first place from `start` on that is no space.
fn skip_spaces(line: &[u8], start: usize) -> usize {
    line[start..].iter().position(|byte| *byte != b' ').map_or(line.len(), |offset| start + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Result<(&str, &str, Version), BadRequest> {
        let parsed = RequestLine::parse(line.as_bytes(), line.len())?;
        Ok((&line[parsed.method()], &line[parsed.target()], parsed.version))
    }

    #[test]
    fn a_request_line_has_three_words() {
        assert_eq!(parts("GET /a?b HTTP/1.1"), Ok(("GET", "/a?b", Version::Http11)));
        assert_eq!(parts("GET   /   HTTP/1.0  "), Ok(("GET", "/", Version::Http10)));
    }

    #[test]
    fn a_line_without_a_version_is_refused() {
        for line in ["GET /", "GET / ", "GET  "] {
            assert!(matches!(parts(line), Err(BadRequest::MissingVersion { .. })), "{line:?}");
        }
    }

    #[test]
    fn a_space_in_the_target_is_refused() {
        assert!(matches!(parts("GET /a b HTTP/1.1"), Err(BadRequest::RequestLine { .. })));
    }

    #[test]
    fn a_version_above_1_is_answered_by_505() {
        let error = parts("PRI * HTTP/2.0").unwrap_err();
        assert_eq!(error.status().code(), 505);
        assert_eq!(parts("GET / HTTP/0.9").unwrap_err().status().code(), 400);
    }
}

//! Finding the lines of a head or trailer section while it arrives (RFC 9112 section 2.2).
//!
//! Owns the size limits and the refusal of bytes that no line may contain, each as soon as it can be known, so that an
//! overlong line or a TLS handshake is not waited for. No byte is looked at twice while the end of the section is
//! awaited, and the outcome does not depend on how the bytes were cut. It does not read what a line says.

use std::ops::Range;

use super::error::{BadRequest, Excerpt};
use super::head::Limits;
use crate::http::method::is_method_byte;

/// How far a section has been scanned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// Where the current line begins.
    line_start: usize,
    /// Up to where the bytes are known to be good and to hold no line end.
    scanned: usize,
    /// How many lines came before the current one.
    pub(super) count: usize,
    /// What the current line is, as far as it was scanned.
    part: Part,
}

/// What a line is read as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// In the method of a request line.
    Method,
    /// Behind the method of a request line, in the target and version.
    Target,
    /// A field line.
    #[default]
    Field,
}

/// What stands next in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The current line is not complete.
    NeedMore,
    /// A line, without its line end.
    Line(Range<usize>),
    /// The empty line that ends the section; the section has this many bytes with it.
    End(usize),
}

impl Lines {
    /// A request head: a request line, then fields.
    pub(super) fn head() -> Lines {
        Lines { part: Part::Method, ..Lines::default() }
    }

    /// A trailer section: fields.
    pub(super) fn trailers() -> Lines {
        Lines::default()
    }

    /// Whether nothing was scanned yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.scanned == 0
    }

    /// Goes on in `bytes`, which begin where the section begins and hold at least what they held before.
    pub(super) fn next(&mut self, bytes: &[u8], limits: &Limits) -> Result<Next, BadRequest> {
        let line_end_max = self.line_start.saturating_add(limits.line_bytes_max);
        let end_max = line_end_max.min(limits.head_bytes_max);
        let window_end = bytes.len().min(end_max).max(self.scanned);
        let Some(offset) = memchr::memchr(b'\n', &bytes[self.scanned..window_end]) else {
            // A carriage return at the end may belong to a line feed still to come.
            let open = if bytes[..window_end].ends_with(b"\r") { window_end - 1 } else { window_end };
            self.check(bytes, open.max(self.scanned))?;
            if window_end < end_max {
                return Ok(Next::NeedMore);
            }
            return Err(self.too_long(&bytes[..end_max], limits, line_end_max));
        };
        let line_feed = self.scanned + offset;
        let line = &bytes[self.line_start..line_feed];
        let line_end = line_feed - usize::from(line.ends_with(b"\r"));
        self.check(bytes, line_end.max(self.scanned))?;
        let line = self.line_start..line_end;
        self.line_start = line_feed + 1;
        self.scanned = self.line_start;
        if line.is_empty() {
            return Ok(Next::End(self.line_start));
        }
        self.part = Part::Field;
        self.count += 1;
        Ok(Next::Line(line))
    }

    /// Refuses what may not stand in the current line, up to `end`, and notes how far that was looked at.
    fn check(&mut self, bytes: &[u8], end: usize) -> Result<(), BadRequest> {
        let mut start = self.scanned;
        if self.part == Part::Method {
            let method_end = bytes[start..end].iter().position(|byte| !is_method_byte(*byte));
            if let Some(place) = method_end.map(|offset| start + offset) {
                if bytes[place] != b' ' || place == self.line_start {
                    let found = Excerpt::of(&bytes[self.line_start..=place]);
                    return Err(BadRequest::Method { found });
                }
                self.part = Part::Target;
                start = place;
            }
        }
        self.scanned = end;
        let rest = &bytes[start..end];
        // Without a branch in the loop the compiler compares many bytes at once.
        if !rest.iter().fold(false, |bad, byte| bad | is_control(*byte)) {
            return Ok(());
        }
        let place = start + rest.iter().position(|byte| is_control(*byte)).unwrap_or_default();
        let found = Excerpt::of(&bytes[self.line_start..place]);
        match bytes[place] {
            b'\r' => Err(BadRequest::BareCarriageReturn { found }),
            byte => Err(BadRequest::ControlByte { byte, found }),
        }
    }

    fn too_long(&self, bytes: &[u8], limits: &Limits, line_end_max: usize) -> BadRequest {
        if line_end_max > limits.head_bytes_max {
            return BadRequest::HeadTooLarge { limit: limits.head_bytes_max };
        }
        let limit = limits.line_bytes_max;
        match self.part {
            Part::Method | Part::Target => BadRequest::RequestLineTooLong { limit },
            Part::Field => BadRequest::FieldTooLong { limit, found: Excerpt::of(&bytes[self.line_start..]) },
        }
    }
}

/// `bytes` up to the first carriage return or line feed.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len())]
}

/// A byte that no line may contain (RFC 9110 section 5.5); a tab may stand in a value.
fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

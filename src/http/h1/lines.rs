//! Finding the lines of a head or trailer section while it arrives (RFC 9112 section 2.2).
//!
//! Owns the size limits and the refusal of bytes that no line may contain, each as soon as it can be known, so that an
//! overlong line or a TLS handshake is not waited for. No byte is looked at twice while the end of the section is
//! awaited, and the outcome does not depend on how the bytes were cut. It does not read what a line says.

use std::ops::Range;

use super::error::{BadRequest, Excerpt};
use super::head::Limits;
use crate::http::method::is_method_byte;
use crate::http::scan::find_control;

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

    /// Where the line behind the last complete one begins.
    pub(super) fn next_line(&self) -> usize {
        self.line_start
    }

    /// Goes on in `bytes`, which begin where the section begins and hold at least what they held before.
    pub(super) fn next(&mut self, bytes: &[u8], limits: &Limits) -> Result<Next, BadRequest> {
        let line_end_max = self.line_start.saturating_add(limits.line_bytes_max);
        let end_max = line_end_max.min(limits.head_bytes_max);
        let window_end = bytes.len().min(end_max).max(self.scanned);
        if self.part == Part::Method {
            self.scan_method(&bytes[..window_end])?;
        }
        let Some(line_feed) = self.scan_line(&bytes[..window_end])? else {
            if window_end < end_max {
                return Ok(Next::NeedMore);
            }
            return Err(self.too_long(&bytes[..end_max], limits, line_end_max));
        };
        let line = self.line_start..self.scanned;
        self.line_start = line_feed + 1;
        self.scanned = self.line_start;
        if line.is_empty() {
            return Ok(Next::End(self.line_start));
        }
        self.part = Part::Field;
        self.count += 1;
        Ok(Next::Line(line))
    }

    /// Looks for the end of the method: what begins otherwise is no request, and is not waited for.
    fn scan_method(&mut self, bytes: &[u8]) -> Result<(), BadRequest> {
        let end = bytes[self.scanned..].iter().position(|byte| !is_method_byte(*byte));
        let Some(place) = end.map(|offset| self.scanned + offset) else {
            self.scanned = bytes.len();
            return Ok(());
        };
        self.scanned = place;
        match bytes[place] {
            b' ' if place > self.line_start => self.part = Part::Target,
            // A line of a method alone is judged as a line.
            b'\r' | b'\n' if place > self.line_start => {}
            _ => return Err(BadRequest::Method { found: Excerpt::of(&bytes[self.line_start..=place]) }),
        }
        Ok(())
    }

    /// Looks for the line feed that ends the current line, and leaves `scanned` at the end of what the line says: before
    /// its line end, or at the end of `bytes`. Refuses bytes that no line may contain.
    fn scan_line(&mut self, bytes: &[u8]) -> Result<Option<usize>, BadRequest> {
        loop {
            let Some(offset) = find_control(&bytes[self.scanned..]) else {
                self.scanned = bytes.len();
                return Ok(None);
            };
            self.scanned += offset;
            match (bytes[self.scanned], bytes.get(self.scanned + 1)) {
                (b'\n', _) => return Ok(Some(self.scanned)),
                (b'\r', Some(b'\n')) => return Ok(Some(self.scanned + 1)),
                // The line feed may be still to come.
                (b'\r', None) => return Ok(None),
                (b'\t', _) => self.scanned += 1,
                (byte, _) => {
                    let found = Excerpt::of(&bytes[self.line_start..self.scanned]);
                    return Err(match byte {
                        b'\r' => BadRequest::BareCarriageReturn { found },
                        byte => BadRequest::ControlByte { byte, found },
                    });
                }
            }
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

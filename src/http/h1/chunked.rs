//! Chunked bodies (RFC 9112 section 7.1), up to the last chunk; the trailer section behind it is read like a head.
//!
//! Owns the limits of what a chunk may cost beside its data. Each byte is consumed as it comes, so nothing is kept but
//! the state. Line ends are CRLF and nothing else: a bare line feed, which a head may have, is read differently by
//! different servers here and has served to smuggle requests.

use super::error::BadRequest;

/// The most bytes of chunk extensions skipped in one body; no client known sends any.
pub(super) const EXTENSION_BYTES_MAX: usize = 4 * 1024;

/// The most digits in a chunk size. Sizes below 2^63 have no more.
const SIZE_DIGITS_MAX: u8 = 16;

/// Where the reading of a chunked body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunked {
    stage: Stage,
    /// Bytes of extensions skipped in this body so far.
    extension_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In the digits of a size.
    Size { size: u64, digits: u8 },
    /// Behind the digits, in white space.
    AfterSize { size: u64 },
    /// In an extension.
    Extension { size: u64 },
    /// A carriage return ended the size or extension.
    SizeLineFeed { size: u64 },
    /// In the data.
    Data { remaining: u64 },
    /// The data is complete.
    DataCarriageReturn,
    /// The data and a carriage return are complete.
    DataLineFeed,
    /// The last chunk was read.
    End,
}

/// What stands next in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Everything given was consumed.
    NeedMore,
    /// At most this many bytes of data, and at least one, stand at the place reached.
    Data(u64),
    /// The last chunk was read; the trailer section follows.
    End,
}

impl Chunked {
    pub(super) fn new() -> Chunked {
        Chunked { stage: Stage::Size { size: 0, digits: 0 }, extension_bytes: 0 }
    }

    /// Reads framing from the beginning of `bytes`, and says how many bytes that took and what stands behind them.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(usize, Piece), BadRequest> {
        for (place, byte) in bytes.iter().enumerate() {
            match self.stage {
                Stage::Data { remaining } => return Ok((place, Piece::Data(remaining))),
                Stage::End => return Ok((place, Piece::End)),
                _ => self.stage = self.step(*byte)?,
            }
        }
        let piece = if self.stage == Stage::End { Piece::End } else { Piece::NeedMore };
        Ok((bytes.len(), piece))
    }

    /// How many bytes of the current chunk's data are still to come.
    pub(super) fn data_rest(&self) -> u64 {
        match self.stage {
            Stage::Data { remaining } => remaining,
            _ => 0,
        }
    }

    /// Notes that `count` bytes of data were taken.
    pub(super) fn take_data(&mut self, count: u64) {
        if let Stage::Data { remaining } = self.stage {
            self.stage = match remaining.saturating_sub(count) {
                0 => Stage::DataCarriageReturn,
                remaining => Stage::Data { remaining },
            };
        }
    }

    /// The stage behind one byte of framing.
    fn step(&mut self, byte: u8) -> Result<Stage, BadRequest> {
        let wrong = |expected| Err(BadRequest::Chunk { expected, found: byte });
        match self.stage {
            Stage::Size { size, digits } => match (byte, digit(byte)) {
                (_, Some(_)) if digits == SIZE_DIGITS_MAX => Err(BadRequest::ChunkTooLarge),
                (_, Some(digit)) => Stage::size(size, digits, digit),
                _ if digits == 0 => wrong("a chunk size"),
                (b'\r', _) => Ok(Stage::SizeLineFeed { size }),
                (b' ' | b'\t' | b';', _) => self.skip(byte, size),
                _ => wrong("a hexadecimal digit, \";\" or the line end"),
            },
            Stage::AfterSize { size } => match byte {
                b'\r' => Ok(Stage::SizeLineFeed { size }),
                b' ' | b'\t' | b';' => self.skip(byte, size),
                _ => wrong("\";\" or the line end"),
            },
            Stage::Extension { size } => match byte {
                b'\r' => Ok(Stage::SizeLineFeed { size }),
                0..b' ' | 0x7f if byte != b'\t' => wrong("the line end"),
                _ => self.skip(b';', size),
            },
            Stage::SizeLineFeed { size } => match (byte, size) {
                (b'\n', 0) => Ok(Stage::End),
                (b'\n', remaining) => Ok(Stage::Data { remaining }),
                _ => wrong("a line feed"),
            },
            Stage::DataCarriageReturn if byte == b'\r' => Ok(Stage::DataLineFeed),
            Stage::DataCarriageReturn => wrong("the line end behind a chunk"),
            Stage::DataLineFeed if byte == b'\n' => Ok(Stage::Size { size: 0, digits: 0 }),
            Stage::DataLineFeed => wrong("a line feed"),
            Stage::Data { .. } | Stage::End => Ok(self.stage),
        }
    }

    /// Counts a skipped byte; one of white space or `;` behind the size, or one within an extension.
    fn skip(&mut self, byte: u8, size: u64) -> Result<Stage, BadRequest> {
        self.extension_bytes += 1;
        if self.extension_bytes > EXTENSION_BYTES_MAX {
            return Err(BadRequest::ChunkExtensions { limit: EXTENSION_BYTES_MAX });
        }
        Ok(if byte == b';' { Stage::Extension { size } } else { Stage::AfterSize { size } })
    }
}

impl Stage {
    /// The size with one more digit.
    fn size(size: u64, digits: u8, digit: u8) -> Result<Stage, BadRequest> {
        let size = size << 4 | u64::from(digit);
        if i64::try_from(size).is_err() {
            return Err(BadRequest::ChunkTooLarge);
        }
        Ok(Stage::Size { size, digits: digits + 1 })
    }
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

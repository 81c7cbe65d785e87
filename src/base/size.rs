//! Sizes in nginx's units: `512`, `8k`, `10m`, and where a file offset is meant `1g`.
//!
//! Called by `config` for every argument that is a size. Both cases of a unit mean the same; there is no fraction,
//! no sign and no space, as in nginx.

use std::fmt;

use thiserror::Error;

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SizeError {
    /// There is no digit at all.
    #[error("a size is a number with an optional unit, such as 512, 8k or 10m")]
    NoNumber,
    /// Something other than a known unit follows the digits.
    #[error("unknown unit \"{unit}\" in the size \"{text}\", use {units}")]
    UnknownUnit {
        /// The size as written.
        text: String,
        /// What follows the digits.
        unit: String,
        /// The units which are known here.
        units: &'static str,
    },
    /// The size does not fit nginx's signed 64 bits.
    #[error("the size \"{text}\" is too large")]
    TooLarge {
        /// The size as written.
        text: String,
    },
}

/// Reads a size with nginx's units `k` and `m` (1024 and 1024² bytes), such as a buffer's; bytes.
///
/// # Errors
/// See [`SizeError`]; `g` is refused, as nginx does for sizes that are not offsets.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    parse(text, false)
}

/// Reads an offset or a length of a body: [`parse_size`] with the unit `g` (1024³ bytes) as well.
///
/// nginx allows `g` in `client_max_body_size`, `directio`, `sendfile_max_chunk` and the like.
///
/// # Errors
/// See [`SizeError`].
pub fn parse_offset(text: &str) -> Result<u64, SizeError> {
    parse(text, true)
}

/// Writes bytes in the largest unit which loses nothing: 10485760 is `10m`; read back by [`parse_offset`].
pub fn format_size(bytes: u64) -> impl fmt::Display {
    Formatted(bytes)
}

struct Formatted(u64);

impl fmt::Display for Formatted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(30, 'g'), (20, 'm'), (10, 'k')] {
            if self.0 != 0 && self.0.trailing_zeros() >= shift {
                return write!(formatter, "{}{unit}", self.0 >> shift);
            }
        }
        write!(formatter, "{}", self.0)
    }
}

fn parse(text: &str, with_giga: bool) -> Result<u64, SizeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(SizeError::NoNumber);
    }
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" if with_giga => 1 << 30,
        _ => {
            return Err(SizeError::UnknownUnit {
                text: text.to_owned(),
                unit: unit.to_owned(),
                units: if with_giga { "k, m or g" } else { "k or m" },
            });
        }
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(scale))
        .filter(|&bytes| bytes <= SIZE_MAX)
        .ok_or_else(|| SizeError::TooLarge { text: text.to_owned() })
}

/// nginx keeps sizes in a signed 64-bit number.
const SIZE_MAX: u64 = i64::MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024_in_either_case() {
        assert_eq!(parse_size("0"), Ok(0));
        assert_eq!(parse_size("512"), Ok(512));
        assert_eq!(parse_size("8k"), Ok(8192));
        assert_eq!(parse_size("8K"), Ok(8192));
        assert_eq!(parse_size("10m"), Ok(10 * 1024 * 1024));
        assert_eq!(parse_offset("2G"), Ok(2 << 30));
    }

    #[test]
    fn gigabytes_are_for_offsets_only() {
        let error = parse_size("1g").unwrap_err().to_string();
        assert_eq!(error, "unknown unit \"g\" in the size \"1g\", use k or m");
        assert_eq!(parse_offset("1g"), Ok(1 << 30));
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in ["", "k", "-1", "m10"] {
            assert_eq!(parse_size(text), Err(SizeError::NoNumber), "{text}");
        }
        for text in ["1.5m", "10 m", "10mb", "1kk", "10é"] {
            assert!(matches!(parse_size(text), Err(SizeError::UnknownUnit { .. })), "{text}");
        }
    }

    #[test]
    fn the_largest_size_is_that_of_a_signed_number() {
        assert_eq!(parse_size("9223372036854775807"), Ok(i64::MAX as u64));
        for text in ["9223372036854775808", "8589934592g", "99999999999999999999"] {
            assert!(matches!(parse_offset(text), Err(SizeError::TooLarge { .. })), "{text}");
        }
    }

    #[test]
    fn a_size_is_written_in_the_largest_exact_unit() {
        for (bytes, text) in
            [(0, "0"), (1000, "1000"), (1024, "1k"), (1536 << 10, "1536k"), (10 << 20, "10m"), (3 << 30, "3g")]
        {
            assert_eq!(format_size(bytes).to_string(), text);
            assert_eq!(parse_offset(text), Ok(bytes));
        }
    }
}

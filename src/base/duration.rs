//! Times in nginx's units: `30` (seconds), `500ms`, `1h30m`, `1d 12h`, and back.
//!
//! Called by `config` for every argument that is a time. A month has 30 days and a year 365, as in nginx. Where
//! nginx knows no such unit, the words `sec`, `min`, `hour`, `day` and `week` (and their plurals) are understood too;
//! words for months and years are not, because elsewhere they mean other lengths.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// There is no digit at all.
    #[error("a time is a number with an optional unit, such as 30, 500ms or 1h30m")]
    NoNumber,
    /// A unit stands without a number before it.
    #[error("the unit \"{unit}\" in the time \"{text}\" has no number before it")]
    NoNumberBefore {
        /// The time as written.
        text: String,
        /// The unit.
        unit: String,
    },
    /// Letters that are no unit.
    #[error("unknown unit \"{unit}\" in the time \"{text}\", use ms, s, m, h, d, w, M (months) or y")]
    UnknownUnit {
        /// The time as written.
        text: String,
        /// The letters.
        unit: String,
    },
    /// A unit stands twice, or after a smaller one.
    #[error("the unit \"{unit}\" in the time \"{text}\" must stand before smaller units, and once")]
    Order {
        /// The time as written.
        text: String,
        /// The unit.
        unit: String,
    },
    /// Milliseconds where nginx counts whole seconds.
    #[error("the time \"{text}\" must be whole seconds: \"ms\" is not possible here")]
    Milliseconds {
        /// The time as written.
        text: String,
    },
    /// The time does not fit nginx's signed 64 bits of milliseconds.
    #[error("the time \"{text}\" is too long")]
    TooLong {
        /// The time as written.
        text: String,
    },
}

/// Reads a time in nginx's units, to the millisecond. A number without a unit is seconds.
///
/// # Errors
/// See [`DurationError`].
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    parse(text)
}

/// Reads a time where nginx counts whole seconds (`expires`, `valid=`, `max_age`): [`parse_duration`] without `ms`.
///
/// # Errors
/// See [`DurationError`].
pub fn parse_seconds(text: &str) -> Result<Duration, DurationError> {
    let duration = parse(text)?;
    if text.contains("ms") {
        return Err(DurationError::Milliseconds { text: text.to_owned() });
    }
    Ok(duration)
}

/// Writes a duration in nginx's units, largest first (`1h30m`, `500ms`, `0s`); less than a millisecond is left out.
///
/// Uses `w` as the largest unit, which every directive takes and whose length is not in doubt.
pub fn format_duration(duration: Duration) -> impl fmt::Display {
    Formatted(duration)
}

/// Writes how long something has lasted, or will, to no more than its two largest units: `3d4h`, `2h5m`, `42s`.
pub fn format_roughly(duration: Duration) -> impl fmt::Display {
    let millis = duration.as_millis();
    let unit = match u64::try_from(millis).unwrap_or(u64::MAX) {
        DAY.. => HOUR,
        HOUR..DAY => MINUTE,
        1_000..HOUR => 1_000,
        ..1_000 => 1,
    };
    let whole = u64::try_from(millis - millis % u128::from(unit)).unwrap_or(u64::MAX);
    format_duration(Duration::from_millis(whole))
}

struct Formatted(Duration);

impl fmt::Display for Formatted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return formatter.write_str("0s");
        }
        for unit in &UNITS[2..] {
            let millis = u128::from(unit.millis);
            if rest >= millis {
                write!(formatter, "{}{}", rest / millis, unit.name)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// A unit, and the other words for it.
struct Unit {
    name: &'static str,
    words: &'static [&'static str],
    millis: u64,
}

fn parse(text: &str) -> Result<Duration, DurationError> {
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(DurationError::NoNumber);
    }
    let too_long = || DurationError::TooLong { text: text.to_owned() };
    let mut total: u64 = 0;
    let mut largest_allowed = 0; // an index into UNITS
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |byte| byte.is_ascii_digit());
        let (unit_name, after) = split_unit(after);
        if number.is_empty() {
            return Err(no_number_before(text, unit_name));
        }
        let (index, unit) = find_unit(text, unit_name)?;
        // nginx adds a last number without a unit as seconds, whatever stands before it.
        let is_bare_end = unit_name.is_empty() && after.is_empty();
        if index < largest_allowed && !is_bare_end {
            return Err(DurationError::Order { text: text.to_owned(), unit: unit_name.to_owned() });
        }
        largest_allowed = index + 1;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit.millis))
            .and_then(|millis| total.checked_add(millis))
            .filter(|&total| total <= MILLIS_MAX)
            .ok_or_else(too_long)?;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

/// The letters after a number, and what follows them and the spaces around them.
fn split_unit(text: &str) -> (&str, &str) {
    let (unit, after) = split_while(text, |byte| byte != b' ' && !byte.is_ascii_digit());
    if !unit.is_empty() {
        return (unit, after.trim_start_matches(' '));
    }
    // A space, then a word which is a unit only here (`10 sec`); a number after the space belongs to the next unit.
    let (unit, after) = split_while(text.trim_start_matches(' '), |byte| byte != b' ' && !byte.is_ascii_digit());
    (unit, after.trim_start_matches(' '))
}

fn split_while(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().take_while(|&byte| belongs(byte)).count())
}

fn find_unit(text: &str, name: &str) -> Result<(usize, &'static Unit), DurationError> {
    let name_or_seconds = if name.is_empty() { "s" } else { name };
    UNITS
        .iter()
        .enumerate()
        .find(|(_, unit)| unit.name == name_or_seconds || unit.words.contains(&name_or_seconds))
        .ok_or_else(|| DurationError::UnknownUnit { text: text.to_owned(), unit: name.to_owned() })
}

fn no_number_before(text: &str, unit: &str) -> DurationError {
    DurationError::NoNumberBefore { text: text.to_owned(), unit: unit.to_owned() }
}

/// From the largest to the smallest, the order in which they may stand.
const UNITS: [Unit; 8] = [
    unit("y", &[], 365 * DAY),
    unit("M", &[], 30 * DAY),
    unit("w", &["week", "weeks"], 7 * DAY),
    unit("d", &["day", "days"], DAY),
    unit("h", &["hr", "hour", "hours"], 60 * MINUTE),
    unit("m", &["min", "mins", "minute", "minutes"], MINUTE),
    unit("s", &["sec", "secs", "second", "seconds"], 1_000),
    unit("ms", &["msec"], 1),
];

const fn unit(name: &'static str, words: &'static [&'static str], millis: u64) -> Unit {
    Unit { name, words, millis }
}

const MINUTE: u64 = 60 * 1_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// nginx keeps times in signed 64-bit milliseconds.
const MILLIS_MAX: u64 = i64::MAX as u64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> u128 {
        parse_duration(text).unwrap().as_millis()
    }

    #[test]
    fn a_number_alone_is_seconds() {
        assert_eq!(millis("0"), 0);
        assert_eq!(millis("30"), 30_000);
        assert_eq!(millis("30 "), 30_000);
    }

    #[test]
    fn each_unit_of_nginx_is_known() {
        for (text, seconds) in [
            ("30s", 30),
            ("2m", 120),
            ("1h", 3_600),
            ("1d", 86_400),
            ("1w", 604_800),
            ("1M", 2_592_000),
            ("1y", 31_536_000),
        ] {
            assert_eq!(millis(text), seconds * 1_000, "{text}");
        }
        assert_eq!(millis("500ms"), 500);
    }

    #[test]
    fn units_combine_from_the_largest_to_the_smallest() {
        assert_eq!(millis("1h30m"), 5_400_000);
        assert_eq!(millis("1h 30m"), 5_400_000);
        assert_eq!(millis("1d  1h 1m 1s 1ms"), 90_061_001);
        assert_eq!(millis("1y1M1w"), (365 + 30 + 7) * 86_400_000);
        assert_eq!(millis("1m 30"), 90_000);
        assert_eq!(millis("1m30"), 90_000);
        assert_eq!(millis("1s500ms"), 1_500);
        assert_eq!(millis("1s30"), 31_000, "as nginx counts it");
    }

    #[test]
    fn words_are_understood_where_they_are_not_ambiguous() {
        assert_eq!(millis("10 sec"), 10_000);
        assert_eq!(millis("2min"), 120_000);
        assert_eq!(millis("1 hour 30 minutes"), 5_400_000);
        assert_eq!(millis("2 days"), 172_800_000);
        assert!(parse_duration("1 month").is_err());
        assert!(parse_duration("1 year").is_err());
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (text, message) in [
            ("", "a time is a number with an optional unit, such as 30, 500ms or 1h30m"),
            ("fast", "a time is a number with an optional unit, such as 30, 500ms or 1h30m"),
            ("10x", "unknown unit \"x\" in the time \"10x\", use ms, s, m, h, d, w, M (months) or y"),
            ("1.5h", "unknown unit \".\" in the time \"1.5h\", use ms, s, m, h, d, w, M (months) or y"),
            ("30m1h", "the unit \"h\" in the time \"30m1h\" must stand before smaller units, and once"),
            ("1h1h", "the unit \"h\" in the time \"1h1h\" must stand before smaller units, and once"),
            ("h1", "the unit \"h\" in the time \"h1\" has no number before it"),
            ("-1", "the unit \"-\" in the time \"-1\" has no number before it"),
            ("9223372036854775807", "the time \"9223372036854775807\" is too long"),
        ] {
            assert_eq!(parse_duration(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn whole_seconds_know_no_milliseconds() {
        assert_eq!(parse_seconds("1h"), Ok(Duration::from_secs(3_600)));
        assert_eq!(
            parse_seconds("500ms").unwrap_err().to_string(),
            "the time \"500ms\" must be whole seconds: \"ms\" is not possible here"
        );
    }

    #[test]
    fn a_duration_is_written_in_units_of_nginx() {
        for (millis, text) in
            [(0, "0s"), (500, "500ms"), (75_000, "1m15s"), (5_400_000, "1h30m"), (365 * 86_400_000, "52w1d")]
        {
            assert_eq!(format_duration(Duration::from_millis(millis)).to_string(), text);
        }
    }

    #[test]
    fn what_lasts_is_told_roughly() {
        let day = 86_400_000;
        for (millis, text) in [
            (0, "0s"),
            (999, "999ms"),
            (42_900, "42s"),
            (3_599_999, "59m59s"),
            (7_500_000, "2h5m"),
            (3 * day + 4 * 3_600_000 + 59_000, "3d4h"),
            (8 * day, "1w1d"),
        ] {
            assert_eq!(format_roughly(Duration::from_millis(millis)).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 0..MILLIS_MAX) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration).to_string()), Ok(duration));
        }

        #[test]
        fn any_text_is_a_time_or_an_error(text in "\\PC{0,20}|[0-9smhdwMy ]{0,12}") {
            let _ = parse_duration(&text); // must not panic
        }
    }
}

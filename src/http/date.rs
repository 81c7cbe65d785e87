//! HTTP dates (RFC 9110 section 5.6.7).
//!
//! Owns their text. Called with the worker's clock by whoever writes `Date`, `Last-Modified` or `Expires`, and by
//! `conditional`. It reads no clock.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// The length of a date as it is sent: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub const LENGTH: usize = 29;

/// The last second a date can tell, the end of the year 9999.
const SECOND_MAX: u64 = 253_402_300_799;

/// The date in the form that is sent. A time outside the years 1970 to 9999 becomes the nearest within.
pub fn format(time: SystemTime) -> [u8; LENGTH] {
    let time = UNIX_EPOCH + Duration::from_secs(second_of(time).min(SECOND_MAX));
    let mut text = [b' '; LENGTH];
    // Every date from 1970 to 9999 has this length, so it fits and the result tells nothing.
    let _ = write!(&mut text[..], "{}", HttpDate::from(time));
    text
}

/// Reads a date in any of the three forms: IMF-fixdate, RFC 850's, asctime's.
pub fn parse(text: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(text).ok()?;
    httpdate::parse_http_date(text).ok()
}

/// Whole seconds since 1970; a time before is 0.
pub fn second_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The text of the current second, for `Date` in each response: formatted when the second changes.
#[derive(Debug, Clone, Default)]
pub struct CachedDate {
    current: Option<(u64, [u8; LENGTH])>,
}

impl CachedDate {
    /// Nothing formatted yet.
    pub fn new() -> CachedDate {
        CachedDate::default()
    }

    /// The text for `now`.
    pub fn at(&mut self, now: SystemTime) -> [u8; LENGTH] {
        let second = second_of(now);
        match &self.current {
            Some((current, text)) if *current == second => *text,
            _ => self.current.insert((second, format(now))).1,
        }
    }
}

/// The texts of a few dates, each formatted once while it stays: many responses tell the date of the same files.
#[derive(Debug, Clone, Default)]
pub struct DateCache {
    places: [Option<(u64, [u8; LENGTH])>; DATES_CACHED],
}

/// How many dates are kept; a date has one place, by its second.
const DATES_CACHED: usize = 16;

impl DateCache {
    /// The date in the form that is sent, as [`format()`] gives it.
    pub fn format(&mut self, time: SystemTime) -> [u8; LENGTH] {
        let second = second_of(time);
        // The remainder is smaller than the number of places.
        let place = &mut self.places[(second % DATES_CACHED as u64) as usize];
        match place {
            Some((cached, text)) if *cached == second => *text,
            _ => place.insert((second, format(time))).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn a_cached_date_is_that_of_its_own_second() {
        let mut cache = DateCache::default();
        for number in [0, 16, 0, 784_111_777, 1, 16] {
            assert_eq!(cache.format(second(number)), format(second(number)), "{number}");
        }
    }

    #[test]
    fn a_date_is_sent_as_a_fixed_date() {
        assert_eq!(&format(second(784_111_777)), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&format(second(0)), b"Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_time_no_date_can_tell_becomes_the_nearest() {
        assert_eq!(&format(UNIX_EPOCH - Duration::from_secs(9)), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&format(second(SECOND_MAX + 1)), b"Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn all_three_forms_are_read() {
        let texts = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
        for text in texts {
            assert_eq!(parse(text.as_bytes()), Some(second(784_111_777)), "{text}");
        }
        for text in ["", "0", "yesterday", "Sun, 06 Nov 1994 08:49:37", "\u{e9}"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_cached_text_changes_with_the_second() {
        let mut date = CachedDate::new();
        let first = date.at(second(10));
        assert_eq!(date.at(second(10) + Duration::from_millis(999)), first);
        assert_eq!(&date.at(second(11)), b"Thu, 01 Jan 1970 00:00:11 GMT");
        assert_eq!(date.at(second(10)), first);
    }
}

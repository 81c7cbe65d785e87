//! The time of day as logs write it, in the machine's time zone: computed once a second and kept per thread.
//!
//! Called by the logs and their variables with the worker's wall clock. Reads no clock itself; the time zone is the
//! system's (`TZ`, `/etc/localtime`).

use std::cell::RefCell;
use std::io::Write;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// One second in every form that a log needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalTime {
    second: i64,
    /// `2026/11/22 17:00:00`, as error logs begin.
    pub error_log: [u8; 19],
    /// `22/Nov/2026:17:00:00 +0000`, nginx's `$time_local` (the Common Log Format).
    pub common: [u8; 26],
    /// `2026-11-22T17:00:00+00:00`, nginx's `$time_iso8601`.
    pub iso8601: [u8; 25],
    /// `Nov 22 17:00:00`, the time stamp of RFC 3164 section 4.1.2.
    pub syslog: [u8; 15],
}

thread_local! {
    static CURRENT: RefCell<Option<LocalTime>> = const { RefCell::new(None) };
}

/// Gives the texts of this moment's second to `use_texts`.
pub fn with<R>(wall: SystemTime, use_texts: impl FnOnce(&LocalTime) -> R) -> R {
    CURRENT.with_borrow_mut(|current| match current {
        Some(texts) if texts.second == timestamp(wall).as_second() => use_texts(texts),
        _ => use_texts(current.insert(LocalTime::new(wall, TimeZone::system()))),
    })
}

impl LocalTime {
    /// The texts of a moment in a time zone.
    pub fn new(wall: SystemTime, zone: TimeZone) -> Self {
        let timestamp = timestamp(wall);
        let local = timestamp.to_zoned(zone);
        let (date, time) = (local.date(), local.time());
        let (year, month, day) = (date.year().clamp(0, 9999), date.month(), date.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let month_name = MONTHS[usize::from(month.unsigned_abs().saturating_sub(1)).min(11)];
        let offset = local.offset().seconds() / 60;
        let sign = if offset < 0 { '-' } else { '+' };
        let (offset_hours, offset_minutes) = (offset.abs() / 60, offset.abs() % 60);
        let clock = format_args!("{hour:02}:{minute:02}:{second:02}").to_string();
        Self {
            second: timestamp.as_second(),
            error_log: text(format_args!("{year:04}/{month:02}/{day:02} {clock}")),
            common: text(format_args!(
                "{day:02}/{month_name}/{year:04}:{clock} {sign}{offset_hours:02}{offset_minutes:02}"
            )),
            iso8601: text(format_args!(
                "{year:04}-{month:02}-{day:02}T{clock}{sign}{offset_hours:02}:{offset_minutes:02}"
            )),
            syslog: text(format_args!("{month_name} {day:>2} {clock}")),
        }
    }
}

/// A moment outside of what a calendar covers (the years -9999 to 9999) becomes the epoch.
fn timestamp(wall: SystemTime) -> Timestamp {
    let time = Timestamp::try_from(wall).unwrap_or_default();
    // Towards the past, also before the epoch, so that a second begins where its name says.
    let within_second = i64::from(time.subsec_nanosecond()).rem_euclid(1_000_000_000);
    time.checked_sub(SignedDuration::from_nanos(within_second)).unwrap_or(time)
}

fn text<const LENGTH: usize>(arguments: std::fmt::Arguments<'_>) -> [u8; LENGTH] {
    let mut text = [b' '; LENGTH];
    // All parts have fixed widths, so it fits and the result tells nothing.
    let _ = text.as_mut_slice().write_fmt(arguments);
    text
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use jiff::tz::Offset;

    use super::*;

    fn texts(second: u64, offset_minutes: i32) -> [String; 4] {
        let zone = TimeZone::fixed(Offset::from_seconds(offset_minutes * 60).unwrap());
        let time = LocalTime::new(UNIX_EPOCH + Duration::from_millis(second * 1000 + 999), zone);
        [&time.error_log[..], &time.common[..], &time.iso8601[..], &time.syslog[..]]
            .map(|text| String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn every_form_has_its_fixed_width() {
        assert_eq!(
            texts(1_795_366_800, 0),
            ["2026/11/22 17:00:00", "22/Nov/2026:17:00:00 +0000", "2026-11-22T17:00:00+00:00", "Nov 22 17:00:00"]
        );
    }

    #[test]
    fn zones_on_either_side_of_greenwich_show_their_offset() {
        assert_eq!(texts(1_795_366_800, 330)[1], "22/Nov/2026:22:30:00 +0530");
        assert_eq!(texts(1_795_366_800, -210)[2], "2026-11-22T13:30:00-03:30");
    }

    #[test]
    fn a_day_with_one_digit_is_padded_with_a_blank_for_syslog() {
        assert_eq!(texts(1_793_500_000, 0)[3], "Nov  1 02:26:40");
    }

    #[test]
    fn a_moment_before_the_epoch_is_still_written() {
        let time = LocalTime::new(UNIX_EPOCH - Duration::from_millis(500), TimeZone::UTC);
        assert_eq!(&time.error_log, b"1969/12/31 23:59:59");
    }
}

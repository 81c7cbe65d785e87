//! When content expires, as `expires` says: the text of the directive to a rule, a rule and the time to two fields.
//!
//! Reads no clock; the time zone is an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::base::duration::parse_seconds;
use crate::http::date;

/// When content expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// In the past: never to be kept.
    Epoch,
    /// In ten years.
    Max,
    /// At the next moment so many seconds behind a midnight of the time zone.
    Daily(u32),
    /// So many seconds behind now.
    Access(i64),
    /// So many seconds behind the content's last change; behind now where that is not known.
    Modified(i64),
}

/// Why a text is no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RuleError {
    #[error("expected a time such as 30d, -1 or @15h30m, or `epoch`, `max` or `off`")]
    Invalid,
    #[error("expected a time such as 30d or -1")]
    InvalidModified,
    #[error("daily time value must be less than 24 hours")]
    DailyTooLong,
    #[error("daily time cannot be used with \"modified\" parameter")]
    DailyModified,
}

/// What is told of the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// The field `Expires`.
    pub(super) expires: [u8; date::LENGTH],
    /// `max-age` in seconds; none is `no-cache`.
    pub(super) max_age: Option<i64>,
}

impl Times {
    /// The field `Cache-Control`.
    pub(super) fn cache_control(&self) -> Bytes {
        match self.max_age {
            None => Bytes::from_static(b"no-cache"),
            Some(seconds) => Bytes::from(format!("max-age={seconds}")),
        }
    }
}

/// A day, which a daily time may be at most, as in nginx.
const DAY: u64 = 24 * 60 * 60;

/// nginx's "max": the last seconds of what 32 bits can tell, more or less.
const MAX: Times = Times { expires: *b"Thu, 31 Dec 2037 23:55:55 GMT", max_age: Some(315_360_000) };

/// nginx's "epoch".
const EPOCH: Times = Times { expires: *b"Thu, 01 Jan 1970 00:00:01 GMT", max_age: None };

/// The last second that a date can tell: the end of the year 9999.
const SECOND_MAX: i64 = 253_402_300_799;

impl Rule {
    /// Reads what stands behind `expires`, or behind `expires modified`; `off` is no rule.
    pub(super) fn parse(text: &str, modified: bool) -> Result<Option<Self>, RuleError> {
        match text {
            "off" if !modified => return Ok(None),
            "epoch" if !modified => return Ok(Some(Self::Epoch)),
            "max" if !modified => return Ok(Some(Self::Max)),
            _ => {}
        }
        let invalid = if modified { RuleError::InvalidModified } else { RuleError::Invalid };
        let seconds = |text: &str| parse_seconds(text).map(|time| time.as_secs()).map_err(|_| invalid);
        if let Some(daily) = text.strip_prefix('@') {
            if modified {
                return Err(RuleError::DailyModified);
            }
            return match seconds(daily)? {
                // At most a day, which fits.
                time @ 0..=DAY => Ok(Some(Self::Daily(time as u32))),
                _ => Err(RuleError::DailyTooLong),
            };
        }
        let (negative, time) = match text.strip_prefix('-') {
            Some(time) => (true, time),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let time = i64::try_from(seconds(time)?).map_err(|_| invalid)?;
        let time = if negative { -time } else { time };
        Ok(Some(if modified { Self::Modified(time) } else { Self::Access(time) }))
    }

    /// What is told of content that was last changed then.
    pub(super) fn times(self, now: SystemTime, last_modified: Option<SystemTime>, zone: &TimeZone) -> Times {
        let now_second = second(now);
        match self {
            Self::Epoch => EPOCH,
            Self::Max => MAX,
            Self::Access(time) => at(now_second.saturating_add(time), now_second, time < 0),
            // Without a time nginx means now, whatever was changed when.
            Self::Modified(0) => at(now_second, now_second, false),
            Self::Modified(time) => {
                let from = last_modified.map_or(now_second, second);
                at(from.saturating_add(time), now_second, time < 0)
            }
            Self::Daily(time) => at(next(now_second, time, zone).unwrap_or(now_second), now_second, false),
        }
    }
}

fn at(expires: i64, now: i64, never: bool) -> Times {
    let max_age = expires.saturating_sub(now);
    let second = expires.clamp(0, SECOND_MAX).unsigned_abs();
    Times {
        expires: date::format(UNIX_EPOCH + Duration::from_secs(second)),
        max_age: (!never && max_age >= 0).then_some(max_age),
    }
}

/// The next moment, behind now, that is so many seconds behind a midnight of the time zone; none at the end of the
/// calendar.
fn next(now: i64, time: u32, zone: &TimeZone) -> Option<i64> {
    let today = Timestamp::from_second(now).ok()?.to_zoned(zone.clone()).date();
    [today, today.tomorrow().ok()?].into_iter().find_map(|day| {
        // Counted on the clock on the wall: in a night that changes it, three o'clock is still three o'clock.
        let on_the_wall = day.at(0, 0, 0, 0).checked_add(SignedDuration::from_secs(time.into())).ok()?;
        let moment = on_the_wall.to_zoned(zone.clone()).ok()?.timestamp().as_second();
        (moment > now).then_some(moment)
    })
}

fn second(time: SystemTime) -> i64 {
    i64::try_from(date::second_of(time)).unwrap_or(SECOND_MAX)
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;
    use proptest::prelude::*;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: u64 = 784_111_777;

    fn time(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    /// Both fields; the content was changed an hour ago.
    fn told(text: &str) -> (String, String) {
        let (modified, text) = match text.strip_prefix("modified ") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let times = Rule::parse(text, modified).unwrap().unwrap().times(
            time(NOW),
            Some(time(NOW - 3600)),
            &TimeZone::fixed(Offset::from_seconds(3600).unwrap()),
        );
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&times.expires), text(&times.cache_control()))
    }

    #[test]
    fn a_time_counts_from_now() {
        assert_eq!(told("1h"), ("Sun, 06 Nov 1994 09:49:37 GMT".into(), "max-age=3600".into()));
        assert_eq!(told("+1h"), told("1h"));
        assert_eq!(told("0"), ("Sun, 06 Nov 1994 08:49:37 GMT".into(), "max-age=0".into()));
    }

    #[test]
    fn a_time_in_the_past_forbids_keeping() {
        assert_eq!(told("-1"), ("Sun, 06 Nov 1994 08:49:36 GMT".into(), "no-cache".into()));
        assert_eq!(told("-100y"), ("Thu, 01 Jan 1970 00:00:00 GMT".into(), "no-cache".into()));
    }

    #[test]
    fn a_time_may_count_from_the_last_change() {
        assert_eq!(told("modified 2h"), ("Sun, 06 Nov 1994 09:49:37 GMT".into(), "max-age=3600".into()));
        assert_eq!(told("modified 30m"), ("Sun, 06 Nov 1994 08:19:37 GMT".into(), "no-cache".into()));
        assert_eq!(told("modified 0"), ("Sun, 06 Nov 1994 08:49:37 GMT".into(), "max-age=0".into()));
        let unknown = Rule::Modified(60).times(time(NOW), None, &TimeZone::UTC);
        assert_eq!(unknown.max_age, Some(60));
    }

    #[test]
    fn a_negative_time_forbids_keeping_even_if_it_comes_to_the_future() {
        let times = Rule::Modified(-60).times(time(NOW), Some(time(NOW + 3600)), &TimeZone::UTC);
        assert_eq!(times.max_age, None);
    }

    #[test]
    fn a_time_of_the_day_is_the_next_one_on_the_wall() {
        // It is 09:49:37 there.
        assert_eq!(told("@15h30m"), ("Sun, 06 Nov 1994 14:30:00 GMT".into(), "max-age=20423".into()));
        assert_eq!(told("@9h"), ("Mon, 07 Nov 1994 08:00:00 GMT".into(), "max-age=83423".into()));
        assert_eq!(told("@9h49m37s").0, "Mon, 07 Nov 1994 08:49:37 GMT");
        assert_eq!(told("@24h").0, "Sun, 06 Nov 1994 23:00:00 GMT");
        assert_eq!(told("@0").0, told("@24h").0);
    }

    #[test]
    fn a_time_of_the_day_stays_when_the_clocks_are_changed() {
        // Europe: on 30 October 1994 clocks went back at 03:00 summer time.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let saturday_noon = 783_432_000;
        let times = Rule::Daily(8 * 3600).times(time(saturday_noon), None, &zone);
        assert_eq!(&times.expires, b"Sun, 30 Oct 1994 07:00:00 GMT");
    }

    #[test]
    fn the_words_have_nginxs_dates() {
        assert_eq!(told("epoch"), ("Thu, 01 Jan 1970 00:00:01 GMT".into(), "no-cache".into()));
        assert_eq!(told("max"), ("Thu, 31 Dec 2037 23:55:55 GMT".into(), "max-age=315360000".into()));
        assert_eq!(Rule::parse("off", false), Ok(None));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["", "@", "-", "soon", "1ms", "--1", "@-1h", "1h x", "MAX"] {
            assert_eq!(Rule::parse(text, false), Err(RuleError::Invalid), "{text}");
        }
        for text in ["epoch", "max", "off", ""] {
            assert_eq!(Rule::parse(text, true), Err(RuleError::InvalidModified), "{text}");
        }
        assert_eq!(Rule::parse("@25h", false), Err(RuleError::DailyTooLong));
        assert_eq!(Rule::parse("@1h", true), Err(RuleError::DailyModified));
    }

    proptest! {
        #[test]
        fn no_time_is_too_far(offset: i64, now in 0..u64::MAX >> 2, daily in 0..=DAY) {
            let now = UNIX_EPOCH.checked_add(Duration::from_secs(now)).unwrap_or(UNIX_EPOCH);
            for rule in [Rule::Access(offset), Rule::Modified(offset), Rule::Daily(daily as u32)] {
                let times = rule.times(now, Some(UNIX_EPOCH), &TimeZone::UTC);
                prop_assert!(date::parse(&times.expires).is_some());
            }
        }
    }
}

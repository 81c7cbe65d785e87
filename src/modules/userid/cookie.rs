//! The cookie that brings a client its identifier: `Set-Cookie`, in nginx's form.
//!
//! Called by the filter with what the request brought and what was made for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::identifier::{Identifier, LETTERS};
use crate::base::base64;
use crate::http::date;

/// What stands around the identifier.
#[derive(Clone, Debug)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) expires: Expires,
    pub(super) domain: Option<String>,
    pub(super) path: String,
    pub(super) flags: Flags,
    /// `userid_mark`: a letter in place of the padding; a cookie without it is sent once more.
    pub(super) mark: Option<u8>,
}

/// When clients forget the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expires {
    /// When they end.
    Off,
    /// At the end of the year 2037.
    Max,
    /// So much later.
    After(Duration),
}

/// `userid_flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: Option<&'static str>,
}

impl Cookie {
    /// With a new identifier.
    pub(super) fn with(&self, identifier: Identifier, now: SystemTime) -> Vec<u8> {
        let mut letters = Vec::with_capacity(24);
        base64::encode(&identifier.0, &mut letters);
        if let (Some(mark), Some(place)) = (self.mark, letters.get_mut(LETTERS)) {
            *place = mark;
        }
        self.with_value(&letters, now)
    }

    /// With the identifier of a cookie that lacks the mark.
    pub(super) fn marked(&self, received: &[u8], now: SystemTime) -> Vec<u8> {
        let mut letters = received[..LETTERS.min(received.len())].to_vec();
        letters.extend([self.mark.unwrap_or(b'='), b'=']);
        self.with_value(&letters, now)
    }

    /// Whether a received value has the mark, if there must be one.
    pub(super) fn is_marked(&self, received: &[u8]) -> bool {
        self.mark.is_none_or(|mark| received.get(LETTERS..LETTERS + 2) == Some(&[mark, b'=']))
    }

    fn with_value(&self, value: &[u8], now: SystemTime) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value);
        match self.expires {
            Expires::Off => {}
            Expires::Max => out.extend_from_slice(b"; expires=Thu, 31-Dec-37 23:55:55 GMT"),
            Expires::After(time) => {
                out.extend_from_slice(b"; expires=");
                push_time(now.checked_add(time).unwrap_or(now), &mut out);
            }
        }
        if let Some(domain) = &self.domain {
            out.extend_from_slice(b"; domain=");
            out.extend_from_slice(domain.as_bytes());
        }
        out.extend_from_slice(b"; path=");
        out.extend_from_slice(self.path.as_bytes());
        if self.flags.secure {
            out.extend_from_slice(b"; secure");
        }
        if self.flags.http_only {
            out.extend_from_slice(b"; httponly");
        }
        if let Some(site) = self.flags.same_site {
            out.extend_from_slice(b"; samesite=");
            out.extend_from_slice(site.as_bytes());
        }
        out
    }
}

/// `Mon, 23-Nov-26 20:56:45 GMT`: nginx writes two digits of the year up to 2037, for very old browsers.
fn push_time(time: SystemTime, out: &mut Vec<u8>) {
    let last = UNIX_EPOCH + Duration::from_secs(SECOND_MAX);
    let date = date::format(time.min(last));
    let year = &date[12..16];
    let year = if year > &b"2037"[..] { year } else { &year[2..] };
    for part in [&date[..7], b"-", &date[8..11], b"-", year, &date[16..]] {
        out.extend_from_slice(part);
    }
}

/// The last second that a date can tell: the end of the year 9999.
const SECOND_MAX: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTIFIER: Identifier = Identifier([127, 0, 0, 1, 0x6a, 3, 0x56, 0xc4, 0x1d, 0x2c, 7, 0x18, 3, 3, 3, 2]);

    fn cookie() -> Cookie {
        Cookie {
            name: "uid".to_owned(),
            expires: Expires::Off,
            domain: None,
            path: "/".to_owned(),
            flags: Flags::default(),
            mark: None,
        }
    }

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn shown(cookie: &Cookie) -> String {
        String::from_utf8(cookie.with(IDENTIFIER, now())).unwrap()
    }

    #[test]
    fn a_cookie_has_its_name_its_identifier_and_its_path() {
        assert_eq!(shown(&cookie()), "uid=fwAAAWoDVsQdLAcYAwMDAg==; path=/");
    }

    #[test]
    fn the_parts_stand_in_nginxs_order() {
        let all = Cookie {
            name: "u".to_owned(),
            expires: Expires::Max,
            domain: Some("d.example".to_owned()),
            path: "/z".to_owned(),
            flags: Flags { secure: true, http_only: true, same_site: Some("lax") },
            mark: Some(b'A'),
        };
        assert_eq!(
            shown(&all),
            "u=fwAAAWoDVsQdLAcYAwMDAgA=; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=d.example; path=/z; secure; \
             httponly; samesite=lax"
        );
    }

    #[test]
    fn a_time_is_told_with_two_digits_of_its_year_as_long_as_that_is_possible() {
        let after = |days: u64| {
            let cookie = Cookie { expires: Expires::After(Duration::from_secs(days * 24 * 3600)), ..cookie() };
            let shown = shown(&cookie);
            shown.split("expires=").nth(1).unwrap().split(';').next().unwrap().to_owned()
        };
        assert_eq!(after(1), "Mon, 07-Nov-94 08:49:37 GMT");
        assert_eq!(after(365 * 45), "Wed, 26-Oct-2039 08:49:37 GMT");
        assert_eq!(after(365 * 10_000), "Fri, 31-Dec-9999 23:59:59 GMT");
    }

    #[test]
    fn a_cookie_without_its_mark_is_known() {
        let marked = Cookie { mark: Some(b'A'), ..cookie() };
        let received = b"fwAAAWoDVsQdLAcYAwMDAg==";
        assert!(!marked.is_marked(received) && cookie().is_marked(received));
        let sent = marked.marked(received, now());
        assert_eq!(sent, b"uid=fwAAAWoDVsQdLAcYAwMDAgA=; path=/");
        assert!(marked.is_marked(&sent[4..]));
    }
}

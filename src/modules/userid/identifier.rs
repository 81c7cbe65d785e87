//! What a client is told apart by: sixteen bytes that no other client of these servers is given, as nginx makes them
//! for mod_uid.
//!
//! Knows no request. Reads the clock once, when the first identifier is made.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::base64;

/// Sixteen bytes, which nginx takes for four numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identifier(pub(super) [u8; 16]);

/// Which of the two forms a new identifier has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// The numbers in the order of bytes of the machine.
    V1,
    /// The numbers in the order of bytes of the network.
    V2,
}

/// How many letters of base64 hold an identifier. A cookie may have other letters behind them: a mark, or garbage.
pub(super) const LETTERS: usize = 22;

impl Identifier {
    /// A new one. Without the number of a service it tells that of the server's address.
    pub(super) fn new(version: Version, service: Option<u32>, address: Option<IpAddr>, wall: SystemTime) -> Self {
        // As in nginx the seconds are those of 32 bits.
        let seconds = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) as u32;
        let started = *STARTED;
        match version {
            Version::V1 => {
                let number = NEXT_V1.fetch_add(STEP, Ordering::Relaxed);
                Self::from_words([service.unwrap_or(0), seconds, started, number].map(u32::to_ne_bytes))
            }
            Version::V2 => {
                let service = service.map_or_else(|| end_of(address), u32::to_be_bytes);
                let [seconds, started, number] = [seconds, started, next_v2()].map(u32::to_be_bytes);
                Self::from_words([service, seconds, started, number])
            }
        }
    }

    /// The one in a cookie's value; none where there is no such value.
    pub(super) fn of_cookie(value: &[u8]) -> Option<Self> {
        let bytes = base64::decode(value.get(..LETTERS)?)?;
        bytes.try_into().ok().map(Self)
    }

    /// Whether it is one at all: nginx takes its last number, when it is zero, for none.
    pub(super) fn is_some(self) -> bool {
        self.0[12..] != [0; 4]
    }

    /// As logs show it: four numbers in hexadecimal.
    pub(super) fn digits(self) -> String {
        let words = self.0.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        words.map(|word| format!("{word:08X}")).collect()
    }

    fn from_words(words: [[u8; 4]; 4]) -> Self {
        let mut bytes = [0; 16];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word);
        }
        Self(bytes)
    }
}

/// The last four bytes of an address; a Unix domain socket has none.
fn end_of(address: Option<IpAddr>) -> [u8; 4] {
    match address {
        Some(IpAddr::V4(address)) => address.octets(),
        Some(IpAddr::V6(address)) => {
            let octets = address.octets();
            [octets[12], octets[13], octets[14], octets[15]]
        }
        None => [0; 4],
    }
}

fn next_v2() -> u32 {
    let next = |number: u32| Some(number.wrapping_add(STEP).max(FIRST_V2));
    NEXT_V2.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(FIRST_V2)
}

/// A number that another process, or this one at another time, hardly has: the microseconds when it began, and its id.
static STARTED: LazyLock<u32> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // What fits into 16 bits of the microseconds.
    (since.subsec_micros() / 20) << 16 | std::process::id()
});

/// The numbers go up by so much; their last byte stays, as in nginx.
const STEP: u32 = 0x100;
const FIRST_V2: u32 = 0x0303_0302;

static NEXT_V1: AtomicU32 = AtomicU32::new(1);
static NEXT_V2: AtomicU32 = AtomicU32::new(FIRST_V2);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1)));

    fn new(version: Version, service: Option<u32>, address: Option<IpAddr>) -> [u8; 16] {
        Identifier::new(version, service, address, UNIX_EPOCH + Duration::from_secs(0x0102_0304)).0
    }

    #[test]
    fn the_second_form_begins_with_the_address_or_the_service_and_the_time() {
        assert_eq!(new(Version::V2, None, ADDRESS)[..8], [127, 0, 0, 1, 1, 2, 3, 4]);
        assert_eq!(new(Version::V2, Some(5), ADDRESS)[..8], [0, 0, 0, 5, 1, 2, 3, 4]);
        assert_eq!(new(Version::V2, None, None)[..4], [0; 4]);
        let address = "2001:db8::708:90a".parse().ok();
        assert_eq!(new(Version::V2, None, address)[..4], [7, 8, 9, 10]);
    }

    #[test]
    fn the_first_form_has_the_machines_order_of_bytes_and_no_address() {
        assert_eq!(new(Version::V1, None, ADDRESS)[..4], [0; 4]);
        assert_eq!(new(Version::V1, Some(5), ADDRESS)[..4], 5_u32.to_ne_bytes());
        assert_eq!(new(Version::V1, None, None)[4..8], 0x0102_0304_u32.to_ne_bytes());
    }

    #[test]
    fn no_two_are_the_same() {
        for version in [Version::V1, Version::V2] {
            let (first, second) = (new(version, None, ADDRESS), new(version, None, ADDRESS));
            assert_ne!(first, second);
            assert!(Identifier(first).is_some() && Identifier(second).is_some());
        }
    }

    #[test]
    fn a_cookie_holds_it_in_its_first_letters() {
        let identifier = Identifier::of_cookie(b"fwAAAWoDVsQdLAcYAwMDAgA=garbage").unwrap();
        assert_eq!(identifier, Identifier::of_cookie(b"fwAAAWoDVsQdLAcYAwMDAg").unwrap());
        assert_eq!(identifier.0, [127, 0, 0, 1, 0x6a, 3, 0x56, 0xc4, 0x1d, 0x2c, 7, 0x18, 3, 3, 3, 2]);
        if cfg!(target_endian = "little") {
            assert_eq!(identifier.digits(), "0100007FC456036A18072C1D02030303");
        }
        assert_eq!(Identifier::of_cookie(b"fwAAAWoDVsQdLAcYAwMDA"), None);
        assert_eq!(Identifier::of_cookie(b"!!!!!!!!!!!!!!!!!!!!!!!!"), None);
        assert!(!Identifier::of_cookie(b"fwAAAWoDVsQdLAcYAAAAAA==").unwrap().is_some());
    }
}

//! Who a request comes from, by what the proxies in front of the server say (`X-Forwarded-For` and its like).
//!
//! Only what a trusted peer says is believed; with more than one proxy the chain is walked from its near end, as far as
//! those who speak are trusted. The rules are nginx's (`ngx_http_get_forwarded_addr`). Used by `real_ip`, and by whoever
//! looks at a client through its proxies. Changes no exchange, and looks up no name.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::client::Peer;

/// Whom to believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// All peers on Unix domain sockets.
    Unix,
    /// The peers of a network; those with IPv4-mapped IPv6 addresses count as IPv4.
    Net(IpNet),
}

impl Trusted {
    fn includes(self, peer: Peer) -> bool {
        match (self, peer) {
            (Self::Unix, Peer::Unix) => true,
            (Self::Net(network), Peer::Inet(address)) => network.contains(&address.ip().to_canonical()),
            _ => false,
        }
    }
}

/// The address in `lines` (the values of a field, in the order in which they were received) that stands for the client:
/// the last one, or with `recursive` the last one that is not itself trusted. `None` when the peer is not trusted, or
/// its own word has no form; what is broken further along the chain ends the walk.
///
/// The port is 0 where only an address was told.
pub fn client_address<'a>(
    peer: Peer,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[Trusted],
    recursive: bool,
) -> Option<SocketAddr> {
    let mut found = None;
    for line in lines.rev() {
        let mut rest = line;
        loop {
            let speaker = found.map_or(peer, Peer::Inet);
            if !trusted.iter().any(|trusted| trusted.includes(speaker)) {
                return found;
            }
            let (before, last) = split_last(rest);
            let Some(address) = parse_address(last) else { return found };
            found = Some(address);
            if !recursive {
                return found;
            }
            if before.is_empty() {
                break;
            }
            rest = before;
        }
    }
    found
}

/// The last address of a list separated by commas and blanks, and what stands before it. As in nginx the first byte of
/// a list is never a separator.
fn split_last(list: &[u8]) -> (&[u8], &[u8]) {
    let is_separator = |byte: &u8| matches!(byte, b' ' | b',');
    let Some((_, behind_first)) = list.split_first() else { return (b"", b"") };
    let end = behind_first.iter().rposition(|byte| !is_separator(byte)).map_or(1, |last| last + 2);
    match list[1..end].iter().rposition(is_separator) {
        Some(separator) => (&list[..separator + 1], &list[separator + 2..end]),
        None => (b"", &list[..end]),
    }
}

/// An address as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80` (RFC 3986 section
/// 3.2.2). Without a port it is 0, which is none that could be written.
pub fn parse_address(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, 0));
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => text.split_once(':')?,
    };
    let port = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(SocketAddr::new(address.parse().ok()?, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(address: &str) -> Peer {
        match address {
            "unix:" => Peer::Unix,
            address => Peer::Inet(SocketAddr::new(address.parse().unwrap(), 4321)),
        }
    }

    fn trusted(text: &str) -> Vec<Trusted> {
        let trusted = |word: &str| match word {
            "unix:" => Trusted::Unix,
            network => Trusted::Net(network.parse().unwrap()),
        };
        text.split_whitespace().map(trusted).collect()
    }

    /// What `lines` make of a peer, where 10.0.0.0/8, ::1 and Unix domain sockets are trusted.
    fn told(address: &str, lines: &[&str], recursive: bool) -> Option<String> {
        let lines = lines.iter().map(|line| line.as_bytes());
        let trusted = trusted("10.0.0.0/8 ::1/128 unix:");
        client_address(peer(address), lines, &trusted, recursive).map(|address| match address.port() {
            0 => address.ip().to_string(),
            _ => address.to_string(),
        })
    }

    fn last(address: &str, line: &str) -> Option<String> {
        told(address, &[line], false)
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        let client = Some("192.0.2.1".to_owned());
        for address in ["10.0.0.1", "::1", "unix:", "::ffff:10.0.0.1"] {
            assert_eq!(last(address, "192.0.2.1"), client, "{address}");
        }
        for address in ["11.0.0.1", "::2", "::ffff:11.0.0.1"] {
            assert_eq!(last(address, "192.0.2.1"), None, "{address}");
        }
    }

    #[test]
    fn the_last_address_is_that_of_the_client() {
        let last = |line| last("10.0.0.1", line).unwrap();
        assert_eq!(last("192.0.2.1, 192.0.2.2"), "192.0.2.2");
        assert_eq!(last("192.0.2.1,192.0.2.2"), "192.0.2.2");
        assert_eq!(last("nonsense 192.0.2.2 , ,"), "192.0.2.2");
        assert_eq!(last("2001:DB8::1"), "2001:db8::1");
    }

    #[test]
    fn a_port_may_stand_behind_the_address() {
        let last = |line| last("10.0.0.1", line);
        assert_eq!(last("192.0.2.1:567").unwrap(), "192.0.2.1:567");
        assert_eq!(last("[2001:db8::1]:80").unwrap(), "[2001:db8::1]:80");
        for malformed in ["192.0.2.1:0", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:+1", "[::1]", "[::1]:", "[::1]80"]
        {
            assert_eq!(last(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn what_has_no_form_leaves_the_address_alone() {
        for malformed in ["", "-", "unknown", "192.0.2", "192.0.2.256", "a, 192.0.2.1, b", ",192.0.2.1", "\u{fc}"] {
            assert_eq!(last("10.0.0.1", malformed), None, "{malformed}");
        }
    }

    #[test]
    fn the_chain_is_walked_as_far_as_its_links_are_trusted() {
        let walked = |line| told("10.0.0.1", &[line], true);
        assert_eq!(walked("192.0.2.1, 192.0.2.2, 10.0.0.2").unwrap(), "192.0.2.2");
        assert_eq!(walked("10.0.0.4, 10.0.0.3, 10.0.0.2").unwrap(), "10.0.0.4");
        assert_eq!(walked("nonsense, 10.0.0.2").unwrap(), "10.0.0.2");
        assert_eq!(walked(", 10.0.0.2").unwrap(), "10.0.0.2");
        assert_eq!(walked("192.0.2.1, nonsense"), None);
    }

    #[test]
    fn lines_are_one_list_to_a_walk_and_only_the_last_counts_without_one() {
        let lines = ["192.0.2.1", "10.0.0.3, 10.0.0.2"];
        assert_eq!(told("10.0.0.1", &lines, true).unwrap(), "192.0.2.1");
        assert_eq!(told("10.0.0.1", &lines, false).unwrap(), "10.0.0.2");
        assert_eq!(told("10.0.0.1", &["192.0.2.1", "nonsense"], true), None);
        assert_eq!(told("10.0.0.1", &[], true), None);
    }

    proptest! {
        #[test]
        fn any_list_is_understood_or_not(list in "[0-9a-f:., \\[\\]]{0,24}", recursive: bool) {
            let trusted = trusted("0.0.0.0/0 ::/0");
            let _any = client_address(Peer::Unix, [list.as_bytes()].into_iter(), &trusted, recursive);
            let _any = client_address(peer("::1"), [list.as_bytes()].into_iter(), &trusted, recursive);
        }

        #[test]
        fn a_list_is_split_without_loss(list in "[ab, ]{0,12}") {
            let (before, last) = split_last(list.as_bytes());
            prop_assert!(before.len() + last.len() <= list.len());
            prop_assert!(list.is_empty() || !last.is_empty());
            prop_assert!(last.iter().skip(1).all(|byte| !matches!(byte, b' ' | b',')));
        }
    }
}

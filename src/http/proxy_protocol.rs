//! The PROXY protocol, versions 1 and 2: what a proxy in front says of a connection before the client's first byte.
//!
//! Bytes in, a header out (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>), with nginx's leniency: an
//! address of version 1 is a text of the right characters, and what version 2 says beyond TCP over IPv4 and IPv6 is
//! passed over. Called by `server::preface` with all that has been received, which is bounded by [`BYTES_MAX`]. Knows no
//! client, and does not say whether a proxy is believed.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

/// The longest header of version 1, its line end included (section 2.1).
pub const LINE_BYTES_MAX: usize = 107;

/// The longest header of version 2 that is read; nginx's `NGX_PROXY_PROTOCOL_MAX_HEADER`.
pub const BYTES_MAX: usize = 4096;

const _: () = assert!(LINE_BYTES_MAX <= BYTES_MAX);

/// What a header says of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// The client's end.
    pub source: Endpoint,
    /// The end that the client connected to.
    pub destination: Endpoint,
    /// The type-length-value fields of version 2, as they came.
    tlvs: Bytes,
}

/// One end of the client's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address as text. Of version 1 it is as the proxy wrote it, and need not be an address.
    pub address: Box<str>,
    /// The port.
    pub port: u16,
}

/// How far a header is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is not all there.
    NeedMore,
    /// It is complete, and so many bytes long; without addresses where the proxy speaks for itself or tells of something
    /// that is not TCP.
    Complete(Option<Box<ProxyHeader>>, usize),
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// It has no form.
    #[error("broken header")]
    Broken,
    /// It begins like version 2 and says that it is another.
    #[error("unknown PROXY protocol version: {0}")]
    UnknownVersion(u8),
    /// It is longer than [`BYTES_MAX`].
    #[error("header is too large")]
    TooLarge,
}

/// Why a field of version 2 cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// The fields have no form.
    #[error("broken PROXY protocol TLV")]
    Broken,
    /// There is no field of this name.
    #[error("unknown PROXY protocol TLV")]
    UnknownName,
    /// What stands behind `0x` is no number.
    #[error("invalid PROXY protocol TLV")]
    InvalidNumber,
}

/// Looks for a header at the beginning of what was received. Bytes behind it are the client's.
///
/// # Errors
/// What is wrong with it, as soon as that is seen. More bytes do not mend it.
pub fn decode(received: &[u8]) -> Result<Progress, ProxyHeaderError> {
    if begins_like(received, SIGNATURE) {
        return decode_binary(received);
    }
    if !TEXT_STARTS.iter().any(|start| begins_like(received, start)) {
        return Err(ProxyHeaderError::Broken);
    }
    let Some(line_feed) = memchr::memchr(b'\n', &received[..received.len().min(LINE_BYTES_MAX)]) else {
        return if received.len() < LINE_BYTES_MAX { Ok(Progress::NeedMore) } else { Err(ProxyHeaderError::Broken) };
    };
    let line = received[..line_feed].strip_suffix(b"\r").ok_or(ProxyHeaderError::Broken)?;
    let header = decode_line(line).ok_or(ProxyHeaderError::Broken)?;
    Ok(Progress::Complete(header.map(Box::new), line_feed + 1))
}

/// Whether one of the two is the beginning of the other.
fn begins_like(received: &[u8], start: &[u8]) -> bool {
    received.iter().zip(start).all(|(byte, expected)| byte == expected)
}

/// A line of version 1, without its end; the outer `None` says that it has no form.
fn decode_line(line: &[u8]) -> Option<Option<ProxyHeader>> {
    if line.starts_with(UNKNOWN) {
        return Some(None);
    }
    let line = line.strip_prefix(TCP4).or_else(|| line.strip_prefix(TCP6))?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let mut word = || words.next();
    let (source, destination) = (address(word()?)?, address(word()?)?);
    let (source_port, destination_port) = (port(word()?)?, port(word()?)?);
    let header = ProxyHeader {
        source: Endpoint { address: source, port: source_port },
        destination: Endpoint { address: destination, port: destination_port },
        tlvs: Bytes::new(),
    };
    word().is_none().then_some(Some(header))
}

fn address(word: &str) -> Option<Box<str>> {
    let fits = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    word.bytes().all(fits).then(|| word.into())
}

fn port(word: &str) -> Option<u16> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
}

/// A header of version 2, whose signature is right so far.
fn decode_binary(received: &[u8]) -> Result<Progress, ProxyHeaderError> {
    let Some((head, rest)) = received.split_first_chunk::<BINARY_HEAD_BYTES>() else { return Ok(Progress::NeedMore) };
    let [.., version_and_command, family_and_transport, length_high, length_low] = *head;
    if version_and_command >> 4 != 2 {
        return Err(ProxyHeaderError::UnknownVersion(version_and_command >> 4));
    }
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    if length > BYTES_MAX - BINARY_HEAD_BYTES {
        return Err(ProxyHeaderError::TooLarge);
    }
    let Some(content) = rest.get(..length) else { return Ok(Progress::NeedMore) };
    let is_proxied = version_and_command & 0x0f == COMMAND_PROXY;
    let header = match (is_proxied, family_and_transport) {
        (true, TCP_OVER_IPV4) => Some(decode_ipv4(content).ok_or(ProxyHeaderError::Broken)?),
        (true, TCP_OVER_IPV6) => Some(decode_ipv6(content).ok_or(ProxyHeaderError::Broken)?),
        _ => None,
    };
    Ok(Progress::Complete(header.map(Box::new), BINARY_HEAD_BYTES + length))
}

fn decode_ipv4(content: &[u8]) -> Option<ProxyHeader> {
    let (source, rest) = content.split_first_chunk::<4>()?;
    let (destination, rest) = rest.split_first_chunk::<4>()?;
    with_ports(Ipv4Addr::from(*source).to_string(), Ipv4Addr::from(*destination).to_string(), rest)
}

fn decode_ipv6(content: &[u8]) -> Option<ProxyHeader> {
    let (source, rest) = content.split_first_chunk::<16>()?;
    let (destination, rest) = rest.split_first_chunk::<16>()?;
    with_ports(Ipv6Addr::from(*source).to_string(), Ipv6Addr::from(*destination).to_string(), rest)
}

/// The header with these addresses; `rest` has the ports and the fields behind them.
fn with_ports(source: String, destination: String, rest: &[u8]) -> Option<ProxyHeader> {
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let (destination_port, tlvs) = rest.split_first_chunk::<2>()?;
    Some(ProxyHeader {
        source: Endpoint { address: source.into(), port: u16::from_be_bytes(*source_port) },
        destination: Endpoint { address: destination.into(), port: u16::from_be_bytes(*destination_port) },
        tlvs: Bytes::copy_from_slice(tlvs),
    })
}

impl ProxyHeader {
    /// Writes the value of a field of version 2 behind what `out` holds; false when the header has none such. A name is
    /// a number (`0x01`) or one of nginx's (`alpn`, `ssl_cn`), in lower case.
    ///
    /// # Errors
    /// There is no such name, or the fields have no form.
    pub fn write_tlv(&self, name: &str, out: &mut Vec<u8>) -> Result<bool, TlvError> {
        let Some(member) = name.strip_prefix("ssl_") else {
            let value = find(&self.tlvs, kind(name, NAMES)?)?;
            return Ok(append(value, out));
        };
        let Some(ssl) = find(&self.tlvs, SSL)? else { return Ok(false) };
        // What the client is known for, whether its certificate was verified, and fields within the field.
        let ([_client, verified @ ..], tlvs) = ssl.split_first_chunk::<5>().ok_or(TlvError::Broken)?;
        if member == "verify" {
            out.extend_from_slice(u32::from_be_bytes(*verified).to_string().as_bytes());
            return Ok(true);
        }
        Ok(append(find(tlvs, kind(member, SSL_NAMES)?)?, out))
    }
}

fn append(value: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(value.unwrap_or_default());
    value.is_some()
}

/// The number of a field.
fn kind(name: &str, names: &[(&str, u32)]) -> Result<u32, TlvError> {
    if let Some(digits) = name.strip_prefix("0x") {
        let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        return digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(TlvError::InvalidNumber);
    }
    let found = names.iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind).ok_or(TlvError::UnknownName)
}

/// The value of the first field of a kind.
fn find(mut tlvs: &[u8], kind: u32) -> Result<Option<&[u8]>, TlvError> {
    while !tlvs.is_empty() {
        let ([found, length @ ..], rest) = tlvs.split_first_chunk::<3>().ok_or(TlvError::Broken)?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(TlvError::Broken)?;
        if u32::from(*found) == kind {
            return Ok(Some(value));
        }
        tlvs = rest;
    }
    Ok(None)
}

const UNKNOWN: &[u8] = b"PROXY UNKNOWN";
const TCP4: &[u8] = b"PROXY TCP4 ";
const TCP6: &[u8] = b"PROXY TCP6 ";
const TEXT_STARTS: [&[u8]; 3] = [UNKNOWN, TCP4, TCP6];

/// How version 2 begins.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, version and command, family and transport, length.
const BINARY_HEAD_BYTES: usize = SIGNATURE.len() + 4;
const COMMAND_PROXY: u8 = 1;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// The field that holds others, about an encrypted connection.
const SSL: u32 = 0x20;
const NAMES: &[(&str, u32)] =
    &[("alpn", 0x01), ("authority", 0x02), ("unique_id", 0x05), ("ssl", SSL), ("netns", 0x30)];
const SSL_NAMES: &[(&str, u32)] =
    &[("version", 0x21), ("cn", 0x22), ("cipher", 0x23), ("sig_alg", 0x24), ("key_alg", 0x25)];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header of version 2.
    fn binary(version_and_command: u8, family_and_transport: u8, content: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([version_and_command, family_and_transport]);
        header.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        header.extend(content);
        header
    }

    const IPV4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0x02, 0x37, 0, 80];

    /// A header over IPv4 with fields.
    fn with_tlvs(tlvs: &[u8]) -> ProxyHeader {
        match decode(&binary(0x21, TCP_OVER_IPV4, &[&IPV4[..], tlvs].concat())) {
            Ok(Progress::Complete(Some(header), _)) => *header,
            other => panic!("expected a header, found {other:?}"),
        }
    }

    fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[kind][..], &length, value].concat()
    }

    /// `source destination` of a header, or that there is none; given in pieces of one byte.
    fn told(header: &[u8]) -> Result<String, ProxyHeaderError> {
        let followed = [header, b"GET / HTTP/1.1\r\n"].concat();
        for length in 0..header.len() {
            assert_eq!(decode(&followed[..length])?, Progress::NeedMore, "after {length} bytes of {header:?}");
        }
        let Progress::Complete(found, length) = decode(&followed)? else { panic!("{header:?} is complete") };
        assert_eq!(length, header.len(), "what follows is the client's");
        let shown = |end: &Endpoint| format!("{}/{}", end.address, end.port);
        Ok(found.map_or("nobody".to_owned(), |found| format!("{} {}", shown(&found.source), shown(&found.destination))))
    }

    #[test]
    fn a_line_tells_both_ends() {
        let line = |line: &str| told(line.as_bytes()).unwrap();
        assert_eq!(line("PROXY TCP4 192.0.2.1 198.51.100.1 567 80\r\n"), "192.0.2.1/567 198.51.100.1/80");
        assert_eq!(line("PROXY TCP6 2001:DB8::1 ::1 0 65535\r\n"), "2001:DB8::1/0 ::1/65535");
        assert_eq!(line("PROXY UNKNOWN\r\n"), "nobody");
        assert_eq!(line("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), "nobody");
    }

    #[test]
    fn a_line_without_its_form_is_broken() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "PROXY TCP5 192.0.2.1 198.51.100.1 567 80\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.1 567 80\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 567\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 567 80 \r\n",
            "PROXY TCP4 192.0.2.1  198.51.100.1 567 80\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 567 65536\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +567 80\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 567 80\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 567 80\r\r\n",
            "PROXY TCP4 example.org 198.51.100.1 567 80\r\n",
            "proxy TCP4 192.0.2.1 198.51.100.1 567 80\r\n",
            "PROXY \r\n",
            "PROXY UNKNOWN\n",
            "\r\n\r\nGET",
        ] {
            assert_eq!(told(line.as_bytes()), Err(ProxyHeaderError::Broken), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_seen_with_its_first_byte() {
        assert_eq!(decode(b"G"), Err(ProxyHeaderError::Broken));
        assert_eq!(decode(b"\x16\x03"), Err(ProxyHeaderError::Broken));
        assert_eq!(decode(b"PROXY TCP4"), Ok(Progress::NeedMore));
    }

    #[test]
    fn a_line_has_107_bytes_at_the_most() {
        let padded = |length: usize| format!("PROXY UNKNOWN{:>1$}\r\n", "", length - 15).into_bytes();
        assert_eq!(told(&padded(107)).unwrap(), "nobody");
        assert_eq!(told(&padded(108)), Err(ProxyHeaderError::Broken));
    }

    #[test]
    fn version_2_tells_both_ends() {
        let header = binary(0x21, TCP_OVER_IPV4, &IPV4);
        assert_eq!(told(&header).unwrap(), "192.0.2.1/567 198.51.100.1/80");
        let mut ipv6 = [0; 36];
        (ipv6[15], ipv6[31], ipv6[33], ipv6[35]) = (1, 2, 3, 4);
        assert_eq!(told(&binary(0x21, TCP_OVER_IPV6, &ipv6)).unwrap(), "::1/3 ::2/4");
    }

    #[test]
    fn what_is_not_tcp_or_comes_from_the_proxy_itself_has_no_addresses() {
        for (version_and_command, family_and_transport) in
            [(0x20, TCP_OVER_IPV4), (0x2f, TCP_OVER_IPV4), (0x21, 0), (0x21, 0x12), (0x21, 0x31), (0x21, 0xff)]
        {
            assert_eq!(told(&binary(version_and_command, family_and_transport, &IPV4)).unwrap(), "nobody");
            assert_eq!(told(&binary(version_and_command, family_and_transport, &[])).unwrap(), "nobody");
        }
    }

    #[test]
    fn version_2_has_limits() {
        assert_eq!(told(&binary(0x11, TCP_OVER_IPV4, &IPV4)), Err(ProxyHeaderError::UnknownVersion(1)));
        assert_eq!(told(&binary(0x21, TCP_OVER_IPV4, &IPV4[..11])), Err(ProxyHeaderError::Broken));
        assert_eq!(told(&binary(0x21, TCP_OVER_IPV6, &IPV4)), Err(ProxyHeaderError::Broken));
        let largest = BYTES_MAX - BINARY_HEAD_BYTES;
        assert_eq!(told(&binary(0x20, 0, &vec![0; largest])).unwrap(), "nobody");
        assert_eq!(told(&binary(0x20, 0, &vec![0; largest + 1])), Err(ProxyHeaderError::TooLarge));
    }

    /// The value of a field, `-` if there is none.
    fn field(header: &ProxyHeader, name: &str) -> Result<String, TlvError> {
        let mut out = Vec::new();
        let found = header.write_tlv(name, &mut out)?;
        Ok(if found { String::from_utf8(out).unwrap() } else { "-".to_owned() })
    }

    #[test]
    fn fields_are_found_by_name_and_by_number() {
        let ssl = [&[7, 0, 0, 1, 2][..], &tlv(0x21, b"TLSv1.3"), &tlv(0x22, b"example.org")].concat();
        let header = with_tlvs(&[tlv(0x01, b"h2"), tlv(0x05, b""), tlv(0x20, &ssl), tlv(0xea, b"own")].concat());
        for (name, value) in [
            ("alpn", "h2"),
            ("0x01", "h2"),
            ("0x1", "h2"),
            ("0xea", "own"),
            ("0x1ea", "-"),
            ("unique_id", ""),
            ("authority", "-"),
            ("netns", "-"),
            ("ssl_version", "TLSv1.3"),
            ("ssl_cn", "example.org"),
            ("ssl_0x22", "example.org"),
            ("ssl_verify", "258"),
            ("ssl_cipher", "-"),
        ] {
            assert_eq!(field(&header, name).unwrap(), value, "{name}");
        }
        for (name, error) in [
            ("colour", TlvError::UnknownName),
            ("ssl_alpn", TlvError::UnknownName),
            ("0x", TlvError::InvalidNumber),
            ("0xg", TlvError::InvalidNumber),
            ("0x+1", TlvError::InvalidNumber),
            ("ssl_0xfffffffff", TlvError::InvalidNumber),
        ] {
            assert_eq!(field(&header, name), Err(error), "{name}");
        }
    }

    #[test]
    fn broken_fields_do_no_harm() {
        for tlvs in [&[1][..], &[1, 0], &[1, 0, 1], &[4, 0, 0, 1], &[0x20, 0, 4, 0, 0, 0, 0]] {
            assert_eq!(field(&with_tlvs(tlvs), "ssl_cn"), Err(TlvError::Broken), "{tlvs:?}");
        }
        // What stands before the break is found.
        assert_eq!(field(&with_tlvs(&[1, 0, 1, b'x', 9]), "alpn").unwrap(), "x");
        assert_eq!(field(&with_tlvs(&[]), "ssl_cn").unwrap(), "-");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_none_and_more_of_them_change_nothing(
            start in prop_oneof![Just(&b""[..]), Just(SIGNATURE), Just(TCP4), Just(TCP6), Just(UNKNOWN)],
            rest in proptest::collection::vec(any::<u8>(), 0..160),
        ) {
            let received = [start, &rest].concat();
            let whole = decode(&received);
            for length in 0..received.len() {
                let early = decode(&received[..length]);
                prop_assert!(early == Ok(Progress::NeedMore) || early == whole, "{early:?} then {whole:?}");
            }
        }

        #[test]
        fn any_fields_are_read(tlvs in proptest::collection::vec(any::<u8>(), 0..64), name in "(ssl_)?(0x)?[a-f0-9_]{0,4}") {
            let header = with_tlvs(&tlvs);
            let _any = header.write_tlv(&name, &mut Vec::new());
        }
    }
}

//! The host a request is for: the `Host` field and the authority of a target (RFC 9110 section 7.2, RFC 3986 section
//! 3.2.2, nginx's `$host`).
//!
//! Owns which hosts are refused and their normal form. Called by the decoder. It does not choose a server by the host.

use std::net::Ipv6Addr;

use bytes::Bytes;

/// A validated host, with the port that stood behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name in small letters, without port and without the dot at its end; an IPv6 address in its brackets.
    pub name: Bytes,
    /// The port, if one was given.
    pub port: Option<u16>,
}

/// The text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name or address, and at most a port behind it")]
pub struct BadHost;

impl Host {
    /// Reads `host[:port]`. Refused are what nginx refuses (an empty host, `..`, a slash, white space and control
    /// bytes) and what RFC 3986 allows in no host: user information, bytes above 127, a port that is not a number up
    /// to 65535, and brackets around something that is no IPv6 address.
    pub fn parse(text: &Bytes) -> Result<Host, BadHost> {
        let length = if text.first() == Some(&b'[') { literal_length(text)? } else { name_length(text)? };
        let port = parse_port(&text[length..])?;
        let length = if text[..length].ends_with(b".") { length - 1 } else { length };
        let name = &text[..length];
        if name.is_empty() {
            return Err(BadHost);
        }
        let is_lower = !name.iter().any(u8::is_ascii_uppercase);
        let name = if is_lower { text.slice(..length) } else { Bytes::from(name.to_ascii_lowercase()) };
        Ok(Host { name, port })
    }
}

/// The length of `[address]` at the beginning of `text`.
fn literal_length(text: &[u8]) -> Result<usize, BadHost> {
    let end = text.iter().position(|byte| *byte == b']').ok_or(BadHost)?;
    let address = std::str::from_utf8(&text[1..end]).map_err(|_| BadHost)?;
    address.parse::<Ipv6Addr>().map_err(|_| BadHost)?;
    Ok(end + 1)
}

/// The length of the registered name (RFC 3986 section 3.2.2) at the beginning of `text`, up to a colon or the end.
fn name_length(text: &[u8]) -> Result<usize, BadHost> {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let run = rest.iter().position(|byte| !IS_PLAIN[usize::from(*byte)]).unwrap_or(rest.len());
        length += run;
        match &rest[run..] {
            [] | [b':', ..] => break,
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => length += 3,
            _ => return Err(BadHost),
        }
    }
    let has_empty_label = text[..length].windows(2).any(|pair| pair == b"..");
    if has_empty_label { Err(BadHost) } else { Ok(length) }
}

/// The bytes of a registered name that are like any other in it.
const IS_PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < plain.len() {
        let text = byte as u8;
        plain[byte] = text.is_ascii_alphanumeric()
            || matches!(
                text,
                b'.' | b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            );
        byte += 1;
    }
    plain
};

/// The port in `rest`, which is what stands behind the name: nothing, `:`, or `:` and digits.
fn parse_port(rest: &[u8]) -> Result<Option<u16>, BadHost> {
    let Some((colon, digits)) = rest.split_first() else {
        return Ok(None);
    };
    if *colon != b':' {
        return Err(BadHost);
    }
    if digits.is_empty() {
        return Ok(None);
    }
    let mut port: u16 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(BadHost);
        }
        port = port.checked_mul(10).and_then(|port| port.checked_add(digit.into())).ok_or(BadHost)?;
    }
    Ok(Some(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, Option<u16>)> {
        let host = Host::parse(&Bytes::copy_from_slice(text.as_bytes())).ok()?;
        Some((String::from_utf8(host.name.to_vec()).unwrap(), host.port))
    }

    #[test]
    fn a_name_is_lowered_and_loses_its_last_dot() {
        assert_eq!(parse("Example.COM."), Some(("example.com".into(), None)));
        assert_eq!(parse("example.com.:80"), Some(("example.com".into(), Some(80))));
        assert_eq!(parse("a_b"), Some(("a_b".into(), None)));
    }

    #[test]
    fn a_port_is_split_off() {
        assert_eq!(parse("a:8080"), Some(("a".into(), Some(8080))));
        assert_eq!(parse("a:"), Some(("a".into(), None)));
        assert_eq!(parse("192.0.2.1:65535"), Some(("192.0.2.1".into(), Some(65535))));
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        assert_eq!(parse("[::1]"), Some(("[::1]".into(), None)));
        assert_eq!(parse("[2001:DB8::1]:81"), Some(("[2001:db8::1]".into(), Some(81))));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let texts = [
            "", ".", ":80", "a..b", "a/b", "a b", "a\tb", "a\0b", "user@a", "a:b", "a:65536", "a:80:80", "a:-1",
            "[::1", "[]", "[a]", "[::1]a", "::1", "a[b]", "\u{e9}", "a%", "a%2", "a%zz", "a\"b", "<a>",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}

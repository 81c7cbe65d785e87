//! The address that a `listen` begins with, as nginx reads it. Looks up no name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// What an address says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    /// The path of a Unix domain socket.
    Unix(&'a str),
    /// The name of a socket that a service manager passes.
    Named(&'a str),
    /// A host, and a port or several.
    Inet {
        /// Where.
        host: Host<'a>,
        /// The ports; not empty.
        ports: RangeInclusive<u16>,
    },
}

/// The host of an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    /// `*`, or no host: all IPv4 addresses of the machine.
    Any,
    /// An address.
    Ip(IpAddr),
    /// Something to look up.
    Name(&'a str),
}

/// What is wrong with an address, in nginx's words, and what was expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AddressError {
    pub(super) message: &'static str,
    pub(super) expected: &'static str,
}

const INVALID_HOST: AddressError = AddressError {
    message: "invalid host",
    expected: "expected an address and a port, such as 127.0.0.1:80 or [::]:80",
};
const NO_HOST: AddressError =
    AddressError { message: "no host", expected: "expected a host before the port, or the port alone" };
const INVALID_IPV6: AddressError = AddressError {
    message: "invalid IPv6 address",
    expected: "expected an IPv6 address in brackets, such as [::1]:80",
};
const INVALID_PORT: AddressError =
    AddressError { message: "invalid port", expected: "expected a port from 0 to 65535" };
const INVALID_RANGE: AddressError =
    AddressError { message: "invalid port range", expected: "expected the lower port first, such as 8000-8010" };
const NO_PATH: AddressError = AddressError {
    message: "no path in the unix domain socket",
    expected: "expected a path behind `unix:`, such as unix:/run/web.sock",
};
const LONG_PATH: AddressError =
    AddressError { message: "too long path in the unix domain socket", expected: "the path may have 107 bytes" };

const INVALID_NAME: AddressError = AddressError {
    message: "invalid name of a socket",
    expected: "expected a name as systemd's FileDescriptorName= has it, such as fd:web",
};

/// systemd's limit (`FDNAME_MAX`).
const NAME_BYTES_MAX: usize = 255;

/// The system's limit (`sun_path`), less the byte that ends the path.
const SOCKET_PATH_BYTES_MAX: usize = 107;

const DEFAULT_PORT: u16 = 80;

/// Reads an address.
pub(super) fn parse(text: &str) -> Result<Endpoint<'_>, AddressError> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match path.len() {
            0 => Err(NO_PATH),
            1..=SOCKET_PATH_BYTES_MAX => Ok(Endpoint::Unix(path)),
            _ => Err(LONG_PATH),
        };
    }
    // A name of digits would be a port, and the name in front of it a host.
    if let Some(name) = text.strip_prefix("fd:")
        && !name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return match name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') && name.len() <= NAME_BYTES_MAX {
            true => Ok(Endpoint::Named(name)),
            false => Err(INVALID_NAME),
        };
    }
    if text.contains('/') {
        return Err(INVALID_HOST);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return bracketed(rest);
    }
    if let Some((host, port)) = text.split_once(':') {
        return Ok(Endpoint::Inet { host: host_of(host)?, ports: ports(port)? });
    }
    // A host's name may hold hyphens and digits, so only what is all port is one.
    match text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && text.starts_with(|c: char| c.is_ascii_digit())
    {
        true => Ok(Endpoint::Inet { host: Host::Any, ports: ports(text)? }),
        false => Ok(Endpoint::Inet { host: host_of(text)?, ports: DEFAULT_PORT..=DEFAULT_PORT }),
    }
}

/// What follows `[`.
fn bracketed(rest: &str) -> Result<Endpoint<'_>, AddressError> {
    let (address, behind) = rest.split_once(']').ok_or(INVALID_HOST)?;
    let ports = match behind.strip_prefix(':') {
        Some(port) => ports(port)?,
        None if behind.is_empty() => DEFAULT_PORT..=DEFAULT_PORT,
        None => return Err(INVALID_HOST),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| INVALID_IPV6)?;
    Ok(Endpoint::Inet { host: Host::Ip(address.into()), ports })
}

fn host_of(text: &str) -> Result<Host<'_>, AddressError> {
    match text {
        "" => Err(NO_HOST),
        "*" => Ok(Host::Any),
        _ => Ok(text.parse().map_or(Host::Name(text), |address: Ipv4Addr| Host::Ip(address.into()))),
    }
}

/// A port, or two with a hyphen between them.
fn ports(text: &str) -> Result<RangeInclusive<u16>, AddressError> {
    let port = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse::<u16>().map_err(|_| INVALID_PORT),
        false => Err(INVALID_PORT),
    };
    let Some((first, last)) = text.split_once('-') else {
        let only = port(text)?;
        return Ok(only..=only);
    };
    let (first, last) = (port(first)?, port(last)?);
    if first == 0 {
        return Err(INVALID_PORT);
    }
    if first > last {
        return Err(INVALID_RANGE);
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_port_alone_is_told_from_a_host() {
        let any = |ports| Ok(Endpoint::Inet { host: Host::Any, ports });
        assert_eq!(parse("80"), any(80..=80));
        assert_eq!(parse("80-90"), any(80..=90));
        let name = |name| Ok(Endpoint::Inet { host: Host::Name(name), ports: 80..=80 });
        assert_eq!(parse("web-1"), name("web-1"));
        assert_eq!(parse("127.1"), name("127.1"));
        assert_eq!(parse("1-web"), name("1-web"));
    }

    #[test]
    fn ranges_are_not_of_the_systems_choice() {
        assert_eq!(parse("a:0-5"), Err(INVALID_PORT));
        assert_eq!(parse("a:5-"), Err(INVALID_PORT));
        assert_eq!(parse("a:5-6-7"), Err(INVALID_PORT));
        assert_eq!(parse("a:+5"), Err(INVALID_PORT));
    }

    #[test]
    fn a_name_is_told_from_a_host_called_fd() {
        assert_eq!(parse("fd:web"), Ok(Endpoint::Named("web")));
        assert_eq!(parse("fd:web.socket"), Ok(Endpoint::Named("web.socket")));
        assert_eq!(parse("fd:80"), Ok(Endpoint::Inet { host: Host::Name("fd"), ports: 80..=80 }));
        assert_eq!(parse("fd:"), Err(INVALID_PORT));
        assert_eq!(parse("fd:a:b"), Err(INVALID_NAME));
        assert_eq!(parse(&format!("fd:{}", "x".repeat(256))), Err(INVALID_NAME));
    }

    #[test]
    fn a_socket_path_fits_into_the_systems_structure() {
        assert_eq!(parse(&format!("unix:{}", "x".repeat(108))), Err(LONG_PATH));
        assert!(parse(&format!("unix:{}", "x".repeat(107))).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-z:.*/\\[\\]ux-]{0,12}") {
            if let Ok(Endpoint::Inet { ports, .. }) = parse(&text) {
                prop_assert!(!ports.is_empty());
            }
        }
    }
}

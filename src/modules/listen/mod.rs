//! The addresses of a virtual server: `listen`.
//!
//! Reads and checks; names of hosts are looked up here, once per load. Which servers share an address
//! is decided by `config`, and nothing is bound before the whole configuration is accepted.

mod address;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use address::{Endpoint, Host};

use crate::base::duration::parse_seconds;
use crate::base::size::parse_size;
use crate::config::arguments::Arguments;
use crate::config::build::{Build, Listen as Listening, ServerBuilder};
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::runtime::listen::{Address, Keepalive, ListenOptions};

/// The module.
#[derive(Debug)]
pub struct Listen;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    listens: Vec<Listening>,
}

impl Module for Listen {
    type Conf = Conf;

    const NAME: &'static str = "listen";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "listen",
        contexts: Contexts::SERVER,
        args: Shape::at_least(1, "ADDRESS[:PORT] | PORT | unix:PATH | fd:NAME [PARAMETER...]"),
        repeat: Repeat::Many,
        set: add_listen,
        default: "*:80",
        doc: "An address that the server answers at: an IPv4 address, an IPv6 address in brackets, `*` or the name of a \
              host (all of its addresses), with a port, or a range of ports such as `8000-8010`; a port alone, on all \
              IPv4 addresses; or the path of a Unix domain socket. Where a service manager passes a socket that is bound to \
              the address (socket activation, `LISTEN_FDS`), that one is taken; `fd:NAME`, which nginx has not, takes \
              those that the manager passes by this name (`FileDescriptorName=`). Without a port it is 80. Port 0, which nginx refuses, \
              lets the system choose a port. `default_server` makes the server answer for names that no other server of \
              the address has; else the first one does. `proxy_protocol` in any `listen` of an address means that its \
              connections begin with a PROXY protocol header (version 1 or 2) of the proxy in front; what it says is in \
              `$proxy_protocol_addr` and its like, and `real_ip_header proxy_protocol` makes it the client's address. A \
              connection that begins otherwise is closed, and told of in the error log. The other parameters concern the socket, and may stand in one \
              `listen` of each address: `backlog=NUMBER` of connections that may wait (511), `rcvbuf=SIZE` and \
              `sndbuf=SIZE` of the system's buffers, `ipv6only=on|off` for `[::]` (on), \
              `so_keepalive=on|off|[IDLE]:[INTERVAL]:[COUNT]` for probes of idle connections. `reuseport`, `bind` and \
              `deferred` are accepted and change nothing: each worker has a socket of its own for each address anyway.",
        example: "listen 127.0.0.1:8080 default_server;",
        origin: Origin::Nginx,
    }];

    fn server(conf: &Conf, server: &mut ServerBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        server.listens.clone_from(&conf.listens);
        Ok(())
    }
}

/// Adds the addresses; all that is wrong is reported, the last of it by being returned.
fn add_listen(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut parameters = Parameters::default();
    let mut wrong = None;
    let mut note = |result: Result<(), Diagnostic>| {
        if let Some(earlier) = result.err().and_then(|error| wrong.replace(error)) {
            arguments.warn(earlier);
        }
    };
    let addresses = addresses(arguments).map_err(|error| note(Err(error))).unwrap_or_default();
    for index in 1..arguments.len() {
        note(parameters.read(arguments, index));
    }
    if let Some(error) = wrong {
        return Err(error);
    }
    let Parameters { options, options_written, proxy_protocol, default_server } = parameters;
    let place = arguments.whole();
    conf.listens.extend(addresses.into_iter().map(|address| Listening {
        address,
        options: options.clone(),
        options_written,
        proxy_protocol,
        default_server,
        place,
    }));
    Ok(())
}

/// The addresses that the first word means, each once.
fn addresses(arguments: &Arguments<'_>) -> Result<Vec<Address>, Diagnostic> {
    let word = arguments.word(0);
    let wrong = |what: &str| arguments.error(0, format!("{what} in \"{word}\" of the \"listen\" directive"));
    let (host, ports) = match address::parse(word) {
        Ok(Endpoint::Unix(path)) => return Ok(vec![Address::Unix(PathBuf::from(path))]),
        Ok(Endpoint::Named(name)) => return Ok(vec![Address::Named(name.to_owned())]),
        Ok(Endpoint::Inet { host, ports }) => (host, ports),
        Err(error) => return Err(wrong(error.message).label(error.expected)),
    };
    let hosts = match host {
        Host::Any => vec![IpAddr::from(Ipv4Addr::UNSPECIFIED)],
        Host::Ip(ip) => vec![ip],
        Host::Name(name) => {
            let found =
                (name, 0).to_socket_addrs().map_err(|error| wrong("host not found").label(error.to_string()))?;
            found.map(|address| address.ip()).collect()
        }
    };
    let mut addresses = Vec::new();
    for port in ports {
        for host in &hosts {
            let address = Address::Inet(SocketAddr::new(*host, port));
            // The system names an address once for each kind of socket.
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    Ok(addresses)
}

/// What stands behind the address.
#[derive(Default)]
struct Parameters {
    options: ListenOptions,
    /// nginx's `lsopt.set`: whether anything concerns the socket.
    options_written: bool,
    proxy_protocol: bool,
    default_server: bool,
}

impl Parameters {
    fn read(&mut self, arguments: &Arguments<'_>, index: usize) -> Result<(), Diagnostic> {
        let word = arguments.word(index);
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        match (name, value) {
            ("default_server" | "default", None) => {
                self.default_server = true;
                return Ok(());
            }
            ("proxy_protocol", None) => {
                self.proxy_protocol = true;
                return Ok(());
            }
            ("bind" | "reuseport", None) => {}
            ("deferred", None) => self.options.deferred = true,
            ("backlog", Some(value)) => self.options.backlog = backlog(arguments, index, value)?,
            ("rcvbuf", Some(value)) => self.options.receive_buffer = Some(buffer(arguments, index, name, value)?),
            ("sndbuf", Some(value)) => self.options.send_buffer = Some(buffer(arguments, index, name, value)?),
            ("ipv6only", Some("on")) => self.options.ipv6only = true,
            ("ipv6only", Some("off")) => self.options.ipv6only = false,
            ("ipv6only", Some(_)) => {
                return Err(arguments.invalid_parameter(index, []).label("expected `ipv6only=on` or `ipv6only=off`"));
            }
            ("so_keepalive", Some(value)) => self.options.keepalive = keepalive(arguments, index, value)?,
            _ => return Err(not_possible(arguments, index, name)),
        }
        self.options_written = true;
        Ok(())
    }
}

/// A parameter that nginx has elsewhere, or that nobody has.
fn not_possible(arguments: &Arguments<'_>, index: usize, name: &str) -> Diagnostic {
    let word = arguments.word(index);
    let unsupported = |help: &str| {
        let error = arguments.error(index, format!("unsupported parameter \"{word}\" of the \"listen\" directive"));
        error.label("nginx has this parameter, webserv does not support it yet").help(help)
    };
    match name {
        "ssl" | "http2" | "spdy" | "quic" | "http3" => unsupported("until then, let a TLS proxy stand in front"),
        "fastopen" => unsupported("leave it out: connections then open in the usual way"),
        "multipath" => unsupported("leave it out: connections then use one path"),
        "accept_filter" => {
            let message = format!("accept filters \"{word}\" are not supported on this platform");
            arguments.error(index, message).label("only FreeBSD and NetBSD have them")
        }
        "setfib" => {
            let message = format!("invalid parameter \"{word}\"");
            arguments.error(index, message).label("only FreeBSD has routing tables to choose from")
        }
        _ => arguments.invalid_parameter(index, PARAMETERS.iter().copied()).help(
            "expected default_server, proxy_protocol, backlog=, rcvbuf=, sndbuf=, ipv6only=, so_keepalive=, reuseport, bind or deferred",
        ),
    }
}

const PARAMETERS: &[&str] = &[
    "default_server",
    "proxy_protocol",
    "backlog=",
    "rcvbuf=",
    "sndbuf=",
    "ipv6only=on",
    "ipv6only=off",
    "so_keepalive=on",
    "so_keepalive=off",
    "reuseport",
    "bind",
    "deferred",
];

fn backlog(arguments: &Arguments<'_>, index: usize, value: &str) -> Result<u32, Diagnostic> {
    let number = if value.starts_with('+') { None } else { value.parse().ok().filter(|number| *number > 0) };
    number.ok_or_else(|| {
        let error = arguments.error(index, format!("invalid backlog \"{}\"", arguments.word(index)));
        error.label("expected a number, such as `backlog=1024`")
    })
}

fn buffer(arguments: &Arguments<'_>, index: usize, name: &str, value: &str) -> Result<usize, Diagnostic> {
    let size = parse_size(value).ok().and_then(|size| i32::try_from(size).ok()).and_then(|size| size.try_into().ok());
    size.ok_or_else(|| {
        let error = arguments.error(index, format!("invalid {name} \"{}\"", arguments.word(index)));
        error.label(format!("expected a size below 2048m, such as `{name}=64k`"))
    })
}

/// `on`, `off`, or the three parts, any of which may be missing.
fn keepalive(arguments: &Arguments<'_>, index: usize, value: &str) -> Result<Option<Keepalive>, Diagnostic> {
    match value {
        "on" => return Ok(Some(Keepalive::default())),
        "off" => return Ok(None),
        _ => {}
    }
    let invalid = |label: &str| {
        let error = arguments.error(index, format!("invalid so_keepalive value: \"{value}\""));
        Err(error.label(label))
    };
    let Some((idle, interval, count)) = keepalive_parts(value) else {
        return invalid("expected `on`, `off` or [IDLE]:[INTERVAL]:[COUNT], such as `so_keepalive=30m::10`");
    };
    if idle.is_none() && interval.is_none() && count.is_none() {
        return invalid("expected at least one of the three parts");
    }
    let within = |time: Option<Duration>| time.is_none_or(|time| time <= KEEPALIVE_TIME_MAX);
    if !within(idle) || !within(interval) || count.is_some_and(|count| count > KEEPALIVE_COUNT_MAX) {
        return invalid("the system allows at most 32767 seconds and 127 probes");
    }
    Ok(Some(Keepalive { idle, interval, count }))
}

/// Linux's MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL.
const KEEPALIVE_TIME_MAX: Duration = Duration::from_secs(32767);
/// Linux's MAX_TCP_KEEPCNT.
const KEEPALIVE_COUNT_MAX: u32 = 127;

/// As in nginx, 0 is as good as nothing.
fn keepalive_parts(value: &str) -> Option<(Option<Duration>, Option<Duration>, Option<u32>)> {
    let mut parts = value.splitn(3, ':');
    let mut time = || match parts.next() {
        None | Some("") => Some(None),
        Some(text) => parse_seconds(text).ok().map(|time| Some(time).filter(|time| !time.is_zero())),
    };
    let (idle, interval) = (time()?, time()?);
    let count = match parts.next() {
        None | Some("") => None,
        Some(text) if text.starts_with('+') => return None,
        Some(text) => Some(text.parse().ok()?).filter(|count| *count > 0),
    };
    Some((idle, interval, count))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::testing::{accepted, load_with, refused};

    /// The addresses of servers with these lines.
    fn listens(servers: &[&str]) -> Vec<String> {
        let servers: String = servers.iter().map(|lines| format!("server {{ {lines} }} ")).collect();
        let tree = accepted::<Listen>(&format!("http {{ {servers} }}")).tree;
        tree.addresses.iter().map(|routes| routes.address.to_string()).collect()
    }

    fn options(line: &str) -> ListenOptions {
        let tree = accepted::<Listen>(&format!("http {{ server {{ {line} }} }}")).tree;
        tree.addresses[0].options.clone()
    }

    #[test]
    fn every_form_of_an_address_is_understood() {
        for (written, meant) in [
            ("8080", "0.0.0.0:8080"),
            ("*:8080", "0.0.0.0:8080"),
            ("*", "0.0.0.0:80"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::]:8080", "[::]:8080"),
            ("[::1]", "[::1]:80"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:/run/a:b", "unix:/run/a:b"),
        ] {
            assert_eq!(listens(&[&format!("listen {written};")]), [meant], "{written}");
        }
    }

    #[test]
    fn a_range_of_ports_is_an_address_each() {
        assert_eq!(
            listens(&["listen 127.0.0.1:8000-8002; listen 9000-9000;"]),
            ["127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8002", "0.0.0.0:9000"]
        );
    }

    #[test]
    fn a_host_is_looked_up() {
        let found = listens(&["listen localhost:8080;"]);
        assert!(found.contains(&"127.0.0.1:8080".to_owned()), "{found:?}");
    }

    #[test]
    fn options_of_the_socket_are_taken() {
        let options = options("listen 80 backlog=64 rcvbuf=32k sndbuf=1m ipv6only=off deferred reuseport bind;");
        assert_eq!(options.backlog, 64);
        assert_eq!((options.receive_buffer, options.send_buffer), (Some(32 * 1024), Some(1024 * 1024)));
        assert!(!options.ipv6only && options.deferred);
    }

    #[test]
    fn a_proxy_header_is_asked_for_by_any_listen_of_the_address_and_is_no_option_of_the_socket() {
        let first = "server { listen 80 backlog=5; listen 81; }";
        let tree = load_with::<Listen>(&format!("http {{ {first} server {{ listen 80 proxy_protocol; }} }}"));
        let asked: Vec<bool> = tree.0.unwrap().tree.addresses.iter().map(|routes| routes.proxy_protocol).collect();
        assert_eq!(asked, [true, false]);
    }

    #[test]
    fn probes_of_idle_connections_have_three_parts() {
        let seconds = Duration::from_secs;
        let keepalive = |value: &str| options(&format!("listen 80 so_keepalive={value};")).keepalive;
        assert_eq!(keepalive("off"), None);
        assert_eq!(keepalive("on"), Some(Keepalive::default()));
        assert_eq!(
            keepalive("30m::10"),
            Some(Keepalive { idle: Some(seconds(1800)), interval: None, count: Some(10) })
        );
        assert_eq!(keepalive("30"), Some(Keepalive { idle: Some(seconds(30)), ..Keepalive::default() }));
        assert_eq!(keepalive(":5:"), Some(Keepalive { interval: Some(seconds(5)), ..Keepalive::default() }));
        for wrong in ["x", "::", "0:0:0", "1ms::", "1:2:3:4", "::+3", "::128", "10h::"] {
            let report = refused::<Listen>(&format!("listen 80 so_keepalive={wrong};"));
            assert!(report.contains(&format!("invalid so_keepalive value: \"{wrong}\"")), "{report}");
        }
    }

    #[test]
    fn the_default_server_is_the_one_that_says_so() {
        for word in ["default_server", "default"] {
            let text = format!("http {{ server {{ listen 80; }} server {{ listen 80 {word}; }} }}");
            // Both have the empty name, which stays with the first, and is warned of.
            let tree = load_with::<Listen>(&text).0.unwrap().tree;
            let (first, _) = tree.addresses[0].select(Some(b""));
            assert!(!Arc::ptr_eq(&first, &tree.addresses[0].default), "{word}");
        }
        let twice = "listen 80 default; } server { listen 80 default;";
        assert!(refused::<Listen>(twice).contains("a duplicate default server for 0.0.0.0:80"));
    }

    #[test]
    fn what_is_no_address_is_told_in_nginxs_words() {
        for (written, reason) in [
            ("70000", "invalid port in \"70000\" of the \"listen\" directive"),
            ("127.0.0.1:", "invalid port"),
            ("127.0.0.1:80:90", "invalid port"),
            ("8002-8000", "invalid port range"),
            ("[::", "invalid host"),
            ("[::1]x", "invalid host"),
            ("[zz]:80", "invalid IPv6 address"),
            ("http://a:80", "invalid host"),
            ("unix:", "no path in the unix domain socket"),
            (":80", "no host"),
            ("\"\"", "no host"),
            ("host.invalid:80", "host not found"),
        ] {
            let report = refused::<Listen>(&format!("listen {written};"));
            assert!(report.contains(reason), "{written}: {report}");
        }
        let long = refused::<Listen>(&format!("listen unix:/{};", "x".repeat(108)));
        assert!(long.contains("too long path in the unix domain socket"), "{long}");
    }

    #[test]
    fn all_parameters_that_are_wrong_are_told_at_once() {
        let report = refused::<Listen>("listen 80 ssl backlog=0 rcvbuf=8g ipv6only=no defalt_server setfib=1;");
        for reason in [
            "unsupported parameter \"ssl\"",
            "invalid backlog \"backlog=0\"",
            "invalid rcvbuf \"rcvbuf=8g\"",
            "invalid parameter \"ipv6only=no\"",
            "did you mean `default_server`?",
            "invalid parameter \"setfib=1\"",
        ] {
            assert!(report.contains(reason), "{reason}: {report}");
        }
    }

    #[test]
    fn parts_of_a_word_that_are_no_parameter_are_not_taken_for_one() {
        for word in ["default_server=on", "backlog", "bind=on", "so_keepalive"] {
            assert!(refused::<Listen>(&format!("listen 80 {word};")).contains("invalid parameter"), "{word}");
        }
    }
}

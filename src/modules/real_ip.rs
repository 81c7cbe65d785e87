//! The client's address by what a trusted proxy says of it: `set_real_ip_from`, `real_ip_header`, `real_ip_recursive`.
//!
//! A handler of the stages `PostRead` (by the server's settings) and `PreAccess` (by the location's, where the server's
//! changed nothing), as in nginx. It gives the exchange another view of its client; what asks for the client's address
//! sees that one, and other requests on the connection do not. Which address it is says `exchange::forwarded`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::client::Peer;
use crate::exchange::core_variables::{write_address, write_port};
use crate::exchange::forwarded::{Trusted, client_address};
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::trace::Step;
use crate::exchange::variables::{Variable, VariableKind};

/// The module.
#[derive(Debug)]
pub struct RealIp;

/// What its directives set.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    from: Vec<Trusted>,
    source: Source,
    recursive: bool,
}

/// Where the address is told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// The first field of this name.
    Field(Arc<[u8]>),
    /// `X-Forwarded-For`, a list that each proxy adds to.
    ForwardedFor,
    /// The header that the connection began with.
    ProxyProtocol,
}

impl Default for Source {
    fn default() -> Self {
        Self::Field(Arc::from(*b"X-Real-IP"))
    }
}

impl Module for RealIp {
    type Conf = Conf;

    const NAME: &'static str = "real_ip";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "set_real_ip_from",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("ADDRESS | NETWORK | unix: | HOST"),
            repeat: Repeat::Many,
            set: add_trusted,
            default: "",
            doc: "Names those who are believed when they say which client they speak for: an address, a network, all peers on \
                  Unix domain sockets (`unix:`), or all addresses of a host, which is looked up when the configuration is \
                  read. The client's address is then what the field of `real_ip_header` says: for `$remote_addr`, \
                  `$remote_port` and `$binary_remote_addr`, for `allow` and `deny`, and in the logs. A field that says \
                  nothing of use leaves the address as it is. In a location it works from the limits and access rules on, \
                  and not for `set`, `if` and `return`. A block that has any of these has none of the block around it.",
            example: "set_real_ip_from 10.0.0.0/8;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "real_ip_header",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("FIELD | X-Real-IP | X-Forwarded-For | proxy_protocol"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.source = match arguments.word(0) {
                    name if name.eq_ignore_ascii_case("X-Forwarded-For") => Source::ForwardedFor,
                    "proxy_protocol" => Source::ProxyProtocol,
                    name => Source::Field(Arc::from(name.as_bytes())),
                };
                Ok(())
            },
            default: "X-Real-IP",
            doc: "The request's field that holds the client's address, with or without a port (`192.0.2.1:4321`, \
                  `[2001:db8::1]:4321`). Of a list the last address counts; of several fields the first one, but the last one \
                  of `X-Forwarded-For`. `proxy_protocol` is the address in the header that the proxy in front begins its \
                  connection with, which `listen` must ask for (`listen 80 proxy_protocol`).",
            example: "real_ip_header X-Forwarded-For;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "real_ip_recursive",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.recursive = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether an address in the list that is trusted itself (`set_real_ip_from`) is passed over, so that the last \
                  one that is not stands for the client.",
            example: "real_ip_recursive on;",
            origin: Origin::Nginx,
        },
    ];

    const VARIABLES: &'static [Variable] = &[
        Variable {
            name: "realip_remote_addr",
            kind: VariableKind::Single,
            get: |exchange, _member, out| write_address(&exchange.client.connected(), out),
            doc: "The address at the other end of the connection, where `real_ip_header` may give another to the client.",
        },
        Variable {
            name: "realip_remote_port",
            kind: VariableKind::Single,
            get: |exchange, _member, out| write_port(&exchange.client.connected(), out),
            doc: "The port at the other end of the connection.",
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if !conf.from.is_empty() {
            let shared = Arc::new(conf.clone());
            plan.handler(Stage::PostRead, Replace(Arc::clone(&shared)));
            plan.handler(Stage::PreAccess, Replace(shared));
        }
        Ok(())
    }
}

/// What `set_real_ip_from` takes.
const EXPECTED: &str = "expected an address, a network such as 10.0.0.0/8, `unix:` or the name of a host";

fn add_trusted(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if arguments.first_in_block() {
        conf.from.clear();
    }
    let word = arguments.word(0);
    if word == "unix:" {
        conf.from.push(Trusted::Unix);
        return Ok(());
    }
    if let Some(network) = arguments.network(0) {
        conf.from.push(Trusted::Net(network));
        return Ok(());
    }
    if word.contains('/') {
        let label = arguments.no_network(word, EXPECTED);
        return Err(arguments.error(0, format!("invalid network \"{word}\" in \"set_real_ip_from\"")).label(label));
    }
    let found = (word, 0).to_socket_addrs().map_err(|error| {
        let error =
            arguments.error(0, format!("host not found in set_real_ip_from \"{word}\"")).label(error.to_string());
        error.help(EXPECTED)
    })?;
    for address in found {
        let trusted = Trusted::Net(IpNet::from(address.ip()));
        // The system names an address once for each kind of socket.
        if !conf.from.contains(&trusted) {
            conf.from.push(trusted);
        }
    }
    Ok(())
}

/// Replaces the client's address, once in a request.
#[derive(Debug)]
struct Replace(Arc<Conf>);

impl Handler for Replace {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if !exchange.client.is_passed_on()
            && let Some(address) = self.address(exchange)
        {
            exchange.client = Rc::new(exchange.client.on_behalf_of(Peer::Inet(address)));
            exchange.tell(|| Step::Note { text: format!("the client is {}", address.ip()).into(), at: None });
        }
        Outcome::Next.into()
    }
}

impl Replace {
    fn address(&self, exchange: &Exchange) -> Option<SocketAddr> {
        let Conf { from, source, recursive } = &*self.0;
        let (peer, headers) = (exchange.client.peer, exchange.request.headers());
        match source {
            Source::Field(name) => {
                let value = headers.get(name)?;
                client_address(peer, std::iter::once(&**value), from, *recursive)
            }
            Source::ForwardedFor => {
                let lines: Vec<&[u8]> = headers.get_all(b"X-Forwarded-For").map(|value| &**value).collect();
                client_address(peer, lines.into_iter(), from, *recursive)
            }
            Source::ProxyProtocol => {
                let source = &exchange.client.proxy_header()?.source;
                let told = std::iter::once(source.address.as_bytes());
                let mut address = client_address(peer, told, from, *recursive)?;
                address.set_port(source.port);
                Some(address)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::test_support::{Bench, rendered};

    fn stages(http: &str, path: &str) -> (bool, bool) {
        let plan = plan_at::<RealIp>(http, path);
        (plan.has_stage(Stage::PostRead), plan.has_stage(Stage::PreAccess))
    }

    #[test]
    fn nothing_is_done_where_nobody_is_trusted() {
        assert_eq!(stages("real_ip_header X-Client; server { }", "/"), (false, false));
        assert_eq!(stages("set_real_ip_from 10.0.0.1; server { }", "/"), (true, true));
        assert_eq!(stages("server { location /a { set_real_ip_from 10.0.0.1; } }", "/"), (false, false));
    }

    #[test]
    fn a_block_that_trusts_somebody_trusts_nobody_from_outside() {
        let shown = |http: &str| format!("{:?}", plan_at::<RealIp>(http, "/").handlers);
        let nested = shown(
            "set_real_ip_from 10.0.0.1; real_ip_recursive on;
             server { location / { set_real_ip_from 10.0.0.2; set_real_ip_from unix:; real_ip_header x-forwarded-for; } }",
        );
        assert!(nested.contains("10.0.0.2/32") && nested.contains("Unix") && nested.contains("recursive: true"));
        assert!(nested.contains("ForwardedFor") && !nested.contains("10.0.0.1"), "{nested}");
    }

    #[test]
    fn a_host_is_looked_up() {
        let shown = format!("{:?}", plan_at::<RealIp>("set_real_ip_from localhost; server { }", "/").handlers);
        assert!(shown.contains("127.0.0.1/32"), "{shown}");
        for word in ["host.invalid", "[::1]"] {
            let report = refused::<RealIp>(&format!("set_real_ip_from {word};"));
            assert!(report.contains(&format!("host not found in set_real_ip_from \"{word}\"")), "{report}");
        }
        let report = refused::<RealIp>("set_real_ip_from 10.0.0.0/33;");
        assert!(report.contains("the prefix of an IPv4 network has 0 to 32 bits"), "{report}");
        assert!(warned::<RealIp>("set_real_ip_from 10.0.0.1/8;").contains("low address bits of 10.0.0.1/8"));
    }

    #[test]
    fn the_address_is_replaced_once_and_the_connection_keeps_its_own() {
        let replace = |field: &str| {
            let conf = Conf {
                from: vec![Trusted::Net("192.0.2.0/24".parse().unwrap())],
                source: Source::Field(Arc::from(field.as_bytes())),
                recursive: false,
            };
            Replace(Arc::new(conf))
        };
        let mut exchange =
            Bench::new().exchange("GET / HTTP/1.1\r\nHost: a\r\na: 192.0.2.9:99\r\na: 192.0.2.8\r\nb: ::1\r\n\r\n");
        let connection = Rc::clone(&exchange.client);
        replace("c").handle(&mut exchange);
        assert_eq!(rendered("$remote_addr $remote_port", &exchange), "192.0.2.7 4321");
        replace("A").handle(&mut exchange);
        replace("b").handle(&mut exchange);
        assert_eq!(rendered("$remote_addr $remote_port", &exchange), "192.0.2.9 99");
        assert_eq!(exchange.client.connected(), connection.peer);
        assert!(exchange.client.is_passed_on() && !connection.is_passed_on());
    }

    #[test]
    fn an_address_without_a_port_has_an_empty_one() {
        let mut exchange = Bench::new().exchange("GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 2001:DB8::1\r\n\r\n");
        let conf = Conf { from: vec![Trusted::Net("192.0.2.7/32".parse().unwrap())], ..Conf::default() };
        Replace(Arc::new(conf)).handle(&mut exchange);
        assert_eq!(rendered("$remote_addr [$remote_port]", &exchange), "2001:db8::1 []");
    }
}

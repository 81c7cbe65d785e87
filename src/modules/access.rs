//! Who may ask, by address: `allow`, `deny`.
//!
//! A handler of the stage `Access`. The first rule that fits the client's address decides; where none
//! fits, everybody may.

use std::sync::Arc;

use ipnet::IpNet;

use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Inherit, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::client::Peer;
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::settings::Satisfy;
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct Access;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    rules: Arc<[Rule]>,
    /// Whether the rules are this block's own.
    own: bool,
}

impl Default for Conf {
    fn default() -> Self {
        Self { rules: Arc::from([]), own: false }
    }
}

/// One `allow` or `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    who: Who,
    may: bool,
}

/// Whom a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    All,
    /// Clients that come through a Unix domain socket.
    Unix,
    Net(IpNet),
}

const CONTEXTS: Contexts = Contexts::HTTP_SERVER_LOCATION.or(Contexts::LIMIT_EXCEPT);

impl Module for Access {
    type Conf = Conf;

    const NAME: &'static str = "access";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "allow",
            contexts: CONTEXTS,
            args: Shape::one("ADDRESS | NETWORK | unix: | all"),
            repeat: Repeat::Many,
            set: |conf, arguments| add_rule(conf, arguments, true),
            default: "",
            doc: "Clients with this address, of this network (`10.0.0.0/8`), of Unix domain sockets (`unix:`) or all may ask. \
                  The rules of a block are tried in order, and the first that fits decides; a block without rules has those \
                  of the block around it.",
            example: "allow 192.168.1.0/24;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "deny",
            contexts: CONTEXTS,
            args: Shape::one("ADDRESS | NETWORK | unix: | all"),
            repeat: Repeat::Many,
            set: |conf, arguments| add_rule(conf, arguments, false),
            default: "",
            doc: "Clients with this address, of this network, of Unix domain sockets (`unix:`) or all are answered with 403. \
                  See `allow`.",
            example: "deny all;",
            origin: Origin::Nginx,
        },
    ];

    const INHERIT: Option<Inherit<Conf>> = Some(|outer| Conf { own: false, ..outer.clone() });

    const INHERITS_ALL: fn(&Conf) -> bool = |conf| !conf.own;

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if !conf.rules.is_empty() {
            plan.handler(Stage::Access, Rules(Arc::clone(&conf.rules)));
        }
        Ok(())
    }
}

fn add_rule(conf: &mut Conf, arguments: &Arguments<'_>, may: bool) -> Result<(), Diagnostic> {
    let who = who(arguments)?;
    let mut rules = if conf.own { conf.rules.to_vec() } else { Vec::new() };
    rules.push(Rule { who, may });
    conf.rules = rules.into();
    conf.own = true;
    Ok(())
}

fn who(arguments: &Arguments<'_>) -> Result<Who, Diagnostic> {
    match arguments.word(0) {
        "all" => return Ok(Who::All),
        "unix:" => return Ok(Who::Unix),
        _ => {}
    }
    let network = arguments.network(0).ok_or_else(|| {
        let expected = "expected an address, a network such as 10.0.0.0/8, `unix:` or `all`";
        arguments.invalid_parameter(0, []).label(arguments.no_network(arguments.word(0), expected))
    })?;
    Ok(Who::Net(network))
}

/// Refuses clients by the rules of a location.
#[derive(Debug)]
struct Rules(Arc<[Rule]>);

impl Handler for Rules {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        let outcome = match may(&self.0, exchange.client.peer) {
            None => Outcome::Next,
            Some(true) => Outcome::Granted,
            Some(false) => {
                // With `any` another check may let the client pass; the stage tells of the refusal if none does.
                if exchange.plan.settings.satisfy == Satisfy::All {
                    exchange.report(Severity::Error, format_args!("access forbidden by rule"));
                }
                Outcome::Fail(Status::FORBIDDEN)
            }
        };
        outcome.into()
    }
}

/// Whether a client may ask, where a rule fits it. An IPv4 client that came to an IPv6 address is judged by the rules for IPv4 where there
/// are any, as in nginx.
fn may(rules: &[Rule], peer: Peer) -> Option<bool> {
    let found = match peer {
        Peer::Unix => rules.iter().find(|rule| matches!(rule.who, Who::All | Who::Unix)),
        Peer::Inet(address) => {
            let mut client = address.ip();
            let concerns_ipv4 = |rule: &Rule| matches!(rule.who, Who::All | Who::Net(IpNet::V4(_)));
            if client.is_ipv6() && rules.iter().any(concerns_ipv4) {
                client = client.to_canonical();
            }
            rules.iter().find(|rule| match rule.who {
                Who::All => true,
                Who::Unix => false,
                Who::Net(network) => network.contains(&client),
            })
        }
    };
    found.map(|rule| rule.may)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::testing::Location;

    /// Rules written as `+10.0.0.0/8 -all`.
    fn rules(text: &str) -> Vec<Rule> {
        let rule = |word: &str| {
            let who = match &word[1..] {
                "all" => Who::All,
                "unix:" => Who::Unix,
                network => Who::Net(network.parse().unwrap()),
            };
            Rule { who, may: word.starts_with('+') }
        };
        text.split_whitespace().map(rule).collect()
    }

    fn allows(text: &str, client: &str) -> bool {
        let peer = match client {
            "unix:" => Peer::Unix,
            address => Peer::Inet(SocketAddr::new(address.parse().unwrap(), 4321)),
        };
        may(&rules(text), peer).unwrap_or(true)
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let text = "-10.0.0.1/32 +10.0.0.0/8 +2001:db8::/32 -all";
        let verdicts = ["10.0.0.1", "10.0.0.2", "11.0.0.1", "2001:db8::1", "2001:db9::1", "unix:"];
        assert_eq!(verdicts.map(|client| allows(text, client)), [false, true, false, true, false, false]);
    }

    #[test]
    fn whom_no_rule_fits_may_ask() {
        assert!(allows("-10.0.0.0/8", "192.0.2.1"));
        assert!(allows("-10.0.0.0/8", "unix:"));
        assert!(allows("-unix:", "192.0.2.1") && !allows("-unix:", "unix:"));
    }

    #[test]
    fn an_ipv4_client_of_an_ipv6_address_is_judged_as_ipv4() {
        assert!(!allows("-10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(allows("+10.0.0.0/8 -::/0", "::ffff:11.0.0.1"));
        assert!(!allows("-::ffff:0:0/96", "::ffff:10.0.0.1"));
    }

    #[test]
    fn a_block_with_rules_of_its_own_has_none_from_outside() {
        let ruled = |text: &str| plan_at::<Access>(text, "/").has_stage(Stage::Access);
        assert!(ruled("deny all; server { }"));
        assert!(!ruled("server { location /a { deny all; } }"));
        let shown = |text: &str| format!("{:?}", plan_at::<Access>(text, "/").handlers);
        let nested = shown("deny 10.0.0.1; server { location / { allow 10.0.0.2; deny all; } }");
        assert!(!nested.contains("10.0.0.1") && nested.contains("10.0.0.2") && nested.contains("All"), "{nested}");
    }

    #[test]
    fn a_refused_client_is_answered_with_403() {
        let site = |text: &str| Location::new(|plan| plan.handler(Stage::Access, Rules(rules(text).into())));
        assert_eq!(site("-192.0.2.0/24").get("/x").status, 403);
        assert_eq!(site("-192.0.3.0/24").get("/x").status, 404);
    }

    #[test]
    fn bits_behind_the_network_are_warned_of() {
        let report = warned::<Access>("allow 10.0.0.1/8;");
        assert!(report.contains("low address bits of 10.0.0.1/8 are meaningless"), "{report}");
        assert!(report.contains("the network is 10.0.0.0/8"), "{report}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for word in ["localhost", "10.0.0.0/33", "10.0.0", "[::1]", "10.0.0.0/", "10.0.0.0/x", "ALL", "::/129"] {
            let report = refused::<Access>(&format!("deny {word};"));
            assert!(report.contains(&format!("invalid parameter \"{word}\"")), "{report}");
        }
    }
}

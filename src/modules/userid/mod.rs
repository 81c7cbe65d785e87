//! A cookie by which clients are told apart: `userid` and its directives (nginx's userid module).
//!
//! A filter behind that of `add_header`, and variables for logs. What a client is called is in `identifier`, how it is
//! told in `cookie`. Keeps no record of anybody.

mod cookie;
mod identifier;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::cookie::{Cookie, Expires, Flags};
use self::identifier::{Identifier, LETTERS, Version};
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::{Filter, PlanBuilder};
use crate::exchange::response::Response;
use crate::exchange::template::Template;
use crate::exchange::variables::{Computed, Reference, Variable, VariableKind, append};
use crate::exchange::{Exchange, Shown, core_variables};
use crate::http::h1::encoder::is_token;
use crate::http::headers::names;

/// The module.
#[derive(Debug)]
pub struct UserId;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    mode: Mode,
    cookie: Cookie,
    p3p: Option<Bytes>,
    service: Option<u32>,
    /// `$uid_reset`, which `userid` defines.
    reset: Template,
}

/// `userid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Off,
    /// Cookies are read, and none is sent.
    Log,
    Send(Version),
}

impl Default for Conf {
    fn default() -> Self {
        let cookie = Cookie {
            name: "uid".to_owned(),
            expires: Expires::Off,
            domain: None,
            path: "/".to_owned(),
            flags: Flags::default(),
            mark: None,
        };
        Self { mode: Mode::Off, cookie, p3p: None, service: None, reset: Template::literal("") }
    }
}

impl Module for UserId {
    type Conf = Conf;

    const NAME: &'static str = "userid";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            repeat: Repeat::Once,
            ..directive(
                "userid",
                Shape::one("on | v1 | log | off"),
                set_mode,
                "off",
                "Gives clients a cookie to be told apart by: in the form of version 2 (`on`) or 1 (`v1`). With `log` \
                 cookies are read, for `$uid_got`, and none is sent. Where `$uid_reset` has another value than the empty \
                 one and 0, a client that has a cookie gets a new one; with the value `log` that is written to the error \
                 log.",
                "userid on;",
            )
        },
        directive(
            "userid_domain",
            Shape::one("NAME | none"),
            |conf, arguments| {
                conf.cookie.domain = attribute(arguments)?;
                Ok(())
            },
            "none",
            "The domain that clients send the cookie to. Without it they send it to the host that they had it from.",
            "userid_domain example.com;",
        ),
        directive(
            "userid_expires",
            Shape::one("TIME | max | off"),
            |conf, arguments| {
                conf.cookie.expires = match arguments.word(0) {
                    "off" => Expires::Off,
                    "max" => Expires::Max,
                    _ => Some(arguments.seconds(0)?)
                        .filter(|time| *time > Duration::ZERO)
                        .map_or(Expires::Off, Expires::After),
                };
                Ok(())
            },
            "off",
            "How long clients keep the cookie, in whole seconds; `max` is until the end of 2037, and `off` until the \
             browser ends.",
            "userid_expires 365d;",
        ),
        Directive {
            repeat: Repeat::Many,
            ..directive(
                "userid_flags",
                Shape::at_least(1, "off | secure | httponly | samesite=strict|lax|none ..."),
                set_flags,
                "off",
                "What clients are told about the cookie besides: that it goes over encrypted connections alone (`secure`), \
                 that scripts may not see it (`httponly`), and whether other sites' requests bring it (`samesite=`).",
                "userid_flags secure httponly samesite=lax;",
            )
        },
        directive(
            "userid_mark",
            Shape::one("LETTER | DIGIT | = | off"),
            set_mark,
            "off",
            "A letter (its case counts), a digit or `=` that marks the cookie, in place of the padding of its base64. A \
             client whose cookie has not this mark gets the same cookie once more, with the mark: so new settings, such \
             as those of `userid_expires`, reach clients that have a cookie already.",
            "userid_mark a;",
        ),
        directive(
            "userid_name",
            Shape::one("NAME"),
            set_name,
            "uid",
            "The name of the cookie.",
            "userid_name visitor;",
        ),
        directive(
            "userid_p3p",
            Shape::one("TEXT | none"),
            |conf, arguments| {
                let text = Some(arguments.word(0)).filter(|text| !text.is_empty() && *text != "none");
                conf.p3p = text.map(|text| Bytes::copy_from_slice(text.as_bytes()));
                Ok(())
            },
            "none",
            "The field `P3P` that is sent with the cookie.",
            "userid_p3p 'policyref=\"/w3c/p3p.xml\", CP=\"CUR ADM OUR NOR STA NID\"';",
        ),
        directive(
            "userid_path",
            Shape::one("PATH"),
            |conf, arguments| {
                conf.cookie.path = attribute(arguments)?.unwrap_or_else(|| "none".to_owned());
                Ok(())
            },
            "/",
            "The path below which clients send the cookie.",
            "userid_path /shop;",
        ),
        directive(
            "userid_service",
            Shape::one("NUMBER"),
            |conf, arguments| {
                conf.service = Some(arguments.number(0)?);
                Ok(())
            },
            "",
            "The number that new identifiers begin with; each server that gives out identifiers should have its own. \
             Without it they begin with zero in version 1, and in version 2 with the last four bytes of the server's \
             address.",
            "userid_service 3;",
        ),
    ];

    const VARIABLES: &'static [Variable] = &[
        Variable {
            name: UID_GOT,
            kind: VariableKind::Single,
            get: |exchange, _, out| append(exchange.location_value(UID_GOT).as_deref(), out),
            doc: "The name of the cookie of userid, and the identifier that the client has, in hexadecimal.",
        },
        Variable {
            name: UID_RESET,
            kind: VariableKind::Assignable,
            get: |_, _, _| false,
            doc: "What `set` gives it: with another value than the empty one and `0` a client gets a new identifier; `log` \
                  says so in the error log, too.",
        },
        Variable {
            name: UID_SET,
            kind: VariableKind::Single,
            get: |exchange, _, out| append(exchange.location_value(UID_SET).as_deref(), out),
            doc: "The name of the cookie of userid, and the identifier that the client is given, in hexadecimal.",
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        let Some(received) = core_variables::resolve(&format!("cookie_{}", conf.cookie.name.to_ascii_lowercase()))
        else {
            return Ok(());
        };
        if conf.mode == Mode::Off {
            return Ok(());
        }
        let clients = Arc::new(Clients { conf: conf.clone(), received });
        plan.value(UID_GOT, Got(Arc::clone(&clients)));
        if let Mode::Send(version) = conf.mode {
            plan.value(UID_SET, Set(Arc::clone(&clients), version));
            plan.filter(SendCookie(clients, version));
        }
        Ok(())
    }
}

const fn directive(
    name: &'static str,
    args: Shape,
    set: fn(&mut Conf, &mut Arguments<'_>) -> Result<(), Diagnostic>,
    default: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Directive<Conf> {
    let contexts = Contexts::HTTP_SERVER_LOCATION;
    Directive { name, contexts, args, repeat: Repeat::Once, set, default, doc, example, origin: Origin::Nginx }
}

fn set_mode(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.mode = arguments.choice(0, MODES)?;
    conf.reset = arguments.template_of("$uid_reset", arguments.place(0))?;
    Ok(())
}

fn set_name(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let name = arguments.word(0);
    if !is_token(name.as_bytes()) {
        let error = arguments.error(0, format!("invalid cookie name \"{name}\""));
        return Err(error.label("expected letters, digits, hyphens and the like"));
    }
    conf.cookie.name = name.to_owned();
    Ok(())
}

fn set_mark(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.cookie.mark = match arguments.word(0).as_bytes() {
        b"off" => None,
        [mark] if mark.is_ascii_alphanumeric() || *mark == b'=' => Some(*mark),
        _ => {
            let message = format!("invalid value \"{}\" in \"userid_mark\" directive", arguments.word(0));
            return Err(arguments.error(0, message).label("expected `off`, or a single letter, digit or `=`"));
        }
    };
    Ok(())
}

fn set_flags(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let flags = &mut conf.cookie.flags;
    if arguments.first_in_block() {
        *flags = Flags::default();
    }
    for index in 0..arguments.len() {
        match arguments.choice(index, FLAGS)? {
            Flag::Off => {}
            Flag::Secure => flags.secure = true,
            Flag::HttpOnly => flags.http_only = true,
            Flag::SameSite(site) if flags.same_site.is_some_and(|other| other != site) => {
                return Err(arguments.error(index, "a second \"samesite=\"").label("expected one at the most"));
            }
            Flag::SameSite(site) => flags.same_site = Some(site),
        }
    }
    Ok(())
}

/// A word that becomes a part of the cookie; `none` is none.
fn attribute(arguments: &Arguments<'_>) -> Result<Option<String>, Diagnostic> {
    let word = arguments.word(0);
    if word.contains(';') || word.chars().any(char::is_control) {
        let message = format!("invalid value \"{word}\" in \"{}\" directive", arguments.name());
        return Err(arguments.error(0, message).label("it would end the attribute of the cookie"));
    }
    Ok((word != "none").then(|| word.to_owned()))
}

/// How the clients of a location are told apart.
#[derive(Debug)]
struct Clients {
    conf: Conf,
    /// `$cookie_NAME`.
    received: Reference,
}

impl Clients {
    /// The value of the cookie that the request brought, and its identifier.
    fn got(&self, exchange: &Exchange) -> Option<(Bytes, Identifier)> {
        let value = exchange.once("userid_cookie", || {
            let mut value = Vec::new();
            if !self.received.write(exchange, &mut value) {
                return None;
            }
            let fault = match Identifier::of_cookie(&value) {
                Some(_) => return Some(Bytes::from(value)),
                None if value.len() < LETTERS => "too short",
                None => "invalid",
            };
            let (name, value) = (&self.conf.cookie.name, Shown(&value));
            exchange.report(Severity::Error, format_args!("client sent {fault} userid cookie \"{name}={value}\""));
            None
        })?;
        let identifier = Identifier::of_cookie(&value).filter(|identifier| identifier.is_some())?;
        Some((value, identifier))
    }

    /// The identifier that the client is given with this response, if it is given one; once for the exchange.
    fn new_identifier(&self, exchange: &Exchange, version: Version) -> Option<Identifier> {
        let bytes = exchange.once("userid_new", || {
            let identifier = match self.got(exchange) {
                Some((value, identifier)) if !self.is_reset(exchange, identifier) => {
                    (!self.conf.cookie.is_marked(&value)).then_some(identifier)?
                }
                _ => {
                    let address = exchange.client.local_address().map(|address| address.ip());
                    Identifier::new(version, self.conf.service, address, exchange.handle.wall())
                }
            };
            Some(Bytes::copy_from_slice(&identifier.0))
        })?;
        bytes[..].try_into().ok().map(Identifier)
    }

    /// Whether `$uid_reset` says that a client loses the identifier that it has.
    fn is_reset(&self, exchange: &Exchange, identifier: Identifier) -> bool {
        let reset = self.conf.reset.render(exchange);
        if *reset == *b"log" {
            let (name, digits) = (&self.conf.cookie.name, identifier.digits());
            exchange.report(Severity::Notice, format_args!("userid cookie \"{name}={digits}\" was reset"));
        }
        !matches!(&*reset, b"" | b"0")
    }

    /// As variables show it.
    fn show(&self, identifier: Option<Identifier>, out: &mut Vec<u8>) -> bool {
        let shown = identifier.map(|identifier| format!("{}={}", self.conf.cookie.name, identifier.digits()));
        append(shown.as_ref().map(String::as_bytes), out)
    }
}

/// `$uid_got`.
#[derive(Debug)]
struct Got(Arc<Clients>);

impl Computed for Got {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        self.0.show(self.0.got(exchange).map(|(_, identifier)| identifier), out)
    }
}

/// `$uid_set`.
#[derive(Debug)]
struct Set(Arc<Clients>, Version);

impl Computed for Set {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        self.0.show(self.0.new_identifier(exchange, self.1), out)
    }
}

/// Adds the cookie to a response.
#[derive(Debug)]
struct SendCookie(Arc<Clients>, Version);

impl Filter for SendCookie {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        let Self(clients, version) = self;
        let Some(identifier) = clients.new_identifier(exchange, *version) else { return };
        let cookie = &clients.conf.cookie;
        let now = exchange.handle.wall();
        let text = match clients.got(exchange) {
            // As received, but for the mark.
            Some((value, got)) if got == identifier => cookie.marked(&value, now),
            _ => cookie.with(identifier, now),
        };
        response.headers.append(names::SET_COOKIE, text);
        if let Some(p3p) = &clients.conf.p3p {
            response.headers.append(&b"P3P"[..], p3p.clone());
        }
    }
}

/// A word of `userid_flags`.
#[derive(Clone, Copy)]
enum Flag {
    Off,
    Secure,
    HttpOnly,
    SameSite(&'static str),
}

const MODES: &[(&str, Mode)] =
    &[("off", Mode::Off), ("log", Mode::Log), ("v1", Mode::Send(Version::V1)), ("on", Mode::Send(Version::V2))];

const FLAGS: &[(&str, Flag)] = &[
    ("off", Flag::Off),
    ("secure", Flag::Secure),
    ("httponly", Flag::HttpOnly),
    ("samesite=strict", Flag::SameSite("strict")),
    ("samesite=lax", Flag::SameSite("lax")),
    ("samesite=none", Flag::SameSite("none")),
];

const UID_GOT: &str = "uid_got";
const UID_SET: &str = "uid_set";
/// A variable of the configuration, which gives it its values.
const UID_RESET: &str = "uid_reset";

#[cfg(test)]
mod tests;

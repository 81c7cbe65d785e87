//! The charset that content is said to be in, and recoding to it: `charset` and its directives (nginx's charset module).
//!
//! A filter behind those that add fields. `map` has the tables of `charset_map`, `recoded` the content on its way. It
//! guesses nothing: content is in the charset that it says, else in that of `source_charset`.

mod map;
mod recoded;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use self::map::Map;
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::body::Body;
use crate::exchange::plan::{Filter, PlanBuilder};
use crate::exchange::response::Response;
use crate::exchange::template::Template;
use crate::exchange::{Exchange, Shown};
use crate::http::h1::encoder::is_token;
use crate::http::headers::names;

/// The module.
#[derive(Debug)]
pub struct Charset;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    /// `charset`, and where it stands; none is off.
    sent: Option<(Template, Place)>,
    /// `source_charset`.
    source: Option<Template>,
    overrides: bool,
    types: Types,
    maps: Arc<[Map]>,
}

impl Default for Conf {
    fn default() -> Self {
        let types = Types::Of(DEFAULT_TYPES.iter().map(|name| Box::from(*name)).collect());
        Self { sent: None, source: None, overrides: false, types, maps: Arc::from([]) }
    }
}

/// `charset_types`.
#[derive(Clone, Debug)]
enum Types {
    All,
    Of(Arc<[Box<str>]>),
}

impl Module for Charset {
    type Conf = Conf;

    const NAME: &'static str = "charset";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "charset",
            contexts: CONTEXTS,
            args: Shape::one("CHARSET | off"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                let off = arguments.word(0) == "off";
                conf.sent = if off { None } else { Some((charset(arguments)?, arguments.place(0))) };
                Ok(())
            },
            default: "off",
            doc: "The charset that `Content-Type` tells of responses with one of the `charset_types`. Content that is in \
                  another charset by `source_charset` is recoded to it, for which there must be a `charset_map`. \
                  Redirects with the status 301 or 302 are told without a charset, as in nginx. The value may hold \
                  variables; with one that comes to no name of a charset the response is left as it is.",
            example: "charset utf-8;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "charset_map",
            contexts: Contexts::HTTP,
            args: Shape::Block { min: 2, max: 2, names: "CHARSET1 CHARSET2 { CODE1 CODE2; ... }" },
            repeat: Repeat::Many,
            set: |conf, arguments| {
                let map = Map::read(arguments, &conf.maps)?;
                conf.maps = conf.maps.iter().cloned().chain([map]).collect();
                Ok(())
            },
            default: "",
            doc: "How content is recoded between two charsets, in both directions. The codes are bytes in hexadecimal, and \
                  where the second charset is `utf-8` the bytes of a character up to U+FFFF. Codes from 00 to 7F stand for \
                  themselves unless a line says otherwise; others that no line names become `?`, and characters of UTF-8 \
                  that the other charset has not become `&#...;`, as HTML writes them. Files that are recoded are not sent \
                  in ranges.",
            example: "charset_map koi8-r utf-8 { C0 D18E; C1 D0B0; }",
            origin: Origin::Nginx,
        },
        Directive {
            name: "charset_types",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::at_least(1, "TYPE... | *"),
            repeat: Repeat::Many,
            set: set_types,
            default: "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml",
            doc: "The content types that `charset` is for; `text/html` always is one of them, and `*` is all. Content whose \
                  type says a charset already is left alone, unless `override_charset` is on.",
            example: "charset_types text/plain text/css application/json;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "override_charset",
            contexts: CONTEXTS,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.overrides = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether content whose type says a charset already (a script's, or by `types`) is recoded from that to the \
                  one of `charset`.",
            example: "override_charset on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "source_charset",
            contexts: CONTEXTS,
            args: Shape::one("CHARSET"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.source = Some(charset(arguments)?);
                Ok(())
            },
            default: "",
            doc: "The charset that content is in whose type does not say it. Where `charset` is another, the content is \
                  recoded by their `charset_map`. The value may hold variables.",
            example: "source_charset koi8-r;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        let Some((sent, place)) = &conf.sent else { return Ok(()) };
        if let (Some(from), Some(to)) = (conf.source.as_ref().and_then(literal), literal(sent))
            && !from.eq_ignore_ascii_case(to)
            && !conf.maps.iter().any(|map| map.way(from, to).is_some())
        {
            let message = format!("no \"charset_map\" between the charsets \"{from}\" and \"{to}\"");
            return Err(Diagnostic::error(*place, message).label("content would have to be recoded to this one"));
        }
        plan.settings.charset = Some(sent.clone());
        plan.filter(TellCharset {
            sent: sent.clone(),
            source: conf.source.clone(),
            overrides: conf.overrides,
            types: conf.types.clone(),
            maps: Arc::clone(&conf.maps),
        });
        Ok(())
    }
}

/// The name of a charset, or a value that comes to one.
fn charset(arguments: &Arguments<'_>) -> Result<Template, Diagnostic> {
    let template = arguments.template(0)?;
    if template.as_literal().is_some_and(|name| !is_token(name)) {
        let error = arguments.error(0, format!("invalid charset \"{}\"", arguments.word(0)));
        return Err(error.label("expected a name such as `utf-8`"));
    }
    Ok(template)
}

fn literal(template: &Template) -> Option<&str> {
    std::str::from_utf8(template.as_literal()?).ok()
}

fn set_types(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut types: Vec<Box<str>> = match &conf.types {
        _ if arguments.first_in_block() => vec![Box::from(DEFAULT_TYPES[0])],
        Types::All => return Ok(()),
        Types::Of(types) => types.to_vec(),
    };
    for (index, word) in arguments.words().enumerate() {
        if word == "*" {
            conf.types = Types::All;
            return Ok(());
        }
        if types.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            let warning = Diagnostic::warning(arguments.place(index), format!("duplicate MIME type \"{word}\""));
            arguments.warn(warning.lint(&lint::DUPLICATE_VALUE));
        } else {
            types.push(word.into());
        }
    }
    conf.types = Types::Of(types.into());
    Ok(())
}

impl Types {
    fn contain(&self, content_type: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Of(types) => types.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(content_type)),
        }
    }
}

/// Tells the charset of a response, and recodes it.
#[derive(Debug)]
struct TellCharset {
    sent: Template,
    source: Option<Template>,
    overrides: bool,
    types: Types,
    maps: Arc<[Map]>,
}

impl Filter for TellCharset {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        let Some(content_type) = response.content_type.clone() else { return };
        let (base, told) = split(&content_type);
        let is_ours = if told.is_some() { self.overrides } else { self.types.contain(base) };
        // Compressed content cannot be recoded.
        if !is_ours || response.headers.contains(names::CONTENT_ENCODING) {
            return;
        }
        let Some(to) = name(self.sent.render(exchange)) else { return };
        let from = match (told, &self.source) {
            (Some(told), _) => name(Cow::Borrowed(told)),
            (None, Some(source)) => name(source.render(exchange)),
            (None, None) => Some(to.clone()),
        };
        let Some(from) = from else { return };
        if !from.eq_ignore_ascii_case(&to) {
            let Some(table) = self.maps.iter().find_map(|map| map.way(&from, &to)) else {
                let (from, to) = (Shown(from.as_bytes()), Shown(to.as_bytes()));
                let message = format_args!("no \"charset_map\" between the charsets \"{from}\" and \"{to}\"");
                return exchange.report(Severity::Error, message);
            };
            response.body = recoded::recode(std::mem::replace(&mut response.body, Body::Empty), table);
            response.ranges &= matches!(response.body, Body::Bytes(_));
        }
        // nginx spares redirects the charset, for very old browsers took it for that of the next page.
        let is_moved = matches!(response.status.code(), 301 | 302);
        response.content_type = Some(if is_moved { content_type.slice_ref(base) } else { join(base, &to) });
    }
}

/// A content type without its charset, and the charset.
fn split(content_type: &[u8]) -> (&[u8], Option<&[u8]>) {
    for (at, _) in content_type.iter().enumerate().filter(|(_, byte)| **byte == b';') {
        let behind = content_type[at + 1..].trim_ascii_start();
        let Some((attribute, value)) = behind.split_at_checked(CHARSET.len()) else { continue };
        if attribute.eq_ignore_ascii_case(CHARSET) {
            let value = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            return (
                content_type[..at].trim_ascii_end(),
                Some(quoted.unwrap_or(value)).filter(|value| !value.is_empty()),
            );
        }
    }
    (content_type, None)
}

fn join(base: &[u8], charset: &str) -> Bytes {
    Bytes::from([base, b"; ", CHARSET, charset.as_bytes()].concat())
}

/// What a value comes to, if that can be the name of a charset.
fn name(value: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    if !is_token(&value) {
        return None;
    }
    match value {
        Cow::Borrowed(value) => std::str::from_utf8(value).ok().map(Cow::Borrowed),
        Cow::Owned(value) => String::from_utf8(value).ok().map(Cow::Owned),
    }
}

const CONTEXTS: Contexts = Contexts::HTTP_SERVER_LOCATION.or(Contexts::LOCATION_IF);

const CHARSET: &[u8] = b"charset=";

/// nginx's; the first is always one.
const DEFAULT_TYPES: &[&str] =
    &["text/html", "text/xml", "text/plain", "text/vnd.wap.wml", "application/javascript", "application/rss+xml"];

#[cfg(test)]
mod tests;

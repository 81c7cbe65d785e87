//! The settings, and what becomes of a response.

use super::*;
use crate::config::schema::Module;
use crate::config::testing::{load_with, plan_at, refused, warned};
use crate::exchange::plan::{Handler, Handling, Outcome, Stage};
use crate::exchange::testing::{Answer, Location};
use crate::http::Status;

/// The maps of lines of `http`, as the filter of a location has them.
pub(super) fn maps(text: &str) -> Vec<Map> {
    let (configuration, report) = load_with::<KeepMaps>(&format!("http {{ {text} server {{ }} }}"));
    assert!(configuration.is_some(), "{report}");
    MAPS.take()
}

thread_local! {
    static MAPS: std::cell::RefCell<Vec<Map>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// The module, but it only gives its maps away.
struct KeepMaps;

impl Module for KeepMaps {
    type Conf = Conf;
    const NAME: &'static str = "charset";
    const DIRECTIVES: &'static [Directive<Conf>] = Charset::DIRECTIVES;

    fn install(conf: &Conf, _plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        MAPS.set(conf.maps.to_vec());
        Ok(())
    }
}

/// Answers with a text of a type.
#[derive(Debug)]
struct Content {
    status: u16,
    content_type: &'static str,
    encoded: bool,
}

impl Handler for Content {
    fn handle<'a>(&'a self, _exchange: &'a mut Exchange) -> Handling<'a> {
        let status = Status::new(self.status).unwrap();
        let mut response = Response::with_bytes(status, self.content_type, "aа\u{20ac}é");
        response.ranges = true;
        if self.encoded {
            response.headers.append(names::CONTENT_ENCODING, "gzip");
        }
        Outcome::Respond(Box::new(response)).into()
    }
}

fn filter(sent: &str) -> TellCharset {
    let conf = Conf::default();
    TellCharset {
        sent: crate::exchange::test_support::template(sent),
        source: None,
        overrides: false,
        types: conf.types,
        maps: conf.maps,
    }
}

fn answer(filter: TellCharset, content: Content, target: &str) -> Answer {
    let site = Location::new(|plan| {
        plan.handler(Stage::Content, content);
        plan.filter(filter);
    });
    site.get(target)
}

/// The type that a type is told as.
fn told(filter: TellCharset, content_type: &'static str) -> String {
    let answer = answer(filter, Content { status: 200, content_type, encoded: false }, "/?c=x&bad=a;b");
    answer.content_type().unwrap().to_owned()
}

#[test]
fn the_charset_stands_behind_the_type() {
    assert_eq!(told(filter("utf-8"), "text/html"), "text/html; charset=utf-8");
    assert_eq!(told(filter("utf-8"), "Text/HTML"), "Text/HTML; charset=utf-8");
    assert_eq!(told(filter("utf-8"), "image/png"), "image/png");
    assert_eq!(told(TellCharset { types: Types::All, ..filter("utf-8") }, "image/png"), "image/png; charset=utf-8");
}

#[test]
fn a_type_that_says_its_charset_is_left_alone_or_overridden() {
    let own = "text/html; charset=UTF-8";
    assert_eq!(told(filter("koi8-r"), own), own);
    assert_eq!(told(TellCharset { types: Types::All, ..filter("koi8-r") }, own), own);
    let overrides = || TellCharset { overrides: true, ..filter("utf-8") };
    assert_eq!(told(overrides(), own), "text/html; charset=utf-8");
    assert_eq!(told(overrides(), "text/html;Charset=\"utf-8\""), "text/html; charset=utf-8");
    // Nothing says how it would be recoded.
    assert_eq!(told(overrides(), "text/html; charset=koi8-r"), "text/html; charset=koi8-r");
}

#[test]
fn a_charset_may_depend_on_the_request() {
    assert_eq!(told(filter("$arg_c"), "text/html"), "text/html; charset=x");
    assert_eq!(told(filter("$arg_none"), "text/html"), "text/html");
    assert_eq!(told(filter("a$arg_bad"), "text/html"), "text/html");
}

#[test]
fn redirects_and_compressed_content_have_none() {
    let told = |status, encoded| {
        let content = Content { status, content_type: "text/html", encoded };
        answer(filter("utf-8"), content, "/").content_type().unwrap().to_owned()
    };
    assert_eq!(told(301, false), "text/html");
    assert_eq!(told(303, false), "text/html; charset=utf-8");
    assert_eq!(told(404, false), "text/html; charset=utf-8");
    assert_eq!(told(200, true), "text/html");
}

#[test]
fn content_is_recoded_from_its_source() {
    let recoding = || TellCharset {
        source: Some(Template::literal("utf-8")),
        maps: maps("charset_map koi8-r utf-8 { C1 D0B0; 80 E282AC; }").into(),
        ..filter("koi8-r")
    };
    let content = Content { status: 200, content_type: "text/plain", encoded: false };
    let recoded = answer(recoding(), content, "/");
    assert_eq!((recoded.content_type(), &*recoded.body), (Some("text/plain; charset=koi8-r"), &b"a\xc1\x80&#233;"[..]));
    assert!(recoded.response.ranges);
}

#[test]
fn types_take_the_place_of_those_around_them() {
    let shown = |text: &str| format!("{:?}", plan_at::<Charset>(text, "/").filters);
    let nested = shown("charset utf-8; charset_types a/b; server { charset_types c/d; charset_types e/f; }");
    for (name, there) in [("text/html", true), ("a/b", false), ("c/d", true), ("e/f", true), ("text/plain", false)] {
        assert_eq!(nested.contains(name), there, "{name} in {nested}");
    }
    assert!(shown("charset utf-8; server { charset_types a/b *; }").contains("types: All"));
    assert_eq!(shown("charset utf-8; server { charset off; }"), "[]");
    assert!(warned::<Charset>("charset_types text/html;").contains("duplicate MIME type \"text/html\""));
}

#[test]
fn a_recoding_without_a_map_is_refused() {
    let lines = "source_charset koi8-r; charset utf-8;";
    let expected = "no \"charset_map\" between the charsets \"koi8-r\" and \"utf-8\"";
    assert!(refused::<Charset>(lines).contains(expected));
    plan_at::<Charset>(&format!("server {{ {lines} }} charset_map koi8-r utf-8 {{ }}"), "/");
    plan_at::<Charset>("server { source_charset UTF-8; charset utf-8; }", "/");
    assert!(refused::<Charset>("charset 'a b';").contains("invalid charset \"a b\""));
}

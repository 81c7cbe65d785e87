//! Fields that the configuration adds to responses: `add_header`, `add_trailer`, `expires`.
//!
//! A filter, behind that of conditional requests and before that of ranges, as in nginx. When content
//! expires is computed in `expires`; what a block has from the blocks around it is in `inherited`.

mod expires;
mod inherited;

use std::sync::Arc;

use bytes::Bytes;
use expires::Rule;
use inherited::{Inherited, Rule as InheritanceRule};
use jiff::tz::TimeZone;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Inherit, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::{Filter, PlanBuilder};
use crate::exchange::response::Response;
use crate::exchange::template::Template;
use crate::exchange::trailers::{Trailer, Trailers};
use crate::http::date;
use crate::http::h1::encoder::is_token;
use crate::http::headers::names;
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct Headers;

/// What its directives set.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    fields: Inherited<Field>,
    trailers: Inherited<Trailer>,
    expires: Option<Expires>,
}

/// One `add_header`.
#[derive(Clone, Debug)]
struct Field {
    name: Bytes,
    value: Template,
    how: How,
    always: bool,
}

/// What adding a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// One more line.
    Append,
    /// In place of what is there; an empty value takes it away.
    Replace,
    /// The same for `Last-Modified`, which the response holds as a time.
    LastModified,
}

/// `expires`.
#[derive(Clone, Debug)]
enum Expires {
    /// Known at load.
    Fixed(Rule),
    /// With variables; understood for each response.
    Computed { modified: bool, value: Template },
}

impl Module for Headers {
    type Conf = Conf;

    const NAME: &'static str = "headers";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "add_header",
            contexts: CONTEXTS,
            args: Shape::between(2, 3, "NAME VALUE [always]"),
            repeat: Repeat::Many,
            set: add_field,
            default: "",
            doc: "Adds a field to responses with the status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308, and with \
                  `always` to all. The value may hold variables; a field whose value is empty is not added. `ETag` and \
                  `Last-Modified` take the place of those that are there, and with an empty value take them away. A block \
                  that has an `add_header` of its own takes none from the blocks around it, unless `add_header_inherit` \
                  says so. Unlike in nginx, `Content-Length` and `Transfer-Encoding`, and names that no field can have, \
                  are refused.",
            example: "add_header X-Frame-Options SAMEORIGIN always;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "add_header_inherit",
            contexts: CONTEXTS,
            args: Shape::one("on | merge | off"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.fields.set_rule(arguments.choice(0, INHERITANCE_RULES)?);
                Ok(())
            },
            default: "on",
            doc: "What a block has of the `add_header` around it: all, if it has none of its own (`on`); all, behind its \
                  own (`merge`); or none (`off`). The rule itself holds for the blocks within.",
            example: "add_header_inherit merge;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "add_trailer",
            contexts: CONTEXTS,
            args: Shape::between(2, 3, "NAME VALUE [always]"),
            repeat: Repeat::Many,
            set: add_trailer,
            default: "",
            doc: "Adds a field behind the content of responses with the status 200, 201, 206, 301, 302, 303, 307 or 308, and \
                  with `always` to all. The value is computed when the content has been sent; a field whose value is empty \
                  is not sent. Such a response is sent in chunks, without its length; to clients of HTTP/1.0, and where \
                  `chunked_transfer_encoding` is off, it goes without the field. A block that has an `add_trailer` of its \
                  own takes none from the blocks around it, unless `add_trailer_inherit` says so.",
            example: "add_trailer Server-Timing \"total;dur=$request_time\";",
            origin: Origin::Nginx,
        },
        Directive {
            name: "add_trailer_inherit",
            contexts: CONTEXTS,
            args: Shape::one("on | merge | off"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.trailers.set_rule(arguments.choice(0, INHERITANCE_RULES)?);
                Ok(())
            },
            default: "on",
            doc: "What a block has of the `add_trailer` around it; see `add_header_inherit`.",
            example: "add_trailer_inherit merge;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "expires",
            contexts: CONTEXTS,
            args: Shape::between(1, 2, "[modified] TIME | epoch | max | off"),
            repeat: Repeat::Once,
            set: set_expires,
            default: "off",
            doc: "Says how long responses with the status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308 may be kept by \
                  caches, in the fields `Expires` and `Cache-Control`. A time, in whole seconds, counts from now, with \
                  `modified` from the content's last change; `@15h30m` is the next half past three in the afternoon of \
                  the machine's time zone. A time in the past, such as -1, is `no-cache`, as is `epoch`; `max` is ten \
                  years; `off` adds nothing. The value may hold variables; one that comes to no such value adds nothing.",
            example: "expires 30d;",
            origin: Origin::Nginx,
        },
    ];

    const INHERIT: Option<Inherit<Conf>> = Some(|conf| Conf {
        fields: conf.fields.nested(),
        trailers: conf.trailers.nested(),
        expires: conf.expires.clone(),
    });
    const INHERITS_ALL: fn(&Conf) -> bool = |conf| conf.fields.is_as_nested() && conf.trailers.is_as_nested();

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        let (fields, trailers) = (conf.fields.all(), conf.trailers.all());
        if conf.expires.is_some() || !fields.is_empty() || !trailers.is_empty() {
            plan.filter(AddHeaders { expires: conf.expires.clone(), fields, trailers });
        }
        Ok(())
    }
}

fn add_field(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if adds_nothing(arguments) {
        conf.fields.begin();
        return Ok(());
    }
    let name = arguments.word(0);
    check_name(arguments)?;
    let always = always(arguments)?;
    let how = match name.to_ascii_lowercase().as_str() {
        "last-modified" => How::LastModified,
        "etag" => How::Replace,
        _ => How::Append,
    };
    let name = Bytes::copy_from_slice(name.as_bytes());
    conf.fields.push(Field { name, value: arguments.template(1)?, how, always });
    Ok(())
}

fn add_trailer(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if adds_nothing(arguments) {
        conf.trailers.begin();
        return Ok(());
    }
    check_name(arguments)?;
    let always = always(arguments)?;
    let name = Bytes::copy_from_slice(arguments.word(0).as_bytes());
    conf.trailers.push(Trailer { name, value: arguments.template(1)?, always });
    Ok(())
}

/// `add_header "" "";`: what people write so that a block has none of the fields around it.
fn adds_nothing(arguments: &Arguments<'_>) -> bool {
    arguments.word(0).is_empty() && arguments.word(1).is_empty()
}

fn always(arguments: &Arguments<'_>) -> Result<bool, Diagnostic> {
    match arguments.word(2) {
        _ if arguments.len() == 2 => Ok(false),
        "always" => Ok(true),
        _ => {
            let error = arguments.invalid_parameter(2, ["always"]);
            Err(error.help("a value with spaces stands in quotes; only `always` may follow it"))
        }
    }
}

/// Whether a field may have the name, and whether it is a good idea.
fn check_name(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    let name = arguments.word(0);
    let invalid = || arguments.error(0, format!("invalid header name \"{name}\""));
    if let Some(before) = name.strip_suffix(':').filter(|before| is_token(before.as_bytes())) {
        return Err(invalid().label("the name stands without a colon").help(format!("write `{before}`")));
    }
    if !is_token(name.as_bytes()) {
        return Err(invalid().label("expected letters, digits, hyphens and the like"));
    }
    let is_one_of = |names: &[&[u8]]| names.iter().any(|other| name.as_bytes().eq_ignore_ascii_case(other));
    if is_one_of(&[names::CONTENT_LENGTH, names::TRANSFER_ENCODING]) {
        let error = arguments.error(0, format!("the header \"{name}\" cannot be added"));
        return Err(error.label("it says where the response ends, and only the server knows"));
    }
    let is_header = arguments.name() == "add_header";
    if is_header && is_one_of(&[names::CONTENT_TYPE, names::SERVER, names::DATE, names::CONNECTION]) {
        let warning = Diagnostic::warning(arguments.place(0), format!("a second \"{name}\" header is added"));
        let warning = warning.label("the server sends this header itself").lint(&lint::SECOND_HEADER);
        arguments.warn(match name.to_ascii_lowercase().as_str() {
            "content-type" => warning.help("`types` and `default_type` say which type content has"),
            "server" => warning.help("`server_tokens` says what the server tells of itself"),
            _ => warning,
        });
    }
    Ok(())
}

fn set_expires(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let invalid = |index: usize| {
        let message = format!("invalid value \"{}\" in \"expires\" directive", arguments.word(index));
        arguments.error(index, message)
    };
    let modified = arguments.len() == 2;
    if modified && arguments.word(0) != "modified" {
        return Err(invalid(0).label("only `modified` may stand before the time"));
    }
    let index = usize::from(modified);
    let value = arguments.template(index)?;
    conf.expires = if value.as_literal().is_none() {
        Some(Expires::Computed { modified, value })
    } else {
        let rule = Rule::parse(arguments.word(index), modified);
        rule.map_err(|error| invalid(index).label(error.to_string()))?.map(Expires::Fixed)
    };
    Ok(())
}

/// Adds what the directives say.
#[derive(Debug)]
struct AddHeaders {
    expires: Option<Expires>,
    fields: Arc<[Field]>,
    trailers: Arc<[Trailer]>,
}

impl Filter for AddHeaders {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        let usual = is_usual(response.status);
        if usual && let Some(expires) = &self.expires {
            expires.apply(exchange, response);
        }
        for field in self.fields.iter().filter(|field| usual || field.always) {
            field.apply(exchange, response);
        }
        response.trailers = Trailers::new(&self.trailers, !usual);
    }
}

/// The statuses that fields are added to without `always`.
fn is_usual(status: Status) -> bool {
    matches!(status.code(), 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
}

impl Expires {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        let rule = match self {
            Self::Fixed(rule) => Some(*rule),
            Self::Computed { modified, value } => {
                let value = rendered(value, exchange, response);
                let text = std::str::from_utf8(&value).ok();
                text.and_then(|text| Rule::parse(text, *modified).ok()).flatten()
            }
        };
        let Some(rule) = rule else { return };
        let times = rule.times(exchange.handle.wall(), response.last_modified, &TimeZone::system());
        response.headers.set(names::EXPIRES, Bytes::copy_from_slice(&times.expires));
        response.headers.set(names::CACHE_CONTROL, times.cache_control());
    }
}

impl Field {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        let value = rendered(&self.value, exchange, response);
        match self.how {
            How::Append if value.is_empty() => {}
            How::Append => response.headers.append(self.name.clone(), value),
            How::Replace if value.is_empty() => drop(response.headers.remove(&self.name)),
            How::Replace => response.headers.set(self.name.clone(), value),
            How::LastModified => {
                response.headers.remove(&self.name);
                // What is a date in its usual form stays a time, for ranges; anything else goes out as it is.
                response.last_modified = date::parse(&value).filter(|time| date::format(*time)[..] == value[..]);
                if response.last_modified.is_none() && !value.is_empty() {
                    response.headers.append(self.name.clone(), value);
                }
            }
        }
    }
}

/// The value of a field, which may depend on what the response says already.
fn rendered(value: &Template, exchange: &mut Exchange, response: &mut Response) -> Bytes {
    match value.as_literal() {
        Some(_) => value.render_bytes(exchange),
        None => exchange.showing(response, |exchange| value.render_bytes(exchange)),
    }
}

const CONTEXTS: Contexts = Contexts::HTTP_SERVER_LOCATION.or(Contexts::LOCATION_IF);

const INHERITANCE_RULES: &[(&str, InheritanceRule)] =
    &[("on", InheritanceRule::On), ("merge", InheritanceRule::Merge), ("off", InheritanceRule::Off)];

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::plan::{Handler, Handling, Outcome, Stage};
    use crate::exchange::test_support::{Bench, template};
    use crate::exchange::testing::{Answer, Location};

    /// Answers with a status, an ETag, and the example date of RFC 9110 as its last change. The clock of the tests
    /// shows that date too.
    #[derive(Debug)]
    struct Content(u16);

    impl Handler for Content {
        fn handle<'a>(&'a self, _exchange: &'a mut Exchange) -> Handling<'a> {
            let mut response = Response::new(Status::new(self.0).unwrap());
            response.last_modified = Some(UNIX_EPOCH + Duration::from_secs(784_111_777));
            response.headers.append(names::ETAG, "\"a\"");
            response.headers.append(names::CACHE_CONTROL, "private");
            Outcome::Respond(Box::new(response)).into()
        }
    }

    fn answer(status: u16, expires: Option<Expires>, fields: Vec<Field>) -> Answer {
        Location::new(|plan| {
            plan.handler(Stage::Content, Content(status));
            plan.filter(AddHeaders { expires, fields: fields.into(), trailers: Arc::from([]) });
        })
        .get("/?none=&day=1d&epoch=epoch&bad=soon")
    }

    fn field(name: &'static str, value: &str, how: How) -> Field {
        Field { name: Bytes::from_static(name.as_bytes()), value: template(value), how, always: false }
    }

    fn added(name: &'static str, value: &str, how: How) -> Answer {
        answer(200, None, vec![field(name, value, how)])
    }

    #[test]
    fn fields_are_added_in_order_and_stand_side_by_side() {
        let fields = vec![field("X-A", "1", How::Append), field("X-A", "$uri", How::Append)];
        let answer = answer(200, None, fields);
        let values: Vec<_> = answer.response.headers.get_all(b"x-a").collect();
        assert_eq!(values, ["1", "/"]);
    }

    #[test]
    fn a_field_may_depend_on_the_fields_before_it() {
        let fields = vec![field("X-A", "1", How::Append), field("X-B", "$status $sent_http_x_a", How::Append)];
        assert_eq!(answer(201, None, fields).header("x-b"), Some("201 1"));
    }

    #[test]
    fn an_empty_value_adds_nothing() {
        assert_eq!(added("X-A", "$arg_none", How::Append).header("x-a"), None);
    }

    #[test]
    fn an_error_has_only_what_is_for_always() {
        let fields = || vec![field("A", "1", How::Append), Field { always: true, ..field("B", "2", How::Append) }];
        let seen = |status| {
            let answer = answer(status, Some(Expires::Fixed(Rule::Max)), fields());
            [answer.header("a").is_some(), answer.header("b").is_some(), answer.header("expires").is_some()]
        };
        assert_eq!(seen(404), [false, true, false]);
        assert_eq!(seen(308), [true, true, true]);
    }

    #[test]
    fn an_etag_is_replaced_or_taken_away() {
        assert_eq!(added("ETag", "\"b\"", How::Replace).header("etag"), Some("\"b\""));
        assert_eq!(added("ETag", "", How::Replace).header("etag"), None);
    }

    #[test]
    fn the_last_change_is_replaced_or_taken_away() {
        let seen = |value: &str| {
            let answer = added("Last-Modified", value, How::LastModified);
            let second = answer.response.last_modified.map(date::second_of);
            (second, answer.header("last-modified").map(str::to_owned))
        };
        assert_eq!(seen("Thu, 01 Jan 1970 00:01:00 GMT"), (Some(60), None));
        assert_eq!(seen("yesterday"), (None, Some("yesterday".to_owned())));
        assert_eq!(seen(""), (None, None));
    }

    #[test]
    fn expires_takes_the_place_of_what_was_said_before() {
        let answer = answer(200, Some(Expires::Fixed(Rule::Access(3600))), vec![]);
        assert_eq!(answer.header("expires"), Some("Sun, 06 Nov 1994 09:49:37 GMT"));
        assert_eq!(answer.header("cache-control"), Some("max-age=3600"));
        assert_eq!(answer.response.headers.count(names::CACHE_CONTROL), 1);
    }

    #[test]
    fn an_expires_with_variables_is_understood_for_each_response() {
        let computed = |value: &str| {
            let expires = Expires::Computed { modified: false, value: template(value) };
            let answer = answer(200, Some(expires), vec![]);
            answer.header("cache-control").map(str::to_owned)
        };
        assert_eq!(computed("$arg_day").as_deref(), Some("max-age=86400"));
        assert_eq!(computed("$arg_epoch").as_deref(), Some("no-cache"));
        assert_eq!(computed("$arg_bad").as_deref(), Some("private"));
        assert_eq!(computed("$arg_none").as_deref(), Some("private"));
    }

    #[test]
    fn a_block_with_fields_of_its_own_has_none_from_outside_but_its_expires() {
        let shown = |text: &str| format!("{:?}", plan_at::<Headers>(text, "/").filters);
        let nested = shown("expires 1h; add_header A outer; server { location / { add_header B 1; add_header C 2; } }");
        assert!(!nested.contains("outer") && nested.contains("\"B\"") && nested.contains("\"C\""), "{nested}");
        assert!(nested.contains("Access(3600)"), "{nested}");
        assert_eq!(shown("expires 1h; server { expires off; }"), "[]");
    }

    #[test]
    fn blocks_may_merge_what_stands_around_them_or_have_none_of_it() {
        let fields = |text: &str| {
            let shown = format!("{:?}", plan_at::<Headers>(text, "/").filters);
            let names = shown.split("Field { name: b\"").skip(1);
            names.map(|name| name.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let text = |rules: [&str; 3]| {
            let [http, server, location] = rules;
            format!(
                "add_header A 1; {http} server {{ add_header B 2; {server} location / {{ add_header C 3; {location} }} }}"
            )
        };
        let merge = "add_header_inherit merge;";
        assert_eq!(fields(&text([merge, "", ""])), ["C", "B", "A"]);
        assert_eq!(fields(&text(["", merge, "add_header D 4;"])), ["C", "D", "B", "A"]);
        assert_eq!(fields(&text(["", "", merge])), ["C", "B"]);
        assert_eq!(fields(&text([merge, "add_header_inherit on;", ""])), ["C"]);
        assert_eq!(fields("add_header A 1; server { location / { add_header_inherit off; } }"), [""; 0]);
        assert_eq!(fields("add_header A 1; server { location / { add_header '' ''; } }"), [""; 0]);
    }

    #[test]
    fn trailers_are_chosen_by_the_status() {
        let chosen = |status, text: &str| {
            let plan = plan_at::<Headers>(&format!("server {{ {text} }}"), "/");
            let mut exchange = Bench::new().exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let mut response = Response::new(Status::new(status).unwrap());
            plan.filters[0].apply(&mut exchange, &mut response);
            response.trailers.map(|trailers| trailers.only_always)
        };
        assert_eq!(chosen(200, "add_trailer A b;"), Some(false));
        assert_eq!(chosen(404, "add_trailer A b;"), None);
        assert_eq!(chosen(404, "add_trailer A b always; add_trailer C d;"), Some(true));
        assert_eq!(chosen(200, "add_header A b;"), None);
    }

    #[test]
    fn what_cannot_be_a_field_is_refused() {
        assert!(refused::<Headers>("add_header A: b;").contains("write `A`"));
        assert!(refused::<Headers>("add_header 'A B' c;").contains("invalid header name \"A B\""));
        assert!(refused::<Headers>("add_header A b c;").contains("invalid parameter \"c\""));
        assert!(refused::<Headers>("add_header content-length 5;").contains("cannot be added"));
        assert!(refused::<Headers>("add_trailer Transfer-Encoding x;").contains("cannot be added"));
        assert!(refused::<Headers>("add_trailer A b c;").contains("invalid parameter \"c\""));
        assert!(warned::<Headers>("add_header Content-Type text/html;").contains("`default_type`"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (text, reason) in [
            ("soon", "expected a time such as 30d"),
            ("modified max", "expected a time such as 30d"),
            ("changed 1h", "only `modified`"),
            ("@25h", "daily time value must be less than 24 hours"),
            ("modified @1h", "daily time cannot be used with \"modified\" parameter"),
            ("5ms", "expected a time such as 30d"),
            ("\"\"", "expected a time such as 30d"),
        ] {
            let report = refused::<Headers>(&format!("expires {text};"));
            assert!(report.contains(reason), "{text}: {report}");
        }
    }
}

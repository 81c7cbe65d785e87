//! Fields that the configuration adds to responses: `add_header`, `expires`.
//!
//! A filter, behind that of conditional requests and before that of ranges, as in nginx. When content
//! expires is computed in `expires`.

mod expires;

use std::sync::Arc;

use bytes::Bytes;
use expires::Rule;
use jiff::tz::TimeZone;

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::{Filter, PlanBuilder};
use crate::exchange::response::Response;
use crate::exchange::template::Template;
use crate::http::date;
use crate::http::h1::encoder::is_token;
use crate::http::headers::names;
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct Headers;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    fields: Arc<[Field]>,
    expires: Option<Expires>,
}

impl Default for Conf {
    fn default() -> Self {
        Self { fields: Arc::from([]), expires: None }
    }
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
            contexts: Contexts::HTTP_SERVER_LOCATION_IF,
            args: Shape::between(2, 3, "NAME VALUE [always]"),
            repeat: Repeat::Many,
            set: add_field,
            default: "",
            doc: "Adds a field to responses with the status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308, and with \
                  `always` to all. The value may hold variables; a field whose value is empty is not added. `ETag` and \
                  `Last-Modified` take the place of those that are there, and with an empty value take them away. A block \
                  that has an `add_header` of its own takes none from the blocks around it. Unlike in nginx, \
                  `Content-Length` and `Transfer-Encoding`, and names that no field can have, are refused.",
            example: "add_header X-Frame-Options SAMEORIGIN always;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "expires",
            contexts: Contexts::HTTP_SERVER_LOCATION_IF,
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

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.expires.is_some() || !conf.fields.is_empty() {
            plan.filter(AddHeaders { expires: conf.expires.clone(), fields: Arc::clone(&conf.fields) });
        }
        Ok(())
    }
}

fn add_field(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let name = arguments.word(0);
    check_name(arguments)?;
    let always = match arguments.word(2) {
        _ if arguments.len() == 2 => false,
        "always" => true,
        _ => {
            let error = arguments.invalid_parameter(2, ["always"]);
            return Err(error.help("a value with spaces stands in quotes; only `always` may follow it"));
        }
    };
    let how = match name.to_ascii_lowercase().as_str() {
        "last-modified" => How::LastModified,
        "etag" => How::Replace,
        _ => How::Append,
    };
    let mut fields = if arguments.first_in_block() { Vec::new() } else { conf.fields.to_vec() };
    let name = Bytes::copy_from_slice(name.as_bytes());
    fields.push(Field { name, value: arguments.template(1)?, how, always });
    conf.fields = fields.into();
    Ok(())
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
    if is_one_of(&[names::CONTENT_TYPE, names::SERVER, names::DATE, names::CONNECTION]) {
        let warning = Diagnostic::warning(arguments.place(0), format!("a second \"{name}\" header is added"));
        let warning = warning.label("the server sends this header itself");
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
    }
}

/// The statuses that fields are added to without `always`.
fn is_usual(status: Status) -> bool {
    matches!(status.code(), 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
}

impl Expires {
    fn apply(&self, exchange: &Exchange, response: &mut Response) {
        let rule = match self {
            Self::Fixed(rule) => Some(*rule),
            Self::Computed { modified, value } => {
                let value = value.render(exchange);
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
    fn apply(&self, exchange: &Exchange, response: &mut Response) {
        let value = self.value.render_bytes(exchange);
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::plan::{Handler, Handling, Outcome, Stage};
    use crate::exchange::test_support::template;
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
            plan.filter(AddHeaders { expires, fields: fields.into() });
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
    fn what_cannot_be_a_field_is_refused() {
        assert!(refused::<Headers>("add_header A: b;").contains("write `A`"));
        assert!(refused::<Headers>("add_header 'A B' c;").contains("invalid header name \"A B\""));
        assert!(refused::<Headers>("add_header A b c;").contains("invalid parameter \"c\""));
        assert!(refused::<Headers>("add_header content-length 5;").contains("cannot be added"));
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

//! Conditional requests: 304 when the client's copy is still good, 412 when a precondition fails
//! (RFC 9110 section 13; nginx's not-modified filter).
//!
//! The first filter, so that what comes later (`expires`, `add_header`) is on a 304 as well. How
//! conditions are compared is in `http::conditional`.

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::body::Body;
use crate::exchange::plan::{Filter, PlanBuilder};
use crate::exchange::response::Response;
use crate::http::conditional::{IfModifiedSince, Validators, Verdict, evaluate, has_conditions};
use crate::http::headers::names;
use crate::http::status::Status;

/// The module.
#[derive(Debug)]
pub struct Conditional;

/// What its directives set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conf {
    if_modified_since: IfModifiedSince,
}

impl Module for Conditional {
    type Conf = Conf;

    const NAME: &'static str = "conditional";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "if_modified_since",
        contexts: Contexts::HTTP_SERVER_LOCATION,
        args: Shape::one("off | exact | before"),
        repeat: Repeat::Once,
        set: |conf, arguments| {
            conf.if_modified_since = arguments.choice(0, MODES)?;
            Ok(())
        },
        default: "exact",
        doc: "How the time of the last change is held against the field `If-Modified-Since`: not at all, so that the \
              answer is always sent (`off`); not modified if both are the same (`exact`); or also if the change is the \
              earlier one (`before`).",
        example: "if_modified_since before;",
        origin: Origin::Nginx,
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.filter(TestConditions { if_modified_since: conf.if_modified_since });
        Ok(())
    }
}

/// Holds the conditions of the request against the validators of the response.
#[derive(Debug)]
struct TestConditions {
    if_modified_since: IfModifiedSince,
}

impl Filter for TestConditions {
    fn apply(&self, exchange: &mut Exchange, response: &mut Response) {
        // What a script or another server answers, they have judged themselves.
        let streamed = matches!(response.body, Body::Stream { .. });
        if response.status != Status::OK || streamed || !exchange.method.is_get_or_head() {
            return;
        }
        if !has_conditions(exchange.request.headers()) {
            return;
        }
        let validators =
            Validators { etag: response.headers.get(names::ETAG).cloned(), last_modified: response.last_modified };
        match evaluate(&exchange.method, exchange.request.headers(), &validators, self.if_modified_since) {
            Verdict::Proceed => {}
            Verdict::NotModified => make_not_modified(response),
            Verdict::PreconditionFailed => exchange.error.refused = Some(Status::PRECONDITION_FAILED),
        }
    }
}

/// Leaves what a 304 may say (RFC 9110 section 15.4.5): nothing about the content itself.
fn make_not_modified(response: &mut Response) {
    response.status = Status::NOT_MODIFIED;
    response.content_type = None;
    response.headers.remove(names::CONTENT_ENCODING);
    response.headers.remove(names::ACCEPT_RANGES);
    response.ranges = false;
    response.body = Body::Empty;
}

const MODES: &[(&str, IfModifiedSince)] =
    &[("off", IfModifiedSince::Off), ("exact", IfModifiedSince::Exact), ("before", IfModifiedSince::Before)];

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::exchange::body::{Chunk, Source};
    use crate::exchange::plan::{Handler, Handling, Outcome, Stage};
    use crate::exchange::settings::{ErrorAnswer, ErrorPage, ErrorTarget};
    use crate::exchange::template::Template;
    use crate::exchange::testing::{Answer, Location};

    #[derive(Debug)]
    struct Content {
        status: Status,
        streamed: bool,
    }

    impl Handler for Content {
        fn handle<'a>(&'a self, _exchange: &'a mut Exchange) -> Handling<'a> {
            let mut response = Response::with_bytes(self.status, "text/plain", "hello");
            response.headers.append("ETag", "\"a\"");
            response.headers.append("Content-Encoding", "x");
            response.last_modified = Some(UNIX_EPOCH + Duration::from_secs(784_111_777));
            response.ranges = true;
            if self.streamed {
                response.body = Body::Stream { source: Box::new(Nothing), length: Some(0) };
            }
            Outcome::Respond(Box::new(response)).into()
        }
    }

    struct Nothing;

    impl Source for Nothing {
        fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Option<std::io::Result<Chunk>>> {
            Poll::Ready(None)
        }
    }

    fn location(content: Content, mode: IfModifiedSince) -> Location {
        Location::new(|plan| {
            plan.handler(Stage::Content, content);
            plan.filter(TestConditions { if_modified_since: mode });
        })
    }

    fn asked(field: &str) -> Answer {
        let content = Content { status: Status::OK, streamed: false };
        location(content, IfModifiedSince::Exact).request(&head("GET", field))
    }

    fn head(method: &str, field: &str) -> String {
        format!("{method} / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")
    }

    #[test]
    fn a_client_that_has_it_is_told_so_without_content() {
        let answer = asked("If-None-Match: \"a\"");
        assert_eq!((answer.status, answer.text(), answer.content_type()), (304, "", None));
        assert_eq!((answer.header("etag"), answer.header("content-encoding")), (Some("\"a\""), None));
        assert!(answer.response.last_modified.is_some() && !answer.response.ranges);
    }

    #[test]
    fn a_client_that_has_another_gets_it() {
        assert_eq!(asked("If-None-Match: \"b\"").text(), "hello");
        assert_eq!(asked("X: y").text(), "hello");
    }

    #[test]
    fn if_modified_since_counts_as_configured() {
        let asked = |mode, date: &str| {
            let field = format!("If-Modified-Since: {date}");
            location(Content { status: Status::OK, streamed: false }, mode).request(&head("GET", &field)).status
        };
        let (same, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(asked(IfModifiedSince::Exact, same), 304);
        assert_eq!(asked(IfModifiedSince::Exact, later), 200);
        assert_eq!(asked(IfModifiedSince::Before, later), 304);
        assert_eq!(asked(IfModifiedSince::Off, same), 200);
    }

    #[test]
    fn a_failed_precondition_is_answered_by_the_page_for_it() {
        let answer = asked("If-Match: \"b\"");
        assert_eq!((answer.status, answer.content_type(), answer.header("etag")), (412, Some("text/html"), None));
        assert!(answer.text().contains("412"));
        assert_eq!(asked("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT").status, 412);
    }

    #[test]
    fn a_failed_precondition_is_answered_by_error_page_where_there_is_one() {
        let page = |answer| {
            let site = Location::new(|plan| {
                plan.handler(Stage::Content, Content { status: Status::OK, streamed: false });
                plan.filter(TestConditions { if_modified_since: IfModifiedSince::Exact });
                let target = ErrorTarget::Uri(Template::literal("/page"));
                plan.settings.error_pages = [ErrorPage { on: Status::PRECONDITION_FAILED, answer, target }].into();
            });
            let answer = site.request(&head("GET", "If-Match: \"b\""));
            (answer.status, answer.text() == "hello", answer.uri)
        };
        assert_eq!(page(ErrorAnswer::Same), (412, true, "/page".into()));
        // A page that answers 200 is refused in its turn, and there the round ends.
        assert_eq!(page(ErrorAnswer::OfPage), (412, false, "/page".into()));
    }

    #[test]
    fn only_an_answer_to_get_or_head_with_200_is_looked_at() {
        let none_match = "If-None-Match: \"a\"";
        let ok = || Content { status: Status::OK, streamed: false };
        assert_eq!(location(ok(), IfModifiedSince::Exact).request(&head("HEAD", none_match)).status, 304);
        assert_eq!(location(ok(), IfModifiedSince::Exact).request(&head("POST", none_match)).status, 200);
        let created = Content { status: Status::CREATED, streamed: false };
        assert_eq!(location(created, IfModifiedSince::Exact).request(&head("GET", none_match)).status, 201);
        let streamed = Content { status: Status::OK, streamed: true };
        assert_eq!(location(streamed, IfModifiedSince::Exact).request(&head("GET", none_match)).status, 200);
    }
}

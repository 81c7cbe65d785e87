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
use crate::http::conditional::{IfModifiedSince, Validators, Verdict, evaluate};
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

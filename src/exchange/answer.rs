//! The stages of answering: from a routed request to a finished response.
//!
//! The server's own rewrite handlers, the location, its handlers in order, error pages, filters;
//! internal redirects go round again, a bounded number of times. Nothing here knows a protocol.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::access;
use super::error_pages;
use super::exchange::{ErrorState, Exchange, Shown};
use super::plan::{Handling, Outcome, Plan, Stage};
use super::redirect;
use super::response::Response;
use super::settings::{ErrorAnswer, ErrorTarget};
use super::trace::Step;
use crate::base::report::Severity;
use crate::http::h1::BodyFraming;
use crate::http::headers::names;
use crate::http::method::Method;
use crate::http::status::Status;

/// How often one exchange may be routed again before it is taken for a cycle (nginx's
/// `NGX_HTTP_MAX_URI_CHANGES`).
pub const REROUTES_MAX: usize = 10;

/// Of each URI of a cycle in the log.
const SHOWN_BYTES_MAX: usize = 200;

/// Where the exchange goes next.
enum Turn {
    /// The server's rewrite handlers, then a location by URI.
    Server,
    /// The handlers of the plan that was chosen.
    Location,
    /// This outcome, without running anything.
    Outcome(Outcome),
    /// The response is there.
    Finish(Box<Response>),
}

/// Answers an exchange. `None` means: close the connection without a word.
pub async fn answer(exchange: &mut Exchange) -> Option<Box<Response>> {
    // A subrequest has the client of the request that it is a part of.
    let has_no_post_read = exchange.site.plan().post_read.is_empty() || exchange.is_subrequest();
    let turn = match has_no_post_read {
        true => Turn::Server,
        false => match run_post_read(exchange).await {
            Outcome::Next => Turn::Server,
            outcome => Turn::Outcome(outcome),
        },
    };
    drive(exchange, turn).await
}

/// Answers an exchange whose request is wrong before it can be routed (a malformed head): the
/// error pages of the server apply.
pub async fn answer_failure(exchange: &mut Exchange, status: Status) -> Option<Box<Response>> {
    drive(exchange, Turn::Outcome(Outcome::Fail(status))).await
}

async fn drive(exchange: &mut Exchange, mut turn: Turn) -> Option<Box<Response>> {
    loop {
        let outcome = match turn {
            Turn::Server if exchange.site.plan().rewrite_handlers == 0 => {
                turn = locate(exchange);
                continue;
            }
            Turn::Server => match run_server_rewrite(exchange).await {
                Outcome::Next | Outcome::Relocate => {
                    turn = locate(exchange);
                    continue;
                }
                outcome => outcome,
            },
            Turn::Location => run(exchange).await,
            Turn::Outcome(outcome) => outcome,
            Turn::Finish(response) => match finish(exchange, response) {
                Ok(response) => return Some(response),
                Err(refused) => Outcome::Fail(refused),
            },
        };
        turn = match outcome {
            Outcome::Close => return None,
            Outcome::Respond(response) => Turn::Finish(response),
            Outcome::Next | Outcome::Granted => Turn::Outcome(Outcome::Fail(unanswered(exchange))),
            Outcome::Fail(status) => fail(exchange, status, None),
            Outcome::RedirectTo { status, location } => fail(exchange, status, Some(location)),
            Outcome::Reroute { uri, args } => reroute(exchange, uri, args),
            Outcome::Relocate => relocate(exchange),
            Outcome::Named(name) => to_named(exchange, &name),
        };
    }
}

/// What comes before all else, by the server's own settings.
async fn run_post_read(exchange: &mut Exchange) -> Outcome {
    let plan = Arc::clone(exchange.site.plan());
    for handler in &plan.post_read {
        let outcome = match handler.handle(exchange) {
            Handling::Done(outcome) => outcome,
            Handling::Later(outcome) => outcome.await,
        };
        if !matches!(outcome, Outcome::Next) {
            return outcome;
        }
    }
    Outcome::Next
}

/// The rewrite handlers of the server itself.
async fn run_server_rewrite(exchange: &mut Exchange) -> Outcome {
    let plan = Arc::clone(exchange.site.plan());
    exchange.plan = Arc::clone(&plan);
    run_handlers(exchange, &plan, 0..plan.rewrite_handlers).await
}

/// The handlers of the location, in order.
async fn run(exchange: &mut Exchange) -> Outcome {
    let mut plan = Arc::clone(&exchange.plan);
    // The server's rewrite handlers have run already; with no location they must not run twice.
    if plan.rewrite_handlers > 0 && !Arc::ptr_eq(&plan, exchange.site.plan()) {
        let outcome = run_handlers(exchange, &plan, 0..plan.rewrite_handlers).await;
        if !matches!(outcome, Outcome::Next) {
            return outcome;
        }
        // An `if` has put its own plan in the place of the location's, or not.
        plan = Arc::clone(&exchange.plan);
    }
    run_handlers(exchange, &plan, plan.rewrite_handlers..plan.handlers.len()).await
}

async fn run_handlers(exchange: &mut Exchange, plan: &Plan, mut which: std::ops::Range<usize>) -> Outcome {
    while let Some(at) = which.next() {
        let handler = &plan.handlers[at];
        let outcome = if plan.stages[at] == Stage::Access {
            let end = plan.stages.partition_point(|stage| *stage <= Stage::Access).min(which.end);
            which.start = end;
            access::ask(exchange, &plan.handlers[at..end]).await
        } else {
            match handler.handle(exchange) {
                Handling::Done(outcome) => outcome,
                Handling::Later(outcome) => outcome.await,
            }
        };
        if !matches!(outcome, Outcome::Next | Outcome::Granted) {
            // Which of the checks refused is told where they are asked.
            if plan.stages[at] != Stage::Access {
                exchange.tell(|| Step::Decided { module: handler.module() });
            }
            return outcome;
        }
    }
    Outcome::Next
}

/// Chooses the location by the exchange's URI.
fn locate(exchange: &mut Exchange) -> Turn {
    let located = exchange.site.locate(&exchange.uri);
    exchange.plan = located.plan;
    exchange.tell(|| Step::Located { uri: exchange.uri.clone(), plan: Arc::clone(&exchange.plan) });
    if let Some(captured) = located.captured {
        exchange.keep_captures(captured);
    }
    enter(exchange, located.redirect_to_slash)
}

/// What nginx checks when it has found the location, before any handler.
fn enter(exchange: &mut Exchange, redirect_to_slash: bool) -> Turn {
    let settings = &exchange.plan.settings;
    if settings.internal && !exchange.internal {
        return Turn::Outcome(Outcome::Fail(Status::NOT_FOUND));
    }
    if let Some(except) = &exchange.plan.except
        && !except.methods.contains(&exchange.method)
    {
        exchange.plan = Arc::clone(&except.plan);
    }
    if let Some(refused) = refuse_method(exchange) {
        return refused;
    }
    if let Some(refused) = refuse_large_body(exchange) {
        return refused;
    }
    if redirect_to_slash {
        let location = redirect::with_slash(exchange);
        return Turn::Outcome(Outcome::RedirectTo { status: Status::MOVED_PERMANENTLY, location });
    }
    Turn::Location
}

/// `allow_methods`: not asked for what was made of the request, a subrequest or an error page.
fn refuse_method(exchange: &mut Exchange) -> Option<Turn> {
    let allowed = exchange.plan.settings.allowed_methods.clone()?;
    let answers_refusal = exchange.error.allow.is_some();
    let was_changed = exchange.method != exchange.request.head.method;
    if answers_refusal || was_changed || exchange.is_subrequest() || allowed.methods.contains(&exchange.method) {
        return None;
    }
    exchange.tell(|| Step::Decided { module: "allow_methods" });
    if exchange.method == Method::Options {
        return Some(options(allowed.field.clone()));
    }
    exchange.error.allow = Some(allowed.field.clone());
    Some(Turn::Outcome(Outcome::Fail(Status::METHOD_NOT_ALLOWED)))
}

/// What a location allows (RFC 9110 section 9.3.7).
fn options(allowed: Bytes) -> Turn {
    let mut response = Response::new(Status::NO_CONTENT);
    response.headers.append(names::ALLOW, allowed);
    Turn::Finish(Box::new(response))
}

/// What OPTIONS is answered with where a location says what it allows, or changes what is there.
fn answered_options(exchange: &Exchange) -> Option<Bytes> {
    let settings = &exchange.plan.settings;
    match &settings.allowed_methods {
        Some(allowed) => Some(allowed.field.clone()),
        None => settings.handled_methods.has_more().then(|| settings.handled_methods.field.clone()),
    }
}

/// `client_max_body_size`: at once for a body whose length was announced, else as it comes. As in nginx the location
/// that was asked for judges the announced length, and not one that an internal redirect leads to.
fn refuse_large_body(exchange: &mut Exchange) -> Option<Turn> {
    // What answers the refusal itself (an error page) is not refused again.
    if exchange.error.too_large {
        return None;
    }
    let settings = &exchange.plan.settings;
    let body = exchange.request.body.as_mut()?;
    body.set_limits(settings.client_max_body_size, settings.client_body_timeout);
    let limit = settings.client_max_body_size.filter(|_| !exchange.internal)?;
    let BodyFraming::Length(length) = exchange.request.head.framing else { return None };
    if length <= limit {
        return None;
    }
    exchange.error.too_large = true;
    exchange.report(Severity::Error, format_args!("client intended to send too large body: {length} bytes"));
    Some(Turn::Outcome(Outcome::Fail(Status::CONTENT_TOO_LARGE)))
}

/// The status of a request that no handler answered.
fn unanswered(exchange: &Exchange) -> Status {
    if exchange.uri.ends_with(b"/") {
        exchange.report(
            Severity::Error,
            format_args!("directory index of \"{}\" is forbidden", Shown(&exchange.filename())),
        );
        return Status::FORBIDDEN;
    }
    Status::NOT_FOUND
}

/// Routes the exchange again, to another URI.
fn reroute(exchange: &mut Exchange, uri: Bytes, args: Bytes) -> Turn {
    if exchange.trail.len() >= REROUTES_MAX {
        return cycle(exchange, "internally redirecting to", &uri);
    }
    exchange.trail.push(uri.clone());
    exchange.internal = true;
    exchange.uri_behind_alias = false;
    exchange.uri = uri;
    exchange.args = args;
    exchange.tell(|| Step::Rerouted { uri: exchange.uri.clone(), args: exchange.args.clone() });
    Turn::Server
}

/// Chooses the location again for a URI that the location's rewrites have changed.
fn relocate(exchange: &mut Exchange) -> Turn {
    let uri = exchange.uri.clone();
    if exchange.trail.len() >= REROUTES_MAX {
        return cycle(exchange, "processing", &uri);
    }
    exchange.trail.push(uri);
    locate(exchange)
}

/// Routes the exchange to `@name`.
fn to_named(exchange: &mut Exchange, name: &str) -> Turn {
    if exchange.trail.len() >= REROUTES_MAX {
        return cycle(exchange, "redirect to named location", name.as_bytes());
    }
    let Some(plan) = exchange.site.named(name) else {
        exchange.report(Severity::Error, format_args!("could not find named location \"{name}\""));
        return give_up(exchange);
    };
    exchange.trail.push(Bytes::copy_from_slice(name.as_bytes()));
    exchange.internal = true;
    exchange.uri_behind_alias = false;
    exchange.plan = plan;
    exchange.tell(|| Step::Named { name: name.into() });
    enter(exchange, false)
}

/// The exchange was routed again too often: the log shows what goes round.
fn cycle(exchange: &mut Exchange, doing: &str, target: &[u8]) -> Turn {
    exchange.report(
        Severity::Error,
        format_args!(
            "rewrite or internal redirection cycle while {doing} \"{}\": {}",
            Shown(target),
            Cycle { trail: &exchange.trail, target }
        ),
    );
    give_up(exchange)
}

/// The way from where the target was left last to the target; all of the way where it is a new one.
struct Cycle<'a> {
    trail: &'a [Bytes],
    target: &'a [u8],
}

impl fmt::Display for Cycle<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = self.trail.iter().rposition(|uri| uri == self.target).unwrap_or(0);
        for uri in &self.trail[begin..] {
            write!(formatter, "\"{}\" -> ", Shown(cut(uri)))?;
        }
        write!(formatter, "\"{}\"", Shown(cut(self.target)))
    }
}

/// So much of a URI that a line with all of a trail remains readable.
fn cut(uri: &[u8]) -> &[u8] {
    &uri[..uri.len().min(SHOWN_BYTES_MAX)]
}

/// 500 without a further error page: one of those may be what goes round.
fn give_up(exchange: &mut Exchange) -> Turn {
    exchange.error.status = Some(Status::INTERNAL_SERVER_ERROR);
    Turn::Finish(Box::new(error_pages::response(exchange, Status::INTERNAL_SERVER_ERROR)))
}

/// An error, or a redirect: by `error_page` where one fits, else by the built-in page.
fn fail(exchange: &mut Exchange, status: Status, location: Option<Bytes>) -> Turn {
    if status == Status::METHOD_NOT_ALLOWED
        && exchange.method == Method::Options
        && let Some(allowed) = answered_options(exchange)
    {
        // OPTIONS is allowed, and no handler has an answer of its own.
        exchange.error.allow = None;
        return options(allowed);
    }
    exchange.tell(|| Step::Failed { status });
    exchange.error.status = Some(status);
    // An error page does not make a broken request whole.
    exchange.error.close |= error_pages::ends_connection(status);
    exchange.error.location = location;
    let plan = Arc::clone(&exchange.plan);
    let settings = &plan.settings;
    let page = settings.error_pages.iter().find(|page| page.on == status);
    let Some(page) = page.filter(|_| !exchange.error.in_error_page) else {
        return Turn::Finish(Box::new(error_pages::response(exchange, status)));
    };
    exchange.error.in_error_page = !settings.recursive_error_pages;
    exchange.error.status = match page.answer {
        ErrorAnswer::Same => Some(status),
        ErrorAnswer::OfPage => None,
        ErrorAnswer::Fixed(fixed) => Some(fixed),
    };
    match &page.target {
        ErrorTarget::Named(name) => Turn::Outcome(Outcome::Named(Arc::clone(name))),
        ErrorTarget::Uri(template) => {
            let target = template.render_bytes(exchange);
            if target.starts_with(b"@")
                && let Ok(name) = std::str::from_utf8(&target)
            {
                return Turn::Outcome(Outcome::Named(Arc::from(name)));
            }
            if !target.starts_with(b"/") {
                return Turn::Finish(Box::new(redirect::to_error_page(exchange, page.answer, target)));
            }
            if exchange.method != Method::Head {
                exchange.method = Method::Get;
            }
            let (uri, args) = redirect::split_target(&target);
            Turn::Outcome(Outcome::Reroute { uri, args })
        }
    }
}

/// The last steps for every response: the status an error page set, the redirect's full form, the
/// filters of the location. A filter that refuses the response sends the exchange round once more,
/// to the error page; none refuses what has that status already.
fn finish(exchange: &mut Exchange, mut response: Box<Response>) -> Result<Box<Response>, Status> {
    if let Some(status) = exchange.error.status.take() {
        response.status = status;
    }
    if response.location.is_none() {
        // A page for a redirect is sent with the place it leads to.
        response.location = exchange.error.location.take();
    }
    for challenge in exchange.error.challenges.iter().rev() {
        response.headers.insert_first(names::WWW_AUTHENTICATE, challenge.clone());
    }
    let plan = Arc::clone(&exchange.plan);
    for filter in &plan.filters {
        if exchange.is_subrequest() && !filter.is_for_subrequests() {
            continue;
        }
        exchange.record.status = Some(response.status);
        filter.apply(exchange, &mut response);
        exchange.record.status = None;
        if let Some(refused) = exchange.error.refused.take() {
            return Err(refused);
        }
    }
    if let Some(range) = exchange.error.content_range.take() {
        response.headers.set(names::CONTENT_RANGE, range);
    }
    if let Some(seconds) = exchange.error.retry_after.take() {
        response.headers.set(names::RETRY_AFTER, seconds.to_string());
    }
    if let Some(allow) = exchange.error.allow.take() {
        response.headers.set(names::ALLOW, allow);
    }
    // A page for a redirect's status does not take away where it leads, as in nginx.
    let led_to = exchange.error.location.take();
    response.location = response.location.take().or(led_to);
    response.close |= exchange.error.close;
    exchange.error = ErrorState::default();
    if !matches!(response.status.code(), 200 | 206 | 304) {
        // When a file stands in for an error, its date is not that of what was asked for.
        response.last_modified = None;
    }
    if !exchange.is_subrequest() {
        redirect::complete(exchange, &mut response);
    }
    Ok(response)
}

impl Plan {
    /// Whether any handler has its turn in this stage; used by tests and `explain`.
    pub fn has_stage(&self, stage: Stage) -> bool {
        self.stages.contains(&stage) || (stage == Stage::PostRead && !self.post_read.is_empty())
    }
}

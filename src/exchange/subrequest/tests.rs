//! Subrequests in a server with one location for everything, whose handlers tell them by their path.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};

use super::*;
use crate::exchange::plan::{Filter, Handler, Handling, Logger, Outcome, PlanBuilder, Stage};
use crate::exchange::test_support::{Bench, rendered};
use crate::exchange::testing::{Answer, Location};
use crate::exchange::variables::Slot;

type Awaited<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A handler that answers subrequests at once.
#[derive(Debug)]
struct Part(fn(&mut Exchange) -> Outcome);

/// A handler that answers the client's request by way of subrequests.
#[derive(Debug)]
struct Whole(for<'a> fn(&'a mut Exchange) -> Awaited<'a>);

impl Handler for Part {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if exchange.is_subrequest() { (self.0)(exchange).into() } else { Outcome::Next.into() }
    }
}

impl Handler for Whole {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if exchange.is_subrequest() { Outcome::Next.into() } else { Handling::Later((self.0)(exchange)) }
    }
}

fn text(text: impl Into<String>) -> Outcome {
    Outcome::Respond(Box::new(Response::with_bytes(Status::OK, "text/plain", text.into())))
}

fn subrequest(exchange: &Exchange, uri: &'static str) -> Result<Subrequest, SubrequestError> {
    Subrequest::of(exchange, Bytes::from_static(uri.as_bytes()), Bytes::from_static(b"a=b"))
}

/// Answers with what a subrequest to `/part?a=b` is answered with.
fn ask(exchange: &mut Exchange) -> Awaited<'_> {
    Box::pin(async {
        match subrequest(exchange, "/part").unwrap().answer().await {
            Ok(answered) => Outcome::Respond(answered.response),
            Err(error) => text(format!("{error}")),
        }
    })
}

/// Answers with the contents of subrequests to `/1` and `/2`.
fn include(exchange: &mut Exchange) -> Awaited<'_> {
    let subrequests = Subrequests::of(exchange);
    let bodies = ["/1", "/2"].map(|uri| subrequests.body(Bytes::from_static(uri.as_bytes()), Bytes::new()));
    let mut response = Response::new(Status::OK);
    response.body = Body::chain(bodies);
    Box::pin(async { Outcome::Respond(Box::new(response)) })
}

fn site(part: fn(&mut Exchange) -> Outcome, whole: for<'a> fn(&'a mut Exchange) -> Awaited<'a>) -> Location {
    Location::new(|plan| install(plan, part, whole))
}

fn install(
    plan: &mut PlanBuilder,
    part: fn(&mut Exchange) -> Outcome,
    whole: for<'a> fn(&'a mut Exchange) -> Awaited<'a>,
) {
    plan.handler(Stage::Content, Part(part));
    plan.handler(Stage::Content, Whole(whole));
}

fn post(site: Location) -> Answer {
    site.request("POST /whole?c=d HTTP/1.1\r\nHost: A.example\r\nX: y\r\n\r\n")
}

#[test]
fn a_subrequest_has_the_clients_fields_and_a_path_of_its_own() {
    let shown = |exchange: &mut Exchange| {
        let facts = "$uri?$args $request_uri $request_method $http_x $host $request_length $connection_requests";
        text(rendered(facts, exchange) + exchange.method.as_str())
    };
    assert_eq!(post(site(shown, ask)).text(), "/part?a=b /whole?c=d POST y a.example 0 1GET");
}

#[test]
fn the_content_of_subrequests_stands_in_its_place() {
    assert_eq!(post(site(|exchange| text(rendered("<$uri>", exchange)), include)).text(), "</1></2>");
}

#[test]
fn access_is_not_looked_at_again() {
    let site = Location::new(|plan| {
        plan.handler(Stage::Access, Part(|_| Outcome::Fail(Status::FORBIDDEN)));
        install(plan, |_| text("part"), ask);
    });
    assert_eq!(post(site).text(), "part");
}

#[test]
fn an_error_of_a_subrequest_has_a_page() {
    let answer = post(site(|_| Outcome::Fail(Status::GONE), ask));
    assert_eq!((answer.status, answer.content_type()), (410, Some("text/html")));
}

#[test]
fn where_a_subrequest_is_redirected_stays_as_it_was_written() {
    let redirect =
        |_: &mut Exchange| Outcome::RedirectTo { status: Status::FOUND, location: Bytes::from_static(b"/elsewhere") };
    fn shown(exchange: &mut Exchange) -> Awaited<'_> {
        Box::pin(async {
            let answered = subrequest(exchange, "/part").unwrap().answer().await.unwrap();
            text(rendered("$status $sent_http_location $sent_http_connection", &answered.finish()))
        })
    }
    assert_eq!(post(site(redirect, shown)).text(), "302 /elsewhere close");
}

#[test]
fn variables_are_shared_with_the_request() {
    fn whole(exchange: &mut Exchange) -> Awaited<'_> {
        Box::pin(async {
            exchange.set_slot(Slot(1), Bytes::from_static(b"from the whole"));
            let answered = subrequest(exchange, "/part").unwrap().answer().await.unwrap();
            assert_eq!(answered.finish().id(), exchange.id());
            text(String::from_utf8(exchange.slot(Slot(2)).unwrap().to_vec()).unwrap())
        })
    }
    let part = |exchange: &mut Exchange| {
        let value = exchange.slot(Slot(1)).unwrap();
        exchange.set_slot(Slot(2), value);
        Outcome::Fail(Status::NOT_FOUND)
    };
    assert_eq!(post(site(part, whole)).text(), "from the whole");
}

#[test]
fn a_subrequest_that_is_closed_has_no_response() {
    assert_eq!(post(site(|_| Outcome::Close, ask)).text(), "the subrequest was closed with 444");
    let timed_out = |exchange: &mut Exchange| {
        exchange.record.status = Some(Status::REQUEST_TIMEOUT);
        Outcome::Close
    };
    assert_eq!(post(site(timed_out, ask)).text(), "the subrequest was closed with 408");
}

/// Marks all responses, or those to the client.
#[derive(Debug)]
struct Marks {
    all: bool,
}

impl Filter for Marks {
    fn apply(&self, _exchange: &mut Exchange, response: &mut Response) {
        response.headers.append("Marked", "x");
    }

    fn is_for_subrequests(&self) -> bool {
        self.all
    }
}

#[test]
fn only_filters_of_content_change_subrequests() {
    let marks = |all| {
        let site = Location::new(|plan| {
            install(plan, |_| text("part"), ask);
            plan.filter(Marks { all });
        });
        // The answer to the client is that of the subrequest, marked once or twice.
        post(site).response.headers.count(b"Marked")
    };
    assert_eq!((marks(false), marks(true)), (1, 2));
}

/// Makes a subrequest of whatever comes.
#[derive(Debug)]
struct Deeper;

impl Handler for Deeper {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        Handling::Later(Box::pin(async {
            let depth = exchange.lineage.as_ref().map_or(0, |lineage| lineage.depth);
            match subrequest(exchange, "/part") {
                Ok(subrequest) => Outcome::Respond(subrequest.answer().await.unwrap().response),
                Err(error) => text(format!("{error} at {depth}")),
            }
        }))
    }
}

#[test]
fn subrequests_that_are_nested_too_deep_are_a_cycle() {
    let site = Location::new(|plan| plan.handler(Stage::Content, Deeper));
    assert_eq!(post(site).text(), format!("subrequests cycle at {DEPTH_MAX}"));
}

#[test]
fn only_so_many_subrequests_are_at_work_at_once() {
    let bench = Bench::new();
    let subrequests = Subrequests::of(&bench.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    let make = || subrequests.make(Bytes::from_static(b"/part"), Bytes::new());
    let mut all: Vec<_> = (0..AT_ONCE_MAX).map(|_| make().unwrap()).collect();
    assert_eq!(make().unwrap_err(), SubrequestError::TooMany);
    all.pop();
    assert!(make().is_ok());
}

thread_local! {
    /// What has happened, each test having a thread of its own.
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(what: impl Into<String>) {
    SEEN.with_borrow_mut(|seen| seen.push(what.into()));
}

/// Notes what it is told of.
#[derive(Debug)]
struct Notes;

impl Logger for Notes {
    fn log(&self, exchange: &Exchange) {
        note(rendered("$uri $status $bytes_sent$request_completion", exchange));
    }
}

#[test]
fn subrequests_are_logged_where_that_is_wanted() {
    let seen = |wanted| {
        let site = Location::new(|plan| {
            plan.settings.log_subrequest = wanted;
            install(plan, |_| text("part"), include);
            plan.logger(Notes);
        });
        post(site);
        SEEN.take()
    };
    assert_eq!(seen(true), ["/1 200 4", "/2 200 4"]);
    assert!(seen(false).is_empty());
}

#[test]
fn nothing_is_done_before_content_is_asked_for() {
    fn whole(exchange: &mut Exchange) -> Awaited<'_> {
        drop(Subrequests::of(exchange).body(Bytes::from_static(b"/1"), Bytes::new()));
        Box::pin(async { text("whole") })
    }
    fn part(_: &mut Exchange) -> Outcome {
        note("asked");
        Outcome::Next
    }
    assert_eq!(post(site(part, whole)).text(), "whole");
    assert!(SEEN.take().is_empty());
}

/// Never answers; notes its end.
#[derive(Debug)]
struct Waits;

struct Waiting;

impl Drop for Waiting {
    fn drop(&mut self) {
        note("dropped");
    }
}

impl Handler for Waits {
    fn handle<'a>(&'a self, _exchange: &'a mut Exchange) -> Handling<'a> {
        let waiting = Waiting;
        Handling::Later(Box::pin(async move {
            pending::<()>().await;
            drop(waiting);
            Outcome::Next
        }))
    }
}

#[test]
fn a_subrequest_ends_when_its_content_is_dropped() {
    let mut bench = Bench::new();
    let mut plan = PlanBuilder::new("/");
    plan.handler(Stage::Content, Waits);
    let exchange = bench.exchange_in(plan, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut body = Subrequests::of(&exchange).body(Bytes::from_static(b"/1"), Bytes::new());
    let polled = Rc::new(Cell::new(false));
    let seen = Rc::clone(&polled);
    exchange.handle.spawn(async move {
        let waits = poll_fn(|context| Poll::Ready(body.poll_next(context).is_pending())).await;
        seen.set(waits);
        assert!(SEEN.with_borrow(Vec::is_empty));
        drop(body);
    });
    bench.turn();
    assert!(polled.get());
    assert_eq!(SEEN.take(), ["dropped"]);
}

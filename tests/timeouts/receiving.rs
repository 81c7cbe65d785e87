//! Content received by a handler: when it is asked for, how long it is waited for, and how it fails.
//!
//! The handler is a module of these tests alone, so that nothing is tested but the receiving.

use std::io::{ErrorKind, Write};
use std::sync::LazyLock;

use webserv::config::build::Build;
use webserv::config::diagnostics::Diagnostic;
use webserv::config::schema::{Contexts, Directive, Erased, Module, Origin, Repeat, Shape};
use webserv::exchange::Exchange;
use webserv::exchange::content::Content;
use webserv::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use webserv::exchange::response::Response;
use webserv::http::Status;

use super::*;

/// `receive TIME`: receives the content after this time, and answers with where it is and its length.
struct Receive;

impl Module for Receive {
    type Conf = Option<Duration>;

    const NAME: &'static str = "receive";

    const DIRECTIVES: &'static [Directive<Self::Conf>] = &[Directive {
        name: "receive",
        contexts: Contexts::HTTP_SERVER_LOCATION,
        args: Shape::one("TIME"),
        repeat: Repeat::Once,
        set: |conf, arguments| {
            *conf = Some(arguments.duration(0)?);
            Ok(())
        },
        default: "",
        doc: "For tests.",
        example: "receive 0s;",
        origin: Origin::Ours,
    }];

    fn install(conf: &Self::Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if let Some(after) = *conf {
            plan.handler(Stage::Content, ReceiveContent { after });
        }
        Ok(())
    }
}

#[derive(Debug)]
struct ReceiveContent {
    after: Duration,
}

impl Handler for ReceiveContent {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        Handling::Later(Box::pin(async {
            exchange.handle.deadline(exchange.handle.now() + self.after).await;
            if let Err(outcome) = exchange.receive_content().await {
                return outcome;
            }
            let place = match exchange.content() {
                Content::Empty => "nothing",
                Content::Memory(_) => "memory",
                Content::File(_) => "file",
            };
            let text = format!("in {place}: {}.", exchange.content().length());
            Outcome::Respond(Box::new(Response::with_bytes(Status::OK, "text/plain", text)))
        }))
    }
}

fn house(directives: &str) -> House {
    static ALL: LazyLock<Vec<&'static dyn AnyModule>> = LazyLock::new(|| {
        let own: &'static dyn AnyModule = &Erased::<Receive>::NEW;
        [own].into_iter().chain(MODULES.iter().copied()).collect()
    });
    let log = "log_format all '$status $request_length $bytes_sent';";
    House::with_modules(&ALL, log, &format!("access_log access.log all; client_body_temp_path bodies; {directives}"))
}

impl House {
    /// A client that has sent a head, and this.
    fn post(&mut self, framing: &str, content: &str) -> Client {
        let mut client = self.connect();
        client.send(&format!("POST /x HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{content}"), self);
        client
    }

    fn logged(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap()
    }
}

impl Client {
    /// The status lines, and what is behind the last head.
    fn seen(&mut self) -> (Vec<String>, String) {
        self.look();
        let text = self.text();
        let statuses = text.split("HTTP/1.1 ").skip(1).map(|behind| behind[..3].to_owned());
        (statuses.collect(), text.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned())
    }
}

const CHUNKED: &str = "Transfer-Encoding: chunked";

/// A client that has seen these statuses, and this behind them.
#[track_caller]
fn assert_seen(client: &mut Client, statuses: &[&str], content: &str) {
    let (seen, text) = client.seen();
    assert_eq!((seen.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), &*text), (statuses, content));
}

#[test]
fn content_is_received_however_it_is_framed_and_the_connection_goes_on() {
    let mut house = house("receive 0s; client_body_buffer_size 10;");
    let mut client = house.post("Content-Length: 5", "hello");
    assert_seen(&mut client, &["200"], "in memory: 5.");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", &mut house);
    client.send("lo\r\n6\r\n12345", &mut house);
    client.send("6\r\n0\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\n\r\n", &mut house);
    assert_seen(&mut client, &["200", "200", "200"], "in nothing: 0.");
    assert!(client.text().contains("in file: 11."), "{}", client.text());
}

#[test]
fn a_request_is_as_long_as_what_was_read_of_it() {
    let mut house = house("receive 0s; location /said { return 200 said; }");
    let head = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let content = "5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n";
    house.post(CHUNKED, content);
    let logged = house.logged();
    assert_eq!(logged.split(' ').nth(1).unwrap(), (head.len() + content.len()).to_string(), "{logged}");
}

#[test]
fn much_content_goes_to_a_file_without_a_name() {
    let mut house = house("receive 0s; client_max_body_size 0;");
    let length = 10 << 20;
    let mut client = house.post(&format!("Content-Length: {length}"), "");
    let mut rest = length;
    while rest > 0 {
        match client.stream.write(&vec![b'x'; rest.min(1 << 20)]) {
            Ok(count) => rest -= count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        house.turn();
    }
    assert_seen(&mut client, &["200"], "in file: 10485760.");
    assert_eq!(std::fs::read_dir(house.folder.path().join("bodies")).unwrap().count(), 0);
}

#[test]
fn a_client_that_waits_is_told_to_go_on_when_its_content_is_asked_for() {
    let mut house = house("receive 5s;");
    let mut client = house.post("Content-Length: 5\r\nExpect: 100-continue", "");
    house.pass(4);
    assert_seen(&mut client, &[], "");
    house.pass(2);
    assert_seen(&mut client, &["100"], "");
    client.send("hello", &mut house);
    assert_seen(&mut client, &["100", "200"], "in memory: 5.");
}

#[test]
fn a_client_that_pauses_for_client_body_timeout_is_told_so() {
    let mut house = house("receive 0s; client_body_timeout 10s; lingering_timeout 5s;");
    let mut client = house.post("Content-Length: 10", "hello");
    for _ in 0..3 {
        house.pass(9);
        assert_eq!(client.look(), Seen::Open);
        client.send("x", &mut house);
    }
    house.pass(11);
    assert_eq!(client.end(), Seen::Closed);
    assert!(client.text().starts_with("HTTP/1.1 408 ") && client.text().contains("Connection: close"));
    assert!(house.logged().starts_with("408 "), "{}", house.logged());
    house.pass(6);
    assert_eq!(house.prepared.worker().handle().tasks(), 2, "it is gone");
}

#[test]
fn reset_timedout_connection_takes_the_place_of_the_answer() {
    let mut house = house("receive 0s; client_body_timeout 10s; reset_timedout_connection on;");
    let mut client = house.post("Content-Length: 10", "hello");
    house.pass(11);
    assert_eq!((client.end(), client.received.len()), (Seen::Reset, 0));
    assert!(house.logged().starts_with("408 "), "{}", house.logged());
}

#[test]
fn only_the_time_that_the_client_takes_counts() {
    let mut house = house("receive 100s; client_body_timeout 10s;");
    let mut client = house.post("Content-Length: 10", "hello");
    house.pass(101);
    house.pass(9);
    client.send("12345", &mut house);
    assert_seen(&mut client, &["200"], "in memory: 10.");
}

#[test]
fn a_chunk_that_is_too_large_is_refused_before_it_comes() {
    let mut house = house("receive 0s; client_max_body_size 10; lingering_timeout 5s;");
    let mut client = house.post(CHUNKED, "5\r\nhello\r\n6\r\n");
    assert_eq!(client.end(), Seen::Closed);
    assert!(client.text().starts_with("HTTP/1.1 413 "), "{}", client.text());
    client.send("12345", &mut house);
    assert_eq!(house.prepared.worker().handle().tasks(), 3, "what still comes is taken in");
    let mut fits = house.post(CHUNKED, "5\r\nhello\r\n5\r\n12345\r\n0\r\n\r\n");
    assert_seen(&mut fits, &["200"], "in memory: 10.");
}

#[test]
fn an_internal_redirect_is_not_judged_again_by_its_length() {
    let mut house = house(
        "location / { client_max_body_size 10; try_files /none @there; }
         location @there { client_max_body_size 1; receive 0s; }",
    );
    let mut client = house.post("Content-Length: 5", "hello");
    assert_seen(&mut client, &["200"], "in memory: 5.");
    assert!(house.post("Content-Length: 11", "").seen().0 == ["413"]);
    assert!(house.post(CHUNKED, "2\r\n").seen().0 == ["413"], "what comes in chunks is judged where it is read");
}

#[test]
fn a_client_that_leaves_within_its_content_is_not_answered() {
    let mut house = house("receive 0s;");
    for framing in ["Content-Length: 10", CHUNKED] {
        let mut client = house.post(framing, "5\r\nhe");
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        house.turn();
        assert_eq!((client.end(), client.received.len()), (Seen::Closed, 0));
    }
    let logged = house.logged();
    assert!(logged.lines().count() == 2 && logged.lines().all(|line| line.starts_with("400 ")), "{logged}");
}

#[test]
fn broken_chunks_are_a_bad_request() {
    let mut house = house("receive 0s;");
    let mut client = house.post(CHUNKED, "5\r\nhello\r\nzz\r\n");
    assert_eq!(client.seen().0, ["400"]);
    assert_eq!(client.end(), Seen::Closed);
}

#[test]
fn what_answers_a_failure_has_no_content() {
    let mut house = house(
        "location / { client_max_body_size 10; error_page 413 408 = @failed; receive 0s; }
         location @failed { receive 0s; }",
    );
    let mut client = house.post(CHUNKED, "5\r\nhello\r\n6\r\n");
    assert_eq!(client.end(), Seen::Closed);
    assert_seen(&mut client, &["200"], "in nothing: 0.");
}

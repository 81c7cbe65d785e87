//! When a connection is kept for a further request, and when it is closed.

use crate::support::{Client, Running, Site, pattern};

fn site() -> Running {
    Site::new().file("home.html", "hello").start()
}

fn ask(client: &mut Client, version: &str, headers: &str) -> (Option<String>, String) {
    client.send(format!("GET /home.html HTTP/{version}\r\nHost: localhost\r\n{headers}\r\n"));
    let answer = client.answer();
    (answer.header("connection").map(str::to_owned), answer.text().to_owned())
}

#[test]
fn a_connection_is_kept_by_default() {
    let site = site();
    let mut client = site.connect();
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "1.1", ""), (Some("keep-alive".into()), "hello".into()));
    }
}

#[test]
fn connection_close_is_obeyed() {
    let site = site();
    for word in ["close", "Close", "foo, close"] {
        let mut client = site.connect();
        assert_eq!(ask(&mut client, "1.1", &format!("Connection: {word}\r\n")).0, Some("close".into()), "{word}");
        assert!(client.closed(), "{word}");
    }
}

#[test]
fn an_old_client_is_answered_and_left() {
    let site = site();
    let mut client = site.connect();
    client.send("GET /home.html HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.header("connection")), ("hello", Some("close")));
    assert!(client.closed());
}

#[test]
fn an_old_client_may_ask_to_stay() {
    let site = site();
    let mut client = site.connect();
    for _ in 0..2 {
        assert_eq!(ask(&mut client, "1.0", "Connection: keep-alive\r\n").0, Some("keep-alive".into()));
    }
}

#[test]
fn keepalive_requests_counts_them() {
    let site = Site::new().file("home.html", "hello").conf("keepalive_requests 3;").start();
    let mut client = site.connect();
    for expected in ["keep-alive", "keep-alive", "close"] {
        assert_eq!(ask(&mut client, "1.1", "").0, Some(expected.into()));
    }
    assert!(client.closed());
}

#[test]
fn without_keepalive_timeout_no_connection_is_kept() {
    let site = Site::new().file("home.html", "hello").conf("keepalive_timeout 0;").start();
    let mut client = site.connect();
    assert_eq!(ask(&mut client, "1.1", "").0, Some("close".into()));
    assert!(client.closed());
}

#[test]
fn a_kept_connection_ends_with_its_timeout() {
    let site = Site::new().file("home.html", "hello").conf("keepalive_timeout 100ms;").start();
    let mut client = site.connect();
    assert_eq!(ask(&mut client, "1.1", "").0, Some("keep-alive".into()));
    assert!(client.closed());
}

#[test]
fn a_client_that_sends_no_more_gets_its_whole_answer() {
    let content = pattern(1 << 20);
    let site = Site::new().file("large", &content).file("home.html", "hello").start();
    for (path, expected) in [("/large", &content[..]), ("/home.html", b"hello")] {
        let mut client = site.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        client.shutdown_write();
        assert!(client.answer().body == expected, "{path}");
        assert!(client.closed(), "{path}");
    }
}

#[test]
fn all_pipelined_requests_before_a_half_close_are_answered() {
    let site = site();
    let mut client = site.connect();
    client.send("GET /home.html HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3));
    client.shutdown_write();
    for _ in 0..3 {
        assert_eq!(client.answer().text(), "hello");
    }
    assert!(client.closed());
}

#[test]
fn nothing_is_answered_behind_connection_close() {
    let site = site();
    let mut client = site.connect();
    let request = "GET /home.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    client.send([request, request].concat());
    assert_eq!(client.answer().text(), "hello");
    assert!(client.closed());
}

#[test]
fn an_internet_explorer_6_with_its_second_service_pack_keeps_its_connection() {
    let site = Site::new().conf("location / { return 200 said; }").start();
    for (comment, closes) in [("MSIE 6.0; Windows NT 5.1", true), ("MSIE 6.0; Windows NT 5.1; SV1", false)] {
        let mut client = site.connect();
        let fields = format!("Host: localhost\r\nUser-Agent: Mozilla/4.0 (compatible; {comment})\r\nContent-Length: 0");
        client.send(format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n"));
        assert_eq!(client.answer().closes(), closes, "{comment}");
    }
}

#[test]
fn answers_before_a_request_that_gets_none_arrive_and_are_logged() {
    let site = Site::new()
        .http("access_log {root}/access.log;")
        .conf("location = /none { return 444; } location / { return 200 said; }")
        .start();
    let mut client = site.connect();
    client.send(["/a", "/b", "/none", "/c"].map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).concat());
    assert_eq!(client.answer().text(), "said");
    assert_eq!(client.answer().text(), "said");
    let (rest, _reset) = client.try_rest();
    assert!(rest.is_empty());
    let lines = site.access_log("access.log", 3);
    for (line, expected) in lines.iter().zip(["/a HTTP/1.1\" 200", "/b HTTP/1.1\" 200", "/none HTTP/1.1\" 444"]) {
        assert!(line.contains(expected), "{line}");
    }
}

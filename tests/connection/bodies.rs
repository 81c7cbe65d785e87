//! Requests with content: drained, refused, waited for.

use crate::support::{Running, Site};

fn site() -> Running {
    Site::new()
        .file("home.html", "hello")
        .conf("client_max_body_size 1m; location = /said { return 200 \"said\"; }")
        .start()
}

const NEXT: &str = "GET /home.html HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn content_that_nobody_reads_is_drained() {
    let site = site();
    let mut client = site.connect();
    let content = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2000);
    for path in ["/said", "/home.html"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", content.len());
        client.send([&head, &*content, NEXT].concat());
        assert!([200, 405].contains(&client.answer().status), "{path}");
        assert_eq!(client.answer().text(), "hello", "{path}");
    }
}

#[test]
fn chunked_content_is_drained_with_its_trailers() {
    let site = site();
    let chunked = "POST /said HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\nA;name=value;other=\"quo ted\"\r\n0123456789\r\n0\r\nSum: 15\r\nOther: x\r\n\r\n";
    let mut client = site.connect();
    client.send([chunked, chunked, NEXT].concat());
    for expected in ["said", "said", "hello"] {
        assert_eq!(client.answer().text(), expected);
    }
}

#[test]
fn chunked_content_may_arrive_byte_by_byte() {
    let site = site();
    let mut client = site.connect();
    let chunked = "POST /said HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n0\r\nSum: 5\r\n\r\n";
    for byte in [chunked, NEXT].concat().bytes() {
        client.send([byte]);
    }
    for expected in ["said", "hello"] {
        assert_eq!(client.answer().text(), expected);
    }
}

const CHUNKED: &str = "POST /said HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";

const BROKEN: [&str; 7] =
    ["x\r\n", "5\r\nhello!\r\n", "-1\r\n", "5 \u{1}\r\n", "0x5\r\nhello\r\n", "fffffffffffffffff\r\n", "\r\n"];

#[test]
fn broken_chunks_are_refused_and_what_follows_them_is_no_request() {
    let site = site();
    for chunks in BROKEN {
        let mut client = site.connect();
        client.send([CHUNKED, chunks, NEXT].concat());
        assert_eq!(client.answer().status, 400, "{chunks:?}");
        let (bytes, _reset) = client.try_rest();
        assert_eq!(String::from_utf8_lossy(&bytes), "", "after {chunks:?}");
    }
}

#[test]
fn chunks_that_break_behind_the_answer_end_the_connection() {
    let site = site();
    for chunks in BROKEN {
        let mut client = site.connect();
        client.send(CHUNKED);
        assert_eq!(client.answer().text(), "said");
        client.send([chunks, NEXT].concat());
        let (bytes, _reset) = client.try_rest();
        assert_eq!(String::from_utf8_lossy(&bytes), "", "after {chunks:?}");
    }
}

#[test]
fn answers_before_broken_chunks_are_sent() {
    let site = site();
    let mut client = site.connect();
    client.send([NEXT, CHUNKED, "x\r\n"].concat());
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.answer().status, 400);
}

#[test]
fn an_answer_does_not_wait_for_the_rest_of_the_content() {
    let site = site();
    let mut client = site.connect();
    client.send([CHUNKED, "5\r\nhel"].concat());
    assert_eq!(client.answer().text(), "said");
    client.send(["lo\r\n0\r\n\r\n", NEXT].concat());
    assert_eq!(client.answer().text(), "hello");
}

#[test]
fn too_much_content_is_refused_and_the_client_reads_it() {
    let site = site();
    let mut client = site.connect();
    let length = 10 << 20;
    client.send(format!("POST /home.html HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"));
    for _ in 0..length / 65536 {
        client.send([b'x'; 65536]);
    }
    assert_eq!(client.answer().status, 413);
    client.shutdown_write();
    assert!(client.closed(), "closed, and not reset");
}

#[test]
fn the_refusal_comes_before_the_content_does() {
    let site = site();
    let mut client = site.connect();
    client.send("POST /home.html HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (413, true));
    client.shutdown_write();
    assert!(client.closed());
}

#[test]
fn a_client_that_waits_before_it_sends_too_much_gets_the_refusal_alone() {
    let site = site();
    let mut client = site.connect();
    client.send("POST /said HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (413, true));
}

#[test]
fn a_client_that_waits_is_answered_at_once_where_its_content_does_not_matter() {
    let site = site();
    let mut client = site.connect();
    client.send("POST /said HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let mut answer = client.answer();
    if answer.status == 100 {
        client.send("hello");
        answer = client.answer();
    }
    assert_eq!(answer.text(), "said");
}

#[test]
fn expecting_to_go_on_without_content_changes_nothing() {
    let site = site();
    let mut client = site.connect();
    for _ in 0..2 {
        client.send("GET /home.html HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, "hello"));
    }
}

#[test]
fn broken_chunks_are_a_bad_request() {
    let site = site();
    for path in ["/said", "/home.html", "/none"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut client = site.connect();
        client.send([&head, "zz\r\n", NEXT].concat());
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (400, true), "{path}");
    }
}

//! What is no request: the status that answers it, and the end of the connection.

use crate::support::{Running, Site};

#[track_caller]
fn refused(site: &Running, bytes: &[u8], status: u16) {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned();
    let mut client = site.connect();
    client.send(bytes);
    client.send("GET /home.html HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (status, true), "{shown:?}");
    client.shutdown_write();
    assert!(client.closed(), "{shown:?}: nothing more is answered");
}

fn site() -> Running {
    Site::new().file("home.html", "hello").conf("large_client_header_buffers 4 8k;").start()
}

#[test]
fn an_ambiguous_length_is_refused() {
    let site = site();
    let cases = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ];
    for fields in cases {
        refused(&site, format!("POST /home.html HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes(), 400);
    }
}

#[test]
fn chunks_do_not_exist_in_http_1_0() {
    refused(&site(), b"POST /home.html HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

#[test]
fn unknown_transfer_codings_are_not_implemented() {
    let site = site();
    for coding in ["gzip", "gzip, chunked", "identity", "xchunked"] {
        let request = format!("POST /home.html HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n");
        refused(&site, request.as_bytes(), 501);
    }
}

#[test]
fn header_lines_that_programs_read_differently_are_refused() {
    let site = site();
    let cases: [&[u8]; 10] = [
        b"A: b\r\n folded\r\n",
        b"A: b\r\n\tfolded\r\n",
        b" A: b\r\n",
        b"A : b\r\n",
        b"A b: c\r\n",
        b"no colon\r\n",
        b": no name\r\n",
        b"A: b\rc\r\n",
        b"A: b\0c\r\n",
        b"A: b\x01c\r\n",
    ];
    for field in cases {
        refused(&site, &[b"GET /home.html HTTP/1.1\r\nHost: a\r\n", field, b"\r\n"].concat(), 400);
    }
}

#[test]
fn exactly_one_host_is_needed() {
    let site = site();
    for fields in ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n"] {
        refused(&site, format!("GET /home.html HTTP/1.1\r\n{fields}\r\n").as_bytes(), 400);
    }
}

#[test]
fn request_lines_that_are_none_are_refused() {
    let site = site();
    let cases: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /home.html\r\n\r\n",
        b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET home.html HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /home.html HTTX/1.1\r\nHost: a\r\n\r\n",
        b"GET /home.html HTTP/1.x\r\nHost: a\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for request in cases {
        refused(&site, request, 400);
    }
}

#[test]
fn other_versions_are_not_supported() {
    let site = site();
    for version in ["2.0", "3.0", "9.9"] {
        refused(&site, format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n").as_bytes(), 505);
    }
}

#[test]
fn what_is_too_long_is_refused_as_such() {
    let site = site();
    let long = "x".repeat(9000);
    refused(&site, format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(), 414);
    refused(&site, format!("GET / HTTP/1.1\r\nHost: a\r\nA: {long}\r\n\r\n").as_bytes(), 431);
    let large = format!("B: {}\r\n", "y".repeat(7000)).repeat(5);
    refused(&site, format!("GET / HTTP/1.1\r\nHost: a\r\n{large}\r\n").as_bytes(), 431);
    let many = "C: z\r\n".repeat(5000);
    refused(&site, format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes(), 431);
}

#[test]
fn who_is_refused_may_go_on_sending() {
    let site = site();
    for request in
        ["GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "nonsense\r\n\r\n"]
    {
        let mut client = site.connect();
        client.send(request);
        assert_eq!(client.answer().status, 400, "{request:?}");
        for _ in 0..10 {
            client.try_send("more").unwrap_or_else(|error| panic!("{request:?}: the connection was reset: {error}"));
        }
        client.shutdown_write();
        assert!(client.closed(), "{request:?}");
    }
}

#[test]
fn an_endless_line_is_refused_before_its_end() {
    let site = site();
    let mut client = site.connect();
    client.send(format!("GET /{}", "x".repeat(20_000)));
    assert_eq!(client.answer().status, 414);
}

#[test]
fn a_client_that_never_ends_its_request_is_timed_out() {
    let site = Site::new().conf("client_header_timeout 100ms;").start();
    for begin in ["", "GET /", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = site.connect();
        client.send(begin);
        let (bytes, reset) = client.try_rest();
        assert!(reset.is_none(), "{begin:?}");
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408 "), "{begin:?}: {text}");
    }
}

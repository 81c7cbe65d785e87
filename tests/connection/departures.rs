//! Clients that leave without a goodbye, wherever they are.

use crate::support::{Running, Site, pattern};

/// With few connections allowed, so that one which is not given back is missed.
fn site() -> Running {
    Site::new()
        .file("home.html", "hello")
        .file("large", pattern(4 << 20))
        .main("events { worker_connections 8; }")
        .conf("location = /said { return 200 \"said\"; }")
        .start()
}

#[test]
fn clients_that_reset_their_connection_leave_nothing_behind() {
    let site = site();
    let sent = [
        "",
        "G",
        "GET /home.html HT",
        "GET /home.html HTTP/1.1\r\n",
        "GET /home.html HTTP/1.1\r\nHost: a\r\nHalf",
        "GET /home.html HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /said HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf of it",
        "POST /said HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "no request\r\n\r\n",
    ];
    for bytes in sent {
        for _ in 0..10 {
            let mut client = site.connect();
            client.send(bytes);
            client.reset();
        }
        assert_eq!(site.get("/home.html").text(), "hello", "after {bytes:?}");
    }
}

#[test]
fn a_client_that_leaves_within_its_download_leaves_nothing_behind() {
    let site = site();
    for number in 0..30 {
        let mut client = site.connect_narrow(4096);
        client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.read_some().starts_with(b"HTTP/1.1 200 OK\r\n"));
        if number % 2 == 0 {
            client.reset();
        }
    }
    assert_eq!(site.get("/home.html").text(), "hello");
}

#[test]
fn a_client_that_leaves_between_requests_leaves_nothing_behind() {
    let site = site();
    for number in 0..30 {
        let mut client = site.connect();
        assert_eq!(client.get("/home.html").text(), "hello");
        if number % 2 == 0 {
            client.reset();
        }
    }
    assert_eq!(site.get("/home.html").text(), "hello");
}

//! A client that reads slowly, or not at all, is its own affair.

use std::fs::OpenOptions;

use crate::support::{Site, pattern};

const LARGE: usize = 20 << 20;

#[test]
fn a_client_that_stops_reading_holds_nobody_up() {
    let content = pattern(LARGE);
    for sendfile in ["on", "off"] {
        let site = Site::new()
            .file("large", &content)
            .file("home.html", "hello")
            .conf(&format!("sendfile {sendfile};"))
            .start();
        let mut slow = site.connect_narrow(4096);
        slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(slow.read_some().starts_with(b"HTTP/1.1 200 OK\r\n"));
        let mut other = site.connect();
        for _ in 0..100 {
            assert_eq!(other.get("/home.html").text(), "hello");
        }
        assert!(site.get("/large").body == content, "another one reads all of it, sendfile {sendfile}");
    }
}

#[test]
fn a_client_that_pauses_gets_the_rest_later() {
    let content = pattern(LARGE);
    let site = Site::new().file("large", &content).file("home.html", "hello").start();
    let mut slow = site.connect_narrow(16 << 10);
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut received = slow.read_some();
    assert_eq!(site.get("/home.html").text(), "hello");
    received.extend(slow.rest());
    let start = received.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    assert!(received[start..] == content);
}

#[test]
fn a_client_that_takes_nothing_for_send_timeout_is_dropped() {
    let site =
        Site::new().file("large", pattern(LARGE)).conf("send_timeout 100ms;").main("error_log stderr info;").start();
    let mut slow = site.connect_narrow(4096);
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    site.wait_for_log("timed out");
    let (bytes, _reset) = slow.try_rest();
    assert!(bytes.len() < LARGE);
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_costs_its_own_connection() {
    for sendfile in ["on", "off"] {
        let site = Site::new()
            .file("large", pattern(LARGE))
            .file("home.html", "hello")
            .conf(&format!("sendfile {sendfile};"))
            .start();
        let mut other = site.connect();
        assert_eq!(other.get("/home.html").text(), "hello");
        let mut slow = site.connect_narrow(4096);
        slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        slow.read_some();
        let file = OpenOptions::new().write(true).open(site.path("large")).expect("it is there");
        file.set_len(1000).expect("it can be cut");
        let (bytes, _reset) = slow.try_rest();
        assert!(bytes.len() < LARGE, "sendfile {sendfile}");
        let line = site.wait_for_log("[alert]");
        assert!(line.contains("truncated"), "{line}");
        assert_eq!(other.get("/home.html").text(), "hello");
        assert_eq!(site.error_log().matches("[alert]").count(), 1);
    }
}

#[test]
fn a_client_that_asks_and_never_reads_is_made_to_wait() {
    let site = Site::new().conf("keepalive_requests 1000000000; return 200 said;").start();
    let mut greedy = site.connect();
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    let mut taken = 0;
    let mut refused = 0;
    // What was not taken several times, while others were answered between, is not going to be.
    while refused < 20 {
        let count = greedy.send_now(requests.as_bytes());
        taken += count;
        refused = if count == 0 { refused + 1 } else { 0 };
        assert!(taken < 256 << 20, "the server takes requests without end");
        assert_eq!(site.get("/").text(), "said");
    }
}

#[test]
fn a_client_that_sends_without_an_end_what_nobody_reads_holds_nobody_up() {
    let site = Site::new().main("worker_processes 1;").conf("client_max_body_size 0; return 200 said;").start();
    let mut fast = site.connect();
    fast.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n");
    assert_eq!(fast.answer().text(), "said");
    let sender = std::thread::spawn(move || while fast.try_send([b'x'; 256 * 1024]).is_ok() {});
    let mut client = site.connect();
    for _ in 0..50 {
        assert_eq!(client.get("/").text(), "said");
    }
    site.stop();
    sender.join().unwrap();
}

//! QUIT ends gracefully, TERM and INT at once.

use crate::support::{Site, pattern};

#[test]
fn quit_finishes_downloads_and_closes_idle_connections() {
    let content = pattern(20 << 20);
    let site = Site::new().file("large", &content).file("home.html", "hello").start();
    let address = site.address();
    let mut idle = site.connect();
    assert_eq!(idle.get("/home.html").text(), "hello");
    let mut slow = site.connect_narrow(16 << 10);
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut received = slow.read_some();
    site.signal("QUIT");
    assert!(idle.closed(), "an idle connection is closed, without a reset");
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens while the download goes on");
    received.extend(slow.rest());
    assert!(received.ends_with(&content));
    let stopped = site.wait();
    assert_eq!(stopped.status.code(), Some(0));
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn quit_lets_a_request_that_has_begun_end() {
    let site = Site::new().file("home.html", "hello").start();
    let mut client = site.connect();
    client.send("GET /home.html HTTP/1.1\r\nHo");
    // An answer to somebody who came later: by then the begin has been read.
    assert_eq!(site.get("/home.html").text(), "hello");
    site.signal("QUIT");
    site.wait_for_log("gracefully");
    client.send("st: a\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.closes()), ("hello", true));
    assert_eq!(site.wait().status.code(), Some(0));
}

#[test]
fn quit_answers_all_requests_that_were_sent() {
    let site = Site::new().file("large", pattern(20 << 20)).file("home.html", "hello").start();
    let mut client = site.connect_narrow(16 << 10);
    let request = |path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([request("/large"), request("/home.html"), request("/home.html")].concat());
    let begin = client.take(100, "the begin of the first answer");
    assert!(begin.starts_with(b"HTTP/1.1 200 "));
    site.signal("QUIT");
    site.wait_for_log("gracefully");
    let rest = client.rest();
    let answers: Vec<usize> = memchr::memmem::find_iter(&rest, b"HTTP/1.1 200 OK").collect();
    assert_eq!(answers.len(), 2, "both that came behind it");
    let closes = |answer: &[u8]| memchr::memmem::find(answer, b"Connection: close").is_some();
    assert!(!closes(&rest[..answers[1]]) && closes(&rest[answers[1]..]), "and the last says that it is the last");
    assert_eq!(site.wait().status.code(), Some(0));
}

#[test]
fn quit_without_connections_ends_at_once() {
    let site = Site::new().main("worker_processes 3;").start();
    site.signal("QUIT");
    assert_eq!(site.wait().status.code(), Some(0));
}

#[test]
fn term_and_int_end_at_once() {
    for (signal, number) in [("TERM", 15), ("INT", 2)] {
        let site = Site::new().main("worker_processes 2;").file("large", vec![b'x'; 20 << 20]).start();
        let mut slow = site.connect_narrow(4096);
        slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        slow.read_some();
        site.signal(signal);
        assert_eq!(site.wait().signal(), Some(number), "a shell and a service manager see by what it ended");
        let (rest, _reset) = slow.try_rest();
        assert!(rest.len() < 20 << 20, "{signal}");
    }
}

#[test]
fn term_ends_a_server_that_is_quitting() {
    let site = Site::new().file("large", vec![b'x'; 20 << 20]).start();
    let mut slow = site.connect_narrow(4096);
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.read_some();
    site.signal("QUIT");
    site.wait_for_log("gracefully");
    assert_eq!(site.stop().signal(), Some(15));
}

#[test]
fn quit_waits_for_connections_no_longer_than_it_may() {
    let site = Site::new()
        .main("worker_processes 2; worker_shutdown_timeout 100ms;")
        .file("large", vec![b'x'; 20 << 20])
        .start();
    let mut slow = site.connect_narrow(4096);
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.read_some();
    site.signal("QUIT");
    site.wait_for_log("worker_shutdown_timeout is over");
    let stopped = site.wait();
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.error_log);
    assert!(slow.try_rest().0.len() < 20 << 20);
}

#[test]
fn a_limit_of_the_wait_that_is_not_reached_changes_nothing() {
    for main in ["worker_shutdown_timeout 1h;", "worker_shutdown_timeout 0;"] {
        let content = pattern(4 << 20);
        let site = Site::new().main(main).file("large", &content).start();
        let mut slow = site.connect_narrow(4096);
        slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut received = slow.read_some();
        site.signal("QUIT");
        site.wait_for_log("gracefully");
        received.extend(slow.rest());
        assert!(received.ends_with(&content), "{main}");
        assert_eq!(site.wait().status.code(), Some(0), "{main}");
    }
}

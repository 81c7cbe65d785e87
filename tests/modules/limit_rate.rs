//! How fast responses are sent; the pace itself is tested on a clock moved by hand, in `tests/timeouts.rs`.

use crate::support::*;

#[test]
fn a_limited_response_arrives_whole_however_it_is_sent() {
    let content = pattern(300 << 10);
    for conf in ["sendfile off;", "sendfile on;", "sendfile on; sendfile_max_chunk 64k;", "limit_rate_after 100k;"] {
        let site = Site::new().file("large", &content).conf(&format!("limit_rate 8m; {conf}")).start();
        let mut client = site.connect();
        for _ in 0..2 {
            assert!(client.get("/large").body == content, "{conf}");
        }
    }
}

#[test]
fn the_rate_may_depend_on_the_request() {
    let site = Site::new()
        .file("page", "hello")
        .http("log_format rate '$args $limit_rate'; access_log {root}/log rate;")
        .conf("limit_rate $arg_rate; location /fixed/ { alias {root}/; limit_rate 1m; }")
        .start();
    for target in ["/page?rate=512k", "/page?rate=0", "/fixed/page?rate=1"] {
        assert_eq!(site.get(target).text(), "hello");
    }
    assert_eq!(site.access_log("log", 3), ["rate=512k 524288", "rate=0 0", "rate=1 1048576"]);
}

#[test]
fn a_rate_that_is_none_is_told_of_and_no_limit() {
    let site = Site::new().file("page", "hello").conf("limit_rate $arg_rate;").start();
    assert_eq!(site.get("/page?rate=fast").text(), "hello");
    let line = site.wait_for_log("invalid size \"fast\"");
    assert!(line.contains("[error]") && line.contains("request: \"GET /page?rate=fast HTTP/1.1\""), "{line}");
}

#[test]
fn pipelined_requests_are_answered_in_order_at_any_pace() {
    let site = Site::new().conf("location /a { return 200 a; } location /b { limit_rate 1m; return 200 b; }").start();
    let mut client = site.connect();
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([request("/a"), request("/b"), request("/b"), request("/a")].concat());
    let answers: Vec<String> = (0..4).map(|_| client.answer().text().to_owned()).collect();
    assert_eq!(answers, ["a", "b", "b", "a"]);
}

#[test]
fn a_client_that_leaves_a_limited_response_costs_its_connection_alone() {
    let site = Site::new()
        .file("large", pattern(300 << 10))
        .http("log_format sent '$status $request_completion'; access_log {root}/log sent;")
        .conf("location /large { limit_rate 100k; }")
        .start();
    let mut client = site.connect();
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_some();
    client.reset();
    assert_eq!(site.get("/").status, 403);
    assert_eq!(site.access_log("log", 2).len(), 2);
}

#[test]
fn sizes_that_are_none_are_refused() {
    for (line, reason) in [
        ("limit_rate 1g;", "expected the unit k or m"),
        ("limit_rate_after x;", "invalid size \"x\""),
        ("limit_rate $nobody;", "unknown \"nobody\" variable"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ {line} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

//! Which requests are logged, and where.

use crate::support::Site;

#[test]
fn a_log_may_be_off_for_a_location() {
    let site = Site::new()
        .conf(
            "access_log {root}/access.log; location /quiet { access_log off; return 200; } location / { return 200; }",
        )
        .start();
    site.get("/quiet");
    site.get("/said");
    let lines = site.access_log("access.log", 1);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("GET /said "), "{lines:?}");
}

#[test]
fn several_logs_take_the_same_request() {
    let site = Site::new()
        .http("log_format short '$status $uri';")
        .conf("access_log {root}/one.log; access_log {root}/two.log short; return 200;")
        .start();
    site.get("/a");
    assert!(site.access_log("one.log", 1)[0].contains("GET /a "));
    assert_eq!(site.access_log("two.log", 1), ["200 /a"]);
}

#[test]
fn a_condition_chooses_what_is_logged() {
    let site = Site::new()
        .http("log_format short '$uri';")
        .conf("access_log {root}/access.log short if=$arg_log; return 200;")
        .start();
    for path in ["/a", "/b?log=0", "/c?log=", "/d?log=1", "/e?log=yes"] {
        site.get(path);
    }
    assert_eq!(site.access_log("access.log", 2), ["/d", "/e"]);
}

#[test]
fn a_location_has_its_own_log_instead_of_its_server_s() {
    let site = Site::new()
        .http("log_format short '$uri';")
        .conf("access_log {root}/server.log short; location /own { access_log {root}/own.log short; return 200; } location / { return 200; }")
        .start();
    site.get("/own");
    site.get("/a");
    assert_eq!(site.access_log("own.log", 1), ["/own"]);
    assert_eq!(site.access_log("server.log", 1), ["/a"]);
}

#[test]
fn each_pipelined_request_has_its_line_in_order() {
    let site = Site::new()
        .http("log_format short '$uri $status $body_bytes_sent $connection_requests';")
        .file("home.html", "hello")
        .conf("access_log {root}/access.log short;")
        .start();
    let mut client = site.connect();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([ask("/home.html"), ask("/missing"), ask("/home.html")].concat());
    let missing_bytes = [client.answer(), client.answer(), client.answer()][1].body.len();
    let lines = site.access_log("access.log", 3);
    assert_eq!(
        lines,
        ["/home.html 200 5 1".to_owned(), format!("/missing 404 {missing_bytes} 2"), "/home.html 200 5 3".into()]
    );
}

#[test]
fn what_is_no_request_is_logged_as_it_came() {
    let site = Site::new().conf("access_log {root}/access.log;").start();
    site.request("nonsense \"quoted\" \x01\r\n\r\n");
    let line = &site.access_log("access.log", 1)[0];
    assert!(line.contains("\"nonsense \\x22quoted\\x22 \\x01\" 400 "), "{line}");
}

#[test]
fn a_download_that_was_cut_is_logged_with_what_was_sent() {
    let site = Site::new()
        .http("log_format short '$status $body_bytes_sent $request_completion';")
        .file("large", vec![b'x'; 20 << 20])
        .conf("access_log {root}/access.log short;")
        .start();
    let mut client = site.connect_narrow(4096);
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_some();
    client.reset();
    let line = &site.access_log("access.log", 1)[0];
    let words: Vec<_> = line.split(' ').collect();
    assert_eq!((words[0], words[2]), ("200", ""), "{line}");
    assert!(words[1].parse::<usize>().is_ok_and(|sent| sent < 20 << 20), "{line}");
}

//! `return`: answers that stand in the configuration.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().file("page", "file").conf(conf).start()
}

#[test]
fn a_text_is_answered_with_its_status_and_the_type_of_the_path() {
    let site = site("location / { return 404 \"no $uri\"; }");
    let answer = site.get("/x");
    assert_eq!((answer.status, answer.text(), answer.header("content-type")), (404, "no /x", Some("text/plain")));
    assert_eq!(site.get("/x.html").header("content-type"), Some("text/html"));
}

#[test]
fn a_code_that_is_no_error_is_answered_without_content() {
    let site = site("location /200 { return 200; } location /204 { return 204 text; } location /304 { return 304; }");
    let answer = site.get("/200");
    assert_eq!((answer.status, answer.text(), answer.header("content-length")), (200, "", Some("0")));
    for code in [204, 304] {
        let answer = site.get(&format!("/{code}"));
        assert_eq!((answer.status, answer.text(), answer.header("content-length")), (code, "", None));
    }
}

#[test]
fn an_error_without_text_has_a_page() {
    let answer = site("return 403;").get("/");
    assert_eq!((answer.status, answer.header("content-type")), (403, Some("text/html")));
    assert!(answer.text().contains("403"));
}

#[test]
fn redirects_lead_to_a_url_or_a_path() {
    for code in [301, 302, 303, 307, 308] {
        let answer = site(&format!("return {code} https://example.org$request_uri;")).get("/a?b");
        assert_eq!((answer.status, answer.header("location")), (code, Some("https://example.org/a?b")));
    }
    let answer = site("absolute_redirect off; return 302 /new;").get("/");
    assert_eq!(answer.header("location"), Some("/new"));
}

#[test]
fn a_url_alone_is_a_302() {
    for url in ["http://example.org/", "https://example.org/", "$scheme://example.org/"] {
        let answer = site(&format!("return {url};")).get("/");
        let location = answer.header("location").map(str::to_owned);
        assert_eq!((answer.status, location), (302, Some(url.replace("$scheme", "http"))));
    }
}

#[test]
fn a_head_request_is_told_the_length_alone() {
    let answer = site("return 200 hello;").head("/");
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("5"), 0));
}

#[test]
fn the_connection_is_closed_without_a_word() {
    for code in [444, 408, 499] {
        let site = site(&format!("return {code};"));
        let mut client = site.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.closed(), "{code}");
    }
    let answer = site("return 444 text;").get("/");
    assert_eq!((answer.status, answer.text()), (444, "text"));
}

#[test]
fn a_connection_closed_by_444_can_be_reset() {
    let site = site("reset_timedout_connection on; return 444;");
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (bytes, error) = client.try_rest();
    assert!(bytes.is_empty());
    assert_eq!(error.map(|error| error.kind()), Some(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn logs_show_the_status_of_what_was_not_answered() {
    let site = Site::new()
        .http("log_format status $status; access_log {root}/log status;")
        .conf("location /444 { return 444; } location /499 { return 499; }")
        .start();
    for path in ["/444", "/499"] {
        let mut client = site.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(client.closed());
    }
    assert_eq!(site.access_log("log", 2), ["444", "499"]);
}

#[test]
fn the_server_answers_before_a_location_and_a_location_does_not_inherit() {
    let site = Site::new().file("a/page", "file").conf("location / { return 200 outer; location /a/ { } }").start();
    assert_eq!(site.get("/x").text(), "outer");
    assert_eq!(site.get("/a/page").text(), "file");
    let site = Site::new().conf("return 200 server; location / { return 200 location; }").start();
    assert_eq!(site.get("/").text(), "server");
}

#[test]
fn the_content_of_a_request_is_left_aside() {
    let site = site("return 200 hi;");
    let mut client = site.connect();
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(client.answer().text(), "hi");
    }
}

#[test]
fn a_location_cannot_be_split_by_what_a_client_sends() {
    let answer = site("return 302 https://example.org$uri;").get("/%0d%0aSet-Cookie:%20evil=1");
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn codes_that_are_none_are_refused() {
    for (line, reason) in [
        ("return foo;", "invalid return code \"foo\""),
        ("return 1000;", "invalid return code \"1000\""),
        ("return 100;", "expected a code from 200 to 999"),
        ("return /new;", "write `return 302 /new`"),
        ("return 200 two words;", "invalid number of arguments in \"return\" directive"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ server {{ {line} }} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

//! Who may ask, by the answer to a subrequest.

use crate::support::*;

/// A site whose `/page` asks `/auth`, which is set up by `auth`.
fn guarded(auth: &str) -> Running {
    let conf = format!("location = /page {{ auth_request /auth; }} location = /auth {{ internal; {auth} }}");
    Site::new().file("page", "hello").file("auth", "granted").conf(&conf).start()
}

#[test]
fn success_lets_the_client_pass() {
    for auth in ["return 200 granted;", "return 204;", "", "try_files /none =201;"] {
        let site = guarded(auth);
        let answer = site.get("/page");
        assert_eq!((answer.status, answer.text()), (200, "hello"), "{auth}");
        assert_eq!(site.get("/auth").status, 404);
    }
}

#[test]
fn a_refusal_is_the_answer_with_a_page_of_the_clients_own_location() {
    for status in [401, 403] {
        let conf = format!(
            "location = /auth {{ return {status} \"not for the client\"; }}
             location = /page {{ auth_request /auth; error_page {status} /refused; }} location = /refused {{ }}"
        );
        let site = Site::new().file("page", "hello").file("refused", "no entry").conf(&conf).start();
        let answer = site.get("/page");
        assert_eq!((answer.status, answer.text()), (status, "no entry"));
    }
}

#[test]
fn any_other_answer_is_an_error() {
    for status in [302, 404, 500] {
        let site = guarded(&format!("return {status};"));
        let answer = site.get("/page");
        assert_eq!((answer.status, answer.closes()), (500, true));
        let line = site.wait_for_log(&format!("auth request unexpected status: {status}"));
        assert!(line.contains("[error]") && line.contains("request: \"GET /page HTTP/1.1\""), "{line}");
    }
}

#[test]
fn an_error_of_the_subrequest_tells_its_path_in_the_log() {
    let site = Site::new().conf("auth_request /missing;").start();
    assert_eq!(site.get("/page").status, 500);
    let line = site.wait_for_log("/missing\" failed (2: No such file or directory)");
    assert!(line.contains("request: \"GET /page HTTP/1.1\", subrequest: \"/missing\", host: \"localhost\""), "{line}");
}

#[test]
fn an_error_page_of_the_subrequest_counts() {
    let site = guarded("error_page 404 =204 /fine; return 404; } location = /fine { return 200;");
    assert_eq!(site.get("/page").status, 200);
    let site = guarded("error_page 403 = /fine; return 403; } location = /fine { return 204;");
    assert_eq!(site.get("/page").status, 200);
}

#[test]
fn a_location_that_closes_the_connection_closes_that_of_the_client() {
    for status in [444, 408] {
        let site = Site::new()
            .http("log_format s '$status $uri'; access_log {root}/log s;")
            .conf(&format!("location / {{ auth_request /auth; }} location = /auth {{ return {status}; }}"))
            .start();
        let mut client = site.connect();
        client.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.closed());
        assert_eq!(site.access_log("log", 1), [format!("{status} /page")]);
    }
}

#[test]
fn access_rules_are_those_of_the_clients_location_alone() {
    assert_eq!(guarded("deny all;").get("/page").status, 200);
    let conf = "location = /page { deny all; auth_request /auth; } location = /auth { return 200; }";
    assert_eq!(Site::new().file("page", "").conf(conf).start().get("/page").status, 403);
}

#[test]
fn the_subrequest_is_a_get_without_content() {
    // Other methods would be refused by the file, and the content by its size.
    let site = guarded("client_max_body_size 1;");
    let mut client = site.connect();
    client.send("POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.answer().status, 405);
    assert_eq!(client.get("/page").text(), "hello");
    assert_eq!(site.head("/page").header("content-length"), Some("5"));
}

#[test]
fn conditions_and_ranges_are_about_the_answer_to_the_client() {
    let site = guarded("");
    let tag = site.get("/page").header("etag").unwrap().to_owned();
    assert_eq!(site.get_with("/page", &[("If-None-Match", &tag)]).status, 304);
    assert_eq!(site.get_with("/page", &[("If-Match", "\"other\"")]).status, 412);
    let part = site.get_with("/page", &[("Range", "bytes=4-")]);
    assert_eq!((part.status, part.text()), (206, "o"));
}

#[test]
fn variables_are_set_from_the_subrequest() {
    let value = "$uri $status $request_uri $request_method $sent_http_content_type $sent_http_content_length $http_x";
    let conf = format!(
        "location / {{ auth_request /auth; auth_request_set $who \"{value}\"; add_header Who $who always; }}
         location = /auth {{ add_header Content-Type other always; return 200 granted; }}
         location /refused/ {{ auth_request /none; auth_request_set $status_then $status;
             add_header Then $status_then always; add_header Who \"[$who]\" always; }}"
    );
    let site = Site::new().file("page", "").conf(&conf).start();
    let answer = site.ask("POST", "/page?a=b", &[("X", "y")]);
    assert_eq!(answer.header("who"), Some("/auth 200 /page?a=b POST text/plain 7 y"));
    let answer = site.get("/refused/page");
    assert_eq!((answer.status, answer.header("then"), answer.header("who")), (500, Some("404"), Some("[]")));
}

#[test]
fn what_set_can_set_can_be_set_from_the_subrequest() {
    let conf =
        "location / { auth_request /auth; auth_request_set $args \"who=$status\"; auth_request_set $limit_rate 1m;
                    try_files /none @shown; }
                location @shown { add_header Seen \"$args $arg_who $limit_rate\"; return 204; }
                location = /auth { return 204; }";
    let site = Site::new().conf(conf).start();
    assert_eq!(site.get("/page?who=me").header("seen"), Some("who=204 204 1048576"));
}

#[test]
fn variables_are_there_for_the_error_page_and_the_log() {
    let conf = "location / { auth_request /auth; auth_request_set $to $sent_http_location; error_page 500 =302 $to; }
                location = /auth { return 302 http://login.example/; }";
    let site = Site::new().http("log_format to '$status $to'; access_log {root}/log to;").conf(conf).start();
    let answer = site.get("/page");
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://login.example/")));
    assert_eq!(site.access_log("log", 1), ["302 http://login.example/"]);
}

#[test]
fn subrequests_are_logged_where_that_is_wanted() {
    let facts = "$uri $request $status $body_bytes_sent $request_length $request_completion$connection_requests";
    let site = Site::new()
        .file("page", "hello")
        .http(&format!("log_format facts '{facts}'; access_log {{root}}/log facts;"))
        .conf("location / { auth_request /quiet; } location = /quiet { return 200 a; }")
        .conf("location /told/ { auth_request /loud; alias {root}/; } location = /loud { log_subrequest on; return 200 a; }")
        .start();
    let mut client = site.connect();
    client.get("/page");
    client.get("/told/page");
    let lines = site.access_log("log", 3);
    let request = "GET /told/page HTTP/1.1";
    let length = format!("{request}\r\nHost: localhost\r\n\r\n").len();
    assert_eq!(lines[1..], [format!("/loud {request} 200 0 0 2"), format!("/told/page {request} 200 5 {length} OK2")]);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let conf = "location / { auth_request /auth; auth_request_set $seen $http_number; add_header Seen $seen;
                try_files /page =404; } location = /auth { return 204; }";
    let site = Site::new().file("page", "hello").conf(conf).start();
    let mut client = site.connect();
    let requests = (0..100).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\nNumber: {number}\r\n\r\n"));
    client.send(requests.collect::<String>());
    for number in 0..100 {
        let answer = client.answer();
        assert_eq!((answer.header("seen"), answer.text()), (Some(&*number.to_string()), "hello"));
    }
}

#[test]
fn an_internal_redirect_is_asked_about_again() {
    let conf = "location / { auth_request /auth; index page; } location = /auth { log_subrequest on; return 200; }";
    let site =
        Site::new().file("page", "hello").http("log_format uri '$uri'; access_log {root}/log uri;").conf(conf).start();
    assert_eq!(site.get("/").text(), "hello");
    assert_eq!(site.access_log("log", 3), ["/auth", "/auth", "/page"]);
}

#[test]
fn off_ends_it_inside() {
    let conf = "auth_request /auth; location = /auth { return 403; } location /open/ { auth_request off; }";
    let site = Site::new().file("page", "").file("open/page", "").conf(conf).start();
    assert_eq!((site.get("/page").status, site.get("/open/page").status), (403, 200));
}

#[test]
fn what_is_no_path_or_no_variable_is_refused() {
    for (line, reason) in [
        ("auth_request auth;", "expected a path of this server"),
        ("auth_request_set name value;", "invalid variable name \"name\""),
        ("auth_request_set $request_uri value;", "the duplicate \"request_uri\" variable"),
        ("auth_request_set $a $never_set;", "unknown \"never_set\" variable"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ server {{ {line} }} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

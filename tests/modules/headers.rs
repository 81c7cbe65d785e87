//! Fields that the configuration adds.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().file("page.html", "hello").conf(conf).start()
}

#[test]
fn fields_are_added_to_what_succeeds_and_redirects() {
    let site = site("add_header X-A $uri; location = /old { return 301 /; }");
    assert_eq!(site.get("/page.html").header("x-a"), Some("/page.html"));
    assert_eq!(site.get("/old").header("x-a"), Some("/old"));
    assert_eq!(site.get("/none").header("x-a"), None);
    assert_eq!(site.get_with("/page.html", &[("Range", "bytes=0-1")]).header("x-a"), Some("/page.html"));
}

#[test]
fn always_means_errors_too() {
    let site = site("add_header X-A 1 always; add_header X-B 2;");
    let answer = site.get("/none");
    assert_eq!((answer.status, answer.header("x-a"), answer.header("x-b")), (404, Some("1"), None));
}

#[test]
fn fields_of_one_name_stand_side_by_side_and_empty_ones_are_left_out() {
    let answer =
        site("add_header X-A 1; add_header X-A 2; add_header X-E ''; add_header X-V $arg_v;").get("/page.html");
    assert_eq!(answer.headers_named("x-a"), ["1", "2"]);
    assert_eq!((answer.header("x-e"), answer.header("x-v")), (None, None));
}

#[test]
fn a_block_with_fields_of_its_own_has_none_from_outside() {
    let site = Site::new()
        .http("add_header X-A outer;")
        .conf("location = /a { add_header X-B inner; return 204; } location = /b { return 204; }")
        .start();
    let answer = site.get("/a");
    assert_eq!((answer.header("x-a"), answer.header("x-b")), (None, Some("inner")));
    assert_eq!(site.get("/b").header("x-a"), Some("outer"));
}

#[test]
fn validators_are_replaced_or_taken_away() {
    let answer =
        site("add_header ETag '\"own\"'; add_header Last-Modified 'Mon, 28 Sep 1998 06:00:00 GMT';").get("/page.html");
    assert_eq!(answer.header("etag"), Some("\"own\""));
    assert_eq!(answer.header("last-modified"), Some("Mon, 28 Sep 1998 06:00:00 GMT"));
    let answer = site("add_header ETag ''; add_header Last-Modified '';").get("/page.html");
    assert_eq!((answer.header("etag"), answer.header("last-modified")), (None, None));
}

#[test]
fn a_value_cannot_break_out_of_its_line() {
    let answer = site("add_header X-A $uri; return 200 hi;").get("/a%0d%0aX-Evil:%201");
    assert_eq!(answer.header("x-evil"), None);
    assert_eq!(answer.header("x-a"), Some("/a  X-Evil: 1"));
}

#[test]
fn fields_are_on_a_304() {
    let site = site("add_header X-A 1; expires max;");
    let tag = site.get("/page.html").header("etag").map(str::to_owned).expect("files have one");
    let answer = site.get_with("/page.html", &[("If-None-Match", &tag)]);
    assert_eq!((answer.status, answer.header("x-a")), (304, Some("1")));
    assert_eq!(answer.header("cache-control"), Some("max-age=315360000"));
}

#[test]
fn the_words_of_expires_have_nginxs_forms() {
    let seen = |value: &str| {
        let answer = site(&format!("expires {value};")).get("/page.html");
        (answer.header("expires").map(str::to_owned), answer.header("cache-control").map(str::to_owned))
    };
    let both = |expires: &str, control: &str| (Some(expires.to_owned()), Some(control.to_owned()));
    assert_eq!(seen("epoch"), both("Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"));
    assert_eq!(seen("max"), both("Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"));
    assert_eq!(seen("off"), (None, None));
}

#[test]
fn a_time_is_the_age_and_the_date_is_that_much_later() {
    let answer = site("expires 1h;").get("/page.html");
    assert_eq!(answer.header("cache-control"), Some("max-age=3600"));
    let date = |name: &str| httpdate::parse_http_date(answer.header(name).expect("it is there")).expect("it is a date");
    let later = date("expires").duration_since(date("date")).expect("it is later");
    assert_eq!(later.as_secs(), 3600);
    let past = site("expires -1;").get("/page.html");
    assert_eq!(past.header("cache-control"), Some("no-cache"));
}

#[test]
fn expires_may_depend_on_the_request() {
    let site = site("expires $arg_e;");
    let seen = |value: &str| site.get(&format!("/page.html?e={value}")).header("cache-control").map(str::to_owned);
    assert_eq!(seen("2m").as_deref(), Some("max-age=120"));
    assert_eq!(seen("epoch").as_deref(), Some("no-cache"));
    assert_eq!(seen("off"), None);
    assert_eq!(seen("nonsense"), None);
}

#[test]
fn expires_and_cache_control_stand_in_nginxs_order() {
    let answer = site("expires max; add_header Cache-Control public;").get("/page.html");
    let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "Server",
        "Date",
        "Content-Type",
        "Content-Length",
        "Last-Modified",
        "Connection",
        "ETag",
        "Expires",
        "Cache-Control",
        "Cache-Control",
        "Accept-Ranges",
    ];
    assert_eq!(names, expected);
    assert_eq!(answer.headers_named("cache-control"), ["max-age=315360000", "public"]);
}

#[test]
fn names_and_times_that_are_none_are_refused() {
    for (line, reason) in [
        ("add_header X-A: b;", "write `X-A`"),
        ("add_header Content-Length 5;", "cannot be added"),
        ("add_header X-A some words;", "invalid parameter \"words\""),
        ("expires soon;", "invalid value \"soon\" in \"expires\" directive"),
        ("expires @25h;", "daily time value must be less than 24 hours"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ server {{ {line} }} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

#[test]
fn an_added_field_knows_the_status_it_is_sent_with() {
    let conf = "add_header X-Status $status always; error_page 403 =410 /gone; location /403 { return 403; }
                location /said { return 202 \"said $status\"; }";
    let site = Site::new().file("page", "x").conf(conf).start();
    let status = |path| site.get(path).header("x-status").map(str::to_owned);
    assert_eq!(status("/page").as_deref(), Some("200"));
    assert_eq!(status("/none").as_deref(), Some("404"));
    assert_eq!(site.get("/said").text(), "said 202");
    assert_eq!(status("/said").as_deref(), Some("202"));
}

#[test]
fn a_location_made_absolute_stands_before_connection_and_one_that_was_configured_behind_it() {
    let conf = "location /own { return 302 /x; } location /other { return 302 http://b.example/; }";
    let site = Site::new().conf(conf).start();
    let before = |path: &str| {
        let mut client = site.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        let text = String::from_utf8(client.try_rest().0).unwrap();
        text.find("\r\nLocation: ").unwrap() < text.find("\r\nConnection: ").unwrap()
    };
    assert_eq!((before("/own"), before("/other")), (true, false));
}

#[test]
fn a_folder_behind_two_slashes_is_not_redirected_to_another_host() {
    let site = Site::new().dir("b.example").conf("merge_slashes off;").start();
    let answer = site.get("//b.example");
    let location = answer.header("location").unwrap();
    assert_eq!(answer.status, 301);
    assert!(location.starts_with("http://") && location.ends_with("//b.example/"), "{location}");
}

/// All that is sent in answer to a request head, on a connection of its own.
fn bytes_for(site: &Running, line: &str) -> String {
    let mut client = site.connect();
    client.send(format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    String::from_utf8(client.try_rest().0).unwrap()
}

#[test]
fn trailers_stand_behind_the_content_in_chunks() {
    let site =
        site("add_trailer X-T \"$status $sent_http_content_type\" always; add_trailer X-E ''; add_trailer X-U 1;");
    let found = bytes_for(&site, "GET /page.html HTTP/1.1");
    let (head, content) = found.split_once("\r\n\r\n").unwrap();
    assert_eq!(content, "5\r\nhello\r\n0\r\nX-T: 200 text/html\r\nX-U: 1\r\n\r\n");
    assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n") && !head.contains("Content-Length"), "{head}");
    let missing = bytes_for(&site, "GET /none HTTP/1.1");
    assert!(missing.ends_with("\r\n0\r\nX-T: 404 text/html\r\n\r\n"), "{missing}");
}

#[test]
fn an_answer_without_content_can_have_trailers_too() {
    let site = site("add_trailer X-T v; location /empty { return 200; } location /none { return 204; }");
    assert!(bytes_for(&site, "GET /empty HTTP/1.1").ends_with("\r\n\r\n0\r\nX-T: v\r\n\r\n"));
    for line in ["GET /none HTTP/1.1", "HEAD /page.html HTTP/1.1"] {
        let answer = bytes_for(&site, line);
        assert!(answer.ends_with("\r\n\r\n") && !answer.contains("X-T") && !answer.contains("chunked"), "{answer}");
    }
}

#[test]
fn what_cannot_be_sent_in_chunks_has_its_length_and_no_trailers() {
    let site = site("add_trailer X-T v; location /off { chunked_transfer_encoding off; return 200 hello; }");
    for line in ["GET /page.html HTTP/1.0", "GET /off HTTP/1.1"] {
        let answer = bytes_for(&site, line);
        assert!(answer.contains("\r\nContent-Length: 5\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
}

#[test]
fn a_large_file_and_a_part_of_it_are_sent_with_trailers() {
    let content = pattern(300_000);
    for sendfile in ["on", "off"] {
        let site =
            Site::new().file("large", &content).conf(&format!("sendfile {sendfile}; add_trailer X-T v;")).start();
        let mut client = site.connect();
        client.send("GET /large HTTP/1.1\r\nHost: a\r\nRange: bytes=5-250000\r\nConnection: close\r\n\r\n");
        let sent = client.try_rest().0;
        let part = &content[5..=250_000];
        let at = memchr::memmem::find(&sent, part).expect("the part was sent");
        assert!(sent.starts_with(b"HTTP/1.1 206 ") && sent[..at].ends_with(b"\r\n\r\n3d08c\r\n"));
        assert_eq!(&sent[at + part.len()..], b"\r\n0\r\nX-T: v\r\n\r\n");
    }
}

#[test]
fn logs_know_the_trailers_sent_or_not() {
    let site = Site::new()
        .http("log_format t '$status $body_bytes_sent $sent_trailer_x_t'; access_log {root}/t.log t;")
        .conf("add_trailer X-T \"<$body_bytes_sent>\"; location / { return 200 hello; } location /none { return 204; }")
        .start();
    site.get("/none");
    bytes_for(&site, "GET / HTTP/1.0");
    bytes_for(&site, "GET / HTTP/1.1");
    assert_eq!(site.access_log("t.log", 3), ["204 0 -", "200 5 <5>", "200 26 <10>"]);
}

#[test]
fn blocks_may_merge_what_stands_around_them() {
    let site = Site::new()
        .http("add_header X-A http; add_header_inherit merge; add_trailer X-A http; add_trailer_inherit merge;")
        .conf(
            "add_header X-A server; add_trailer X-A server;
             location /merge { add_header X-A inner; add_trailer X-A inner; return 200; }
             location /on { add_header_inherit on; add_header X-A inner; return 200; }
             location /off { add_header_inherit off; return 200; }
             location /none { add_header '' ''; add_header_inherit on; return 200; }",
        )
        .start();
    let values = |path: &str| {
        let answer = bytes_for(&site, &format!("GET {path} HTTP/1.1"));
        let (head, trailers) = answer.split_once("\r\n\r\n").unwrap();
        let of = |text: &str| {
            let lines = text.lines().filter_map(|line| line.strip_prefix("X-A: "));
            lines.collect::<Vec<_>>().join(" ")
        };
        (of(head), of(trailers))
    };
    assert_eq!(values("/merge"), ("inner server http".to_owned(), "inner server http".to_owned()));
    assert_eq!(values("/on"), ("inner".to_owned(), "server http".to_owned()));
    assert_eq!(values("/off").0, "");
    assert_eq!(values("/none").0, "");
}

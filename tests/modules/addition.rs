//! Content before and after that of responses.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new()
        .file("page.html", "page")
        .file("plain.txt", "plain")
        .file("empty.html", "")
        .file("parts/head", "<head>")
        .file("parts/foot", "<foot>")
        .http("types { text/html html; text/plain txt; }")
        .conf(conf)
        .start()
}

const AROUND: &str = "add_before_body /parts/head; add_after_body /parts/foot; location /parts/ { internal; }";

#[test]
fn content_stands_before_and_after_a_page() {
    let site = site(AROUND);
    let answer = site.get("/page.html");
    assert_eq!((answer.status, answer.text()), (200, "<head>page<foot>"));
    assert_eq!((answer.header("transfer-encoding"), answer.header("content-length")), (Some("chunked"), None));
    assert_eq!(answer.header("accept-ranges"), None);
    assert!(answer.header("etag").unwrap().starts_with("W/\""));
    assert!(answer.header("last-modified").is_some());
    assert_eq!(site.get("/empty.html").text(), "<head><foot>");
}

#[test]
fn either_may_stand_alone() {
    assert_eq!(site("add_before_body /parts/head;").get("/page.html").text(), "<head>page");
    assert_eq!(site("add_after_body /parts/foot;").get("/page.html").text(), "page<foot>");
}

#[test]
fn other_types_and_errors_are_left_alone() {
    let site = site(AROUND);
    let plain = site.get("/plain.txt");
    assert_eq!(
        (plain.text(), plain.header("content-length"), plain.header("accept-ranges")),
        ("plain", Some("5"), Some("bytes"))
    );
    let missing = site.get("/missing.html");
    assert_eq!(missing.status, 404);
    assert!(!missing.text().contains("<foot>"));
}

#[test]
fn further_types_can_be_named() {
    let listed = site(&format!("addition_types text/plain; {AROUND}"));
    assert_eq!(listed.get("/plain.txt").text(), "<head>plain<foot>");
    assert_eq!(listed.get("/page.html").text(), "<head>page<foot>");
    let all = site(&format!("addition_types *; {AROUND} location /said {{ default_type a/b; return 200 said; }}"));
    assert_eq!(all.get("/said").text(), "<head>said<foot>");
}

#[test]
fn the_page_of_an_error_is_added_as_any_content() {
    let answer =
        site("add_before_body /missing; add_after_body /gone; location = /gone { return 410 gone; }").get("/page.html");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("404") && answer.text().ends_with("pagegone"), "{}", answer.text());
}

#[test]
fn nothing_is_added_to_what_is_added() {
    let conf =
        "add_before_body /parts/head; location = /outer.html { add_after_body /page.html; try_files /page.html =404; }";
    assert_eq!(site(conf).get("/outer.html").text(), "<head>pagepage");
    let conf =
        "location = /page.html { add_after_body /plain.txt; } location = /plain.txt { add_after_body /parts/foot; }";
    assert_eq!(site(conf).get("/page.html").text(), "pageplain");
}

#[test]
fn the_answer_to_head_has_no_length() {
    let site = site(AROUND);
    let mut client = site.connect();
    client.send("HEAD /page.html HTTP/1.1\r\nHost: a\r\n\r\nGET /plain.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.answer_to("HEAD");
    assert_eq!((answer.status, answer.header("content-length"), answer.header("transfer-encoding")), (200, None, None));
    assert_eq!(client.answer().text(), "plain");
}

#[test]
fn an_old_client_gets_it_until_the_end_of_the_connection() {
    let answer = site(AROUND).request("GET /page.html HTTP/1.0\r\n\r\n");
    assert_eq!((answer.text(), answer.closes()), ("<head>page<foot>", true));
}

#[test]
fn a_range_is_answered_with_all_and_a_condition_as_ever() {
    let site = site(AROUND);
    let answer = site.get_with("/page.html", &[("Range", "bytes=0-1")]);
    assert_eq!((answer.status, answer.text()), (200, "<head>page<foot>"));
    let tag = answer.header("etag").unwrap();
    assert_eq!(site.get_with("/page.html", &[("If-None-Match", tag)]).status, 304);
}

#[test]
fn large_contents_arrive_whole_at_a_slow_client() {
    for sendfile in ["on", "off"] {
        let large = pattern(3 << 20);
        let conf = format!("sendfile {sendfile}; add_before_body /large; add_after_body /large;");
        let site = Site::new()
            .file("large", &large)
            .file("page.html", &large)
            .http("types { text/html html; }")
            .conf(&conf)
            .start();
        let mut client = site.connect_narrow(16 * 1024);
        let answer = client.get("/page.html");
        assert!(answer.body == [&large[..], &large, &large].concat());
        // The connection is fit for more.
        assert_eq!(client.get("/large").body.len(), large.len());
    }
}

#[test]
fn a_client_that_leaves_leaves_nothing_behind() {
    let site = Site::new()
        .file("large", pattern(4 << 20))
        .file("page.html", "page")
        .http("types { text/html html; }")
        .main("events { worker_connections 8; }")
        .conf("add_before_body /large; add_after_body /large;")
        .start();
    for _ in 0..30 {
        let mut client = site.connect_narrow(4096);
        client.send("GET /page.html HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.read_some().starts_with(b"HTTP/1.1 200 OK\r\n"));
        client.reset();
    }
    assert_eq!(site.head("/page.html").status, 200);
}

#[test]
fn a_part_that_closes_the_connection_cuts_the_answer_short() {
    let site = site("add_after_body /close; location = /close { return 444; }");
    let mut client = site.connect();
    client.send("GET /page.html HTTP/1.1\r\nHost: a\r\n\r\n");
    let bytes = client.rest();
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&bytes));
    site.wait_for_log("the subrequest was closed with 444");
}

#[test]
fn parts_are_logged_before_the_whole() {
    let site = Site::new()
        .file("page.html", "page")
        .file("foot", "<foot>")
        .http(
            "types { text/html html; } log_format facts '$uri $status $body_bytes_sent'; access_log {root}/log facts;",
        )
        .conf("log_subrequest on; chunked_transfer_encoding off; add_after_body /foot;")
        .start();
    assert_eq!(site.get("/page.html").text(), "page<foot>");
    assert_eq!(site.access_log("log", 2), ["/foot 200 6", "/page.html 200 10"]);
}

#[test]
fn access_is_decided_by_a_subrequest_before_anything_is_added() {
    let conf =
        "location = /page.html { auth_request /auth; add_after_body /plain.txt; } location = /auth { return 204; }";
    assert_eq!(site(conf).get("/page.html").text(), "pageplain");
}

#[test]
fn what_is_no_path_is_refused() {
    let checked = check_config("events { } http { add_before_body head.html; }");
    assert!(!checked.ok && checked.output.contains("expected a path of this server"), "{}", checked.output);
    let checked = check_config("events { } http { add_after_body /foot.html?x; }");
    assert!(checked.ok && checked.output.contains("there are no arguments here"), "{}", checked.output);
}

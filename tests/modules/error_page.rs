//! Pages in place of errors.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().file("404.html", "not here").conf(conf).start()
}

#[test]
fn a_page_is_shown_with_the_status_of_the_error() {
    let site = site("error_page 404 410 /404.html;");
    let answer = site.get("/none");
    assert_eq!((answer.status, answer.text(), answer.header("content-type")), (404, "not here", Some("text/html")));
    assert_eq!(site.get("/404.html").status, 200);
}

#[test]
fn the_answer_may_have_another_status() {
    assert_eq!(site("error_page 404 =200 /404.html;").get("/none").status, 200);
    assert_eq!(site("error_page 404 =410 /404.html;").get("/none").status, 410);
}

#[test]
fn the_page_may_decide_the_status() {
    let conf = "error_page 404 = /page; location = /page { return 418 teapot; }";
    let answer = site(conf).get("/none");
    assert_eq!((answer.status, answer.text()), (418, "teapot"));
    assert_eq!(site("error_page 404 = /404.html;").get("/none").status, 200);
}

#[test]
fn a_named_location_answers_with_the_uri_as_it_was() {
    let conf = "error_page 404 = @missing; location @missing { return 200 $uri?$args; }";
    assert_eq!(site(conf).get("/none?a=b").text(), "/none?a=b");
}

#[test]
fn the_target_may_hold_variables_and_arguments() {
    let conf = "error_page 404 /$arg_to?was=$uri; location = /there { return 200 $uri?$args; }";
    assert_eq!(site(conf).get("/none?to=there").text(), "/there?was=/none");
    let conf = "error_page 404 = $arg_to; location @named { return 200 named; }";
    assert_eq!(site(conf).get("/none?to=@named").text(), "named");
}

#[test]
fn another_place_is_redirected_to() {
    let answer = site("error_page 404 https://example.org/x;").get("/none");
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://example.org/x")));
    let answer = site("error_page 404 =301 https://example.org/x;").get("/none");
    assert_eq!(answer.status, 301);
}

#[test]
fn the_page_is_asked_for_with_get() {
    let conf = "error_page 405 /method; location = /method { return 200 $request_method; }";
    let site = Site::new().file("file", "").conf(conf).start();
    let answer = site.ask("DELETE", "/file", &[]);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(site.ask("HEAD", "/none", &[]).body, b"");
}

#[test]
fn a_redirect_keeps_where_it_leads_when_it_has_a_page() {
    let answer =
        site("absolute_redirect off; error_page 301 /404.html; location = /old { return 301 /new; }").get("/old");
    assert_eq!((answer.status, answer.header("location"), answer.text()), (301, Some("/new"), "not here"));
}

#[test]
fn pages_inside_replace_those_outside() {
    let site = Site::new()
        .file("outer", "outer")
        .file("inner", "inner")
        .http("error_page 404 /outer;")
        .conf("location /a/ { error_page 404 /inner; } location /b/ { error_page 500 /inner; }")
        .start();
    assert_eq!(site.get("/none").text(), "outer");
    assert_eq!(site.get("/a/none").text(), "inner");
    assert!(site.get("/b/none").text().contains("404"));
}

#[test]
fn an_error_page_has_no_error_page_unless_asked_for() {
    let conf = "error_page 404 /second; location = /second { error_page 403 /404.html; return 403; }";
    let answer = site(conf).get("/none");
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("403"), "{}", answer.text());
    let answer = site(&format!("recursive_error_pages on; {conf}")).get("/none");
    assert_eq!((answer.status, answer.text()), (403, "not here"));
}

#[test]
fn pages_that_go_round_end() {
    let conf = "recursive_error_pages on; error_page 404 /other;";
    let site = site(conf);
    assert_eq!(site.get("/none").status, 500);
    site.wait_for_log("rewrite or internal redirection cycle");
}

#[test]
fn a_text_from_return_has_no_error_page() {
    assert_eq!(site("error_page 404 /404.html; location /x { return 404 text; }").get("/x").text(), "text");
}

#[test]
fn a_malformed_request_has_its_page_too() {
    let site = site("error_page 400 /404.html;");
    let answer = site.request("GET /x HTTP/1.1\r\n\r\n");
    assert_eq!((answer.status, answer.text(), answer.closes()), (400, "not here", true));
}

#[test]
fn codes_that_are_no_errors_are_refused() {
    for (line, reason) in [
        ("error_page 200 /x;", "value \"200\" must be between 300 and 599"),
        ("error_page 499 /x;", "invalid value \"499\""),
        ("error_page 404 =x /x;", "invalid value \"=x\""),
        ("error_page =200 /x;", "invalid value \"=200\""),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ server {{ {line} }} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

#[test]
fn a_file_that_stands_in_for_an_error_has_no_date_and_no_ranges() {
    let site = Site::new().file("page.html", "gone").conf("error_page 404 /page.html;").start();
    let answer = site.get("/none");
    assert_eq!((answer.status, answer.text()), (404, "gone"));
    assert_eq!((answer.header("last-modified"), answer.header("accept-ranges")), (None, None));
    assert!(answer.header("etag").is_some());
    let site = Site::new().file("page.html", "gone").conf("error_page 404 =200 /page.html;").start();
    assert!(site.get("/none").header("last-modified").is_some());
}

#[test]
fn content_that_is_too_long_is_answered_by_its_page() {
    let conf = "client_max_body_size 2; error_page 413 =200 /page.html;";
    let site = Site::new().file("page.html", "too long").conf(conf).start();
    let mut client = site.connect();
    client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text(), answer.closes()), (200, "too long", true));
}

#[test]
fn the_page_of_an_error_that_ends_the_connection_ends_it_too() {
    let conf = "error_page 404 500 /page.html; location /500 { return 500; }";
    let site = Site::new().file("page.html", "x").conf(conf).start();
    assert!(site.get("/500").closes());
    assert!(!site.get("/none").closes());
}

#[test]
fn the_page_of_a_redirect_is_sent_with_its_location() {
    let conf = "location /old { error_page 302 /page.html; return 302 http://b.example/; }";
    let site = Site::new().file("page.html", "moved").conf(conf).start();
    let answer = site.get("/old");
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://b.example/")));
    assert_eq!(answer.text(), "moved");
}

#[test]
fn a_page_is_asked_for_with_get() {
    let conf = "error_page 404 = /page; location = /page { return 200 $request_method; }";
    let site = Site::new().conf(conf).start();
    assert_eq!(site.ask("POST", "/none", &[]).text(), "GET");
    assert_eq!(site.ask("HEAD", "/none", &[]).status, 200);
}

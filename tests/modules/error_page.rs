//! Error pages: what a page that stands in for an error says of itself, and how the connection goes on.

use crate::support::*;

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

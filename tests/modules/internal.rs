//! Locations that no client reaches by itself.

use crate::support::*;

#[test]
fn a_client_finds_nothing_there() {
    let site = Site::new().file("in/page", "inside").conf("location /in/ { internal; }").start();
    assert_eq!(site.get("/in/page").status, 404);
}

#[test]
fn internal_redirects_lead_there() {
    let site = Site::new()
        .file("in/404.html", "not here")
        .file("in/page", "found")
        .conf("error_page 404 /in/404.html; location /in/ { internal; } location /try { try_files /none /in/page; }")
        .start();
    let answer = site.get("/none");
    assert_eq!((answer.status, answer.text()), (404, "not here"));
    assert_eq!(site.get("/try").text(), "found");
}

#[test]
fn a_client_that_asks_for_the_error_page_gets_it_as_an_error() {
    let conf = "error_page 404 /404.html; location = /404.html { internal; }";
    let site = Site::new().file("404.html", "not here").conf(conf).start();
    let answer = site.get("/404.html");
    assert_eq!((answer.status, answer.text()), (404, "not here"));
}

#[test]
fn it_stands_in_locations_alone_and_without_words() {
    for (text, reason) in [
        ("events { } http { server { internal; } }", "\"internal\" directive is not allowed here"),
        ("events { } http { server { location / { internal on; } } }", "invalid number of arguments"),
    ] {
        let checked = check_config(text);
        assert!(!checked.ok && checked.output.contains(reason), "{text}: {}", checked.output);
    }
}

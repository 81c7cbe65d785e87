//! `return`.

use crate::support::Site;

#[test]
fn a_text_is_answered_with_variables_in_it() {
    let site = Site::new().conf("default_type text/x; return 201 'for $arg_who';").start();
    let answer = site.get("/?who=me");
    assert_eq!((answer.status, answer.text(), answer.header("content-type")), (201, "for me", Some("text/x")));
}

#[test]
fn a_redirect_names_scheme_host_and_port_of_the_server() {
    let site = Site::new()
        .conf("location /old { return 301 /new?$args; } location /away { return https://example.org$request_uri; }")
        .start();
    let answer = site.get_with("/old?a=1", &[("Host", "name.example")]);
    let port = site.address().port();
    assert_eq!(answer.status, 301);
    assert_eq!(answer.header("location"), Some(&*format!("http://name.example:{port}/new?a=1")));
    let answer = site.get("/away?b");
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://example.org/away?b")));
}

#[test]
fn an_error_s_code_has_its_error_page() {
    let site = Site::new()
        .file("gone.html", "it is gone")
        .conf("error_page 410 /gone.html; location /x { return 410; }")
        .start();
    let answer = site.get("/x");
    assert_eq!((answer.status, answer.text()), (410, "it is gone"));
}

#[test]
fn code_444_closes_and_says_nothing() {
    let site = Site::new().conf("return 444;").start();
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.rest().is_empty());
}

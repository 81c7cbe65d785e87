//! The first of several files that exists.

use crate::support::*;

#[test]
fn the_first_file_that_exists_answers_in_the_same_location() {
    let site = Site::new()
        .file("page.html", "hello")
        .conf("location / { try_files $uri $uri.html =404; default_type x/y; types { } }")
        .start();
    let answer = site.get("/page");
    assert_eq!((answer.text(), answer.header("content-type")), ("hello", Some("x/y")));
    assert_eq!(site.get("/none").status, 404);
}

#[test]
fn a_folder_counts_with_a_slash_behind_it() {
    let site = Site::new()
        .file("sub/index.html", "below")
        .conf("absolute_redirect off; location / { try_files $uri $uri/ =404; } location /no/ { try_files $uri =404; }")
        .dir("no/sub")
        .start();
    assert_eq!(site.get("/sub/").text(), "below");
    assert_eq!(site.get("/sub").header("location"), Some("/sub/"));
    assert_eq!(site.get("/no/sub").status, 404);
}

#[test]
fn the_last_argument_is_a_uri_with_its_own_arguments() {
    let site = Site::new()
        .conf("location / { try_files $uri /app?from=$uri&$args; } location /app { return 200 \"$uri $args\"; }")
        .start();
    assert_eq!(site.get("/a/b?c=d").text(), "/app from=/a/b&c=d");
}

#[test]
fn without_arguments_of_its_own_the_request_loses_them() {
    let site =
        Site::new().conf("location / { try_files $uri /app; } location /app { return 200 \"[$args]\"; }").start();
    assert_eq!(site.get("/a?c=d").text(), "[]");
}

#[test]
fn a_named_location_keeps_uri_and_arguments() {
    let site =
        Site::new().conf("location / { try_files $uri @app; } location @app { return 200 \"$uri $args\"; }").start();
    assert_eq!(site.get("/a?b").text(), "/a b");
}

#[test]
fn the_last_argument_may_be_a_status() {
    let site = Site::new()
        .conf("error_page 403 /sorry; location /a/ { try_files $uri =403; } location /sorry { return 200 sorry; }")
        .start();
    let answer = site.get("/a/b");
    assert_eq!((answer.status, answer.text()), (403, "sorry"));
}

#[test]
fn status_444_ends_the_connection() {
    let site = Site::new().conf("location / { try_files $uri =444; }").start();
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(client.closed());
}

#[test]
fn under_an_alias_names_are_taken_from_the_alias() {
    let site = Site::new()
        .file("data/page.html", "hello")
        .file("data/default.html", "default")
        .conf("location /i/ { alias {root}/data/; try_files $uri $uri.html default.html =404; }")
        .start();
    assert_eq!((site.get("/i/page").text(), site.get("/i/none").text()), ("hello", "default"));
}

#[test]
fn a_fallback_under_an_alias_is_the_uri_as_written() {
    let site = Site::new()
        .file("data/page.html", "hello")
        .conf("location /i/ { alias {root}/data/; try_files $uri /i/page.html?from=$uri; }")
        .start();
    assert_eq!(site.get("/i/none").text(), "hello");
}

#[test]
fn it_is_not_inherited_by_nested_locations() {
    let site = Site::new()
        .file("page.html", "hello")
        .conf("location / { try_files /page.html =404; location /in/ { } }")
        .start();
    assert_eq!((site.get("/x").text(), site.get("/in/x").status), ("hello", 404));
}

#[test]
fn a_name_from_the_client_cannot_lead_out() {
    let site = Site::new().file("page.html", "hello").conf("location / { try_files $arg_file =404; }").start();
    assert_eq!(site.get("/x?file=/page.html").text(), "hello");
    assert_eq!(site.get("/x?file=/../webserv.conf").status, 404);
}

#[test]
fn a_fallback_that_goes_round_ends() {
    let site = Site::new().conf("location / { try_files $uri /none; }").start();
    assert_eq!(site.get("/x").status, 500);
    site.wait_for_log("rewrite or internal redirection cycle while internally redirecting to \"/none\"");
}

#[test]
fn a_code_that_is_none_is_an_error_with_its_place() {
    let checked = check_config("events { } http { server { try_files $uri =x; } }");
    assert!(!checked.ok && checked.output.contains("invalid code \"=x\""), "{}", checked.output);
}

//! Request targets: their forms, and which server they choose.

use crate::support::{Running, Site};

fn two_servers() -> Running {
    Site::new()
        .http("server { listen 127.0.0.1:0; server_name other.example; return 200 \"other $uri\"; }")
        .conf("server_name localhost; location / { return 200 \"first $uri\"; }")
        .start()
}

#[test]
fn the_host_chooses_the_server() {
    let site = two_servers();
    assert_eq!(site.get_with("/a", &[("Host", "other.example")]).text(), "other /a");
    assert_eq!(site.get_with("/a", &[("Host", "OTHER.example:8080")]).text(), "other /a");
    assert_eq!(site.get_with("/a", &[("Host", "localhost")]).text(), "first /a");
}

#[test]
fn an_absolute_target_chooses_the_server_whatever_host_says() {
    let site = two_servers();
    for target in ["http://other.example/a?b", "http://other.example:80/a", "HTTP://OTHER.EXAMPLE/a"] {
        let answer = site.request(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(answer.text(), "other /a", "{target}");
    }
    assert_eq!(site.request("GET http://other.example HTTP/1.1\r\nHost: localhost\r\n\r\n").text(), "other /");
}

#[test]
fn a_name_that_nobody_has_goes_to_the_default_server() {
    let site = Site::new()
        .http("server { listen 127.0.0.1:0; server_name a.example; return 200 a; }")
        .conf("listen 127.0.0.1:0 default_server; server_name b.example; return 200 b;")
        .start();
    assert_eq!(site.get_with("/", &[("Host", "nobody.example")]).text(), "b");
    assert_eq!(site.request("GET / HTTP/1.0\r\n\r\n").text(), "b");
}

#[test]
fn paths_are_normalised_before_they_are_routed() {
    let site = Site::new().conf("location / { return 200 $uri; }").start();
    let cases = [
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("//a///b", "/a/b"),
        ("/a%2fb", "/a/b"),
        ("/%61", "/a"),
        ("/a/..", "/"),
        ("/a/%2e%2E/b", "/b"),
        ("/a?b=/../c", "/a"),
        ("/a%20b", "/a b"),
    ];
    for (target, uri) in cases {
        assert_eq!(site.get(target).text(), uri, "{target}");
    }
}

#[test]
fn a_fragment_is_no_part_of_a_path() {
    let site = Site::new().conf("location / { return 200 $uri; }").start();
    let answer = site.get("/a#b");
    assert!(answer.status == 400 || answer.text() == "/a", "{}", answer.head);
}

//! The form of redirects to the server itself.

use crate::support::*;

/// Where `/sub` and `/old` lead.
fn locations(conf: &str) -> [String; 2] {
    let site = Site::new().dir("sub").conf(&format!("{conf} location = /old {{ return 301 /new?a=b; }}")).start();
    let port = site.address().port().to_string();
    ["/sub", "/old"].map(|path| {
        let answer = site.get_with(path, &[("Host", "Example.org:1234")]);
        assert_eq!(answer.status, 301);
        answer.header("location").expect("a redirect leads somewhere").replace(&port, "PORT")
    })
}

#[test]
fn a_redirect_names_scheme_host_and_the_port_that_was_reached() {
    assert_eq!(locations(""), ["http://example.org:PORT/sub/", "http://example.org:PORT/new?a=b"]);
}

#[test]
fn the_port_can_be_left_out() {
    assert_eq!(locations("port_in_redirect off;"), ["http://example.org/sub/", "http://example.org/new?a=b"]);
}

#[test]
fn a_redirect_may_be_the_path_alone() {
    assert_eq!(locations("absolute_redirect off;"), ["/sub/", "/new?a=b"]);
}

#[test]
fn the_servers_own_name_may_take_the_place_of_the_host() {
    let conf = "server_name www.example.net other; server_name_in_redirect on; port_in_redirect off;";
    assert_eq!(locations(conf), ["http://www.example.net/sub/", "http://www.example.net/new?a=b"]);
}

#[test]
fn a_url_of_another_place_stays_as_it_is() {
    let site = Site::new().conf("absolute_redirect off; return 302 //example.org/x;").start();
    assert_eq!(site.get("/").header("location"), Some("//example.org/x"));
    let site = Site::new().conf("return 302 //example.org/x;").start();
    assert!(site.get("/").header("location").is_some_and(|location| location.ends_with("//example.org/x")));
}

#[test]
fn the_location_decides() {
    let conf = "location /a/ { absolute_redirect off; } location /b/ { }";
    let site = Site::new().dir("a/x").dir("b/x").conf(conf).start();
    assert_eq!(site.get("/a/x").header("location"), Some("/a/x/"));
    assert!(site.get("/b/x").header("location").is_some_and(|location| location.starts_with("http://localhost:")));
}

#[test]
fn flags_are_on_or_off() {
    let checked = check_config("events { } http { absolute_redirect yes; }");
    assert!(!checked.ok && checked.output.contains("it must be \"on\" or \"off\""), "{}", checked.output);
}

//! Who may ask, by address.

use crate::support::*;

/// The status for a client on 127.0.0.1.
fn status(conf: &str) -> u16 {
    Site::new().file("page", "hello").conf(conf).start().get("/page").status
}

#[test]
fn the_first_rule_that_fits_decides() {
    assert_eq!(status("allow 127.0.0.1; deny all;"), 200);
    assert_eq!(status("deny 127.0.0.1; allow all;"), 403);
    assert_eq!(status("deny 10.0.0.0/8; allow 127.0.0.0/8; deny all;"), 200);
    assert_eq!(status("allow 10.0.0.0/8;"), 200);
}

#[test]
fn a_refused_client_is_told_in_the_error_log() {
    let site = Site::new().conf("deny all;").start();
    let answer = site.get("/page");
    assert_eq!((answer.status, answer.header("content-type")), (403, Some("text/html")));
    let line = site.wait_for_log("access forbidden by rule");
    assert!(line.contains("[error]") && line.contains("client: 127.0.0.1"), "{line}");
}

#[test]
fn rules_of_a_location_replace_those_around_it() {
    let site = Site::new()
        .file("open/page", "")
        .file("shut/page", "")
        .http("deny all;")
        .conf("location /open/ { allow 127.0.0.1; } location /shut/ { }")
        .start();
    assert_eq!(site.get("/open/page").status, 200);
    assert_eq!(site.get("/shut/page").status, 403);
}

#[test]
fn methods_beyond_limit_except_have_rules_of_their_own() {
    let site = Site::new().file("page", "").conf("location / { limit_except GET { deny all; } }").start();
    assert_eq!(site.get("/page").status, 200);
    assert_eq!(site.head("/page").status, 200);
    assert_eq!(site.ask("DELETE", "/page", &[]).status, 403);
}

#[test]
fn a_client_of_a_unix_socket_is_known_as_one() {
    let site = Site::new().file("page", "").conf("listen unix:{root}/socket; allow unix:; deny all;").start();
    let path = site.path("socket");
    assert_eq!(site.connect_unix(&path).get("/page").status, 200);
    let site = Site::new().file("page", "").conf("listen unix:{root}/socket; deny unix:; allow all;").start();
    let path = site.path("socket");
    assert_eq!(site.connect_unix(&path).get("/page").status, 403);
}

#[test]
fn an_ipv6_client_is_judged_by_ipv6_networks() {
    let site = Site::new().file("page", "").conf("listen [::1]:0; allow ::1; deny all;").start();
    assert_eq!(site.get("/page").status, 200);
    let site = Site::new().file("page", "").conf("listen [::1]:0; deny ::/64; allow all;").start();
    assert_eq!(site.get("/page").status, 403);
}

#[test]
fn an_ipv4_client_of_an_ipv6_address_is_judged_by_ipv4_rules() {
    let at = |rules: &str| {
        let listen = "listen [::]:0 ipv6only=off;";
        let site = Site::new().file("page", "").conf(&format!("{listen} {rules}")).start();
        let port = site.address().port();
        site.connect_to(([127, 0, 0, 1], port).into()).get("/page").status
    };
    assert_eq!(at("allow 127.0.0.0/8; deny all;"), 200);
    assert_eq!(at("deny 127.0.0.0/8; allow ::/0;"), 403);
}

#[test]
fn rules_in_http_hold_where_a_block_has_none_of_any_kind() {
    let site = Site::new()
        .file("a/page", "")
        .file("b/page", "")
        .http("allow 127.0.0.1; deny all;")
        .conf("location /a/ { } location /b/ { deny unix:; deny ::1; }")
        .start();
    assert_eq!(site.get("/a/page").status, 200);
    assert_eq!(site.get("/b/page").status, 200);
}

#[test]
fn return_answers_before_access_is_looked_at() {
    assert_eq!(status("deny all; return 200 hi;"), 200);
}

#[test]
fn a_refusal_has_its_error_page() {
    let conf = "deny all; error_page 403 /no.html; location = /no.html { allow all; }";
    let answer = Site::new().file("no.html", "no entry").conf(conf).start().get("/");
    assert_eq!((answer.status, answer.text()), (403, "no entry"));
}

#[test]
fn what_is_no_address_is_refused() {
    let checked = check_config("events { } http { server { allow localhost; } }");
    assert!(!checked.ok);
    assert!(checked.output.contains("invalid parameter \"localhost\""), "{}", checked.output);
    let checked = check_config("events { } http { server { allow 10.0.0.1/8; } }");
    assert!(
        checked.ok && checked.output.contains("low address bits of 10.0.0.1/8 are meaningless"),
        "{}",
        checked.output
    );
}

//! The client's address by what proxies in front say of it.

use crate::support::*;

const SHOW: &str = "return 200 '$remote_addr $remote_port $realip_remote_addr';";

/// What a client on 127.0.0.1 is taken for.
fn seen(conf: &str, headers: &[(&str, &str)]) -> String {
    let site = Site::new().http(conf).conf(SHOW).start();
    site.get_with("/", headers).text().to_owned()
}

#[test]
fn a_trusted_peer_says_who_the_client_is() {
    let field = [("X-Real-IP", "192.0.2.1:567")];
    assert_eq!(seen("set_real_ip_from 127.0.0.0/8;", &field), "192.0.2.1 567 127.0.0.1");
    assert!(seen("set_real_ip_from 10.0.0.0/8;", &field).starts_with("127.0.0.1 "));
    assert!(seen("", &field).starts_with("127.0.0.1 "));
    let other = "set_real_ip_from localhost; real_ip_header CF-Connecting-IP;";
    assert_eq!(seen(other, &[("cf-connecting-ip", "2001:DB8::1")]), "2001:db8::1  127.0.0.1");
}

#[test]
fn what_has_no_form_leaves_the_address_alone() {
    let site = Site::new().conf("set_real_ip_from 127.0.0.1; return 200 $remote_addr;").start();
    for malformed in ["", "unknown", "192.0.2.1:0", "[::1]", "192.0.2.1, x", "192.0.2.300"] {
        assert_eq!(site.get_with("/", &[("X-Real-IP", malformed)]).text(), "127.0.0.1", "{malformed:?}");
    }
}

#[test]
fn a_chain_of_proxies_is_walked_to_the_first_that_is_not_trusted() {
    let conf = "set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;";
    let lines = [("X-Forwarded-For", "192.0.2.1, 192.0.2.2"), ("X-Forwarded-For", "10.0.0.2, 10.0.0.1")];
    assert_eq!(seen(conf, &lines), "10.0.0.1  127.0.0.1");
    assert_eq!(seen(&format!("{conf} real_ip_recursive on;"), &lines), "192.0.2.2  127.0.0.1");
}

#[test]
fn the_next_request_on_the_connection_begins_with_the_connections_own_address() {
    let site = Site::new().conf(&format!("set_real_ip_from 127.0.0.1; {SHOW}")).start();
    let mut client = site.connect();
    let port = client.address().port();
    // Pipelined, so that their answers are sent together.
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 192.0.2.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().text(), "192.0.2.1  127.0.0.1");
    assert_eq!(client.answer().text(), format!("127.0.0.1 {port} 127.0.0.1"));
}

#[test]
fn access_is_decided_by_the_address_that_was_told() {
    let site = Site::new()
        .file("page", "")
        .conf(
            "set_real_ip_from 127.0.0.1; deny 192.0.2.0/24; allow all; error_page 403 /refused; \
               location = /refused { allow all; return 403 'not you, $remote_addr'; }",
        )
        .start();
    assert_eq!(site.get("/page").status, 200);
    let refused = site.get_with("/page", &[("X-Real-IP", "192.0.2.1")]);
    assert_eq!((refused.status, refused.text()), (403, "not you, 192.0.2.1"));
    let line = site.wait_for_log("access forbidden by rule");
    assert!(line.contains("client: 192.0.2.1, server: "), "{line}");
}

#[test]
fn the_access_log_shows_the_address_that_was_told() {
    let site = Site::new()
        .file("page", "")
        .http("log_format who '$remote_addr $realip_remote_addr'; access_log {root}/log who;")
        .conf("set_real_ip_from 127.0.0.1;")
        .start();
    let mut client = site.connect();
    client.send("GET /page HTTP/1.1\r\nHost: a\r\nX-Real-IP: 192.0.2.1\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    client.answer();
    client.answer();
    assert_eq!(site.access_log("log", 2), ["192.0.2.1 127.0.0.1", "127.0.0.1 127.0.0.1"]);
}

#[test]
fn a_location_replaces_it_before_access_is_looked_at_and_behind_return() {
    let site = Site::new()
        .file("page", "")
        .conf(
            "location /page { set_real_ip_from 127.0.0.1; deny 192.0.2.1; } \
               location /return { set_real_ip_from 127.0.0.1; return 200 $remote_addr; }",
        )
        .start();
    let field = [("X-Real-IP", "192.0.2.1")];
    assert_eq!(site.get_with("/page", &field).status, 403);
    assert_eq!(site.get("/page").status, 200);
    assert_eq!(site.get_with("/return", &field).text(), "127.0.0.1");
}

#[test]
fn peers_on_unix_domain_sockets_may_be_trusted() {
    let site = Site::new()
        .conf("listen unix:{root}/socket; set_real_ip_from unix:; return 200 '$remote_addr $realip_remote_addr';")
        .start();
    let path = site.path("socket");
    let mut client = site.connect_unix(&path);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 192.0.2.1\r\n\r\n");
    assert_eq!(client.answer().text(), "192.0.2.1 unix:");
    assert_eq!(client.get("/").text(), "unix: unix:");
}

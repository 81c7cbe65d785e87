//! Connections that begin with a PROXY protocol header (`listen ... proxy_protocol`).

use crate::support::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server whose only address asks for headers, with these lines.
fn behind_a_proxy(conf: &str) -> Running {
    Site::new().conf(&format!("listen 127.0.0.1:0 proxy_protocol; {conf}")).start()
}

const SHOW: &str = "return 200 '$proxy_protocol_addr $proxy_protocol_port \
                    $proxy_protocol_server_addr $proxy_protocol_server_port';";

/// A header of version 2 over IPv4, from 192.0.2.1:567 to 198.51.100.1:80, with fields behind the addresses.
fn binary(version_and_command: u8, tlvs: &[u8]) -> Vec<u8> {
    let addresses = [192, 0, 2, 1, 198, 51, 100, 1, 0x02, 0x37, 0, 80];
    let length = u16::try_from(addresses.len() + tlvs.len()).expect("the fields are few").to_be_bytes();
    [SIGNATURE, &[version_and_command, 0x11], &length, &addresses, tlvs].concat()
}

#[test]
fn a_line_tells_who_is_behind_the_proxy() {
    let site = behind_a_proxy(SHOW);
    let mut client = site.connect();
    client.send(b"PROXY TCP4 192.0.2.1 198.51.100.1 567 80\r\n");
    client.send(REQUEST);
    assert_eq!(client.answer().text(), "192.0.2.1 567 198.51.100.1 80");
    // It holds for the whole connection.
    assert_eq!(client.get("/").text(), "192.0.2.1 567 198.51.100.1 80");
}

#[test]
fn requests_may_come_with_the_header() {
    let site = behind_a_proxy(SHOW);
    let mut client = site.connect();
    client.send([b"PROXY TCP6 2001:DB8::1 ::1 567 80\r\n", REQUEST, REQUEST].concat());
    for _ in 0..2 {
        assert_eq!(client.answer().text(), "2001:DB8::1 567 ::1 80");
    }
    assert_eq!(
        site.connect().send_and_answer(&[binary(0x21, b""), REQUEST.to_vec()].concat()),
        "192.0.2.1 567 198.51.100.1 80"
    );
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let site = behind_a_proxy(SHOW);
    let mut client = site.connect();
    for byte in binary(0x21, b"") {
        client.send([byte]);
    }
    assert_eq!(client.get("/").text(), "192.0.2.1 567 198.51.100.1 80");
}

#[test]
fn a_proxy_may_speak_for_itself() {
    let site = behind_a_proxy(
        "set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol; return 200 '$proxy_protocol_addr|$remote_addr';",
    );
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY UNKNOWN ::1 ::2 1 2\r\n", &binary(0x20, b"")] {
        assert_eq!(site.connect().send_and_answer(&[header, REQUEST].concat()), "|127.0.0.1");
    }
}

#[test]
fn fields_of_version_2_are_variables() {
    let site = behind_a_proxy(
        "return 200 '$proxy_protocol_tlv_alpn|$proxy_protocol_tlv_0x02|$proxy_protocol_tlv_ssl_version|\
         $proxy_protocol_tlv_ssl_verify|$proxy_protocol_tlv_netns|$proxy_protocol_tlv_colour';",
    );
    let ssl = b"\x20\x00\x0c\x01\0\0\0\x09\x21\x00\x04TLSx";
    let header = binary(0x21, &[b"\x01\x00\x02h2\x02\x00\x01a", &ssl[..]].concat());
    assert_eq!(site.connect().send_and_answer(&[&header, REQUEST].concat()), "h2|a|TLSx|9||");
    site.wait_for_log("unknown PROXY protocol TLV \"colour\"");
}

#[test]
fn the_header_may_say_who_the_client_is() {
    let site = Site::new()
        .http("log_format who '$remote_addr'; access_log {root}/log who;")
        .conf(
            "listen 127.0.0.1:0 proxy_protocol; set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol; \
               deny 192.0.2.2; error_page 403 /no; location = /no { allow all; return 403 '$remote_addr'; }",
        )
        .file("page", "")
        .start();
    let page = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = site.connect();
    client.send([b"PROXY TCP4 192.0.2.1 198.51.100.1 567 80\r\n", &page[..]].concat());
    assert_eq!(client.answer().status, 200);
    assert_eq!(
        site.connect().send_and_answer(&[b"PROXY TCP4 192.0.2.2 198.51.100.1 567 80\r\n", &page[..]].concat()),
        "192.0.2.2"
    );
    assert_eq!(site.access_log("log", 2), ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn a_peer_that_is_not_trusted_is_not_believed() {
    let site = behind_a_proxy("real_ip_header proxy_protocol; set_real_ip_from 10.0.0.0/8; return 200 '$remote_addr';");
    let header = b"PROXY TCP4 192.0.2.1 198.51.100.1 567 80\r\n";
    assert_eq!(site.connect().send_and_answer(&[header, REQUEST].concat()), "127.0.0.1");
}

#[test]
fn a_connection_that_begins_otherwise_is_closed_and_told_of() {
    let site = behind_a_proxy("return 200;");
    let address = site.address();
    for (sent, told) in [
        (REQUEST, "broken header: \"GET / HTTP/1.1\""),
        (b"PROXY TCP4 192.0.2.1\r\n", "broken header: \"PROXY TCP4 192.0.2.1\""),
        (&b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"[..], "unknown PROXY protocol version: 3"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", "header is too large"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x01x", "broken header: \"\""),
    ] {
        let mark = site.log_mark();
        let mut client = site.connect();
        client.send(sent);
        assert!(client.try_rest().0.is_empty(), "nobody is answered");
        let line = site.wait_for_log_after(mark, told);
        let tail = format!("while reading PROXY protocol, client: 127.0.0.1, server: {address}");
        assert!(line.contains("[error]") && line.ends_with(&tail), "{line}");
    }
}

#[test]
fn a_header_that_is_cut_short_is_broken_and_none_at_all_is_nothing() {
    let site = behind_a_proxy("return 200;");
    let mut client = site.connect();
    client.shutdown_write();
    assert!(client.closed());
    let mut client = site.connect();
    client.send("PROXY TCP4 1");
    client.shutdown_write();
    assert!(client.closed());
    site.wait_for_log("broken header: \"PROXY TCP4 1\"");
    assert_eq!(site.error_log().matches("broken header").count(), 1);
}

#[test]
fn it_is_asked_for_by_any_listen_of_the_address() {
    let site = Site::new()
        .http("server { listen 127.0.0.1:0; server_name other; return 200 other; }")
        .conf("listen 127.0.0.1:0 proxy_protocol; listen 127.0.0.2:0; return 200 hello;")
        .start();
    let request = b"GET / HTTP/1.1\r\nHost: other\r\n\r\n";
    assert_eq!(site.connect().send_and_answer(&[b"PROXY UNKNOWN\r\n", &request[..]].concat()), "other");
    let mut without = site.connect_to(site.addresses()[1]);
    assert_eq!(without.get("/").text(), "hello");
}

#[test]
fn a_reload_changes_it_for_new_connections() {
    let conf = |option: &str| {
        format!(
            "events {{ }} http {{ server {{ listen 127.0.0.1:0 {option}; return 200 '[$proxy_protocol_addr]'; }} }}"
        )
    };
    let site = Site::new().config(&conf("")).start();
    let mut before = site.connect();
    assert_eq!(before.get("/").text(), "[]");
    site.reconfigure(&conf("proxy_protocol"));
    assert_eq!(before.get("/").text(), "[]");
    let header = b"PROXY TCP4 192.0.2.1 198.51.100.1 567 80\r\n";
    let mut client = site.connect();
    assert_eq!(client.send_and_answer(&[header, REQUEST].concat()), "[192.0.2.1]");
    site.reconfigure(&conf(""));
    assert_eq!(client.get("/").text(), "[192.0.2.1]");
    assert_eq!(site.connect().get("/").text(), "[]");
    assert!(!site.error_log().contains("take effect at the next start"));
}

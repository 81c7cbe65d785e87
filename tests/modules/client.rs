//! What clients may send.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().file("page", "hello").conf(conf).start()
}

/// A request whose field `A` has so many bytes.
fn with_field(bytes: usize) -> String {
    format!("GET /page HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(bytes))
}

#[test]
fn a_line_has_room_for_a_large_buffer() {
    let site = site("large_client_header_buffers 2 1k;");
    assert_eq!(site.request(with_field(900)).status, 200);
    assert_eq!(site.request(with_field(1100)).status, 431);
    assert_eq!(site.get(&format!("/page?{}", "x".repeat(900))).status, 200);
    assert_eq!(site.get(&format!("/page?{}", "x".repeat(1100))).status, 414);
}

#[test]
fn a_head_has_room_for_all_buffers() {
    let site = site("large_client_header_buffers 2 1k; client_header_buffer_size 512;");
    let head = |fields: usize| {
        let fields = format!("A: {}\r\n", "x".repeat(500)).repeat(fields);
        format!("GET /page HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    };
    assert_eq!(site.request(head(4)).status, 200);
    assert_eq!(site.request(head(6)).status, 431);
}

#[test]
fn max_headers_counts_fields() {
    let site = site("max_headers 3;");
    assert_eq!(site.request("GET /page HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n").status, 200);
    assert_eq!(site.request("GET /page HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n").status, 431);
}

#[test]
fn underscores_in_names_are_allowed_or_left_out() {
    let seen = |conf: &str| {
        let conf = format!("{conf} location / {{ return 200 \"[$http_a_b]\"; }}");
        site(&conf).get_with("/", &[("A_B", "1")]).text().to_owned()
    };
    assert_eq!(seen(""), "[]");
    assert_eq!(seen("underscores_in_headers on;"), "[1]");
    assert_eq!(seen("ignore_invalid_headers off;"), "[1]");
}

#[test]
fn invalid_names_are_left_out_of_the_request() {
    let site = site("location / { return 200 \"$http_a\"; }");
    assert_eq!(site.get_with("/", &[("A!", "1"), ("A", "2")]).text(), "2");
}

#[test]
fn slashes_are_merged_or_kept() {
    let conf = "location = /a/b { return 200 merged; } location / { return 200 kept; }";
    assert_eq!(site(conf).get("/a//b").text(), "merged");
    assert_eq!(site(&format!("merge_slashes off; {conf}")).get("/a//b").text(), "kept");
}

#[test]
fn a_body_that_is_too_large_is_refused_at_once() {
    let site = site("client_max_body_size 10; location /any { client_max_body_size 0; return 200 taken; }");
    let post = |path: &str, length: usize| {
        let body = "x".repeat(length);
        site.request(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"))
    };
    let refused = post("/page", 11);
    assert_eq!((refused.status, refused.closes()), (413, true));
    site.wait_for_log("client intended to send too large body: 11 bytes");
    assert_eq!(post("/page", 10).status, 405);
    assert_eq!(post("/any", 11).text(), "taken");
}

#[test]
fn the_folder_for_bodies_is_made_for_the_servers_user_alone() {
    let as_root = rustix::process::geteuid().is_root();
    let site = Site::new()
        .main(if as_root { "user nobody;" } else { "" })
        .with_folder(|folder| {
            // The user must get to its files.
            std::fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("it is ours");
        })
        .conf("client_body_temp_path {root}/bodies; return 200 hi;")
        .start();
    let made = std::fs::metadata(site.path("bodies")).expect("it was made");
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
    assert_eq!(made.uid() != rustix::process::geteuid().as_raw(), as_root);
}

#[test]
fn a_folder_for_bodies_that_cannot_be_made_is_an_error_of_the_start_and_of_a_reload() {
    let text = "events { } http { server { listen 127.0.0.1:0; location / { LINE return 200 old; } } }";
    let wrong = text.replace("LINE", "client_body_temp_path {root}/no/bodies;");
    let output = Site::new().config(&wrong).unstarted().webserv(&[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("/no/bodies\" failed (2: No such file or directory)"), "{told}");
    let site = Site::new().config(&text.replace("LINE", "")).start();
    let told = site.try_reconfigure(&wrong).expect_err("it is refused");
    assert!(told.contains("/no/bodies\" failed (2: No such file or directory)"), "{told}");
    assert_eq!(site.get("/").text(), "old");
}

#[test]
fn checking_a_configuration_makes_no_folder() {
    let folder = Site::new().conf("client_body_temp_path {root}/bodies;").unstarted();
    assert!(folder.webserv(&["-t"]).status.success());
    assert!(!folder.path("bodies").exists());
}

#[test]
fn how_heads_are_read_is_said_by_the_default_server() {
    let site = Site::new()
        .http("server { listen 127.0.0.1:0 default_server; server_name first; max_headers 2; return 200 first; }")
        .conf("server_name second; max_headers 100; return 200 second;")
        .start();
    let ask = |fields: &str| site.request(format!("GET / HTTP/1.1\r\nHost: second\r\n{fields}\r\n"));
    assert_eq!(ask("A: 1\r\n").text(), "second");
    assert_eq!(ask("A: 1\r\nB: 2\r\n").status, 431);
}

#[test]
fn settings_without_sense_are_refused() {
    for (line, reason) in [
        ("large_client_header_buffers 0 8k;", "expected at least 1 buffer"),
        ("large_client_header_buffers 4 100;", "must be equal to or greater than 512 bytes"),
        ("client_max_body_size -1;", "invalid size \"-1\""),
        ("client_body_temp_path a 0;", "expected a number of digits"),
        ("client_body_in_file_only yes;", "client_body_in_file_only"),
        ("client_body_in_single_buffer yes;", "client_body_in_single_buffer"),
        ("client_body_buffer_size much;", "invalid size \"much\""),
        ("location / { max_headers 5; }", "not allowed here"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ server {{ {line} }} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

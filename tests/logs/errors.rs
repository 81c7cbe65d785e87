//! The error log: the form of its lines, its levels, its places.

use crate::support::Site;

#[test]
fn a_line_tells_the_client_the_server_the_request_and_the_host() {
    let site = Site::new().conf("server_name the.name; error_log {root}/error.log;").start();
    let mut client = site.connect();
    client.send("GET /missing.html?a HTTP/1.1\r\nHost: some.example\r\nReferer: http://from.example/\r\n\r\n");
    assert_eq!(client.answer().status, 404);
    let line = &site.access_log("error.log", 1)[0];
    let file = site.path("missing.html");
    let expected = format!(
        "open() \"{}\" failed (2: No such file or directory), client: 127.0.0.1, server: the.name, \
         request: \"GET /missing.html?a HTTP/1.1\", host: \"some.example\", referrer: \"http://from.example/\"",
        file.display()
    );
    assert!(line.ends_with(&expected), "{line}\nshould end with\n{expected}");
    assert!(line.contains(" [error] "), "{line}");
    let (_, numbers) = line.split_once("] ").expect("a level");
    let numbers: String = numbers.chars().take_while(|letter| *letter != 'o').collect();
    assert!(numbers.starts_with(&format!("{}#", site.pid().as_raw_nonzero())) && numbers.contains(": *"), "{line}");
}

#[test]
fn a_level_leaves_out_what_is_below() {
    let site = Site::new()
        .conf("error_log {root}/crit.log crit; location /a { error_log {root}/error.log error; } location /b { }")
        .start();
    site.get("/a");
    site.get("/b");
    assert_eq!(site.access_log("error.log", 1).len(), 1);
    assert_eq!(std::fs::read(site.path("crit.log")).expect("it is opened at the start"), b"");
}

#[test]
fn missing_files_can_be_left_out() {
    let site =
        Site::new().conf("error_log {root}/error.log; location /a { log_not_found off; } location /b { }").start();
    site.get("/a");
    site.get("/b");
    let lines = site.access_log("error.log", 1);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("\"GET /b "), "{lines:?}");
}

#[test]
fn several_error_logs_take_the_same_line() {
    let site = Site::new().conf("error_log {root}/one.log; error_log {root}/two.log;").start();
    site.get("/missing");
    let one = site.access_log("one.log", 1);
    assert_eq!(one, site.access_log("two.log", 1));
}

#[test]
fn what_a_client_sends_cannot_break_a_line() {
    let site = Site::new().conf("error_log {root}/error.log;").start();
    site.get("/a%0a%1b[31mb");
    let lines = site.access_log("error.log", 1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
}

#[test]
fn a_malformed_request_is_told_at_info() {
    let site = Site::new().main("error_log stderr info;").start();
    site.request("nonsense\r\n\r\n");
    let line = site.wait_for_log("client sent invalid");
    assert!(line.contains("[info]") && line.contains("client: 127.0.0.1"), "{line}");
}

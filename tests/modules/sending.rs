//! How responses are sent; time-outs are tested on a clock moved by hand.

use crate::support::*;

#[test]
fn a_file_arrives_whole_however_it_is_sent() {
    let content = pattern(3 << 20);
    for conf in [
        "sendfile off;",
        "sendfile on;",
        "sendfile on; tcp_nopush on; tcp_nodelay off;",
        "sendfile on; sendfile_max_chunk 0;",
        "sendfile on; sendfile_max_chunk 1;",
        "sendfile off; sendfile_max_chunk 64k;",
    ] {
        let length = if conf.contains("chunk 1;") { 10_000 } else { content.len() };
        let site = Site::new().file("large", &content[..length]).conf(conf).start();
        let mut client = site.connect();
        for _ in 0..2 {
            assert!(client.get("/large").body == content[..length], "{conf}");
        }
    }
}

#[test]
fn each_location_may_send_in_its_own_way() {
    let site = Site::new()
        .file("a/page", "one")
        .file("b/page", "two")
        .conf("sendfile on; location /b/ { sendfile off; tcp_nodelay off; send_timeout 5s; }")
        .start();
    let mut client = site.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/a/page").text(), "one");
        assert_eq!(client.get("/b/page").text(), "two");
    }
}

#[test]
fn sizes_and_times_that_are_none_are_refused() {
    for (line, reason) in [
        ("sendfile_max_chunk 1g;", "expected the unit k or m"),
        ("send_timeout 5x;", "invalid time \"5x\""),
        ("sendfile yes;", "it must be \"on\" or \"off\""),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ {line} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

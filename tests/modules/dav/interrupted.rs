//! Uploads that do not end well: the old file stays whole, and nothing else is left.

use std::fs;
use std::process::Command;

use super::*;

/// A client in the middle of replacing `/a`, whose file is being written.
fn half_way(site: &Running) -> Client {
    let mut client = site.connect();
    client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send([b'x'; 500_000]);
    client
}

#[track_caller]
fn assert_untouched(site: &Running) {
    assert_eq!((names(site, ""), content(site, "a")), (vec!["a".into()], "old".into()));
}

#[test]
fn the_old_file_is_there_until_the_new_one_is_whole() {
    let site = site("").file("a", "old").start();
    let mut client = half_way(&site);
    assert_eq!(site.get("/a").text(), "old");
    client.send([b'x'; 500_000]);
    assert_eq!(client.answer().status, 204);
    assert_eq!(site.get("/a").body, [b'x'; 1_000_000]);
}

#[test]
fn a_client_that_leaves_changes_nothing() {
    let site = site("").file("a", "old").start();
    drop(half_way(&site));
    let line = site.wait_for_log("client prematurely closed connection");
    assert!(line.contains("PUT /a"), "{line}");
    assert_untouched(&site);
    half_way(&site).reset();
    site.wait_for_log("Connection reset by peer");
    assert_untouched(&site);
}

#[test]
fn a_client_that_is_silent_for_too_long_changes_nothing() {
    let site = site("client_body_timeout 100ms;").file("a", "old").start();
    let mut client = half_way(&site);
    let answer = client.answer();
    assert!(answer.status == 408 && answer.closes(), "{}", answer.head);
    assert_untouched(&site);
}

#[test]
fn too_much_content_changes_nothing() {
    let site = site("client_max_body_size 1k;").file("a", "old").start();
    assert_eq!(put(&site, "/a", &"x".repeat(1025), "").status, 413);
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let head = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(site.request([head, &chunk, "1\r\nx\r\n0\r\n\r\n"].concat()).status, 413);
    assert_untouched(&site);
    assert_eq!(put(&site, "/a", &"x".repeat(1024), "").status, 204);
}

#[test]
fn broken_chunks_change_nothing() {
    let site = site("").file("a", "old").start();
    let head = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(site.request([head, "5\r\nhello\r\nx\r\n"].concat()).status, 400);
    assert_untouched(&site);
}

#[test]
fn a_killed_server_leaves_the_old_file_and_nothing_else() {
    let site = site("").file("a", "old").start();
    let client = half_way(&site);
    site.signal("KILL");
    let stopped = site.wait();
    drop(client);
    let site = stopped.start_again();
    assert_untouched(&site);
    assert_eq!(put(&site, "/a", "new", "").status, 204);
}

#[test]
fn what_was_left_unfinished_is_swept_at_the_start() {
    let site = site("location /i/ { alias {root}/../site/sub/; }")
        .file("sub/deep/.webserv-upload-0123456789abcdef", "half")
        .file(".webserv-upload-fedcba9876543210/tree/file", "")
        .file("a", "old")
        .start();
    site.wait_for_log("removed 2 unfinished uploads");
    assert_eq!((names(&site, ""), names(&site, "sub/deep")), (vec!["a".into(), "sub".into()], vec![]));
}

/// The limit of a file's size stands in for a full disk, and needs nobody's permission.
#[test]
fn a_file_that_finds_no_room_changes_nothing_and_the_server_goes_on() {
    let site = site("").file("a", "old").start();
    site.limit_file_size(300_000);
    let mut client = half_way(&site);
    let answer = client.answer();
    assert!(answer.status == 507 && answer.closes(), "{}", answer.head);
    let line = site.wait_for_log("write()");
    assert!(line.contains("[crit]") && line.contains("/a\" failed (27: File too large)"), "{line}");
    assert_untouched(&site);
    assert_eq!(put(&site, "/a", "new", "").status, 204);
}

/// A real full disk, where one can be made.
#[test]
fn a_full_disk_changes_nothing_and_is_named() {
    let site = site("location /disk/ { }").dir("disk").start();
    let path = site.path("disk");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "none"]).arg(&path).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return;
    }
    fs::write(path.join("a"), "old").unwrap();
    let answers = (put(&site, "/disk/a", &"x".repeat(1 << 20), ""), put(&site, "/disk/b", "new", ""));
    let left = names(&site, "disk");
    let old = content(&site, "disk/a");
    let unmounted = Command::new("umount").arg(&path).output().unwrap();
    assert!(unmounted.status.success(), "{unmounted:?}");
    assert_eq!((answers.0.status, answers.1.status), (507, 201));
    assert!(site.wait_for_log("write()").contains("(28: No space left on device)"));
    assert_eq!((left, old), (vec!["a".into(), "b".into()], "old".into()));
}

//! PUT: what is stored, and what is answered.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use super::*;

#[test]
fn a_new_file_is_created_and_an_old_one_replaced() {
    let site = site("").start();
    let answer = put(&site, "/a%20b", "hello", "");
    assert_eq!((answer.status, answer.header("content-length")), (201, Some("0")));
    let location = format!("http://a:{}/a%20b", site.address().port());
    assert_eq!(answer.header("location"), Some(&*location));
    assert_eq!(content(&site, "a b"), "hello");
    let answer = put(&site, "/a%20b", "good bye", "");
    assert_eq!((answer.status, answer.header("location")), (204, None));
    assert_eq!(site.get("/a%20b").text(), "good bye");
    assert_eq!(names(&site, ""), ["a b"]);
}

#[test]
fn content_may_come_in_chunks_or_be_empty_or_missing() {
    let site = site("").start();
    let head = "PUT /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(site.request([head, "5\r\nhello\r\n3\r\n, w\r\n4\r\norld\r\n0\r\n\r\n"].concat()).status, 201);
    assert_eq!(content(&site, "chunks"), "hello, world");
    assert_eq!(put(&site, "/empty", "", "").status, 201);
    assert_eq!(site.ask("PUT", "/none", &[]).status, 201);
    assert_eq!((content(&site, "empty"), content(&site, "none")), (String::new(), String::new()));
}

#[test]
fn a_large_file_arrives_unchanged_and_the_connection_goes_on() {
    let site = site("").start();
    let large = pattern(10 << 20);
    let mut client = site.connect();
    for name in ["one", "two"] {
        client.send(format!("PUT /{name} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", large.len()));
        client.send(&large);
        assert_eq!(client.answer().status, 201);
        assert!(std::fs::read(site.path(name)).expect("it is there") == large);
    }
    assert!(client.get("/one").body == large);
}

#[test]
fn a_request_behind_the_content_is_answered() {
    let site = site("").start();
    let mut client = site.connect();
    client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    client.send("loGET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 201);
    assert_eq!(client.answer().text(), "hello");
}

#[test]
fn a_client_that_expects_100_is_told_to_go_on() {
    let site = site("").start();
    let mut client = site.connect();
    client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send("hello");
    assert_eq!(client.answer().status, 201);
    client.send("PUT /a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 409);
}

#[test]
fn the_field_date_is_when_the_file_was_changed() {
    let site = site("").start();
    put(&site, "/a", "hello", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    let changed = std::fs::metadata(site.path("a")).expect("it is there").modified().expect("it has a time");
    assert_eq!(changed, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
    assert_eq!(put(&site, "/a", "hello", "Date: yesterday\r\n").status, 204);
}

#[test]
fn a_folder_is_not_replaced_by_a_file() {
    let site = site("").dir("sub").with_folder(|root| symlink("sub", root.join("way")).unwrap()).start();
    for path in ["/sub", "/sub/", "/way", "/new/", "/"] {
        assert_eq!(put(&site, path, "hello", "").status, 409, "{path}");
    }
    assert!(site.wait_for_log("could not be created").contains("(21: Is a directory)"));
    site.wait_for_log("cannot PUT to a collection");
    assert_eq!(names(&site, ""), ["sub", "way"]);
}

#[test]
fn missing_folders_are_a_conflict_unless_they_are_to_be_made() {
    let dav = site("location /full/ { create_full_put_path on; dav_access group:r all:r; }").file("file", "").start();
    assert_eq!(put(&dav, "/none/a", "hello", "").status, 409);
    assert_eq!(put(&dav, "/file/a", "hello", "").status, 409);
    assert_eq!(put(&dav, "/full/x/y/a", "hello", "").status, 201);
    let permissions = |name: &str| std::fs::metadata(dav.path(name)).expect("it is there").permissions().mode() & 0o777;
    assert_eq!([permissions("full"), permissions("full/x/y"), permissions("full/x/y/a")], [0o755, 0o755, 0o644]);
    assert_eq!(put(&dav, "/full/x/y/a/b", "hello", "").status, 409);
}

#[test]
fn a_refused_upload_makes_no_folders() {
    let dav = site("create_full_put_path on; client_max_body_size 4;").start();
    let head = "PUT /x/y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(dav.request([head, "5\r\nhello\r\n0\r\n\r\n"].concat()).status, 413);
    assert_eq!(names(&dav, ""), [""; 0]);
}

#[test]
fn a_part_of_a_file_is_refused() {
    let site = site("").file("a", "hello").start();
    let answer = put(&site, "/a", "J", "Content-Range: bytes 0-0/5\r\n");
    assert_eq!(answer.status, 400);
    site.wait_for_log("PUT with range is unsupported");
    assert_eq!(content(&site, "a"), "hello");
}

#[test]
fn nothing_leaves_the_root() {
    let site = site("location /i { alias {root}/inner; }").dir("inner").dir("inner/sub").start();
    for path in ["/../out", "/%2e%2e/out", "/x/../../out", "/..%2fout"] {
        assert_eq!(put(&site, path, "hello", "").status, 400, "{path}");
    }
    assert_eq!(put(&site, "/i../out", "hello", "").status, 409);
    assert_eq!(put(&site, "/i/sub/in", "hello", "").status, 201);
    assert_eq!((names(&site, ""), names(&site, "inner/sub")), (vec!["inner".into()], vec!["in".into()]));
    assert!(!site.path("../out").exists());
}

#[test]
fn links_on_the_way_are_followed_or_refused_as_for_reading() {
    let make = |root: &std::path::Path| {
        symlink("real", root.join("way")).unwrap();
        symlink("real/file", root.join("link")).unwrap();
    };
    let open = site("").file("real/file", "old").with_folder(make).start();
    assert_eq!(put(&open, "/way/new", "hello", "").status, 201);
    // The link is replaced, not what it leads to.
    assert_eq!(put(&open, "/link", "hello", "").status, 204);
    assert_eq!((content(&open, "real/file"), content(&open, "link")), ("old".into(), "hello".into()));
    let closed = site("disable_symlinks on from=$document_root;").file("real/file", "old").with_folder(make).start();
    assert_eq!(put(&closed, "/way/new", "hello", "").status, 403);
    assert_eq!(put(&closed, "/real/new", "hello", "").status, 201);
}

#[test]
fn names_of_unfinished_files_are_reserved() {
    let site = site("").file(".webserv-upload-1/a", "").start();
    for path in ["/.webserv-upload-2", "/.webserv-upload-1/b"] {
        assert_eq!(put(&site, path, "hello", "").status, 403, "{path}");
    }
    site.wait_for_log("are reserved");
}

#[test]
fn a_file_is_on_the_disk_when_that_is_asked_for() {
    let dav = site("dav_fsync on; create_full_put_path on;").start();
    assert_eq!(put(&dav, "/x/y/a", "hello", "").status, 201);
    assert_eq!(put(&dav, "/x/y/a", "good bye", "").status, 204);
    assert_eq!(content(&dav, "x/y/a"), "good bye");
    assert_eq!(dav.ask("MKCOL", "/m/", &[]).status, 201);
    assert_eq!(dav.ask("DELETE", "/x/y/a", &[]).status, 204);
    assert_eq!(dav.ask("DELETE", "/x/", &[]).status, 204);
    assert_eq!(names(&dav, ""), ["m"]);
}

#[test]
fn a_folder_that_may_not_be_written_to_is_forbidden() {
    // Who is root may write everywhere.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let site = site("").dir("sub").start();
    std::fs::set_permissions(site.path("sub"), std::fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(put(&site, "/sub/a", "hello", "").status, 403);
}

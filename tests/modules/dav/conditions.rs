//! Conditions, which are honoured before anything is changed.

use super::*;

fn status(site: &Running, method: &str, path: &str, field: &str) -> u16 {
    site.request(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")).status
}

#[test]
fn a_file_is_only_created_or_only_replaced_as_asked() {
    let site = site("").file("old", "hello").start();
    assert_eq!(put(&site, "/old", "new", "If-None-Match: *\r\n").status, 412);
    assert_eq!(put(&site, "/none", "new", "If-Match: *\r\n").status, 412);
    assert_eq!((content(&site, "old"), names(&site, "")), ("hello".into(), vec!["old".into()]));
    assert_eq!(put(&site, "/new", "new", "If-None-Match: *\r\n").status, 201);
    assert_eq!(put(&site, "/old", "new", "If-Match: *\r\n").status, 204);
}

#[test]
fn the_tag_that_a_client_has_seen_must_still_be_that_of_the_file() {
    let site = site("").file("a", "hello").start();
    let tag = site.get("/a").header("etag").unwrap().to_owned();
    assert_eq!(put(&site, "/a", "other", "If-Match: \"x\"\r\n").status, 412);
    assert_eq!(put(&site, "/a", "other", &format!("If-Match: W/{tag}\r\n")).status, 412);
    assert_eq!(put(&site, "/a", "longer", &format!("If-Match: \"x\", {tag}\r\n")).status, 204);
    assert_eq!(put(&site, "/a", "again", &format!("If-Match: {tag}\r\n")).status, 412);
    assert_eq!(content(&site, "a"), "longer");
}

#[test]
fn a_file_that_was_changed_since_a_time_is_not_replaced() {
    let site = site("").file("a", "hello").start();
    let long_ago = "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    assert_eq!(put(&site, "/a", "other", long_ago).status, 412);
    assert_eq!(put(&site, "/b", "other", long_ago).status, 201);
    let now = site.get("/a").header("last-modified").unwrap().to_owned();
    assert_eq!(put(&site, "/a", "other", &format!("If-Unmodified-Since: {now}\r\n")).status, 204);
}

#[test]
fn a_failed_condition_is_told_before_the_content_is_sent() {
    let site = site("").file("a", "hello").start();
    let mut client = site.connect();
    client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nIf-None-Match: *\r\n\r\n");
    assert_eq!(client.answer().status, 412);
}

#[test]
fn of_two_that_replace_the_same_version_one_is_refused() {
    let site = site("").file("a", "hello").start();
    let tag = site.get("/a").header("etag").unwrap().to_owned();
    let head =
        format!("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nIf-Match: {tag}\r\n\r\n");
    let mut clients = [site.connect(), site.connect()];
    for client in &mut clients {
        client.send(&head);
        assert_eq!(client.answer().status, 100);
    }
    let [first, second] = &mut clients;
    second.send("two");
    assert_eq!(second.answer().status, 204);
    first.send("one");
    assert_eq!(first.answer().status, 412);
    site.wait_for_log("was changed meanwhile");
    assert_eq!(content(&site, "a"), "two");
}

#[test]
fn removing_has_conditions_too() {
    let site = site("").file("a", "hello").dir("sub").start();
    assert_eq!(status(&site, "DELETE", "/a", "If-Match: \"x\""), 412);
    assert_eq!(status(&site, "DELETE", "/a", "If-None-Match: *"), 412);
    assert_eq!(status(&site, "DELETE", "/sub/", "If-Match: \"x\""), 412);
    assert_eq!(status(&site, "MKCOL", "/new/", "If-Match: *"), 412);
    assert_eq!(names(&site, ""), ["a", "sub"]);
    assert_eq!(status(&site, "DELETE", "/sub/", "If-Match: *"), 204);
    let tag = site.get("/a").header("etag").unwrap().to_owned();
    assert_eq!(status(&site, "DELETE", "/a", &format!("If-Match: {tag}")), 204);
}

#[test]
fn what_would_fail_anyway_does_not_depend_on_conditions() {
    let site = site("").dir("sub").start();
    assert_eq!(put(&site, "/sub", "x", "If-None-Match: *\r\n").status, 409);
    assert_eq!(status(&site, "DELETE", "/none", "If-Match: *"), 404);
    assert_eq!(status(&site, "MKCOL", "/sub/", "If-None-Match: *"), 405);
}

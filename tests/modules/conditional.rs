//! Conditional requests.

use std::time::{Duration, SystemTime};

use crate::support::*;

const TAG: &str = "\"2ebc98a1-5\"";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

/// A site with `page`, last changed on `DATE`.
fn site(conf: &str) -> Running {
    let site = Site::new().file("page", "hello").conf(conf).start();
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let file = std::fs::File::open(site.path("page"));
    file.and_then(|file| file.set_modified(changed)).expect("the file is ours");
    site
}

#[test]
fn a_client_that_has_it_is_told_so_without_content() {
    let answer = site("").get_with("/page", &[("If-None-Match", TAG)]);
    assert_eq!((answer.status, answer.text()), (304, ""));
    assert_eq!((answer.header("etag"), answer.header("last-modified")), (Some(TAG), Some(DATE)));
    for name in ["content-type", "content-length", "accept-ranges", "transfer-encoding"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[test]
fn the_connection_goes_on_behind_a_304() {
    let site = site("");
    let mut client = site.connect();
    client.send(format!("GET /page HTTP/1.1\r\nHost: a\r\nIf-None-Match: {TAG}\r\n\r\n"));
    assert_eq!(client.answer().status, 304);
    assert_eq!(client.get("/page").text(), "hello");
}

#[test]
fn tags_are_compared_weakly_and_before_dates() {
    let site = site("");
    let status = |fields: &[(&str, &str)]| site.get_with("/page", fields).status;
    assert_eq!(status(&[("If-None-Match", &format!("\"x\", W/{TAG}"))]), 304);
    assert_eq!(status(&[("If-None-Match", "*")]), 304);
    assert_eq!(status(&[("If-None-Match", "\"x\""), ("If-Modified-Since", DATE)]), 200);
    assert_eq!(status(&[("If-None-Match", TAG), ("If-Modified-Since", EARLIER)]), 304);
}

#[test]
fn if_modified_since_counts_as_configured() {
    for (mode, same, later) in [("exact", 304, 200), ("before", 304, 304), ("off", 200, 200)] {
        let site = site(&format!("if_modified_since {mode};"));
        let status = |date| site.get_with("/page", &[("If-Modified-Since", date)]).status;
        assert_eq!((status(DATE), status(LATER), status(EARLIER)), (same, later, 200), "{mode}");
    }
}

#[test]
fn a_failed_precondition_is_412() {
    let site = site("");
    let status = |name, value| site.get_with("/page", &[(name, value)]).status;
    assert_eq!((status("If-Match", TAG), status("If-Match", "*"), status("If-Match", "\"x\"")), (200, 200, 412));
    assert_eq!((status("If-Unmodified-Since", DATE), status("If-Unmodified-Since", EARLIER)), (200, 412));
}

#[test]
fn a_412_has_its_error_page() {
    let site = site("error_page 412 /sorry; location /sorry { return 200 sorry; }");
    let answer = site.get_with("/page", &[("If-Match", "\"x\"")]);
    assert_eq!((answer.status, answer.text(), answer.header("etag")), (412, "sorry", None));
}

#[test]
fn a_head_is_judged_as_a_get() {
    assert_eq!(site("").ask("HEAD", "/page", &[("If-None-Match", TAG)]).status, 304);
}

#[test]
fn without_a_tag_the_date_counts() {
    let site = site("etag off;");
    assert_eq!(site.get_with("/page", &[("If-None-Match", TAG)]).status, 200);
    assert_eq!(site.get_with("/page", &[("If-Modified-Since", DATE)]).status, 304);
}

#[test]
fn fields_of_the_location_are_on_a_304_as_well() {
    let answer = site("expires 1h;").get_with("/page", &[("If-None-Match", TAG)]);
    assert_eq!((answer.status, answer.header("cache-control")), (304, Some("max-age=3600")));
}

#[test]
fn a_failed_condition_comes_before_a_range() {
    let site = site("");
    assert_eq!(site.get_with("/page", &[("If-None-Match", TAG), ("Range", "bytes=0-1")]).status, 304);
    assert_eq!(site.get_with("/page", &[("If-Match", "\"x\""), ("Range", "bytes=0-1")]).status, 412);
}

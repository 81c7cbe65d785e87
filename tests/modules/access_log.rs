//! What `access_log` and its like refuse, and files whose name depends on the request. Lines are in `logs`.

use std::fs;

use crate::support::Site;

fn told(http: &str) -> String {
    let output = Site::new().http(http).unstarted().webserv(&["-t"]);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_format_that_nobody_defined_is_an_error() {
    let text = told("access_log {root}/log combine;");
    assert!(text.contains("unknown log format \"combine\"") && text.contains("did you mean `combined`?"), "{text}");
}

#[test]
fn a_format_is_defined_once() {
    assert!(told("log_format a x; log_format a y;").contains("duplicate \"log_format\" name \"a\""));
}

#[test]
fn compression_is_refused_with_advice() {
    let text = told("access_log {root}/log combined gzip;");
    assert!(text.contains("does not compress logs") && text.contains("when they are rotated"), "{text}");
}

#[test]
fn each_host_may_have_a_file_of_its_own() {
    let site = Site::new()
        .http("log_format short '$uri'; open_log_file_cache max=10;")
        .conf("access_log {root}/$arg_log.log short; return 204;")
        .start();
    site.get("/a?log=one");
    site.get("/b?log=two");
    site.get("/c?log=one");
    assert_eq!(site.access_log("one.log", 2), ["/a", "/c"]);
    assert_eq!(site.access_log("two.log", 1), ["/b"]);
}

#[test]
fn a_value_never_leads_out_of_the_folder() {
    let site = Site::new().dir("logs").conf("access_log {root}/logs/$arg_log.log; return 204;").start();
    site.get("/?log=../out");
    site.wait_for_log("unsafe path of an access log");
    assert!(fs::metadata(site.path("out.log")).is_err());
}

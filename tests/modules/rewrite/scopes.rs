//! Settings in the `if` of a location.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().file("page", "page").file("other/page", "other").file("folder/first", "first").conf(conf).start()
}

#[test]
fn they_take_the_place_of_the_locations() {
    let site = site("location / { add_header X location; if ($arg_a) { add_header X if; } }");
    assert_eq!(site.get("/page").header("x"), Some("location"));
    assert_eq!(site.get("/page?a=1").header("x"), Some("if"));
}

#[test]
fn what_the_if_does_not_set_is_the_locations_also_from_below() {
    let site = site("location / { if ($arg_a) { add_header X if; } root {root}/other; }");
    let answer = site.get("/page?a=1");
    assert_eq!((answer.text(), answer.header("x")), ("other", Some("if")));
}

#[test]
fn of_several_that_hold_the_last_counts_alone() {
    let site = site("location / { if ($arg_a) { add_header A 1; } if ($arg_b) { add_header B 1; } }");
    let headers = |path| {
        let answer = site.get(path);
        (answer.header("a").is_some(), answer.header("b").is_some())
    };
    assert_eq!(headers("/page"), (false, false));
    assert_eq!(headers("/page?a=1"), (true, false));
    assert_eq!(headers("/page?b=1"), (false, true));
    assert_eq!(headers("/page?a=1&b=1"), (false, true));
}

#[test]
fn one_that_sets_nothing_takes_away_what_one_before_has_set() {
    let site = site("location / { if ($arg_a) { add_header A 1; } if ($arg_b) { set $x 1; } }");
    assert_eq!(site.get("/page?a=1").header("a"), Some("1"));
    assert_eq!(site.get("/page?a=1&b=1").header("a"), None);
}

#[test]
fn files_come_from_its_root() {
    let site = site("location / { if ($arg_a) { root {root}/other; } }");
    assert_eq!((site.get("/page").text(), site.get("/page?a=1").text()), ("page", "other"));
}

#[test]
fn it_has_error_pages_of_its_own() {
    let site = site("location / { if ($arg_a) { error_page 404 =200 @found; } } location @found { return 200 found; }");
    assert_eq!((site.get("/none").status, site.get("/none?a=1").text()), (404, "found"));
}

#[test]
fn it_has_an_access_log_of_its_own() {
    let site = Site::new()
        .http("log_format uri $request_uri;")
        .conf("location / { access_log {root}/all uri; if ($arg_quiet) { access_log off; } return 200 ok; }")
        .start();
    site.get("/page?quiet=1");
    site.get("/page");
    assert_eq!(site.access_log("all", 1), ["/page"]);
}

#[test]
fn try_files_of_the_location_is_not_looked_at() {
    let site = site("location / { try_files /other/page =404; if ($arg_a) { } }");
    assert_eq!((site.get("/page").text(), site.get("/page?a=1").text()), ("other", "page"));
}

#[test]
fn index_and_expires_are_handed_down() {
    let site = site("location / { if ($arg_a) { expires 1h; } index first; }");
    let answer = site.get("/folder/?a=1");
    assert_eq!(answer.text(), "first");
    assert_eq!(site.get("/page?a=1").header("cache-control"), Some("max-age=3600"));
    assert_eq!(site.get("/page").header("cache-control"), None);
}

#[test]
fn an_answer_in_it_has_its_fields() {
    let site =
        site("location / { add_header X location; if ($arg_a) { add_header X if; return 200 if; } return 200 no; }");
    let answer = site.get("/?a=1");
    assert_eq!((answer.text(), answer.header("x")), ("if", Some("if")));
}

#[test]
fn nested_locations_are_not_touched() {
    let site = site("location /a { if ($arg_a) { add_header X if; } location /a/b { return 200 inner; } }");
    let answer = site.get("/a/b?a=1");
    assert_eq!((answer.text(), answer.header("x")), ("inner", None));
}

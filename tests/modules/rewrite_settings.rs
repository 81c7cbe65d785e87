//! What the error log is told of rewrites and of variables.

use crate::support::Site;

#[test]
fn each_step_is_told_at_the_level_notice() {
    let site = Site::new()
        .conf("error_log {root}/log notice; rewrite_log on; rewrite ^/a(.*)$ /b$1?x=$1; if ($args ~ none) { }")
        .conf("location / { rewrite ^/b /c redirect; }")
        .start();
    site.get("/a1?q");
    let lines = site.access_log("log", 5);
    let expected = [
        "\"^/a(.*)$\" matches \"/a1\"",
        "rewritten data: \"/b1\", args: \"x=1&q\"",
        "\"none\" does not match \"x=1&q\"",
        "\"^/b\" matches \"/b1\"",
        "rewritten redirect: \"/c?x=1&q\"",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains("[notice]") && line.contains(&format!("{expected}, client: ")), "{line}");
    }
}

#[test]
fn nothing_is_told_unless_asked_for() {
    let site = Site::new().conf("error_log {root}/log notice; rewrite ^/a /b; location / { return 404; }").start();
    site.get("/a");
    let site = site.stop();
    assert_eq!(std::fs::read_to_string(site.folder.path("log")).expect("it is there"), "");
}

#[test]
fn a_variable_that_was_not_set_is_warned_of_once() {
    let site = Site::new()
        .conf("error_log {root}/log warn; location /set { set $Name v; return 200 $name; }")
        .conf("location /quiet { uninitialized_variable_warn off; return 200 \"[$name]\"; }")
        .conf("location /if { if ($arg_q) { uninitialized_variable_warn off; } return 200 \"[$name$name]\"; }")
        .start();
    for (path, text) in [("/set", "v"), ("/quiet", "[]"), ("/if?q=1", "[]"), ("/if", "[]")] {
        assert_eq!(site.get(path).text(), text, "{path}");
    }
    let lines = site.access_log("log", 1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("[warn]") && lines[0].contains(": *"), "{lines:?}");
    assert!(lines[0].contains("using uninitialized \"name\" variable, client: "), "{lines:?}");
}

#[test]
fn only_what_set_alone_defines_must_be_set() {
    let site = Site::new()
        .http("map $uri $mapped { default map; }")
        .conf("error_log {root}/log warn; location /none { set $mapped v; set $group v; set $arg_a v; }")
        .conf("location ~ ^/(?<group>x)?y { } location / { return 200 \"$mapped|$group|$arg_a\"; }")
        .start();
    assert_eq!(site.get("/?a=own").text(), "map||own");
    let site = site.stop();
    assert_eq!(std::fs::read_to_string(site.folder.path("log")).expect("it is there"), "");
}

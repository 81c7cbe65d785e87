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

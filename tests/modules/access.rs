//! `allow`, `deny` and `limit_except`.

use crate::support::Site;

#[test]
fn the_first_rule_that_fits_decides() {
    let site = Site::new()
        .conf(
            "location /a { allow 127.0.0.0/8; deny all; return 404; }
             location /open { allow 127.0.0.1; deny all; }
             location /shut { deny 127.0.0.1; allow all; }",
        )
        .file("open", "open")
        .file("shut", "shut")
        .start();
    assert_eq!(site.get("/open").text(), "open");
    assert_eq!(site.get("/shut").status, 403);
    let line = site.wait_for_log("access forbidden by rule");
    assert!(line.contains("\"GET /shut HTTP/1.1\""), "{line}");
}

#[test]
fn rules_are_inherited_until_a_block_has_its_own() {
    let site = Site::new()
        .file("a/x", "x")
        .file("b/x", "x")
        .conf("deny all; location /a/ { } location /b/ { allow all; }")
        .start();
    assert_eq!(site.get("/a/x").status, 403);
    assert_eq!(site.get("/b/x").text(), "x");
}

#[test]
fn methods_may_be_excepted() {
    let site = Site::new().file("x", "x").conf("location / { limit_except GET { deny all; } }").start();
    assert_eq!(site.get("/x").text(), "x");
    assert_eq!(site.head("/x").status, 200);
    assert_eq!(site.ask("DELETE", "/x", &[]).status, 403);
}

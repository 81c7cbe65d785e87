//! `add_header` and `expires`.

use crate::support::Site;

#[test]
fn fields_are_added_to_good_answers_and_with_always_to_all() {
    let site =
        Site::new().file("x", "x").conf("add_header X-A $uri; add_header X-B b always; add_header X-C '';").start();
    let good = site.get("/x");
    assert_eq!((good.header("x-a"), good.header("x-b"), good.header("x-c")), (Some("/x"), Some("b"), None));
    let bad = site.get("/missing");
    assert_eq!((bad.header("x-a"), bad.header("x-b")), (None, Some("b")));
}

#[test]
fn a_block_with_fields_of_its_own_has_no_others() {
    let site = Site::new().file("x/y", "y").conf("add_header X-A a; location /x/ { add_header X-B b; }").start();
    let answer = site.get("/x/y");
    assert_eq!((answer.header("x-a"), answer.header("x-b")), (None, Some("b")));
}

#[test]
fn expires_says_how_long_an_answer_may_be_kept() {
    for (value, expected) in [
        ("30d", Some("max-age=2592000")),
        ("-1", Some("no-cache")),
        ("epoch", Some("no-cache")),
        ("max", Some("max-age=315360000")),
        ("off", None),
    ] {
        let site = Site::new().file("x", "x").conf(&format!("expires {value};")).start();
        let answer = site.get("/x");
        assert_eq!(answer.header("cache-control"), expected, "{value}");
        assert_eq!(answer.header("expires").is_some(), expected.is_some(), "{value}");
    }
}

//! Which methods a location has.

use super::*;

#[test]
fn only_the_methods_that_are_named_change_anything() {
    let site = Site::new().file("a", "").conf("dav_methods PUT; location /off/ { dav_methods off; }").start();
    assert_eq!(put(&site, "/new", "x", "").status, 201);
    assert_eq!(put(&site, "/off/new", "x", "").status, 405);
    for method in ["DELETE", "MKCOL"] {
        assert_eq!(site.ask(method, "/a", &[]).status, 405, "{method}");
    }
    assert_eq!(names(&site, ""), ["a", "new"]);
}

#[test]
fn nothing_is_changed_unless_it_is_configured() {
    let site = Site::new().file("a", "old").start();
    assert_eq!((put(&site, "/a", "x", "").status, site.ask("DELETE", "/a", &[]).status), (405, 405));
    assert_eq!(content(&site, "a"), "old");
}

#[test]
fn who_may_not_use_a_method_changes_nothing() {
    let site = site("location / { limit_except GET PUT { deny all; } }").file("a", "old").start();
    assert_eq!(put(&site, "/b", "x", "").status, 201);
    assert_eq!(site.ask("DELETE", "/a", &[]).status, 403);
    assert_eq!(names(&site, ""), ["a", "b"]);
}

#[test]
fn a_rehearsal_changes_nothing() {
    let expectations = "expect PUT /new status=201; expect PUT /a status=204; expect DELETE /a status=204; \
                        expect DELETE /sub/ status=204; expect MKCOL /c/ status=201; expect DELETE /none status=404;";
    let site = site(expectations).file("a", "old").dir("sub").start();
    assert_eq!((names(&site, ""), content(&site, "a")), (vec!["a".into(), "sub".into()], "old".into()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |line: &str| {
        let checked = check_config(&format!("events {{ }} http {{ {line} }}"));
        assert!(!checked.ok, "{line}");
        checked.output
    };
    assert!(refused("dav_methods GET;").contains("invalid value \"GET\" in \"dav_methods\" directive"));
    assert!(refused("dav_methods off PUT;").contains("\"off\" cannot be used with methods"));
    assert!(refused("dav_access user:x;").contains("invalid value \"user:x\" in \"dav_access\" directive"));
    assert!(refused("dav_access rw;").contains("invalid value \"rw\""));
    let checked = check_config("events { } http { dav_methods put PUT; }");
    assert!(checked.ok && checked.output.contains("duplicate value \"PUT\""), "{}", checked.output);
}

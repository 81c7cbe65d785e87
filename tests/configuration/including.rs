//! `include`: patterns, order, depth.

use crate::support::Site;

#[test]
fn a_pattern_includes_files_in_their_order() {
    let site = Site::new()
        .file("conf/b.conf", "location /b { return 200 b; }")
        .file("conf/a.conf", "location /a { return 200 a; }")
        .file("conf/c.txt", "nonsense")
        .conf("include {root}/conf/*.conf;")
        .start();
    assert_eq!(site.get("/a").text(), "a");
    assert_eq!(site.get("/b").text(), "b");
}

#[test]
fn a_pattern_may_match_nothing_and_a_name_may_not() {
    let nothing = Site::new().conf("include {root}/none/*.conf;").unstarted().webserv(&["-t"]);
    assert!(nothing.status.success(), "{}", String::from_utf8_lossy(&nothing.stderr));
    let missing = Site::new().conf("include {root}/none/a.conf;").unstarted().webserv(&["-t"]);
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("none/a.conf"));
}

#[test]
fn a_file_that_includes_itself_is_an_error() {
    let output =
        Site::new().file("a.conf", "include a.conf;").conf("include {root}/a.conf;").unstarted().webserv(&["-t"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

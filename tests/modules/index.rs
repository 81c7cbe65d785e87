//! What answers for a folder.

use crate::support::*;

#[test]
fn the_first_name_that_exists_answers() {
    let site = Site::new().file("home.html", "hello").conf("index no.html home.html;").start();
    assert_eq!(site.get("/").body, b"hello");
}

#[test]
fn without_index_it_is_index_html() {
    let site = Site::new().file("index.html", "top").file("sub/index.html", "below").start();
    assert_eq!((site.get("/").text(), site.get("/sub/").text()), ("top", "below"));
}

#[test]
fn the_name_is_looked_up_in_its_own_location() {
    let site = Site::new()
        .file("index.php", "script")
        .conf("index index.php; location / { } location ~ \\.php$ { return 200 \"$uri?$args\"; }")
        .start();
    assert_eq!(site.get("/?a=b").text(), "/index.php?a=b");
}

#[test]
fn names_may_hold_variables() {
    let site = Site::new().file("localhost.html", "mine").conf("index $host.html;").start();
    assert_eq!(site.get("/").text(), "mine");
}

#[test]
fn the_last_name_may_be_a_path() {
    let site = Site::new().file("welcome.html", "welcome").dir("sub").conf("index no.html /welcome.html;").start();
    assert_eq!(site.get("/sub/").text(), "welcome");
}

#[test]
fn a_folder_without_any_is_forbidden_and_logged() {
    let site = Site::new().dir("sub").start();
    assert_eq!(site.get("/sub/").status, 403);
    site.wait_for_log(&format!("directory index of \"{}/\" is forbidden", site.path("sub").display()));
}

#[test]
fn a_folder_that_does_not_exist_is_not_found() {
    let site = Site::new().start();
    assert_eq!(site.get("/none/").status, 404);
    site.wait_for_log("none/index.html\" is not found (2: No such file or directory)");
}

#[test]
fn a_nested_block_has_its_own_names() {
    let site = Site::new()
        .file("a/one.html", "one")
        .file("a/two.html", "two")
        .conf("index one.html; location /a/ { index two.html; }")
        .start();
    assert_eq!(site.get("/a/").text(), "two");
}

#[test]
fn a_name_that_is_a_folder_is_redirected_to() {
    let site = Site::new().dir("index.html").conf("absolute_redirect off;").start();
    let answer = site.get("/");
    assert_eq!((answer.status, answer.header("location")), (301, Some("/index.html/")));
}

#[test]
fn an_index_that_leads_to_itself_ends() {
    let site = Site::new().dir("sub").conf("index /sub/;").start();
    assert_eq!(site.get("/sub/").status, 500);
    site.wait_for_log("rewrite or internal redirection cycle");
}

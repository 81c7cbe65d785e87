//! Where files are.

use std::os::unix::fs::symlink;

use crate::support::*;

#[test]
fn the_whole_path_is_looked_up_in_the_root() {
    let site = Site::new().file("www/i/page", "hello").conf("root {root}/www;").start();
    assert_eq!(site.get("/i/page").text(), "hello");
}

#[test]
fn a_relative_root_is_taken_from_the_prefix() {
    let site = Site::new().file("www/page", "hello").conf("root www/;").start();
    assert_eq!(site.get("/page").text(), "hello");
}

#[test]
fn a_root_may_hold_variables() {
    let site = Site::new().file("localhost/page", "mine").conf("root {root}/$host;").start();
    assert_eq!(site.get("/page").text(), "mine");
    assert_eq!(site.get_with("/page", &[("Host", "other")]).status, 404);
}

#[test]
fn a_location_may_have_its_own_root() {
    let site = Site::new().file("page", "outer").file("in/sub/page", "inner");
    let site = site.conf("location /sub/ { root {root}/in; }").start();
    assert_eq!((site.get("/page").text(), site.get("/sub/page").text()), ("outer", "inner"));
}

#[test]
fn an_alias_stands_for_the_locations_part() {
    let site = Site::new()
        .file("data/page", "hello")
        .file("data/index.html", "index")
        .dir("data/sub")
        .conf("absolute_redirect off; location /i/ { alias {root}/data/; }")
        .start();
    assert_eq!((site.get("/i/page").text(), site.get("/i/").text()), ("hello", "index"));
    assert_eq!(site.get("/i/sub").header("location"), Some("/i/sub/"));
}

#[test]
fn an_alias_is_joined_by_a_slash() {
    let site = Site::new().file("data/page", "inside").file("database", "outside").file("secret", "outside");
    let site = site.conf("location /i { alias {root}/data; } location /j { alias {root}/data/; }").start();
    assert_eq!((site.get("/i/page").text(), site.get("/j/page").text()), ("inside", "inside"));
    for path in ["/ibase", "/i../secret", "/j../secret"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_captured_group_cannot_lead_out_of_an_alias() {
    let site = Site::new().file("data/page", "inside").file("secret", "outside");
    let site = site.conf("location ~ ^/i(.*)$ { alias {root}/data/$1; }").start();
    assert_eq!((site.get("/i/page").text(), site.get("/i../secret").status), ("inside", 404));
}

#[test]
fn an_exact_location_may_be_one_file() {
    let site = Site::new().file("data/page", "hello").conf("location = /x { alias {root}/data/page; }").start();
    assert_eq!(site.get("/x").text(), "hello");
}

#[test]
fn an_alias_in_a_location_with_an_expression_is_the_whole_path() {
    let site = Site::new()
        .file("data/a.txt", "first")
        .file("data/index.html", "index")
        .conf("location ~ ^/u/(.+\\.txt)$ { alias {root}/data/$1; } location ~ ^/v/(?<rest>.*)$ { alias {root}/data/$rest; }")
        .start();
    assert_eq!((site.get("/u/a.txt").text(), site.get("/v/a.txt").text()), ("first", "first"));
    assert_eq!(site.get("/v/").text(), "index");
}

#[test]
fn a_nested_location_inherits_the_alias_with_its_part() {
    let site =
        Site::new().file("data/in/page", "hello").conf("location /i/ { alias {root}/data/; location /i/in/ { } }");
    assert_eq!(site.start().get("/i/in/page").text(), "hello");
}

#[test]
fn mistakes_are_told() {
    let told = |location: &str| check_config(&format!("events {{ }} http {{ server {{ {location} }} }}")).output;
    let cases = [
        (
            "location / { root /a; alias /b/; }",
            "\"alias\" directive is duplicate, \"root\" directive was specified earlier",
        ),
        ("location @x { alias /b/; }", "the \"alias\" directive cannot be used inside the named location"),
        ("root $document_root/x;", "the $document_root variable cannot be used in the \"root\" directive"),
        ("disable_symlinks off from=/x;", "\"from=\" cannot be used with \"off\" parameter"),
        ("disable_symlinks from=/x;", "must have \"off\", \"on\" or \"if_not_owner\" parameter"),
        ("disable_symlinks sometimes;", "invalid parameter \"sometimes\""),
    ];
    for (location, expected) in cases {
        assert!(told(location).contains(expected), "{location}: {}", told(location));
    }
    assert!(check_config("events { } http { server { location / { root /a; location /b { alias /c; } } } }").ok);
}

#[test]
fn symbolic_links_may_be_refused() {
    let site = Site::new().file("page", "hello").dir("folder").conf("disable_symlinks on from={root};").start();
    symlink("page", site.path("link")).unwrap();
    symlink("folder", site.path("way")).unwrap();
    site.write("folder/page", "below");
    assert_eq!(site.get("/page").text(), "hello");
    assert_eq!(site.get("/folder/page").text(), "below");
    for path in ["/link", "/way/page", "/way/"] {
        assert_eq!(site.get(path).status, 403, "{path}");
    }
    site.wait_for_log("failed (40: Too many levels of symbolic links)");
}

#[test]
fn links_of_the_owner_of_what_they_point_to_may_be_followed() {
    let site = Site::new().file("page", "hello").conf("disable_symlinks if_not_owner from=$document_root;").start();
    symlink("page", site.path("link")).unwrap();
    assert_eq!(site.get("/link").text(), "hello");
}

//! DELETE and MKCOL.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn a_file_is_removed() {
    let site = site("").file("a", "").file("sub/b", "").start();
    assert_eq!(site.ask("DELETE", "/a", &[]).status, 204);
    assert_eq!(site.ask("DELETE", "/sub/b", &[("Depth", "0")]).status, 204);
    assert_eq!((names(&site, ""), names(&site, "sub").len()), (vec!["sub".into()], 0));
    assert_eq!(site.ask("DELETE", "/a", &[]).status, 404);
    assert!(site.wait_for_log("lstat()").contains("(2: No such file or directory)"));
}

#[test]
fn a_folder_is_removed_with_all_that_is_in_it() {
    let site = site("").file("sub/a/b/c", "").file("sub/d", "").start();
    assert_eq!(site.ask("DELETE", "/sub", &[]).status, 409);
    assert_eq!(site.ask("DELETE", "/sub/", &[("Depth", "0")]).status, 400);
    assert_eq!(site.ask("DELETE", "/sub/", &[]).status, 204);
    assert_eq!(names(&site, ""), [""; 0]);
}

#[test]
fn links_in_a_folder_are_removed_and_not_followed() {
    let site = site("").file("kept/file", "").dir("sub").start();
    symlink("../kept", site.path("sub/link")).unwrap();
    symlink("kept", site.path("way")).unwrap();
    assert_eq!(site.ask("DELETE", "/sub/", &[]).status, 204);
    assert_eq!(site.ask("DELETE", "/way/", &[]).status, 409);
    assert_eq!(site.ask("DELETE", "/way", &[]).status, 204);
    assert_eq!((names(&site, ""), names(&site, "kept")), (vec!["kept".into()], vec!["file".into()]));
}

#[test]
fn the_root_stays() {
    let site = site("location /i/ { alias {root}/inner/; }").file("inner/a", "").start();
    for path in ["/", "/i/"] {
        assert_eq!(site.ask("DELETE", path, &[]).status, 403, "{path}");
    }
    site.wait_for_log("is not removed");
    assert_eq!(names(&site, "inner"), ["a"]);
}

#[test]
fn what_is_no_folder_is_not_removed_as_one() {
    let site = site("").file("a", "").start();
    assert_eq!(site.ask("DELETE", "/a/", &[]).status, 409);
    assert_eq!(site.ask("DELETE", "/a/b", &[]).status, 409);
    assert_eq!(site.ask("DELETE", "/none/", &[]).status, 404);
    assert_eq!(site.ask("DELETE", "/none/b", &[]).status, 404);
}

#[test]
fn a_depth_that_is_none_is_refused() {
    let site = site("").file("a", "").start();
    for depth in ["1", "x", "Infinity", ""] {
        assert_eq!(site.ask("DELETE", "/a", &[("Depth", depth)]).status, 400, "{depth}");
    }
    site.wait_for_log("client sent invalid \"Depth\" header: \"x\"");
    assert_eq!(site.ask("DELETE", "/a", &[("Depth", "infinity")]).status, 204);
}

#[test]
fn a_path_must_be_deep_enough_to_be_removed() {
    let site = site("min_delete_depth 3;").file("a/b/c", "").file("a/d/e", "").file("f", "").start();
    for path in ["/f", "/a/", "/a/b/"] {
        assert_eq!(site.ask("DELETE", path, &[]).status, 409, "{path}");
    }
    assert!(site.wait_for_log("insufficient URI depth").contains("insufficient URI depth:1 to DELETE"));
    assert_eq!(site.ask("DELETE", "/a/b/c", &[]).status, 204);
}

#[test]
fn a_folder_is_made() {
    let site = site("location /g/ { dav_access group:rw all:r; }").dir("g").file("file", "").start();
    let answer = site.ask("MKCOL", "/sub/", &[]);
    assert_eq!((answer.status, answer.header("content-length")), (201, Some("0")));
    let location = format!("http://localhost:{}/sub/", site.address().port());
    assert_eq!(answer.header("location"), Some(&*location));
    assert_eq!(site.ask("MKCOL", "/g/h/", &[]).status, 201);
    let permissions = |name: &str| std::fs::metadata(site.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((permissions("sub"), permissions("g/h")), (0o700, 0o775));
    let again = site.ask("MKCOL", "/sub/", &[]);
    assert_eq!((again.status, again.header("allow")), (405, Some("GET, HEAD, PUT, DELETE, COPY, MOVE")));
    for path in ["/new", "/none/new/", "/file/new/"] {
        assert_eq!(site.ask("MKCOL", path, &[]).status, 409, "{path}");
    }
    assert_eq!(site.ask("MKCOL", "/", &[]).status, 405);
    site.wait_for_log("MKCOL can create a collection only");
}

#[test]
fn content_that_has_no_meaning_is_refused() {
    let site = site("").file("a", "").start();
    let with_content = |method: &str, path: &str| {
        site.request(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")).status
    };
    assert_eq!((with_content("DELETE", "/a"), with_content("MKCOL", "/b/")), (415, 415));
    site.wait_for_log("DELETE with body is unsupported");
    site.wait_for_log("MKCOL with body is unsupported");
    assert_eq!(names(&site, ""), ["a"]);
}

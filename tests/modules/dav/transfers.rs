//! COPY and MOVE.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

/// The status of a COPY or MOVE, with further fields.
#[track_caller]
fn transfer(site: &Running, method: &str, from: &str, to: &str, fields: &[(&str, &str)]) -> u16 {
    let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("Destination", to)]).collect();
    site.ask(method, from, &fields).status
}

#[test]
fn a_file_is_copied_with_its_permissions_and_its_time() {
    let site = site("").file("a", "hello").start();
    fs::set_permissions(site.path("a"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(transfer(&site, "COPY", "/a", "/b%20c", &[]), 204);
    assert_eq!((content(&site, "a"), content(&site, "b c")), ("hello".into(), "hello".into()));
    let facts = |name: &str| {
        let status = fs::metadata(site.path(name)).unwrap();
        (status.permissions().mode(), status.modified().unwrap())
    };
    assert_eq!(facts("a"), facts("b c"));
    assert_eq!(names(&site, ""), ["a", "b c"]);
}

#[test]
fn a_file_is_moved_with_the_folders_that_it_needs() {
    let site = site("").file("a", "hello").start();
    assert_eq!(transfer(&site, "MOVE", "/a", "/b", &[]), 204);
    assert_eq!(transfer(&site, "MOVE", "/b", "/x/y/c", &[]), 204);
    assert_eq!((names(&site, ""), content(&site, "x/y/c")), (vec!["x".into()], "hello".into()));
    assert_eq!(transfer(&site, "COPY", "/x/y/c", "/z/c", &[]), 409);
}

#[test]
fn a_folder_is_copied_and_moved_with_all_that_is_in_it() {
    let site = site("").file("a/b/c", "hello").dir("a/d").start();
    assert_eq!(transfer(&site, "COPY", "/a/", "/copy/", &[]), 201);
    assert_eq!((names(&site, "copy"), content(&site, "copy/b/c")), (vec!["b".into(), "d".into()], "hello".into()));
    assert_eq!(transfer(&site, "MOVE", "/a/", "/moved/", &[]), 201);
    assert_eq!((names(&site, ""), content(&site, "moved/b/c")), (vec!["copy".into(), "moved".into()], "hello".into()));
    assert_eq!(transfer(&site, "COPY", "/moved/", "/alone/", &[("Depth", "0")]), 201);
    assert_eq!(names(&site, "alone"), [""; 0]);
    assert_eq!(transfer(&site, "COPY", "/moved/", "/none/x/", &[]), 409);
}

#[test]
fn what_is_there_is_replaced_unless_the_request_says_otherwise() {
    let site = site("").file("a", "new").file("b", "old").file("c/new", "").file("d/old", "").start();
    for method in ["COPY", "MOVE"] {
        assert_eq!(transfer(&site, method, "/a", "/b", &[("Overwrite", "F")]), 412, "{method}");
        assert_eq!(transfer(&site, method, "/c/", "/d/", &[("Overwrite", "f")]), 412, "{method}");
    }
    assert_eq!((content(&site, "b"), names(&site, "d")), ("old".into(), vec!["old".into()]));
    assert_eq!(transfer(&site, "COPY", "/a", "/b", &[("Overwrite", "T")]), 204);
    assert_eq!(transfer(&site, "COPY", "/c/", "/d/", &[]), 201);
    assert_eq!((content(&site, "b"), names(&site, "d")), ("new".into(), vec!["new".into()]));
    site.write("d/other", "");
    assert_eq!(transfer(&site, "MOVE", "/c/", "/d/", &[]), 201);
    assert_eq!(transfer(&site, "MOVE", "/a", "/b", &[]), 204);
    assert_eq!((names(&site, ""), names(&site, "d")), (vec!["b".into(), "d".into()], vec!["new".into()]));
    assert_eq!(transfer(&site, "MOVE", "/d/", "/b/", &[]), 201);
    assert_eq!((names(&site, ""), names(&site, "b")), (vec!["b".into()], vec!["new".into()]));
}

#[test]
fn folders_and_files_do_not_replace_each_other_by_accident() {
    let site = site("").file("a", "").file("b/c", "").start();
    for method in ["COPY", "MOVE"] {
        assert_eq!(transfer(&site, method, "/a", "/b", &[]), 409, "{method}");
        assert_eq!(transfer(&site, method, "/a", "/b/", &[]), 409, "{method}");
        assert_eq!(transfer(&site, method, "/b", "/d", &[]), 400, "{method}");
        assert_eq!(transfer(&site, method, "/b/", "/d", &[]), 409, "{method}");
        assert_eq!(transfer(&site, method, "/a/", "/d/", &[]), 404, "{method}");
        assert_eq!(transfer(&site, method, "/none", "/d", &[]), 404, "{method}");
    }
    site.wait_for_log("\"/a\" could not be COPYed to collection \"/b\"");
    site.wait_for_log("\"/b\" is collection");
    assert_eq!((names(&site, ""), names(&site, "b")), (vec!["a".into(), "b".into()], vec!["c".into()]));
}

#[test]
fn nothing_goes_onto_or_into_itself_and_the_root_stays() {
    let site = site("").file("a/b/c", "hello").file("d", "hello").start();
    let cases = [("/d", "/d"), ("/a/", "/a/"), ("/a/", "/a/b/x/"), ("/a/b/", "/a/"), ("/", "/x/"), ("/a/", "/")];
    for (from, to) in cases {
        for method in ["COPY", "MOVE"] {
            let status = transfer(&site, method, from, to, &[]);
            assert!([403, 409].contains(&status), "{method} {from} to {to}: {status}");
        }
    }
    assert_eq!((names(&site, ""), content(&site, "a/b/c")), (vec!["a".into(), "d".into()], "hello".into()));
    assert_eq!(content(&site, "d"), "hello");
}

#[test]
fn a_destination_is_a_path_of_this_host() {
    let site = site("").file("a", "").start();
    let port = site.address().port();
    let own = format!("localhost:{port}");
    let good =
        [format!("http://{own}/x"), format!("https://{own}/x"), "/x".into(), format!("HTTP://LOCALHOST:{port}/x?y")];
    for to in &good {
        assert_eq!(site.ask("COPY", "/a", &[("Host", &own), ("Destination", to)]).status, 204, "{to}");
    }
    for to in [
        "http://other/x",
        "http://localhost/x",
        "ftp://localhost/x",
        "x",
        "*",
        "/../x",
        "/%00",
        "",
        "http://localhost:1",
    ] {
        assert_eq!(site.ask("COPY", "/a", &[("Host", &own), ("Destination", to)]).status, 400, "{to}");
    }
    assert_eq!(site.ask("COPY", "/a", &[("Host", &own), ("Destination", &format!("http://{own}"))]).status, 400);
    assert_eq!(site.ask("COPY", "/a", &[]).status, 400);
    site.wait_for_log("client sent no \"Destination\" header");
    site.wait_for_log("is handled by different repository than the source URI");
    assert_eq!(names(&site, ""), ["a", "x"]);
}

#[test]
fn a_destination_in_another_location_is_refused() {
    let site = site("location /private/ { deny all; dav_methods PUT MOVE; }").file("a", "").dir("private").start();
    for method in ["COPY", "MOVE"] {
        assert_eq!(transfer(&site, method, "/a", "/private/a", &[]), 403, "{method}");
    }
    site.wait_for_log("belongs to another location");
    assert_eq!(names(&site, "private"), [""; 0]);
}

#[test]
fn an_alias_is_the_place_of_both_ends() {
    let site = site("location /i/ { alias {root}/inner/; }").file("inner/a", "hello").start();
    assert_eq!(transfer(&site, "COPY", "/i/a", "/i/b", &[]), 204);
    assert_eq!(names(&site, "inner"), ["a", "b"]);
}

#[test]
fn links_in_a_copied_tree_are_left_out_and_a_copied_link_is_its_file() {
    let site = site("").file("outside", "secret").file("a/b", "hello").start();
    symlink("../outside", site.path("a/link")).unwrap();
    symlink("a/b", site.path("link")).unwrap();
    assert_eq!(transfer(&site, "COPY", "/a/", "/c/", &[]), 201);
    assert_eq!(names(&site, "c"), ["b"]);
    assert_eq!(transfer(&site, "COPY", "/link", "/d", &[]), 204);
    assert_eq!(content(&site, "d"), "hello");
    assert!(fs::symlink_metadata(site.path("d")).unwrap().is_file());
}

#[test]
fn a_relative_link_does_not_go_where_it_leads_elsewhere() {
    let site = site("").dir("a/b").start();
    symlink("../../x", site.path("a/b/up")).unwrap();
    symlink("/etc/hostname", site.path("a/b/absolute")).unwrap();
    assert_eq!(transfer(&site, "MOVE", "/a/b/up", "/up", &[]), 403);
    assert_eq!(transfer(&site, "MOVE", "/a/b/", "/b/", &[]), 403);
    site.wait_for_log("relative link, which would lead elsewhere");
    assert_eq!(transfer(&site, "MOVE", "/a/b/up", "/a/b/renamed", &[]), 204);
    assert_eq!(transfer(&site, "MOVE", "/a/b/", "/a/c/", &[]), 201);
    assert_eq!(transfer(&site, "MOVE", "/a/c/absolute", "/absolute", &[]), 204);
    assert_eq!((names(&site, "a/c"), names(&site, "")), (vec!["renamed".into()], vec!["a".into(), "absolute".into()]));
}

#[test]
fn conditions_are_about_what_goes() {
    let site = site("").file("a", "hello").start();
    assert_eq!(transfer(&site, "COPY", "/a", "/b", &[("If-Match", "\"x\"")]), 412);
    assert_eq!(transfer(&site, "MOVE", "/a", "/b", &[("If-None-Match", "*")]), 412);
    assert_eq!(names(&site, ""), ["a"]);
    let tag = site.get("/a").header("etag").unwrap().to_owned();
    assert_eq!(transfer(&site, "COPY", "/a", "/b", &[("If-Match", &tag)]), 204);
}

#[test]
fn a_field_that_makes_no_sense_is_refused() {
    let site = site("").file("a", "").dir("b").start();
    for (method, from, to, field) in [
        ("COPY", "/a", "/c", ("Overwrite", "x")),
        ("COPY", "/a", "/c", ("Depth", "1")),
        ("COPY", "/b/", "/c/", ("Depth", "1")),
        ("MOVE", "/b/", "/c/", ("Depth", "0")),
        ("MOVE", "/a", "/c", ("Depth", "x")),
    ] {
        assert_eq!(transfer(&site, method, from, to, &[field]), 400, "{method} {from} {field:?}");
    }
    let with_content = "COPY /a HTTP/1.1\r\nHost: a\r\nDestination: /c\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(site.request(with_content).status, 415);
    assert_eq!(transfer(&site, "COPY", "/a", "/.webserv-upload-1", &[]), 403);
    assert_eq!(names(&site, ""), ["a", "b"]);
}

#[test]
fn a_rehearsal_copies_and_moves_nothing() {
    let expectations = "expect COPY /a status=204 \"header=Destination: /b\"; \
                        expect MOVE /c/ status=201 \"header=Destination: /d/\";";
    let site = site(expectations).file("a", "").dir("c").start();
    assert_eq!(names(&site, ""), ["a", "c"]);
}

#[test]
fn what_goes_to_another_file_system_is_copied_and_removed() {
    let other = tempfile::tempdir_in("/dev/shm");
    let Ok(other) = other else { return };
    let site = site("dav_fsync on;").file("a", "hello").file("tree/b", "hello").file("kept/c", "").start();
    if fs::metadata(site.path("")).unwrap().dev() == fs::metadata(other.path()).unwrap().dev() {
        return;
    }
    symlink(other.path(), site.path("way")).unwrap();
    symlink("/nowhere", site.path("kept/link")).unwrap();
    assert_eq!(transfer(&site, "MOVE", "/a", "/way/a", &[]), 204);
    assert_eq!(transfer(&site, "MOVE", "/tree/", "/way/tree/", &[]), 201);
    assert_eq!(transfer(&site, "MOVE", "/kept/", "/way/kept/", &[]), 403);
    site.wait_for_log("cannot be moved to another file system");
    assert_eq!(
        (names(&site, "way"), names(&site, "")),
        (vec!["a".into(), "tree".into()], vec!["kept".into(), "way".into()])
    );
    assert_eq!((content(&site, "way/tree/b"), names(&site, "kept").len()), ("hello".into(), 2));
}

#[test]
fn a_copy_that_finds_no_room_leaves_what_was_there() {
    let site = site("").file("a", "x".repeat(100_000)).file("t/a", "x".repeat(100_000)).file("u/old", "").start();
    site.limit_file_size(50_000);
    assert_eq!(transfer(&site, "COPY", "/a", "/b", &[]), 507);
    assert_eq!(transfer(&site, "COPY", "/t/", "/u/", &[]), 507);
    assert_eq!((names(&site, ""), names(&site, "u")), (vec!["a".into(), "t".into(), "u".into()], vec!["old".into()]));
}

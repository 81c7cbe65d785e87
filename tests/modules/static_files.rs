//! Files as they are: what answers GET and HEAD, and what answers other methods.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use crate::support::*;

#[test]
fn a_file_is_sent_with_its_length_its_date_and_its_tag() {
    let site = Site::new().file("page.html", "hello").start();
    let answer = site.get("/page.html");
    assert_eq!((answer.status, answer.text()), (200, "hello"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("content-length"), Some("5"));
    let tag = answer.header("etag").unwrap();
    assert!(tag.starts_with('"') && tag.ends_with("-5\""), "{tag}");
    assert!(answer.header("last-modified").unwrap().ends_with(" GMT"));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
}

#[test]
fn files_of_every_size_arrive_whole() {
    let sizes = [0, 1, 16 * 1024, 16 * 1024 + 1, 3 * 1024 * 1024];
    let content = |size: usize| (0..size).map(|at| (at % 251) as u8).collect::<Vec<_>>();
    let site = sizes.iter().fold(Site::new(), |site, size| site.file(&format!("f{size}"), content(*size)));
    let site = site.start();
    for size in sizes {
        let answer = site.get(&format!("/f{size}"));
        assert_eq!(answer.header("content-length"), Some(&*size.to_string()));
        assert!(answer.body == content(size), "{size} bytes");
    }
}

#[test]
fn a_head_has_the_fields_of_a_get_and_no_content() {
    let site = Site::new().file("page.html", "hello").start();
    let (get, head) = (site.get("/page.html"), site.head("/page.html"));
    assert_eq!((head.status, head.text()), (200, ""));
    for name in ["content-length", "content-type", "etag", "last-modified", "accept-ranges"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[test]
fn other_methods_are_told_which_are_allowed() {
    let site = Site::new().file("page.html", "hello").start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = site.ask(method, "/page.html", &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(site.ask("POST", "/none", &[]).status, 404);
}

#[test]
fn a_folder_is_redirected_to_its_slash_with_its_arguments() {
    let site = Site::new().dir("a b").conf("absolute_redirect off;").start();
    let answer = site.get("/a%20b?x=%20y");
    assert_eq!((answer.status, answer.header("location")), (301, Some("/a%20b/?x=%20y")));
}

#[test]
fn a_missing_file_is_not_found_and_logged() {
    let site = Site::new().start();
    assert_eq!(site.get("/none").status, 404);
    let path = site.path("none");
    site.wait_for_log(&format!("open() \"{}\" failed (2: No such file or directory)", path.display()));
}

#[test]
fn log_not_found_off_keeps_missing_files_out_of_the_log() {
    let site = Site::new().conf("log_not_found off;").start();
    assert_eq!((site.get("/none").status, site.get("/none/").status), (404, 404));
    assert!(!site.error_log().contains("No such file"), "{}", site.error_log());
}

#[test]
fn a_file_is_no_folder() {
    let site = Site::new().file("page", "x").start();
    assert_eq!((site.get("/page/below").status, site.get("/page/").status), (404, 404));
}

#[test]
fn what_is_no_regular_file_is_never_opened_for_long() {
    let site = Site::new().start();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        site.path("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(site.path("socket")).unwrap();
    assert_eq!((site.get("/fifo").status, site.get("/socket").status), (404, 404));
    site.wait_for_log("is not a regular file");
}

#[test]
fn a_symbolic_link_is_followed() {
    let site = Site::new().file("page", "hello").start();
    symlink("page", site.path("link")).unwrap();
    symlink("loop", site.path("loop")).unwrap();
    assert_eq!((site.get("/link").text(), site.get("/loop").status), ("hello", 403));
}

#[test]
fn nothing_leads_out_of_the_root() {
    let site = Site::new().dir("sub").start();
    let outside = site.configuration();
    let name = outside.file_name().unwrap().to_str().unwrap();
    assert!(outside.exists());
    for path in
        [format!("/../{name}"), format!("/sub/../../{name}"), format!("/%2e%2e/{name}"), format!("/..%2f{name}")]
    {
        let answer = site.get(&path);
        assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
    }
}

#[test]
fn etag_off_sends_no_tag() {
    let site = Site::new().file("page", "x").conf("etag off;").start();
    assert_eq!(site.get("/page").header("etag"), None);
}

#[test]
fn a_file_that_is_replaced_is_seen_at_once() {
    let site = Site::new().file("page", "one").start();
    assert_eq!(site.get("/page").text(), "one");
    site.write("page", "second");
    assert_eq!(site.get("/page").text(), "second");
}

//! A picture of one transparent pixel.

use crate::support::*;

const PIXEL: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
    0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x01, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02,
    0x02, 0x4c, 0x01, 0x00, 0x3b,
];

fn site() -> Running {
    Site::new().conf("location = /_.gif { empty_gif; }").start()
}

#[test]
fn the_picture_is_nginxs() {
    let answer = site().get("/_.gif");
    assert_eq!((answer.status, &*answer.body), (200, PIXEL));
    let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Connection"]);
    assert_eq!(answer.header("content-type"), Some("image/gif"));
    assert_eq!(answer.header("last-modified"), Some("Mon, 28 Sep 1970 06:00:00 GMT"));
}

#[test]
fn a_copy_need_not_be_sent_again() {
    let site = site();
    let status = |since| site.get_with("/_.gif", &[("If-Modified-Since", since)]).status;
    assert_eq!(status("Mon, 28 Sep 1970 06:00:00 GMT"), 304);
    assert_eq!(status("Mon, 28 Sep 1970 06:00:01 GMT"), 200);
}

#[test]
fn other_methods_are_not_allowed() {
    let site = site();
    assert_eq!(site.head("/_.gif").header("content-length"), Some("43"));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(site.ask(method, "/_.gif", &[]).status, 405, "{method}");
    }
}

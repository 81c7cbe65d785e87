//! Parts of files.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().file("digits.txt", "0123456789").file("empty.txt", "").conf(conf).start()
}

#[test]
fn one_range_is_that_part() {
    let site = site("");
    for (range, part, told) in [("0-1", "01", "0-1"), ("8-", "89", "8-9"), ("-3", "789", "7-9"), ("9-99", "9", "9-9")] {
        let answer = site.get_with("/digits.txt", &[("Range", &format!("bytes={range}"))]);
        assert_eq!((answer.status, answer.text()), (206, part), "{range}");
        assert_eq!(answer.header("content-range"), Some(&*format!("bytes {told}/10")));
        assert_eq!(answer.header("content-length"), Some(&*part.len().to_string()));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
    }
}

#[test]
fn several_ranges_are_parts_of_one_answer() {
    let answer = site("").get_with("/digits.txt", &[("Range", "bytes=0-1,-2")]);
    assert_eq!((answer.status, answer.header("content-range")), (206, None));
    let content_type = answer.header("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    assert!(boundary.len() == 20 && boundary.bytes().all(|byte| byte.is_ascii_digit()), "{boundary}");
    let expected = format!(
        "\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
         \r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\
         \r\n--{boundary}--\r\n"
    );
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.header("content-length"), Some(&*expected.len().to_string()));
}

#[test]
fn ranges_of_a_large_file_are_cut_out_of_it() {
    let content: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    let site = Site::new().file("large", &content).start();
    let answer = site.get_with("/large", &[("Range", "bytes=300000-899999")]);
    assert!(answer.status == 206 && answer.body == content[300_000..900_000]);
    let answer = site.get_with("/large", &[("Range", "bytes=1-100000,500000-600000")]);
    assert!(answer.body.windows(100_000).any(|part| part == &content[1..100_001]));
    assert!(answer.body.ends_with(b"--\r\n"));
}

#[test]
fn a_range_behind_the_end_is_refused_with_the_length() {
    let answer = site("").get_with("/digits.txt", &[("Range", "bytes=10-")]);
    assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10")));
    assert_eq!((answer.header("etag"), answer.header("accept-ranges")), (None, None));
}

#[test]
fn a_refused_range_has_its_error_page() {
    let site = site("error_page 416 /sorry; location /sorry { return 200 sorry; }");
    let answer = site.get_with("/digits.txt", &[("Range", "bytes=10-")]);
    assert_eq!((answer.status, answer.text()), (416, "sorry"));
    assert_eq!(answer.header("content-range"), Some("bytes */10"));
}

#[test]
fn an_empty_file_is_sent_whole() {
    assert_eq!(site("").get_with("/empty.txt", &[("Range", "bytes=0-")]).status, 200);
}

#[test]
fn another_unit_is_ignored() {
    assert_eq!(site("").get_with("/digits.txt", &[("Range", "lines=0-1")]).text(), "0123456789");
}

#[test]
fn if_range_must_hold() {
    let site = site("");
    let whole = site.get("/digits.txt");
    let status =
        |condition: &str| site.get_with("/digits.txt", &[("Range", "bytes=0-1"), ("If-Range", condition)]).status;
    assert_eq!(status(whole.header("etag").unwrap()), 206);
    assert_eq!(status(whole.header("last-modified").unwrap()), 206);
    assert_eq!((status("\"other\""), status("Sun, 06 Nov 1994 08:49:37 GMT")), (200, 200));
}

#[test]
fn more_ranges_than_allowed_are_answered_whole() {
    let site = site("max_ranges 1;");
    assert_eq!(site.get_with("/digits.txt", &[("Range", "bytes=0-1")]).status, 206);
    assert_eq!(site.get_with("/digits.txt", &[("Range", "bytes=0-1,3-4")]).status, 200);
}

#[test]
fn max_ranges_0_turns_ranges_off() {
    let answer = site("max_ranges 0;").get_with("/digits.txt", &[("Range", "bytes=0-1")]);
    assert_eq!((answer.status, answer.header("accept-ranges")), (200, None));
}

#[test]
fn a_range_is_for_get_alone() {
    let answer = site("").ask("HEAD", "/digits.txt", &[("Range", "bytes=0-1")]);
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("10")));
}

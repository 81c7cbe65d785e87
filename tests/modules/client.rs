//! What is asked of a request's head and content: `underscores_in_headers`, `ignore_invalid_headers`, `merge_slashes`,
//! `max_headers`, `client_max_body_size`, `large_client_header_buffers`.

use crate::support::Site;

#[test]
fn fields_with_odd_names_are_left_out_unless_allowed() {
    let said = |conf: &str| {
        let site = Site::new().conf(&format!("{conf} return 200 \"[$http_x_y][$http_a]\";")).start();
        site.request("GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\nA: 2\r\n\r\n").text().to_owned()
    };
    assert_eq!(said(""), "[][2]");
    assert_eq!(said("underscores_in_headers on;"), "[1][2]");
    assert_eq!(said("ignore_invalid_headers off; underscores_in_headers on;"), "[1][2]");
}

#[test]
fn slashes_side_by_side_are_one_unless_they_are_kept() {
    let site = Site::new().file("a/b", "b").start();
    assert_eq!(site.get("//a///b").text(), "b");
    let kept = Site::new().conf("merge_slashes off; location / { return 200 $uri; }").start();
    assert_eq!(kept.get("//a///b").text(), "//a///b");
}

#[test]
fn limits_have_their_own_answers() {
    let site = Site::new()
        .conf(
            "max_headers 3; client_max_body_size 10; large_client_header_buffers 2 1k; client_header_buffer_size 512;",
        )
        .file("x", "x")
        .start();
    let status = |request: String| site.request(request).status;
    let head = "Host: a\r\nConnection: close\r\n";
    assert_eq!(status(format!("GET /x HTTP/1.1\r\n{head}A: 1\r\n\r\n")), 200);
    assert_eq!(status(format!("GET /x HTTP/1.1\r\n{head}A: 1\r\nB: 2\r\n\r\n")), 431);
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\n{head}\r\n", "a".repeat(1100))), 414);
    assert_eq!(status(format!("GET /x HTTP/1.1\r\n{head}A: {}\r\n\r\n", "a".repeat(1100))), 431);
    assert_eq!(status(format!("POST /x HTTP/1.1\r\n{head}Content-Length: 11\r\n\r\n")), 413);
    assert_eq!(status(format!("GET /x HTTP/1.1\r\n{head}Content-Length: 10\r\n\r\n0123456789")), 200);
}

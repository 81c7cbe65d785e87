//! How requests arrive: in pieces, and many at once.

use crate::support::Site;

const REQUEST: &str = "GET /home.html?a=b HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let site = Site::new().file("home.html", "hello").start();
    let mut client = site.connect();
    for byte in REQUEST.bytes() {
        client.send([byte]);
    }
    assert_eq!(client.answer().text(), "hello");
}

#[test]
fn a_request_may_be_cut_anywhere() {
    let site = Site::new().file("home.html", "hello").start();
    let mut clients: Vec<_> = (1..REQUEST.len()).map(|cut| (cut, site.connect())).collect();
    for (cut, client) in &mut clients {
        client.send(&REQUEST[..*cut]);
    }
    // An answer to somebody who came later: by then the first halves have been read.
    assert_eq!(site.get("/home.html").status, 200);
    for (cut, client) in &mut clients {
        client.send(&REQUEST[*cut..]);
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, "hello"), "cut at {cut}");
    }
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    let site = Site::new().file("home.html", "hello").start();
    assert_eq!(site.request(format!("\r\n\r\n{REQUEST}")).text(), "hello");
}

#[test]
fn lines_may_end_without_a_carriage_return() {
    let site = Site::new().file("home.html", "hello").start();
    assert_eq!(site.request("GET /home.html HTTP/1.1\nHost: localhost\n\n").text(), "hello");
}

#[test]
fn a_hundred_requests_at_once_are_answered_in_order() {
    let mut site = Site::new().conf("location = /text { return 200 \"said\"; }");
    for number in 0..100 {
        site = site.file(&format!("{number}.txt"), number.to_string().repeat(number));
    }
    let site = site.start();
    let etag = site.get("/7.txt").header("etag").expect("files have an ETag").to_owned();
    let request = |number: usize| match number % 5 {
        0 => format!("GET /{number}.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
        1 => format!("HEAD /{number}.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
        2 => format!("GET /7.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: {etag}\r\n\r\n"),
        3 => "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        _ => "POST /text HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome text".to_owned(),
    };
    let mut client = site.connect();
    client.send((0..100).map(request).collect::<String>());
    for number in 0..100 {
        let method = if number % 5 == 1 { "HEAD" } else { "GET" };
        let answer = client.answer_to(method);
        let length = number.to_string().len() * number;
        match number % 5 {
            0 => assert_eq!(answer.text(), number.to_string().repeat(number)),
            1 => assert_eq!(answer.header("content-length"), Some(&*length.to_string())),
            2 => assert_eq!(answer.status, 304),
            3 => assert_eq!(answer.status, 404),
            _ => assert_eq!(answer.text(), "said"),
        }
    }
    assert_eq!(client.get("/3.txt").text(), "333");
}

#[test]
fn pipelined_large_files_come_whole_and_in_order() {
    let one = crate::support::pattern(300_000);
    let other: Vec<u8> = one.iter().rev().copied().collect();
    let site = Site::new().file("one", &one).file("other", &other).start();
    let mut client = site.connect();
    let ask = |name: &str| format!("GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([ask("one"), ask("other"), ask("one")].concat());
    assert!(client.answer().body == one);
    assert!(client.answer().body == other);
    assert!(client.answer().body == one);
}

//! Methods: which of them a file answers.

use crate::support::{Answer, Site};

#[test]
fn a_file_is_read_and_nothing_else() {
    let site = Site::new().file("home.html", "hello").start();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW"] {
        let answer = site.ask(method, "/home.html", &[]);
        assert_eq!(answer.status, 405, "{method}");
        let allowed = answer.header("allow").unwrap_or_else(|| panic!("{method}: no Allow:\n{}", answer.head));
        let mut words: Vec<_> = allowed.split(", ").collect();
        words.sort_unstable();
        assert!(words.contains(&"GET") && words.contains(&"HEAD"), "{method}: {allowed}");
    }
}

#[test]
fn a_tunnel_is_refused() {
    let site = Site::new().start();
    let answer = site.request("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n");
    assert_eq!(answer.status, 405);
}

#[test]
fn methods_have_capital_letters() {
    let site = Site::new().file("home.html", "hello").start();
    for method in ["get", "Get"] {
        let status = site.ask(method, "/home.html", &[]).status;
        assert!([400, 405].contains(&status), "{method}: {status}");
    }
}

#[test]
fn options_of_the_server_itself_say_what_it_speaks() {
    let site = Site::new().start();
    let answer = site.ask("OPTIONS", "*", &[]);
    assert_eq!(answer.status, 200);
    assert!(answer.header("allow").is_some_and(|methods| methods.contains("GET")), "{}", answer.head);
    assert_eq!((answer.header("content-length"), answer.text()), (Some("0"), ""));
    assert_eq!(site.ask("GET", "*", &[]).status, 400);
}

#[test]
fn head_has_the_head_of_get() {
    let site = Site::new()
        .file("home.html", "hello")
        .file("large", vec![b'x'; 100_000])
        .dir("sub")
        .conf("location = /said { return 200 \"said\"; } location = /away { return 301 /elsewhere; }")
        .start();
    for path in ["/home.html", "/large", "/missing", "/said", "/away", "/sub"] {
        let (get, head) = (site.get(path), site.head(path));
        assert_eq!(without_date(&head), without_date(&get), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
}

#[test]
fn no_content_follows_the_head_of_a_head() {
    let site = Site::new().file("home.html", "hello").start();
    let mut client = site.connect();
    client.send("HEAD /home.html HTTP/1.1\r\nHost: a\r\n\r\nHEAD /missing HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer_to("HEAD").status, 200);
    assert_eq!(client.answer_to("HEAD").status, 404);
    assert_eq!(client.get("/home.html").text(), "hello");
}

fn without_date(answer: &Answer) -> Vec<&str> {
    answer.head.lines().filter(|line| !line.starts_with("Date:")).collect()
}

#[test]
fn connect_and_trace_reach_no_location() {
    let site = Site::new().conf("location / { return 200 said; }").start();
    for method in ["CONNECT", "TRACE"] {
        let mut client = site.connect();
        client.send(format!("{method} /x HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (405, true), "{method}");
    }
}

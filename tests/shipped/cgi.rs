//! `conf.d/cgi.conf` and its scripts do what they say.

use std::path::Path;

use super::{copy, read, shipped};
use crate::support::{Answer, Running, Site};

/// The example as it stands, but for its port and where sessions are, in a copy of the checkout.
fn example() -> Running {
    for program in ["/bin/sh", "/usr/bin/awk", "/usr/bin/python3"] {
        assert!(Path::new(program).exists(), "{program} is missing: apt-get install mawk python3");
    }
    let text = read("conf.d/cgi.conf")
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("/tmp/webserv-example-sessions", "{root}/sessions")
        .replace("include ", "include {root}/conf.d/");
    let site = Site::new().config(&text);
    site.with_folder(|root| {
        copy(&shipped("conf.d"), &root.join("conf.d"));
        copy(&shipped("html"), &root.join("html"));
    })
    .start()
}

fn post(site: &Running, path: &str, kind: &str, body: &[u8], further: &str) -> Answer {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{further}\r\n"
    );
    site.request([head.as_bytes(), body].concat())
}

#[test]
fn it_passes_the_check_as_it_stands() {
    let path = shipped("conf.d/cgi.conf");
    let output = crate::support::webserv(&["-t", "-c", path.to_str().expect("a plain name")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn its_start_page_leads_to_every_script() {
    let site = example();
    let home = site.get("/");
    assert_eq!(home.text(), read("html/cgi/index.html"));
    assert_eq!(site.get("/style.css").header("content-type"), Some("text/css"));
    let scripts = std::fs::read_dir(shipped("html/cgi/cgi-bin")).expect("it is shipped");
    for name in scripts.map(|script| script.expect("it can be read").file_name().into_string().expect("a plain name")) {
        let path = format!("/cgi-bin/{name}");
        assert!(home.text().contains(&format!("href=\"{path}\"")), "{path}");
        let answer = site.get(&path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        assert!(answer.text().starts_with("<!doctype html>") && answer.text().contains("<form"), "{}", answer.text());
    }
}

#[test]
fn its_form_shows_what_was_put_into_it_and_nothing_else() {
    let site = example();
    let answer = site.get("/cgi-bin/form?colour=deep+blue&name=J%C3%BCrgen%20%26%20%3Cscript%3E%25%5Cn");
    let expected =
        "Hello, <strong>J\u{fc}rgen &amp; &lt;script&gt;%\\n</strong>. Your colour is <strong>deep blue</strong>.";
    assert!(answer.text().contains(expected), "{}", answer.text());
    assert!(!answer.text().contains("<script>"));
    assert!(!site.get("/cgi-bin/form").text().contains("Hello"));
}

#[test]
fn its_upload_tells_of_every_file() {
    let site = example();
    let part = |field: &str, name: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{field}\"{name}\r\n\r\n{content}\r\n")
    };
    let body = part("note", "", "no file")
        + &part("files", "; filename=\"a<b>.txt\"", "hello")
        + &part("files", "; filename=\"other\"", &"y".repeat(200_000))
        + "--x--\r\n";
    let answer = post(&site, "/cgi-bin/upload", "multipart/form-data; boundary=x", body.as_bytes(), "");
    let text = answer.text();
    assert_eq!(answer.status, 200);
    assert!(text.contains("<td>a&lt;b&gt;.txt</td>") && text.contains("<td>5</td>"), "{text}");
    assert!(text.contains("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"), "{text}");
    assert!(text.contains("<td>other</td>") && text.contains("<td>200000</td>"), "{text}");
    assert_eq!(post(&site, "/cgi-bin/upload", "text/plain", b"hello", "").status, 400);
    let too_much = vec![b'x'; 10 * 1024 * 1024 + 1];
    assert_eq!(post(&site, "/cgi-bin/upload", "multipart/form-data; boundary=x", &too_much, "").status, 413);
}

#[test]
fn its_session_knows_who_comes_again() {
    let site = example();
    let visit = |cookie: &str| {
        let answer = site.get_with("/cgi-bin/session", &[("Cookie", cookie)]);
        let set = answer.header("set-cookie").expect("it sets one").to_owned();
        (answer.text().to_owned(), set.split(';').next().expect("it has a value").to_owned())
    };
    let (page, cookie) = visit("");
    assert!(page.contains("You have been here for the first time."), "{page}");
    let (page, same) = visit(&cookie);
    assert!(page.contains("You have been here 2 times.") && same == cookie, "{page}");
    for foreign in ["session=../../etc/passwd", "session=0123456789abcdef0123456789abcdef"] {
        let (page, other) = visit(foreign);
        assert!(page.contains("for the first time") && other != foreign, "{page}");
    }
    let forgotten = post(&site, "/cgi-bin/session", "text/plain", b"", &format!("Cookie: {cookie}\r\n"));
    assert_eq!((forgotten.status, forgotten.header("location")), (303, Some("/cgi-bin/session")));
    assert!(visit(&cookie).0.contains("for the first time"));
}

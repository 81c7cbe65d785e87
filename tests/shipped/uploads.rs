//! `conf.d/uploads.conf` does what it says, and its form works.

use super::{copy, read, shipped};
use crate::support::{Running, Site};

/// The configuration as it stands, but for its port, in a copy of the checkout.
fn site() -> Running {
    let text = read("conf.d/uploads.conf")
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("include mime.types", "include {root}/conf.d/mime.types");
    let site = Site::new().config(&text);
    site.with_folder(|root| {
        copy(&shipped("conf.d"), &root.join("conf.d"));
        copy(&shipped("html/uploads"), &root.join("html/uploads"));
    })
    .start()
}

/// What a browser sends for the page's form, by the names in it.
fn filled_in(page: &str) -> String {
    let value = |name: &str| {
        let (_, behind) = page.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("the form has a {name}"));
        behind.split('"').next().unwrap_or_default()
    };
    assert_eq!((value("method"), value("enctype")), ("post", "multipart/form-data"));
    let (_, input) = page.split_once("<input ").expect("the form has a field");
    let (_, behind) = input.split_once("name=\"").expect("the field has a name");
    let field = behind.split('"').next().unwrap_or_default();
    let content = format!(
        "--x\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"a <b>.html\"\r\n\
         Content-Type: text/html\r\n\r\n<script>\r\n--x--\r\n"
    );
    format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\r\n{content}",
        value("action"),
        content.len()
    )
}

#[test]
fn it_passes_the_check_as_it_stands() {
    let path = shipped("conf.d/uploads.conf");
    let output = crate::support::webserv(&["-t", "-c", path.to_str().expect("a plain name")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !text.contains("warning"), "{text}");
}

#[test]
fn its_form_stores_a_file_and_says_so() {
    let site = site();
    let page = site.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    for expected in ["name=\"viewport\"", "prefers-color-scheme: dark"] {
        assert!(page.text().contains(expected), "{expected}");
    }
    let answer = site.request(filled_in(page.text()));
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("text/html; charset=utf-8")));
    assert!(answer.text().contains("a &lt;b&gt;.html"), "{}", answer.text());
    for expected in ["name=\"viewport\"", "prefers-color-scheme: dark"] {
        assert!(answer.text().contains(expected), "{expected}");
    }
}

#[test]
fn what_was_uploaded_is_listed_and_is_no_page_of_the_site() {
    let site = site();
    let page = site.get("/");
    site.request(filled_in(page.text()));
    let listing = site.get("/files/");
    assert!(listing.text().contains("a &lt;b&gt;.html"));
    assert_eq!(listing.header("content-disposition"), None, "a browser shows it");
    assert_eq!(listing.header("content-type"), Some("text/html; charset=utf-8"));
    let file = site.get("/files/a%20%3Cb%3E.html");
    assert_eq!((file.text(), file.header("content-type")), ("<script>", Some("application/octet-stream")));
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(file.header("content-disposition"), Some("attachment"));
    assert_eq!(site.ask("PUT", "/files/x", &[]).status, 405);
}

#[test]
fn the_shared_folder_is_changed_by_programs() {
    let site = site();
    let put = "PUT /shared/new/notes.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(site.request(put).status, 201);
    assert_eq!(site.get("/shared/new/notes.txt").text(), "hello");
    assert_eq!(site.ask("MOVE", "/shared/new/", &[("Destination", "/shared/old/")]).status, 201);
    assert_eq!(site.ask("DELETE", "/shared/old/", &[]).status, 204);
    assert_eq!(site.ask("MKCOL", "/new/", &[]).status, 405);
}

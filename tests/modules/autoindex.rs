//! The contents of a folder as a page.

use std::time::{Duration, SystemTime};

use crate::support::*;

/// A site with `list/`, whose entries were last changed on the example date of RFC 9110.
fn site(conf: &str) -> Running {
    let site = Site::new()
        .file("list/b&.txt", "hello")
        .file("list/.hidden", "")
        .file("list/large", "x".repeat(10_752))
        .dir("list/sub")
        .conf(&format!("autoindex on; {conf}"))
        .start();
    for name in ["b&.txt", "large", "sub"] {
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let file = std::fs::File::open(site.path("list").join(name));
        file.and_then(|file| file.set_modified(changed)).expect("the file is ours");
    }
    site
}

#[test]
fn a_folder_is_a_page_as_nginx_writes_it() {
    let answer = site("").get("/list/");
    let expected = format!(
        "<html>\r\n<head><title>Index of /list/</title></head>\r\n<body>\r\n<h1>Index of /list/</h1><hr><pre>\
         <a href=\"../\">../</a>\r\n\
         <a href=\"sub/\">sub/</a>{:46} 06-Nov-1994 08:49                   -\r\n\
         <a href=\"b%26.txt\">b&amp;.txt</a>{:44} 06-Nov-1994 08:49                   5\r\n\
         <a href=\"large\">large</a>{:45} 06-Nov-1994 08:49               10752\r\n\
         </pre><hr></body>\r\n</html>\r\n",
        "", "", ""
    );
    assert_eq!((answer.status, answer.text()), (200, &*expected));
    assert_eq!(answer.header("content-type"), Some("text/html"));
}

#[test]
fn sizes_may_be_rounded() {
    let answer = site("autoindex_exact_size off;").get("/list/");
    assert!(answer.text().contains("06-Nov-1994 08:49     11K\r\n"), "{}", answer.text());
    assert!(answer.text().contains("06-Nov-1994 08:49       -\r\n"), "{}", answer.text());
}

#[test]
fn a_listing_may_be_json() {
    let answer = site("autoindex_format json;").get("/list/");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let expected = format!(
        "[\r\n{{ \"name\":\"sub\", \"type\":\"directory\", \"mtime\":\"{date}\" }},\r\n\
         {{ \"name\":\"b&.txt\", \"type\":\"file\", \"mtime\":\"{date}\", \"size\":5 }},\r\n\
         {{ \"name\":\"large\", \"type\":\"file\", \"mtime\":\"{date}\", \"size\":10752 }}\r\n]"
    );
    assert_eq!(answer.text(), expected);
}

#[test]
fn a_listing_may_be_a_call() {
    let site = site("autoindex_format jsonp;");
    let answer = site.get("/list/?callback=my.f");
    assert_eq!(answer.header("content-type"), Some("application/javascript"));
    assert!(answer.text().starts_with("/* callback */\r\nmy.f([\r\n{ ") && answer.text().ends_with("\r\n]);"));
    assert_eq!(site.get("/list/?callback=alert(1)").status, 400);
}

#[test]
fn a_listing_may_be_xml() {
    let answer = site("autoindex_format xml;").get("/list/");
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"));
    let expected = "<?xml version=\"1.0\"?>\r\n<list>\r\n\
                    <directory mtime=\"1994-11-06T08:49:37Z\">sub</directory>\r\n\
                    <file mtime=\"1994-11-06T08:49:37Z\" size=\"5\">b&amp;.txt</file>\r\n\
                    <file mtime=\"1994-11-06T08:49:37Z\" size=\"10752\">large</file>\r\n\
                    </list>\r\n";
    assert_eq!(answer.text(), expected);
}

#[test]
fn an_index_file_comes_first() {
    let site = site("");
    site.write("list/index.html", "mine");
    assert_eq!(site.get("/list/").text(), "mine");
}

#[test]
fn off_is_forbidden_and_missing_is_not_found() {
    let site = site("location /list/ { autoindex off; }");
    assert_eq!((site.get("/list/").status, site.get("/none/").status), (403, 404));
}

#[test]
fn a_head_is_answered_without_content() {
    let answer = site("").head("/list/");
    assert_eq!((answer.status, answer.text()), (200, ""));
}

#[test]
fn a_large_folder_is_listed_whole_and_others_are_served_beside_it() {
    let site = site("");
    for number in 0..3000 {
        site.write(&format!("many/{number:05}"), "");
    }
    let mut slow = site.connect();
    slow.send("GET /many/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(site.get("/list/large").status, 200);
    assert_eq!(slow.answer().text().matches("<a href=").count(), 3001);
}

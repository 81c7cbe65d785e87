//! `conf.d/example.conf` does what it says.

use super::{copy, read, shipped};
use crate::support::{Answer, Running, Site};

/// The example as it stands, but for its port, in a copy of the checkout.
fn example() -> Running {
    let site = Site::new();
    let text = read("conf.d/example.conf")
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("include ", "include {root}/conf.d/");
    let site = site.config(&text);
    site.with_folder(|root| {
        copy(&shipped("conf.d"), &root.join("conf.d"));
        copy(&shipped("html"), &root.join("html"));
    })
    .start()
}

fn files(site: &Running, path: &str) -> Answer {
    site.get_with(path, &[("Host", "files.localhost:8080")])
}

#[test]
fn it_passes_the_check_as_it_stands() {
    let path = shipped("conf.d/example.conf");
    let output = crate::support::webserv(&["-t", "-c", path.to_str().expect("a plain name")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn the_first_site_serves_its_pages() {
    let site = example();
    let home = site.get("/");
    assert_eq!((home.status, home.header("content-type")), (200, Some("text/html")));
    assert_eq!(home.text(), read("html/example/index.html"));
    assert_eq!(site.get("/style.css").header("content-type"), Some("text/css"));
    assert_eq!(site.get("/favicon.svg").header("content-type"), Some("image/svg+xml"));
}

#[test]
fn pages_are_found_without_their_ending() {
    let site = example();
    let about = read("html/example/about.html");
    for path in ["/about", "/about.html"] {
        assert_eq!(site.get(path).text(), about, "{path}");
    }
    assert_eq!(site.get("/guide/").text(), read("html/example/guide/index.html"));
}

#[test]
fn its_redirect_leads_home() {
    let answer = example().get("/home");
    assert_eq!(answer.status, 301);
    assert!(answer.header("location").is_some_and(|location| location.ends_with('/')), "{}", answer.head);
}

#[test]
fn its_health_is_told_as_text() {
    let answer = example().get("/health");
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")), "{}", answer.head);
}

#[test]
fn its_error_page_is_shown_for_what_is_missing_only() {
    let site = example();
    let page = read("html/example/404.html");
    for path in ["/missing", "/404.html"] {
        let answer = site.get(path);
        assert_eq!((answer.status, answer.text()), (404, &*page), "{path}");
    }
}

#[test]
fn hidden_files_are_not_for_visitors() {
    let site = example();
    site.write("html/example/.git/config", "secret");
    site.write("html/example/.well-known/test.txt", "known");
    assert_eq!(site.get("/.git/config").status, 404);
    assert_eq!(site.get("/.well-known/test.txt").text(), "known");
}

#[test]
fn the_second_site_lists_its_files() {
    let site = example();
    let listing = files(&site, "/");
    assert_eq!(listing.status, 200);
    for name in ["hello.txt", "planets.csv", "pictures/", "read%20me.md"] {
        assert!(listing.text().contains(&format!("href=\"{name}\"")), "{name} is missing:\n{}", listing.text());
    }
    assert_eq!(files(&site, "/read%20me.md").body, read("html/example/downloads/read me.md").as_bytes());
    assert_eq!(files(&site, "/pictures").status, 301);
    assert!(files(&site, "/pictures/").text().contains("webserv.svg"));
}

#[test]
fn the_second_site_has_its_security_headers() {
    let site = example();
    for path in ["/hello.txt", "/missing"] {
        let answer = files(&site, path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("strict-origin-when-cross-origin"), "{path}");
    }
    assert_eq!(site.get("/").header("x-frame-options"), None);
}

#[test]
fn requests_are_logged_to_the_terminal() {
    let site = example();
    site.get("/about?a=b");
    assert!(site.wait_for_output("/about").contains("\"GET /about?a=b HTTP/1.1\" 200 "));
}

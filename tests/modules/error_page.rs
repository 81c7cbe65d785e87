//! `error_page` in all its forms, `recursive_error_pages` and `internal`.

use crate::support::{Running, Site};

fn site(conf: &str) -> Running {
    Site::new().file("page.html", "the page").conf(conf).start()
}

#[test]
fn a_page_keeps_the_status_unless_it_is_given_another() {
    for (form, status) in [("404", 404), ("403 404 500", 404), ("404 =200", 200), ("404 =410", 410), ("404 =", 200)] {
        let answer = site(&format!("error_page {form} /page.html;")).get("/missing");
        assert_eq!((answer.status, answer.text()), (status, "the page"), "error_page {form}");
    }
}

#[test]
fn with_an_equals_sign_alone_the_page_decides() {
    let site = site("error_page 404 = /decide; location /decide { return 418 'a teapot'; }");
    let answer = site.get("/missing");
    assert_eq!((answer.status, answer.text()), (418, "a teapot"));
}

#[test]
fn a_named_location_keeps_the_uri() {
    let answer = site("error_page 404 @other; location @other { return 200 \"for $uri\"; }").get("/missing");
    assert_eq!((answer.status, answer.text()), (404, "for /missing"));
}

#[test]
fn another_site_is_redirected_to() {
    let answer = site("error_page 404 =301 https://example.org$uri;").get("/missing");
    assert_eq!((answer.status, answer.header("location")), (301, Some("https://example.org/missing")));
    let answer = site("error_page 404 https://example.org/;").get("/missing");
    assert_eq!((answer.status, answer.header("location")), (302, Some("https://example.org/")));
}

#[test]
fn an_error_of_an_error_page_has_one_only_where_it_is_wanted() {
    let conf = "error_page 404 /also-missing; location /also-missing { error_page 404 =200 /page.html; }";
    assert_eq!(site(conf).get("/missing").status, 404);
    let answer = site(&format!("recursive_error_pages on; {conf}")).get("/missing");
    assert_eq!((answer.status, answer.text()), (200, "the page"));
}

#[test]
fn error_pages_that_go_round_end() {
    let answer = site("recursive_error_pages on; error_page 404 500 /missing;").get("/x");
    assert_eq!(answer.status, 500);
}

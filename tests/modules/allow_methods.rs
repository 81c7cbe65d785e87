//! Which methods a location takes.

use crate::support::*;

fn site() -> Running {
    Site::new()
        .file("page", "hello")
        .file("405.html", "not so")
        .conf(
            "allow_methods GET;
             location /said { return 200 said; }
             location /form { allow_methods POST; return 200 taken; }
             location /any { allow_methods all; }
             location /listed { allow_methods GET OPTIONS; alias page; add_header Access-Control-Allow-Origin *; }
             location /own { allow_methods OPTIONS; return 200 own; }
             location /secret { deny all; }
             location /except { limit_except GET { allow_methods PUT; } }
             location /paged { error_page 405 /405.html; }
             location /fallen { error_page 404 = @fallen; }
             location @fallen { allow_methods POST; return 200 $request_method; }",
        )
        .start()
}

fn ask(site: &Running, method: &str, path: &str) -> (u16, String, String) {
    let answer = site.request(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let allow = answer.header("allow").unwrap_or("-").to_owned();
    (answer.status, allow, answer.text().to_owned())
}

#[test]
fn other_methods_are_not_allowed_and_those_that_are_are_named() {
    let site = site();
    for path in ["/page", "/said", "/none", "/secret"] {
        let (status, allow, _) = ask(&site, "DELETE", path);
        assert_eq!((status, &*allow), (405, "GET, HEAD, OPTIONS"), "{path}");
    }
    assert_eq!(ask(&site, "GET", "/page").2, "hello");
    assert_eq!(ask(&site, "POST", "/form").2, "taken");
    let (status, allow, _) = ask(&site, "GET", "/form");
    assert_eq!((status, &*allow), (405, "POST, OPTIONS"));
}

#[test]
fn get_allows_head() {
    let site = site();
    let mut client = site.connect();
    client.send("HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer_to("HEAD").status, 200);
}

#[test]
fn options_answers_what_a_location_allows() {
    let site = site();
    for (path, expected) in
        [("/page", "GET, HEAD, OPTIONS"), ("/form", "POST, OPTIONS"), ("/secret", "GET, HEAD, OPTIONS")]
    {
        let (status, allow, text) = ask(&site, "OPTIONS", path);
        assert_eq!((status, &*allow, &*text), (204, expected, ""), "{path}");
    }
    assert_eq!(ask(&site, "OPTIONS", "/any").0, 405, "where nothing is said, files answer as in nginx");
}

#[test]
fn options_that_is_listed_is_for_whoever_answers() {
    let site = site();
    assert_eq!(ask(&site, "OPTIONS", "/own").2, "own");
    let answer = site.request("OPTIONS /listed HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn the_connection_goes_on_and_content_is_drained() {
    let site = site();
    let mut client = site.connect();
    client.send("PUT /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (405, false));
    client.send("OPTIONS /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.answer().status, 204);
    assert_eq!(client.get("/page").text(), "hello");
}

#[test]
fn limit_except_may_have_its_own() {
    let site = site();
    let (status, allow, _) = ask(&site, "POST", "/except");
    assert_eq!((status, &*allow), (405, "PUT, OPTIONS"));
}

#[test]
fn an_error_page_answers_the_refusal() {
    let site = site();
    let (status, allow, text) = ask(&site, "DELETE", "/paged");
    assert_eq!((status, &*allow, &*text), (405, "GET, HEAD, OPTIONS", "not so"));
}

#[test]
fn a_named_location_is_asked_with_the_clients_method() {
    let site = site();
    assert_eq!(ask(&site, "GET", "/fallen").0, 405);
}

#[test]
fn what_is_no_method_is_refused() {
    let checked = check_config("events { } http { allow_methods GET PSOT; }");
    assert!(!checked.ok && checked.output.contains("did you mean `POST`?"), "{}", checked.output);
}

#[test]
fn what_changes_files_says_which_methods_it_knows() {
    let site = Site::new()
        .file("files/old", "x")
        .conf(
            "location /files/ { dav_methods PUT DELETE; }
             location /form/ { upload_store files; }
             location /both/ { dav_methods MKCOL; upload_store files; allow_methods GET MKCOL; }
             location /made/ { dav_methods MKCOL; }",
        )
        .start();
    for (path, allow) in [
        ("/files/old", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/files/", "GET, HEAD, PUT, DELETE, OPTIONS"),
        ("/form/", "GET, HEAD, POST, OPTIONS"),
        ("/both/", "GET, HEAD, MKCOL, OPTIONS"),
    ] {
        assert_eq!(ask(&site, "OPTIONS", path), (204, allow.to_owned(), String::new()), "{path}");
        let (status, told, _) = ask(&site, "PATCH", path);
        assert_eq!((status, &*told), (405, allow), "{path}");
    }
    assert_eq!(ask(&site, "OPTIONS", "/").0, 405);
}

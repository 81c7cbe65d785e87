//! What the server tells of itself.

use crate::support::*;

/// `Server`, and the page of an error.
fn told(tokens: &str) -> (Option<String>, String) {
    let answer = Site::new().conf(&format!("server_tokens {tokens};")).start().get("/none");
    (answer.header("server").map(str::to_owned), answer.text().to_owned())
}

#[test]
fn name_and_version_are_told_or_the_name_alone() {
    let version = concat!("webserv/", env!("CARGO_PKG_VERSION"));
    for tokens in ["on", "build"] {
        let (server, page) = told(tokens);
        assert_eq!(server.as_deref(), Some(version));
        assert!(page.contains(version), "{page}");
    }
    let (server, page) = told("off");
    assert_eq!(server.as_deref(), Some("webserv"));
    assert!(!page.contains("webserv/"), "{page}");
}

#[test]
fn a_text_takes_their_place_and_an_empty_one_tells_nothing() {
    let (server, page) = told("'A <Server>'");
    assert_eq!(server.as_deref(), Some("A <Server>"));
    assert!(page.contains("A &lt;Server&gt;") && !page.contains("webserv"), "{page}");
    let (server, page) = told("''");
    assert_eq!(server, None);
    assert!(!page.contains("webserv"), "{page}");
}

#[test]
fn a_malformed_request_is_answered_by_the_same_rule() {
    let site = Site::new().conf("server_tokens off;").start();
    assert_eq!(site.request("GET / HTTP/1.1\r\n\r\n").header("server"), Some("webserv"));
}

#[test]
fn variables_are_refused() {
    let checked = check_config("events { } http { server_tokens $host; }");
    assert!(!checked.ok && checked.output.contains("variables are not supported"), "{}", checked.output);
}

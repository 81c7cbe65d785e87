//! Every status page of `errors/` renders.

use super::read;
use crate::support::Site;

/// The codes that have a sentence, with it.
fn sentences() -> Vec<(u16, String)> {
    let text = read("errors/sentences.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let entry = |line: &str| {
        let (code, sentence) = line.split_once('\t').unwrap_or_else(|| panic!("no tab: {line:?}"));
        (code.parse().unwrap_or_else(|_| panic!("no code: {line:?}")), sentence.to_owned())
    };
    lines.map(entry).collect()
}

#[test]
fn every_status_has_its_page() {
    let sentences = sentences();
    // `return 408` and `return 444` close the connection, as in nginx.
    let own = |code: u16| (400..=599).contains(&code) && !(494..=499).contains(&code) && code != 408;
    let codes: Vec<_> = sentences.iter().filter(|(code, _)| own(*code)).collect();
    let locations: String =
        codes.iter().map(|(code, _)| format!("location = /{code} {{ return {code}; }}\n")).collect();
    let site = Site::new().conf(&locations).start();
    for (code, sentence) in codes {
        let answer = site.get(&format!("/{code}"));
        assert_eq!(answer.status, *code);
        let page = answer.text();
        assert!(page.starts_with("<!doctype html>"), "{code}:\n{page}");
        assert!(page.contains(&format!("<title>{code} ")), "{code}:\n{page}");
        assert!(page.contains(sentence.as_str()), "{code} should say {sentence:?}:\n{page}");
        assert!(!page.contains("{{"), "{code}: a blank is left:\n{page}");
        assert_eq!(answer.header("content-type"), Some("text/html"));
    }
}

#[test]
fn redirects_have_a_page_too() {
    let site = Site::new().conf("location /301 { return 301 /a; } location /302 { return 302 /a; }").start();
    for code in [301, 302] {
        let answer = site.get(&format!("/{code}"));
        assert_eq!(answer.status, code);
        assert!(answer.text().contains(&format!("<title>{code} ")), "{}", answer.text());
    }
}

#[test]
fn the_page_tells_the_version_only_with_server_tokens() {
    let version = format!("webserv/{}", env!("CARGO_PKG_VERSION"));
    for (tokens, told) in [("on", true), ("off", false)] {
        let site = Site::new().conf(&format!("server_tokens {tokens};")).start();
        let answer = site.get("/missing");
        assert_eq!(answer.text().contains(&version), told, "server_tokens {tokens}:\n{}", answer.text());
        assert_eq!(answer.header("server"), Some(if told { &*version } else { "webserv" }));
    }
}

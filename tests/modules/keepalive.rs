//! How long connections are kept; their times are tested on a clock moved by hand.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().file("page", "hello").conf(conf).start()
}

#[test]
fn a_time_of_0_keeps_no_connection() {
    let site = site("keepalive_timeout 0;");
    let mut client = site.connect();
    assert!(client.get("/page").closes());
    assert!(client.closed());
}

#[test]
fn the_second_time_is_told() {
    let told = |conf: &str| site(conf).get("/page").header("keep-alive").map(str::to_owned);
    assert_eq!(told("keepalive_timeout 65s 60s;").as_deref(), Some("timeout=60"));
    assert_eq!(told("keepalive_timeout 65s;"), None);
    assert_eq!(told("keepalive_timeout 65s 0;"), None);
}

#[test]
fn a_location_may_keep_connections_in_its_own_way() {
    let site = site("location /a/ { keepalive_timeout 0; return 200 bye; }");
    let mut client = site.connect();
    assert_eq!(client.get("/page").header("connection"), Some("keep-alive"));
    assert!(client.get("/a/").closes());
    assert!(client.closed());
}

#[test]
fn a_connection_brings_so_many_requests() {
    let site = site("keepalive_requests 2;");
    let mut client = site.connect();
    assert!(!client.get("/page").closes());
    assert!(client.get("/page").closes());
    assert!(client.closed());
}

#[test]
fn a_time_of_0_for_all_requests_lets_one_through() {
    let site = site("keepalive_time 0;");
    assert!(site.get("/page").closes());
}

#[test]
fn browsers_that_mishandle_kept_connections_get_none() {
    let closes = |conf: &str, method: &str, agent: &str| {
        let site = site(&format!("{conf} return 200 hi;"));
        site.ask(method, "/", &[("User-Agent", agent), ("Content-Length", "0")]).closes()
    };
    let msie6 = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)";
    let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 (KHTML, like Gecko) Safari/605.1";
    assert!(closes("", "POST", msie6) && !closes("", "GET", msie6));
    assert!(!closes("", "GET", safari) && closes("keepalive_disable safari;", "GET", safari));
    assert!(!closes("keepalive_disable none;", "POST", msie6));
}

#[test]
fn words_that_are_none_are_refused() {
    for (line, reason) in [
        ("keepalive_disable msie7;", "did you mean `msie6`?"),
        ("keepalive_timeout soon;", "invalid time \"soon\""),
        ("keepalive_requests -1;", "invalid number \"-1\""),
        ("keepalive_timeout 5; keepalive_timeout 6;", "\"keepalive_timeout\" directive is duplicate"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ server {{ {line} }} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{line}: {}", checked.output);
    }
}

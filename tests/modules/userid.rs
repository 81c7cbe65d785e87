//! A cookie by which clients are told apart.

use crate::support::*;

fn site(conf: &str) -> Running {
    Site::new().conf(&format!("{conf} location / {{ return 200 \"$uid_got|$uid_set\"; }}")).start()
}

/// The value of the cookie that an answer brings, and its attributes.
fn cookie(answer: &Answer) -> (String, String) {
    let field = answer.header("set-cookie").expect("a cookie is sent");
    let (value, attributes) = field.split_once("; ").expect("a cookie has attributes");
    (value.to_owned(), attributes.to_owned())
}

#[test]
fn a_client_keeps_the_cookie_that_it_was_given() {
    let site = site("userid on;");
    let first = site.get("/");
    let (value, attributes) = cookie(&first);
    assert_eq!(attributes, "path=/");
    assert!(value.starts_with("uid=fwAAA") && value.ends_with("==") && value.len() == 28, "{value}");
    let (got, set) = first.text().split_once('|').unwrap();
    assert!(got.is_empty() && set.starts_with("uid=") && set.len() == 36, "{got} {set}");
    let second = site.get_with("/", &[("Cookie", &value)]);
    assert_eq!((second.header("set-cookie"), second.text()), (None, &*format!("{set}|")));
}

#[test]
fn all_answers_bring_it_errors_too() {
    let site = site("userid on; location /none { return 404; } location /moved { return 301 /; }");
    assert!(cookie(&site.get("/none")).0.starts_with("uid="));
    assert!(cookie(&site.get("/moved")).0.starts_with("uid="));
}

#[test]
fn no_two_clients_have_the_same() {
    let site = site("userid on;");
    let mut values: Vec<_> = (0..20).map(|_| cookie(&site.get("/")).0).collect();
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 20);
}

#[test]
fn the_cookie_has_the_parts_that_are_set_in_nginxs_order() {
    let site = site(
        "userid v1; userid_service 5; userid_name u; userid_domain d.example; userid_path /z; userid_expires max;
         userid_mark A; userid_p3p 'policyref=\"/w3c/p3p.xml\"'; userid_flags secure httponly samesite=lax;",
    );
    let answer = site.get("/");
    let (value, attributes) = cookie(&answer);
    assert!(value.starts_with("u=BQAAA") && value.ends_with("A="), "{value}");
    assert_eq!(
        attributes,
        "expires=Thu, 31-Dec-37 23:55:55 GMT; domain=d.example; path=/z; secure; httponly; samesite=lax"
    );
    assert_eq!(answer.header("p3p"), Some("policyref=\"/w3c/p3p.xml\""));
}

#[test]
fn a_cookie_without_the_mark_comes_once_more() {
    let site = site("userid on; userid_mark A;");
    let old = site.get_with("/", &[("Cookie", "uid=fwAAAWoDVsQdLAcYAwMDAg==")]);
    assert_eq!(old.header("set-cookie"), Some("uid=fwAAAWoDVsQdLAcYAwMDAgA=; path=/"));
    assert_eq!(old.text(), "uid=0100007FC456036A18072C1D02030303|uid=0100007FC456036A18072C1D02030303");
    let new = site.get_with("/", &[("Cookie", "uid=fwAAAWoDVsQdLAcYAwMDAgA=")]);
    assert_eq!(new.header("set-cookie"), None);
}

#[test]
fn log_reads_cookies_and_sends_none() {
    let site = site("userid log;");
    assert_eq!((site.get("/").header("set-cookie"), site.get("/").text()), (None, "|"));
    let known = site.get_with("/", &[("Cookie", "a=b; uid=fwAAAWoDVsQdLAcYAwMDAg==; c=d")]);
    assert_eq!(known.text(), "uid=0100007FC456036A18072C1D02030303|");
}

#[test]
fn what_is_no_such_cookie_is_logged_and_replaced() {
    let site = site("userid on;");
    let answer = site.get_with("/", &[("Cookie", "uid=short")]);
    assert!(answer.header("set-cookie").is_some());
    site.wait_for_log("client sent too short userid cookie \"uid=short\"");
    site.get_with("/", &[("Cookie", "uid=!!!!!!!!!!!!!!!!!!!!!!!!")]);
    site.wait_for_log("client sent invalid userid cookie \"uid=!!!!!!!!!!!!!!!!!!!!!!!!\"");
}

#[test]
fn a_nested_block_may_turn_it_off() {
    let site = site("userid on; location /off { userid off; return 200 \"$uid_got|$uid_set\"; }");
    assert_eq!((site.get("/off").header("set-cookie"), site.get("/off").text()), (None, "|"));
}

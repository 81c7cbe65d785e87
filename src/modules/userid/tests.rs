//! The settings, what a request brings, and what it is given.

use super::*;
use crate::config::testing::{plan_at, refused};
use crate::exchange::test_support::Bench;
use crate::exchange::variables::Slot;

/// `$uid_got`, `$uid_set`, and the cookie that is sent, for lines of a server and the request's cookie.
fn asked(conf: &str, received: &str, reset: &str) -> [String; 3] {
    let plan = plan_at::<UserId>(&format!("server {{ {conf} }}"), "/");
    let mut exchange = Bench::new().exchange(&format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {received}\r\n\r\n"));
    exchange.plan = Arc::clone(&plan);
    exchange.set_slot(Slot(0), Bytes::copy_from_slice(reset.as_bytes()));
    let variable = |index: usize| {
        let mut out = Vec::new();
        (UserId::VARIABLES[index].get)(&exchange, "", &mut out);
        String::from_utf8(out).unwrap()
    };
    let (got, set) = (variable(0), variable(2));
    let mut response = Response::new(crate::http::Status::OK);
    for filter in &plan.filters {
        filter.apply(&mut exchange, &mut response);
    }
    let sent = response.headers.get(names::SET_COOKIE).map_or(&b""[..], |value| value);
    [got, set, String::from_utf8_lossy(sent).into_owned()]
}

const COOKIE: &str = "uid=fwAAAWoDVsQdLAcYAwMDAg==";

fn is_shown(text: &str) -> bool {
    text.strip_prefix("uid=").is_some_and(|digits| digits.len() == 32)
}

#[test]
fn a_client_without_a_cookie_is_given_one() {
    let [got, set, sent] = asked("userid on;", "other=1", "");
    assert!(got.is_empty() && is_shown(&set), "{got} {set}");
    assert!(sent.starts_with("uid=xjNkAS68") && sent.ends_with("==; path=/"), "{sent}");
}

#[test]
fn a_client_with_a_cookie_is_known_and_given_none() {
    let [got, set, sent] = asked("userid on;", COOKIE, "");
    assert!(is_shown(&got));
    assert_eq!((&*set, &*sent), ("", ""));
}

#[test]
fn what_is_no_cookie_of_ours_is_replaced() {
    for received in ["uid=short", "uid=!!!!!!!!!!!!!!!!!!!!!!", "uid=fwAAAWoDVsQdLAcYAAAAAA=="] {
        let [got, set, sent] = asked("userid on;", received, "");
        assert!(got.is_empty() && is_shown(&set) && !sent.is_empty(), "{received}");
    }
}

#[test]
fn with_log_a_cookie_is_known_and_none_is_sent() {
    let [got, set, sent] = asked("userid log;", COOKIE, "");
    assert!(is_shown(&got));
    assert_eq!([set, sent, asked("userid log;", "", "").concat()], ["", "", ""]);
    assert_eq!(asked("userid off;", COOKIE, "").concat(), "");
}

#[test]
fn a_cookie_without_the_mark_is_sent_once_more() {
    let [got, set, sent] = asked("userid on; userid_mark A;", COOKIE, "");
    assert!(is_shown(&got) && got == set);
    assert_eq!(sent, "uid=fwAAAWoDVsQdLAcYAwMDAgA=; path=/");
    let [_, set, sent] = asked("userid on; userid_mark A;", "uid=fwAAAWoDVsQdLAcYAwMDAgA=", "");
    assert_eq!((&*set, &*sent), ("", ""));
}

#[test]
fn a_reset_gives_a_client_another_cookie() {
    for reset in ["1", "log", "00"] {
        let [got, set, sent] = asked("userid on;", COOKIE, reset);
        assert!(is_shown(&got) && is_shown(&set) && got != set && !sent.is_empty(), "{reset}");
    }
    assert_eq!(asked("userid on;", COOKIE, "0")[1], "");
}

#[test]
fn nested_blocks_change_single_parts() {
    let text = "userid on; userid_name a; userid_flags secure; \
                server { location / { userid_path /x; userid_flags httponly; userid_flags samesite=lax; } }";
    let shown = format!("{:?}", plan_at::<UserId>(text, "/").filters);
    for part in ["name: \"a\"", "path: \"/x\"", "secure: false, http_only: true, same_site: Some(\"lax\")"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn settings_that_are_none_are_refused() {
    for (conf, reason) in [
        ("userid yes", "invalid value \"yes\""),
        ("userid_name 'a b'", "invalid cookie name"),
        ("userid_name ''", "invalid cookie name"),
        ("userid_expires soon", "invalid time"),
        ("userid_expires 5ms", "expected whole seconds"),
        ("userid_mark ab", "single letter"),
        ("userid_mark é", "single letter"),
        ("userid_service x", "invalid number"),
        ("userid_flags safe", "invalid value \"safe\""),
        ("userid_flags samesite=lax samesite=none", "a second \"samesite=\""),
        ("userid_domain 'a; secure'", "end the attribute"),
    ] {
        let report = refused::<UserId>(&format!("{conf};"));
        assert!(report.contains(reason), "{conf}: {report}");
    }
}

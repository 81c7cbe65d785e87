//! Address rules and passwords together, and the delay of a 401.

use crate::support::*;

/// A site whose server asks for a password, with a location `/` of these directives.
fn site(location: &str) -> Running {
    let conf = "auth_basic members; auth_basic_user_file {root}/users;";
    Site::new()
        .file("page", "hello")
        .file("users", "ann:{PLAIN}secret\n")
        .conf(&format!("{conf} location / {{ {location} }}"))
        .start()
}

fn with_password(site: &Running, password: &str) -> Answer {
    site.get_with("/page", &[("Authorization", &basic("ann", password))])
}

#[test]
fn all_checks_must_let_a_request_pass() {
    let here = site("allow 127.0.0.1; deny all;");
    assert_eq!((with_password(&here, "secret").status, here.get("/page").status), (200, 401));
    let elsewhere = site("deny all;");
    let answer = with_password(&elsewhere, "secret");
    assert_eq!((answer.status, answer.header("www-authenticate")), (403, None));
    elsewhere.wait_for_log("access forbidden by rule");
}

#[test]
fn with_any_an_address_spares_the_password() {
    let here = site("satisfy any; allow 127.0.0.1; deny all;");
    let answer = here.get("/page");
    assert_eq!((answer.status, answer.header("www-authenticate")), (200, None));
    assert_eq!(with_password(&here, "wrong").status, 200);
}

#[test]
fn with_any_a_password_lets_in_whom_the_address_does_not() {
    let elsewhere = site("satisfy any; deny all;");
    assert_eq!(with_password(&elsewhere, "secret").status, 200);
    let answer = elsewhere.get("/page");
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Basic realm=\"members\"")));
    assert!(!elsewhere.error_log().contains("access forbidden by rule"));
}

#[test]
fn with_any_a_check_that_says_nothing_counts_neither_way() {
    let ruled = site("satisfy any; allow 192.0.2.1;");
    assert_eq!((with_password(&ruled, "secret").status, ruled.get("/page").status), (200, 401));
    let only_rules = site("satisfy any; auth_basic off; deny all;");
    assert_eq!(only_rules.get("/page").status, 403);
    only_rules.wait_for_log("access forbidden by rule");
    let nothing = site("satisfy any; auth_basic off;");
    assert_eq!(nothing.get("/page").status, 200);
}

#[test]
fn with_any_what_keeps_a_check_from_answering_is_the_answer() {
    let broken = site("satisfy any; deny all; auth_basic_user_file {root};");
    assert_eq!(with_password(&broken, "secret").status, 500);
    let missing = site("satisfy any; deny all; auth_basic_user_file {root}/none;");
    assert_eq!(with_password(&missing, "secret").status, 403);
}

#[test]
fn a_request_for_permission_is_a_check_like_the_others() {
    let asked = |directives: &str, status: u16, headers: &[(&str, &str)]| {
        let conf = "auth_basic_user_file {root}/users; location = /ask { internal; return 401; }";
        let conf = conf.replace("401", &status.to_string());
        let site = Site::new()
            .file("page", "hello")
            .file("users", "ann:{PLAIN}secret\n")
            .conf(&format!("{conf} location / {{ auth_request /ask; {directives} }}"))
            .start();
        site.get_with("/page", headers).status
    };
    let password = basic("ann", "secret");
    let password = [("Authorization", &*password)];
    let any = "satisfy any; deny all;";
    assert_eq!(asked(any, 204, &[]), 200);
    assert_eq!(asked(any, 403, &[]), 403);
    assert_eq!(asked(any, 401, &[]), 401);
    assert_eq!(asked(&format!("{any} auth_basic members;"), 403, &[]), 401);
    assert_eq!(asked(&format!("{any} auth_basic members;"), 403, &password), 200);
    assert_eq!(asked("allow all; auth_basic members;", 204, &password), 200);
    assert_eq!(asked("allow all; auth_basic members;", 403, &password), 403);
}

#[test]
fn an_expectation_is_told_of_a_refusal_without_delay() {
    // Longer than an expectation waits.
    let conf = "auth_basic a; auth_basic_user_file {root}/users; auth_delay 60s; expect / status=401;";
    Site::new().file("users", "ann:{PLAIN}secret\n").conf(conf).start();
}

#[test]
fn a_401_is_held_back_and_other_requests_are_not() {
    let conf = "location /open/ { auth_basic off; } location /late/ { auth_delay 1s; auth_basic late; }";
    let site = Site::new()
        .file("page", "hello")
        .file("late/page", "late")
        .file("open/page", "open")
        .file("users", "ann:{PLAIN}secret\n")
        .main("worker_processes 1; error_log stderr info;")
        .conf(&format!("auth_basic_user_file {{root}}/users; {conf}"))
        .start();
    let mut late = site.connect();
    late.send("GET /late/page HTTP/1.1\r\nHost: a\r\n\r\n");
    site.wait_for_log("delaying unauthorized request");
    assert_eq!(site.get("/open/page").text(), "open");
    let answer = late.answer();
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Basic realm=\"late\"")));
    let granted = site.get_with("/late/page", &[("Authorization", &basic("ann", "secret"))]);
    assert_eq!((granted.status, granted.text()), (200, "late"));
}

#[test]
fn other_words_are_refused() {
    let checked = check_config("events { } http { server { satisfy both; } }");
    assert!(!checked.ok && checked.output.contains("invalid value \"both\" in \"satisfy\" directive"));
}

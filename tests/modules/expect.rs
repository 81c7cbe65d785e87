//! `expect`: a configuration that foretells its answers.

use crate::support::Site;

/// What `-t` says of these lines of a server, and whether it accepts them.
fn checked(lines: &str) -> (bool, String) {
    let site = Site::new().file("a.html", "text").conf(lines).unstarted();
    let output = site.webserv(&["-t"]);
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_answer_as_foretold_is_accepted() {
    let lines = "server_name example.org;
        absolute_redirect off;
        location /old { return 301 /new; }
        location ~ ^/x { return 200 x; }
        location = /who { return 200 $http_a; }
        location /own { allow 192.0.2.1; deny all; return 204; }
        expect /a.html status=200 location= file={root}/a.html;
        expect /old/b status=301 location=/old redirect=/new;
        expect HEAD /xyz \"location=~ ^/x\";
        expect /none status=404;
        expect /who status=200 \"header=A: b\";
        expect PUT /a.html status=405;
        expect /own from=192.0.2.1 status=204;";
    let (accepted, said) = checked(lines);
    assert!(accepted, "{said}");
}

#[test]
fn another_answer_is_an_error_that_shows_the_way_there() {
    let (accepted, said) = checked("location /x { return 403; } expect /x/y status=200;");
    assert!(!accepted);
    for part in ["/x/y has not the expected status", "status=200", "is 403", "/x/y is in location `/x`"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

#[test]
fn each_part_of_an_answer_is_held_against_what_was_expected() {
    let cases = [
        ("expect /a.html location=/;", "the expected location", "is the server itself"),
        ("expect /a.html file=/etc/passwd;", "the expected file", "/a.html`"),
        ("expect /a.html redirect=/b;", "the expected redirect", "is none"),
        ("expect /none status=200;", "the expected status", "is 404"),
        ("expect /a.html status=200 host=a/b;", "invalid value", "expected a host name"),
    ];
    for (line, what, found) in cases {
        let (accepted, said) = checked(line);
        assert!(!accepted && said.contains(what) && said.contains(found), "{line}: {said}");
    }
}

#[test]
fn a_reload_that_would_break_a_promise_is_refused() {
    let configuration = |answer: &str| {
        format!(
            "events {{ }} http {{ access_log off; server {{ listen 127.0.0.1:0; expect /x status=200;
             location /x {{ return {answer}; }} }} }}"
        )
    };
    let site = Site::new().config(&configuration("200 old")).start();
    let lines = site.try_reconfigure(&configuration("410")).expect_err("the promise is broken");
    assert!(lines.contains("/x has not the expected status"), "{lines}");
    assert_eq!(site.get("/x").text(), "old");
}

#[test]
fn a_name_that_stands_for_many_needs_a_host_to_ask_for() {
    let (accepted, said) = checked("server_name *.example.org; expect / status=403;");
    assert!(!accepted && said.contains("expected `host=`"), "{said}");
    let (accepted, said) = checked("server_name *.example.org; expect / host=a.example.org status=403;");
    assert!(accepted, "{said}");
}

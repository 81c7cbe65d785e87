//! The lines of the access log: predefined and own forms, variables, escaping.

use crate::support::Site;

#[test]
fn the_combined_form_is_the_default() {
    let site = Site::new().file("home.html", "hello").conf("access_log {root}/access.log;").start();
    site.get_with("/home.html?a=b", &[("Referer", "http://a.example/"), ("User-Agent", "test/1.0")]);
    let line = &site.access_log("access.log", 1)[0];
    let (before, rest) = line.split_once('[').expect("a time");
    let (time, after) = rest.split_once(']').expect("a time");
    assert_eq!(before, "127.0.0.1 - - ");
    assert_eq!(after, " \"GET /home.html?a=b HTTP/1.1\" 200 5 \"http://a.example/\" \"test/1.0\"");
    let shape: String = time.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    assert_eq!((&shape[..3], &shape[6..21]), ("00/", "/0000:00:00:00 "), "{time}");
    assert_eq!(&shape[22..], "0000", "{time}");
}

#[test]
fn what_a_client_does_not_say_is_a_hyphen() {
    let site = Site::new().conf("access_log {root}/access.log; return 204;").start();
    site.get("/");
    let line = &site.access_log("access.log", 1)[0];
    assert!(line.ends_with("\"GET / HTTP/1.1\" 204 0 \"-\" \"-\""), "{line}");
}

#[test]
fn a_form_of_one_s_own_has_variables() {
    let form = "$remote_addr|$remote_port|$request_method|$scheme|$host|$server_port|$uri|$args|$request_uri|\
                $server_protocol|$status|$body_bytes_sent|$http_x_custom|$sent_http_content_type|$request_length|\
                ${status}s|$server_name";
    let site = Site::new()
        .http(&format!("log_format own '{form}';"))
        .file("home.html", "hello")
        .conf("server_name the.name; access_log {root}/access.log own;")
        .start();
    let mut client = site.connect();
    let request = "GET /%68ome.html?a=b HTTP/1.1\r\nHost: Some.Example:99\r\nX-Custom: mine\r\n\r\n";
    client.send(request);
    assert_eq!(client.answer().text(), "hello");
    let expected = format!(
        "127.0.0.1|{}|GET|http|some.example|{}|/home.html|a=b|/%68ome.html?a=b|HTTP/1.1|200|5|mine|text/html|{}|200s|the.name",
        client.address().port(),
        site.address().port(),
        request.len(),
    );
    assert_eq!(site.access_log("access.log", 1), [expected]);
}

#[test]
fn times_are_numbers() {
    let site = Site::new()
        .http("log_format times '$msec $request_time $time_iso8601';")
        .conf("access_log {root}/access.log times; return 204;")
        .start();
    site.get("/");
    let line = &site.access_log("access.log", 1)[0];
    let shape: String = line.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    let words: Vec<_> = shape.split(' ').collect();
    assert_eq!(words[..2], ["0000000000.000", "0.000"], "{line}");
    assert!(words[2].starts_with("0000-00-00T00:00:00"), "{line}");
}

#[test]
fn what_a_client_sends_cannot_break_a_line() {
    let agent = "a\"b\\c\td\u{e9}";
    for (escape, expected) in [
        ("", "a\\x22b\\x5Cc\\x09d\\xC3\\xA9"),
        ("escape=default", "a\\x22b\\x5Cc\\x09d\\xC3\\xA9"),
        ("escape=json", "a\\\"b\\\\c\\td\u{e9}"),
        ("escape=none", agent),
    ] {
        let site = Site::new()
            .http(&format!("log_format own {escape} '[$http_user_agent]';"))
            .conf("access_log {root}/access.log own; return 204;")
            .start();
        site.get_with("/", &[("User-Agent", agent)]);
        assert_eq!(site.access_log("access.log", 1), [format!("[{expected}]")], "{escape}");
    }
}

#[test]
fn missing_values_are_hyphens_but_not_in_json() {
    for (escape, expected) in [("escape=default", "[-]"), ("escape=json", "[]"), ("escape=none", "[]")] {
        let site = Site::new()
            .http(&format!("log_format own {escape} '[$http_x_missing]';"))
            .conf("access_log {root}/access.log own; return 204;")
            .start();
        site.get("/");
        assert_eq!(site.access_log("access.log", 1), [expected], "{escape}");
    }
}

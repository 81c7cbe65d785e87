//! Variables as people write them, for requests as clients send them.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

use super::*;
use crate::exchange::Exchange;
use crate::exchange::plan::PlanBuilder;
use crate::exchange::response::Response;
use crate::exchange::settings::{Alias, Root};
use crate::exchange::template::Template;
use crate::exchange::test_support::{Bench, rendered, template};
use crate::http::status::Status;

fn of(request: &str, text: &str) -> String {
    rendered(text, &Bench::new().exchange(request))
}

fn with_fields(fields: &str, text: &str) -> String {
    of(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), text)
}

/// Whether a variable has a value at all.
fn has_value(name: &str, exchange: &Exchange) -> bool {
    resolve(name).unwrap().write(exchange, &mut Vec::new())
}

#[test]
fn the_table_is_in_order_and_every_entry_is_found() {
    let names: Vec<_> = CORE_VARIABLES.iter().map(|variable| variable.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(
        names.iter().all(|name| resolve(&format!("{name}{}", if name.ends_with('_') { "x" } else { "" })).is_some())
    );
    assert!(resolve("http_").is_none() && resolve("nonsense").is_none());
}

#[test]
fn the_request_line_in_its_parts() {
    let request = "POST /a%20b/../c//d?x=1&y HTTP/1.1\r\nHost: Example.COM:81\r\n\r\n";
    let line = "$request_method|$request_uri|$uri|$document_uri|$args|$query_string|$is_args|$server_protocol|$host";
    assert_eq!(of(request, line), "POST|/a%20b/../c//d?x=1&y|/c/d|/c/d|x=1&y|x=1&y|?|HTTP/1.1|example.com");
    assert_eq!(of(request, "$request"), "POST /a%20b/../c//d?x=1&y HTTP/1.1");
    assert_eq!(of("GET / HTTP/1.0\r\n\r\n", "$host $server_protocol [$is_args]"), "example.org HTTP/1.0 []");
}

#[test]
fn the_port_that_was_asked_for() {
    let port = "$is_request_port$request_port";
    assert_eq!(of("GET / HTTP/1.1\r\nHost: a:81\r\n\r\n", port), ":81");
    assert_eq!(of("GET http://b:82/ HTTP/1.1\r\nHost: a:81\r\n\r\n", port), ":82");
    assert_eq!(with_fields("", &format!("[{port}]")), "[]");
}

#[test]
fn an_empty_query_has_no_value() {
    let bench = Bench::new();
    assert!(!has_value("args", &bench.exchange("GET / HTTP/1.0\r\n\r\n")));
    assert!(!has_value("args", &bench.exchange("GET /? HTTP/1.0\r\n\r\n")));
    assert!(has_value("is_args", &bench.exchange("GET / HTTP/1.0\r\n\r\n")));
}

#[test]
fn arguments_are_found_by_their_whole_name_in_either_case() {
    let of = |query: &str, text| of(&format!("GET /?{query} HTTP/1.0\r\n\r\n"), text);
    assert_eq!(of("xa=1&A=2&a=3", "$arg_a"), "2");
    assert_eq!(of("a&a=%20b=c", "$arg_a"), "%20b=c");
    assert_eq!(of("ab=1&b", "[$arg_a$arg_b]"), "[]");
    assert_eq!(of("a=", "[$arg_a]"), "[]");
    assert!(!has_value("arg_a", &Bench::new().exchange("GET /?b=a=1 HTTP/1.0\r\n\r\n")));
}

#[test]
fn fields_are_found_by_name_and_joined() {
    assert_eq!(with_fields("User-Agent: x y\r\n", "$http_user_agent"), "x y");
    assert_eq!(
        with_fields("X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n", "$http_x_forwarded_for"),
        "1.1.1.1, 2.2.2.2"
    );
    assert_eq!(with_fields("Cookie: a=1\r\nCookie: b=2\r\n", "$http_cookie"), "a=1; b=2");
    assert_eq!(with_fields("X: \r\n", "[$http_x]"), "[]");
    assert_eq!(with_fields("Content-Type: t/x\r\nContent-Length: 3\r\n", "$content_type $content_length"), "t/x 3");
    assert!(!has_value("http_referer", &Bench::new().exchange("GET / HTTP/1.0\r\n\r\n")));
}

#[test]
fn what_a_client_sends_stays_bytes() {
    let bench = Bench::new();
    let mut exchange = bench.exchange("GET /%ff HTTP/1.0\r\n\r\n");
    exchange.request.head.headers.append("X", Bytes::from_static(b"\xe4\xff"));
    assert_eq!(&*template("$uri$http_x").render(&exchange), b"/\xff\xe4\xff");
}

#[test]
fn cookies_are_found_as_nginx_does() {
    let cookie = |field: &str| with_fields(&format!("Cookie: {field}\r\n"), "[$cookie_id]");
    assert_eq!(cookie("id=1"), "[1]");
    assert_eq!(cookie("a=b; ID = 2; id=3"), "[2]");
    assert_eq!(cookie("xid=1;id=2,3; b=4"), "[2,3]");
    assert_eq!(cookie("a=1, id=2"), "[2]");
    assert_eq!(cookie("id2=1; id; x=id=5"), "[]");
    assert_eq!(with_fields("Cookie: a=1\r\nCookie: id=9\r\n", "$cookie_id"), "9");
}

#[test]
fn the_user_of_basic_authentication() {
    let user = |field: &str| with_fields(&format!("Authorization: {field}\r\n"), "[$remote_user]");
    assert_eq!(user("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "[Aladdin]");
    assert_eq!(user("basic   YTpi"), "[a]");
    assert_eq!(user("Basic OmI="), "[]"); // ":b"
    assert_eq!(user("Basic YWI="), "[]"); // "ab"
    assert_eq!(user("Basic !"), "[]");
    assert_eq!(user("Bearer YTpi"), "[]");
}

#[test]
fn the_connection_and_its_ends() {
    let request = "GET / HTTP/1.0\r\n\r\n";
    assert_eq!(of(request, "$remote_addr $remote_port $server_addr $server_port"), "192.0.2.7 4321 198.51.100.1 8080");
    assert_eq!(of(request, "$connection $connection_requests $pipe $scheme [$https]"), "5 1 . http []");
    assert_eq!(of(request, "$server_name $limit_rate"), "example.org 0");
    let bytes = template("$binary_remote_addr").render(&Bench::new().exchange(request)).into_owned();
    assert_eq!(bytes, [192, 0, 2, 7]);
}

#[test]
fn times_are_in_seconds_to_the_millisecond() {
    let mut bench = Bench::new();
    let exchange = bench.exchange("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(rendered("$request_time $connection_time $msec", &exchange), "0.000 0.000 784111777.000");
    bench.clock.advance(Duration::from_millis(61_042));
    bench.turn();
    assert_eq!(rendered("$request_time $connection_time $msec", &exchange), "61.042 61.042 784111838.042");
    assert_eq!(rendered("$time_local", &exchange).len(), "06/Nov/1994:08:49:37 +0000".len());
    assert_eq!(rendered("$time_iso8601", &exchange).len(), "1994-11-06T08:49:37+00:00".len());
}

#[test]
fn before_a_response_there_is_no_status_and_no_sent_field() {
    let exchange = Bench::new().exchange("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(rendered("$status $bytes_sent $body_bytes_sent [$request_completion]", &exchange), "000 0 0 []");
    assert!(!has_value("sent_http_connection", &exchange));
}

#[test]
fn what_was_sent() {
    let mut exchange = Bench::new().exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut response = Response::with_bytes(Status::NOT_FOUND, "text/html", "");
    response.last_modified = Some(UNIX_EPOCH + Duration::from_secs(784_111_777));
    response.headers.append("Cache-Control", "no-cache");
    response.headers.append("Cache-Control", "private");
    exchange.record.response = Some(Box::new(response));
    exchange.record.content_length = Some(7);
    (exchange.record.bytes_sent, exchange.record.head_bytes) = (107, 100);
    (exchange.record.keep_alive, exchange.record.complete) = (true, true);
    assert_eq!(rendered("$status $bytes_sent $body_bytes_sent $request_completion", &exchange), "404 107 7 OK");
    assert_eq!(rendered("$sent_http_content_type|$sent_http_content_length", &exchange), "text/html|7");
    assert_eq!(rendered("$sent_http_last_modified", &exchange), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(rendered("$sent_http_cache_control|$sent_http_connection", &exchange), "no-cache, private|keep-alive");
    for name in ["location", "transfer_encoding", "keep_alive", "server", "date", "x"] {
        assert!(!has_value(&format!("sent_http_{name}"), &exchange), "{name}");
    }
}

#[test]
fn a_status_that_no_response_carried() {
    let mut exchange = Bench::new().exchange("GET / HTTP/1.0\r\n\r\n");
    exchange.record.status = Some(Status::CLIENT_CLOSED_REQUEST);
    assert_eq!(rendered("$status", &exchange), "499");
}

#[test]
fn files_by_root_and_alias() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let exchange = |alias| {
        let mut plan = PlanBuilder::new("/i/");
        plan.settings.root = Root { path: Template::literal(root), alias, prefix: "/".into() };
        Bench::new().exchange_in(plan, "GET /i/x.png HTTP/1.0\r\n\r\n")
    };
    let text = "$document_root $request_filename";
    assert_eq!(rendered(text, &exchange(None)), format!("{root} {root}/i/x.png"));
    assert_eq!(rendered(text, &exchange(Some(Alias::Prefix(3)))), format!("{root} {root}/x.png"));
    let real = std::fs::canonicalize(root).unwrap();
    assert_eq!(rendered("$realpath_root", &exchange(None)), real.to_str().unwrap());
}

#[test]
fn a_request_has_one_random_number() {
    let exchange = Bench::new().exchange("GET / HTTP/1.0\r\n\r\n");
    let twice = rendered("$request_id $request_id", &exchange);
    let (first, second) = twice.split_once(' ').unwrap();
    assert!(first == second && first.len() == 32 && first.bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert_eq!(rendered("$request_length $nginx_version", &exchange), format!("18 {}", env!("CARGO_PKG_VERSION")));
}

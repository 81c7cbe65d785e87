//! Request heads: what is read, what is refused, and when.

use bytes::Bytes;

use super::*;
use crate::http::headers::names;
use crate::http::{Headers, Method, Status, Version};

#[test]
fn a_head_is_read_whole() {
    let head = head("GET /a?b HTTP/1.1\r\nHost: Example.com:8080\r\nX-Empty:\r\nAccept: \t */* \r\n\r\n");
    assert_eq!(head.method, Method::Get);
    assert_eq!((head.target.path(), head.target.query().unwrap()), ("/a".into(), "b".into()));
    assert_eq!(head.version, Version::Http11);
    assert_eq!(head.request_line, "GET /a?b HTTP/1.1");
    assert_eq!(head.headers.get(names::ACCEPT).unwrap(), "*/*");
    assert_eq!(head.headers.get(b"x-empty").unwrap(), "");
    let host = head.host.unwrap();
    assert_eq!((host.name.as_ref(), host.port), (&b"example.com"[..], Some(8080)));
    assert_eq!(head.framing, BodyFraming::None);
    assert_eq!(head.head_bytes, 71);
    assert!(head.keep_alive && !head.expect_continue && head.dropped.is_empty());
}

#[test]
fn bare_line_feeds_end_lines_too() {
    let head = head("GET / HTTP/1.1\nHost: a\nB: c\r\n\n");
    assert_eq!(head.headers.get(b"B").unwrap(), "c");
}

#[test]
fn a_few_empty_lines_before_a_request_are_skipped() {
    assert_eq!(head("\r\n\n\r\nGET / HTTP/1.0\r\n\r\n").head_bytes, 18);
    assert_eq!(refusal("\r\n".repeat(9)).status(), Status::BAD_REQUEST);
    assert!(Decoder::new().is_between_requests(b"\r\n"));
}

#[test]
fn a_carriage_return_alone_is_refused() {
    for input in ["\rGET / HTTP/1.0\r\n\r\n", "GET /\r HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nA: b\rC: d\r\n\r\n"] {
        assert_eq!(refusal(input).status(), Status::BAD_REQUEST, "{input:?}");
    }
    let error = refusal("GET / HTTP/1.0\r\nA: b\r\r\n\r\n");
    assert!(matches!(error, BadRequest::BareCarriageReturn { .. }));
}

#[test]
fn control_bytes_are_refused_wherever_they_stand() {
    for input in ["GET /\0 HTTP/1.0\r\n\r\n", "GET /\x7f HTTP/1.0\r\n\r\n", "GET /\ta HTTP/1.0\r\n\r\n"] {
        assert_eq!(refusal(input).status(), Status::BAD_REQUEST, "{input:?}");
    }
    for fields in ["A: b\0c\r\n", "A\0: b\r\n", "A: \x1b\r\n", "A: \x7f\r\n"] {
        assert_eq!(status_of_fields(fields), Some(400), "{fields:?}");
    }
    assert_eq!(status_of_fields("A: b\tc\u{e9}\r\n"), None);
}

#[test]
fn what_is_no_method_is_refused_at_its_first_byte() {
    for input in [&b"\x16\x03\x01\x02\x00"[..], b"\x80", b"get", b" GET", b"G\0", b"GE:"] {
        assert!(matches!(refusal(input), BadRequest::Method { .. }), "{input:?}");
    }
}

#[test]
fn a_line_without_a_version_is_refused_before_the_head_is_complete() {
    assert!(matches!(refusal("GET /\r\n"), BadRequest::MissingVersion { .. }));
    assert_eq!(refusal("PRI * HTTP/2.0\r\n").status(), Status::HTTP_VERSION_NOT_SUPPORTED);
}

#[test]
fn an_overlong_line_is_refused_as_soon_as_it_is() {
    let limits = Limits { line_bytes_max: 32, ..Limits::default() };
    let fits = format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(16));
    assert!(matches!(said_with(fits.as_bytes(), &limits)[0], Said::Head(_)));
    let longer = format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(17));
    assert_eq!(refusal_with(longer.as_bytes(), &limits).status(), Status::URI_TOO_LONG);
    assert_eq!(refusal_with("A".repeat(32).as_bytes(), &limits).status(), Status::URI_TOO_LONG);
    let open_field = format!("GET / HTTP/1.0\r\nA: {}", "b".repeat(29));
    assert!(matches!(refusal_with(open_field.as_bytes(), &limits), BadRequest::FieldTooLong { limit: 32, .. }));
    assert!(said_with(&open_field.as_bytes()[..47], &limits).is_empty());
}

#[test]
fn an_overlong_head_is_refused_as_soon_as_it_is() {
    let input = "GET / HTTP/1.0\r\nA: b\r\n\r\n";
    let at_most = |head_bytes_max| Limits { head_bytes_max, ..Limits::default() };
    assert!(matches!(said_with(input.as_bytes(), &at_most(24))[0], Said::Head(_)));
    for limit in [1, 16, 22, 23] {
        let error = refusal_with(input.as_bytes(), &at_most(limit));
        assert_eq!(error, BadRequest::HeadTooLarge { limit });
        assert_eq!(error.status(), Status::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}

#[test]
fn the_number_of_fields_is_limited() {
    let limits = Limits { headers_max: 2, ..Limits::default() };
    let input = "GET / HTTP/1.0\r\nA: b\r\nA: b\r\n";
    assert!(matches!(said_with(format!("{input}\r\n").as_bytes(), &limits)[0], Said::Head(_)));
    let error = refusal_with(format!("{input}A: b\r\n").as_bytes(), &limits);
    assert_eq!(error, BadRequest::TooManyFields { limit: 2 });
}

#[test]
fn white_space_in_and_around_names_is_refused() {
    for fields in ["A : b\r\n", "A\t: b\r\n", "A B: c\r\n", " A: b\r\n", "A: b\r\n c\r\n", "A: b\r\n\tc\r\n"] {
        assert_eq!(status_of_fields(fields), Some(400), "{fields:?}");
    }
}

#[test]
fn a_field_needs_a_name_and_a_colon() {
    for fields in [": a\r\n", "a\r\n", ":\r\n"] {
        assert_eq!(status_of_fields(fields), Some(400), "{fields:?}");
    }
}

#[test]
fn fields_with_invalid_names_are_dropped_or_kept_and_refused_when_they_are_no_tokens() {
    let input = "GET / HTTP/1.0\r\nA_b: c\r\nD.e: f\r\nG: h\r\n\r\n";
    let dropping = head(input);
    assert_eq!(dropping.dropped, ["A_b: c", "D.e: f"]);
    assert_eq!((dropping.headers.len(), dropping.headers.get(b"G").unwrap()), (1, &Bytes::from("h")));
    let keeping = Limits { ignore_invalid_headers: false, ..Limits::default() };
    assert!(matches!(&said_with(input.as_bytes(), &keeping)[0], Said::Head(head) if head.headers.len() == 3));
    let no_token = b"GET / HTTP/1.0\r\nA@b: c\r\n\r\n";
    assert!(matches!(refusal_with(no_token, &keeping), BadRequest::FieldName { .. }));
    assert!(matches!(&said_with(no_token, &Limits::default())[0], Said::Head(head) if head.headers.is_empty()));
    let underscores = Limits { underscores_in_headers: true, ..Limits::default() };
    assert!(matches!(&said_with(input.as_bytes(), &underscores)[0], Said::Head(head) if head.headers.len() == 2));
}

#[test]
fn http_1_1_needs_one_host() {
    assert_eq!(refusal("GET / HTTP/1.1\r\n\r\n"), BadRequest::MissingHost);
    assert_eq!(refusal("GET http://a/ HTTP/1.1\r\n\r\n"), BadRequest::MissingHost);
    assert_eq!(head("GET / HTTP/1.0\r\n\r\n").host, None);
    for hosts in ["Host: a\r\nHost: a", "Host:", "Host: a/b", "Host: a, b", "Host: a@b"] {
        assert_eq!(refusal(format!("GET / HTTP/1.0\r\n{hosts}\r\n\r\n")).status().code(), 400, "{hosts}");
    }
}

#[test]
fn an_absolute_target_counts_before_the_host_field() {
    let head = head("GET http://B.example:81/c HTTP/1.1\r\nHost: a\r\n\r\n");
    let host = head.host.unwrap();
    assert_eq!((host.name.as_ref(), host.port), (&b"b.example"[..], Some(81)));
    assert!(matches!(refusal("GET http://a@b/ HTTP/1.0\r\n\r\n"), BadRequest::Host { .. }));
}

#[test]
fn the_connection_stays_by_version_and_field() {
    let keeps = |version: &str, fields: &str| head(format!("GET / {version}\r\nHost: a\r\n{fields}\r\n")).keep_alive;
    assert!(keeps("HTTP/1.1", ""));
    assert!(keeps("HTTP/1.2", "Connection: upgrade\r\n"));
    assert!(!keeps("HTTP/1.1", "Connection: a, Close\r\n"));
    assert!(!keeps("HTTP/1.0", ""));
    assert!(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    assert!(!keeps("HTTP/1.0", "Connection: keep-alive\r\nConnection: close\r\n"));
}

#[test]
fn what_was_received_is_known_for_the_log() {
    let partial = |input: &str| {
        let (_, decoder, buffer) = feed([input.as_bytes()], &Limits::default());
        decoder.partial(&buffer)
    };
    assert_eq!(partial("").request_line, "");
    let waiting = partial("GET /a");
    assert_eq!((waiting.request_line, waiting.method, waiting.target), ("GET /a".into(), Some(Method::Get), None));
    let waiting = partial("GET /a HTTP/1.1\r\nHost: a");
    assert_eq!((waiting.target.unwrap().path(), waiting.version), ("/a".into(), Some(Version::Http11)));
    assert_eq!(partial("\x16\x03\x01\r\n").request_line, "\x16\x03\x01");
    let refused = partial("GET /a HTTP/1.1\r\nUser-Agent: b\r\n\r\n");
    assert_eq!(refused.target.unwrap().path(), "/a");
    assert_eq!(refused.headers.get(names::USER_AGENT).unwrap(), "b");
    let refused = partial("GET /a HTTP/1.1\r\nA : b\r\n\r\n");
    assert_eq!((refused.request_line, refused.headers), ("GET /a HTTP/1.1".into(), Headers::new()));
}

#[test]
fn messages_are_in_nginx_words_and_printable() {
    let message = refusal("GE\x01").to_string();
    assert_eq!(message, "client sent invalid method while reading client request line: \"GE\\x01\"");
    let message = BadRequest::MissingHost.to_string();
    assert_eq!(message, "client sent HTTP/1.1 request without \"Host\" header");
}

#[test]
fn a_waiting_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 64, "{} bytes", size_of::<Decoder>());
}

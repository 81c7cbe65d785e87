//! Bodies: how their end is known, chunks, trailers, and the request behind them.

use super::*;
use crate::http::h1::chunked::EXTENSION_BYTES_MAX;
use crate::http::{Headers, Status};

#[test]
fn a_request_without_a_body_ends_at_once() {
    let said = said("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(said[1..], [Said::End(Headers::new())]);
}

#[test]
fn a_hundred_pipelined_requests_are_read_one_after_the_other() {
    let input = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".repeat(100);
    let (said, decoder, buffer) = feed([input.as_bytes()], &Limits::default());
    assert_eq!(said.len(), 300);
    assert!(said.chunks(3).all(|request| request[1] == Said::Body(b"abc".to_vec())));
    assert!(decoder.is_between_requests(&buffer));
}

#[test]
fn what_follows_a_head_stays_in_the_buffer() {
    let (mut decoder, limits) = (Decoder::new(), Limits::default());
    let mut buffer = BytesMut::from("GET / HTTP/1.0\r\n\r\nGET /b");
    assert!(matches!(decoder.receive(&mut buffer, &limits), Ok(Progress::Head(_))));
    assert_eq!(decoder.receive(&mut buffer, &limits), Ok(Progress::NeedMore));
    assert_eq!(buffer, "GET /b");
    assert!(!decoder.is_between_requests(&buffer));
}

#[test]
fn ambiguous_framing_is_refused() {
    let cases = [
        ("Content-Length: 1\r\nContent-Length: 1\r\n", 400),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: 1, 1\r\n", 400),
        ("Content-Length: +1\r\n", 400),
        ("Content-Length: -1\r\n", 400),
        ("Content-Length: 0x1\r\n", 400),
        ("Content-Length: 1 1\r\n", 400),
        ("Content-Length:\r\n", 400),
        ("Content-Length: 9223372036854775808\r\n", 400),
        ("Transfer-Encoding:\r\n", 400),
        ("Transfer-Encoding: chunked, chunked\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding: chunked, identity\r\n", 501),
        ("Transfer-Encoding: chunked;a=b\r\n", 501),
        ("Transfer-Encoding: xchunked\r\n", 501),
        ("Transfer-Encoding: \u{b}chunked\r\n", 400),
    ];
    for (fields, status) in cases {
        assert_eq!(status_of_fields(fields), Some(status), "{fields}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refusal(old), BadRequest::TransferEncodingInHttp10);
}

#[test]
fn the_largest_length_is_that_of_nginx() {
    let head = head("POST / HTTP/1.0\r\nContent-Length: 9223372036854775807\r\n\r\n");
    assert_eq!(head.framing, BodyFraming::Length(i64::MAX as u64));
}

#[test]
fn a_client_that_waits_is_seen_only_where_a_body_is_to_come() {
    let waits = |version: &str, length: &str, expect: &str| {
        head(format!("PUT / {version}\r\nHost: a\r\n{length}Expect: {expect}\r\n\r\n")).expect_continue
    };
    assert!(waits("HTTP/1.1", "Content-Length: 1\r\n", "100-Continue"));
    assert!(waits("HTTP/1.1", "Transfer-Encoding: chunked\r\n", "100-continue"));
    assert!(!waits("HTTP/1.1", "Content-Length: 0\r\n", "100-continue"));
    assert!(!waits("HTTP/1.1", "", "100-continue"));
    assert!(!waits("HTTP/1.0", "Content-Length: 1\r\n", "100-continue"));
    assert!(!waits("HTTP/1.1", "Content-Length: 1\r\n", "200-maybe"));
}

#[test]
fn a_chunked_body_is_put_together() {
    let said = body_of("3\r\nabc\r\n0A;x=\"y\" \r\n0123456789\r\n1 \t\r\nd\r\n0\r\n\r\n");
    assert_eq!(said, [Said::Body(b"abc0123456789d".to_vec()), Said::End(Headers::new())]);
}

#[test]
fn trailers_come_with_the_end() {
    let said = body_of("0\r\nA: b\r\nC_d: e\r\n\r\nGET");
    let mut trailers = Headers::new();
    trailers.append("A", "b");
    assert_eq!(said, [Said::End(trailers)]);
}

#[test]
fn trailers_have_the_limits_of_a_head() {
    let many = format!("0\r\n{}\r\n", "A: b\r\n".repeat(1001));
    let long = format!("0\r\nA: {}\r\n\r\n", "b".repeat(8192));
    for chunks in [many, long] {
        let input = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let said = feed([input.as_bytes()], &Limits::default()).0;
        let Some(Said::Refused(error)) = said.last() else { panic!("expected a refusal, found {said:?}") };
        assert_eq!(error.status(), Status::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}

#[test]
fn a_chunk_that_is_not_well_formed_is_refused() {
    let bodies = [
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "0x1\r\na\r\n",
        " 1\r\na\r\n",
        ";a\r\n",
        "1\na\r\n",
        "1\r\na\n0\r\n\r\n",
        "1;a\nb\r\na\r\n",
        "1\rxa\r\n",
        "1\r\nab\r\n",
        "1 a\r\n",
        "1;\0\r\n",
        "0\r\nA : b\r\n\r\n",
    ];
    for body in bodies {
        let Some(Said::Refused(error)) = body_of(body).pop() else { panic!("expected a refusal of {body:?}") };
        assert_eq!(error.status(), Status::BAD_REQUEST, "{body:?}");
    }
}

#[test]
fn a_chunk_size_has_a_limit() {
    let said = body_of("7fffffffffffffff\r\na");
    assert_eq!(said, [Said::Body(b"a".to_vec())]);
    for size in ["8000000000000000", "ffffffffffffffff", "10000000000000000", "00000000000000001"] {
        assert_eq!(body_of(size), [Said::Refused(BadRequest::ChunkTooLarge)], "{size}");
    }
}

#[test]
fn chunk_extensions_are_limited_over_the_whole_body() {
    let chunk = format!("1;{}\r\na\r\n", "x".repeat(99));
    let chunks = chunk.repeat(EXTENSION_BYTES_MAX / 100);
    let input = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    let said = |input: &str| feed([input.as_bytes()], &Limits::default()).0;
    assert!(matches!(said(&input).last(), Some(Said::Body(_))));
    let refusal = BadRequest::ChunkExtensions { limit: EXTENSION_BYTES_MAX };
    assert_eq!(said(&format!("{input}{chunk}")).last(), Some(&Said::Refused(refusal)));
}

//! The decoder's behaviour. Each input is given whole, cut in two at every byte, and byte by byte: the outcome must
//! be the same.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::chunked::EXTENSION_BYTES_MAX;
use super::*;
use crate::http::headers::names;
use crate::http::{Headers, Method, Status, Version};

/// What a decoder said, with the pieces of a body put together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Head(Box<RequestHead>),
    Body(Vec<u8>),
    End(Headers),
    Refused(BadRequest),
}

/// Feeds the pieces one after the other, and gives what was said and what is left.
fn feed<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> (Vec<Said>, Decoder, BytesMut) {
    let (mut decoder, mut buffer, mut said) = (Decoder::new(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match (decoder.receive(&mut buffer, limits), said.last_mut()) {
                (Ok(Progress::NeedMore), _) => break,
                (Ok(Progress::Head(head)), _) => said.push(Said::Head(head)),
                (Ok(Progress::Body(more)), Some(Said::Body(body))) => body.extend_from_slice(&more),
                (Ok(Progress::Body(body)), _) => said.push(Said::Body(body.to_vec())),
                (Ok(Progress::End { trailers }), _) => said.push(Said::End(trailers)),
                (Err(error), _) => {
                    assert_eq!(decoder.receive(&mut buffer, limits), Err(error.clone()));
                    said.push(Said::Refused(error));
                    return (said, decoder, buffer);
                }
            }
        }
    }
    (said, decoder, buffer)
}

fn said_with(input: &[u8], limits: &Limits) -> Vec<Said> {
    let whole = feed([input], limits).0;
    for place in 0..=input.len() {
        let (one, two) = input.split_at(place);
        assert_eq!(feed([one, two], limits).0, whole, "cut at {place}");
    }
    assert_eq!(feed(input.chunks(1), limits).0, whole, "byte by byte");
    whole
}

fn said(input: impl AsRef<[u8]>) -> Vec<Said> {
    said_with(input.as_ref(), &Limits::default())
}

fn head(input: impl AsRef<[u8]>) -> RequestHead {
    match said(input).remove(0) {
        Said::Head(head) => *head,
        other => panic!("expected a head, found {other:?}"),
    }
}

fn refusal_with(input: &[u8], limits: &Limits) -> BadRequest {
    match said_with(input, limits).pop() {
        Some(Said::Refused(error)) => error,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

fn refusal(input: impl AsRef<[u8]>) -> BadRequest {
    refusal_with(input.as_ref(), &Limits::default())
}

/// The status that answers a request with these field lines.
fn status_of_fields(fields: &str) -> Option<u16> {
    match said(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).remove(0) {
        Said::Refused(error) => Some(error.status().code()),
        _ => None,
    }
}

fn body_of(chunks: &str) -> Vec<Said> {
    said(format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
    ))
    .split_off(1)
}

#[test]
fn a_head_is_read_whole() {
    let head =
        head("GET /a?b HTTP/1.1\r\nHost: Example.com:8080\r\nX-Empty:\r\nAccept: \t */* \r\n\r\n");
    assert_eq!(head.method, Method::Get);
    assert_eq!(
        (head.target.path(), head.target.query().unwrap()),
        (&b"/a"[..], "b".into())
    );
    assert_eq!(head.version, Version::Http11);
    assert_eq!(head.request_line, "GET /a?b HTTP/1.1");
    assert_eq!(head.headers.get(names::ACCEPT).unwrap(), "*/*");
    assert_eq!(head.headers.get(b"x-empty").unwrap(), "");
    let host = head.host.unwrap();
    assert_eq!(
        (host.name.as_ref(), host.port),
        (&b"example.com"[..], Some(8080))
    );
    assert_eq!(head.framing, BodyFraming::None);
    assert_eq!(head.head_bytes, 71);
    assert!(head.keep_alive && !head.expect_continue && head.dropped.is_empty());
}

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
    assert!(
        said.chunks(3)
            .all(|request| request[1] == Said::Body(b"abc".to_vec()))
    );
    assert!(decoder.is_between_requests(&buffer));
}

#[test]
fn what_follows_a_head_stays_in_the_buffer() {
    let (mut decoder, limits) = (Decoder::new(), Limits::default());
    let mut buffer = BytesMut::from("GET / HTTP/1.0\r\n\r\nGET /b");
    assert!(matches!(
        decoder.receive(&mut buffer, &limits),
        Ok(Progress::Head(_))
    ));
    assert!(matches!(
        decoder.receive(&mut buffer, &limits),
        Ok(Progress::End { .. })
    ));
    assert_eq!(
        decoder.receive(&mut buffer, &limits),
        Ok(Progress::NeedMore)
    );
    assert_eq!(buffer, "GET /b");
    assert!(!decoder.is_between_requests(&buffer));
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
    for input in [
        "\rGET / HTTP/1.0\r\n\r\n",
        "GET /\r HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nA: b\rC: d\r\n\r\n",
    ] {
        assert_eq!(refusal(input).status(), Status::BAD_REQUEST, "{input:?}");
    }
    let error = refusal("GET / HTTP/1.0\r\nA: b\r\r\n\r\n");
    assert!(matches!(error, BadRequest::BareCarriageReturn { .. }));
}

#[test]
fn control_bytes_are_refused_wherever_they_stand() {
    for input in [
        "GET /\0 HTTP/1.0\r\n\r\n",
        "GET /\x7f HTTP/1.0\r\n\r\n",
        "GET /\ta HTTP/1.0\r\n\r\n",
    ] {
        assert_eq!(refusal(input).status(), Status::BAD_REQUEST, "{input:?}");
    }
    for fields in ["A: b\0c\r\n", "A\0: b\r\n", "A: \x1b\r\n", "A: \x7f\r\n"] {
        assert_eq!(status_of_fields(fields), Some(400), "{fields:?}");
    }
    assert_eq!(status_of_fields("A: b\tc\u{e9}\r\n"), None);
}

#[test]
fn what_is_no_method_is_refused_at_its_first_byte() {
    for input in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"\x80",
        b"get",
        b" GET",
        b"G\0",
        b"GE:",
    ] {
        assert!(
            matches!(refusal(input), BadRequest::Method { .. }),
            "{input:?}"
        );
    }
}

#[test]
fn a_line_without_a_version_is_refused_before_the_head_is_complete() {
    assert!(matches!(
        refusal("GET /\r\n"),
        BadRequest::MissingVersion { .. }
    ));
    assert_eq!(
        refusal("PRI * HTTP/2.0\r\n").status(),
        Status::HTTP_VERSION_NOT_SUPPORTED
    );
}

#[test]
fn an_overlong_line_is_refused_as_soon_as_it_is() {
    let limits = Limits {
        line_bytes_max: 32,
        ..Limits::default()
    };
    let fits = format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(16));
    assert!(matches!(
        said_with(fits.as_bytes(), &limits)[0],
        Said::Head(_)
    ));
    let longer = format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(17));
    assert_eq!(
        refusal_with(longer.as_bytes(), &limits).status(),
        Status::URI_TOO_LONG
    );
    assert_eq!(
        refusal_with("A".repeat(32).as_bytes(), &limits).status(),
        Status::URI_TOO_LONG
    );
    let open_field = format!("GET / HTTP/1.0\r\nA: {}", "b".repeat(29));
    assert!(matches!(
        refusal_with(open_field.as_bytes(), &limits),
        BadRequest::FieldTooLong { limit: 32, .. }
    ));
    assert!(said_with(&open_field.as_bytes()[..47], &limits).is_empty());
}

#[test]
fn an_overlong_head_is_refused_as_soon_as_it_is() {
    let input = "GET / HTTP/1.0\r\nA: b\r\n\r\n";
    let at_most = |head_bytes_max| Limits {
        head_bytes_max,
        ..Limits::default()
    };
    assert!(matches!(
        said_with(input.as_bytes(), &at_most(24))[0],
        Said::Head(_)
    ));
    for limit in [1, 16, 22, 23] {
        let error = refusal_with(input.as_bytes(), &at_most(limit));
        assert_eq!(error, BadRequest::HeadTooLarge { limit });
        assert_eq!(error.status(), Status::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
}

#[test]
fn the_number_of_fields_is_limited() {
    let limits = Limits {
        headers_max: 2,
        ..Limits::default()
    };
    let input = "GET / HTTP/1.0\r\nA: b\r\nA: b\r\n";
    assert!(matches!(
        said_with(format!("{input}\r\n").as_bytes(), &limits)[0],
        Said::Head(_)
    ));
    let error = refusal_with(format!("{input}A: b\r\n").as_bytes(), &limits);
    assert_eq!(error, BadRequest::TooManyFields { limit: 2 });
}

#[test]
fn white_space_in_and_around_names_is_refused() {
    for fields in [
        "A : b\r\n",
        "A\t: b\r\n",
        "A B: c\r\n",
        " A: b\r\n",
        "A: b\r\n c\r\n",
        "A: b\r\n\tc\r\n",
    ] {
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
fn fields_with_invalid_names_are_dropped_or_refused() {
    let input = "GET / HTTP/1.0\r\nA_b: c\r\nD.e: f\r\nG: h\r\n\r\n";
    let dropping = head(input);
    assert_eq!(dropping.dropped, ["A_b: c", "D.e: f"]);
    assert_eq!(
        (dropping.headers.len(), dropping.headers.get(b"G").unwrap()),
        (1, &Bytes::from("h"))
    );
    let strict = Limits {
        ignore_invalid_headers: false,
        ..Limits::default()
    };
    assert!(matches!(
        refusal_with(input.as_bytes(), &strict),
        BadRequest::FieldName { .. }
    ));
    let underscores = Limits {
        underscores_in_headers: true,
        ..strict
    };
    let input = "GET / HTTP/1.0\r\nA_b: c\r\n\r\n";
    assert!(matches!(
        said_with(input.as_bytes(), &underscores)[0],
        Said::Head(_)
    ));
}

#[test]
fn http_1_1_needs_one_host() {
    assert_eq!(refusal("GET / HTTP/1.1\r\n\r\n"), BadRequest::MissingHost);
    assert_eq!(
        refusal("GET http://a/ HTTP/1.1\r\n\r\n"),
        BadRequest::MissingHost
    );
    assert_eq!(head("GET / HTTP/1.0\r\n\r\n").host, None);
    for hosts in [
        "Host: a\r\nHost: a",
        "Host:",
        "Host: a/b",
        "Host: a, b",
        "Host: a@b",
    ] {
        assert_eq!(
            refusal(format!("GET / HTTP/1.0\r\n{hosts}\r\n\r\n"))
                .status()
                .code(),
            400,
            "{hosts}"
        );
    }
}

#[test]
fn an_absolute_target_counts_before_the_host_field() {
    let head = head("GET http://B.example:81/c HTTP/1.1\r\nHost: a\r\n\r\n");
    let host = head.host.unwrap();
    assert_eq!(
        (host.name.as_ref(), host.port),
        (&b"b.example"[..], Some(81))
    );
    assert!(matches!(
        refusal("GET http://a@b/ HTTP/1.0\r\n\r\n"),
        BadRequest::Host { .. }
    ));
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
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            400,
        ),
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
fn the_connection_stays_by_version_and_field() {
    let keeps = |version: &str, fields: &str| {
        head(format!("GET / {version}\r\nHost: a\r\n{fields}\r\n")).keep_alive
    };
    assert!(keeps("HTTP/1.1", ""));
    assert!(keeps("HTTP/1.2", "Connection: upgrade\r\n"));
    assert!(!keeps("HTTP/1.1", "Connection: a, Close\r\n"));
    assert!(!keeps("HTTP/1.0", ""));
    assert!(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    assert!(!keeps(
        "HTTP/1.0",
        "Connection: keep-alive\r\nConnection: close\r\n"
    ));
}

#[test]
fn a_client_that_waits_is_seen_only_where_a_body_is_to_come() {
    let waits = |version: &str, length: &str, expect: &str| {
        head(format!(
            "PUT / {version}\r\nHost: a\r\n{length}Expect: {expect}\r\n\r\n"
        ))
        .expect_continue
    };
    assert!(waits("HTTP/1.1", "Content-Length: 1\r\n", "100-Continue"));
    assert!(waits(
        "HTTP/1.1",
        "Transfer-Encoding: chunked\r\n",
        "100-continue"
    ));
    assert!(!waits("HTTP/1.1", "Content-Length: 0\r\n", "100-continue"));
    assert!(!waits("HTTP/1.1", "", "100-continue"));
    assert!(!waits("HTTP/1.0", "Content-Length: 1\r\n", "100-continue"));
    assert!(!waits("HTTP/1.1", "Content-Length: 1\r\n", "200-maybe"));
}

#[test]
fn a_chunked_body_is_put_together() {
    let said = body_of("3\r\nabc\r\n0A;x=\"y\" \r\n0123456789\r\n1 \t\r\nd\r\n0\r\n\r\n");
    assert_eq!(
        said,
        [
            Said::Body(b"abc0123456789d".to_vec()),
            Said::End(Headers::new())
        ]
    );
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
        let input =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let said = feed([input.as_bytes()], &Limits::default()).0;
        let Some(Said::Refused(error)) = said.last() else {
            panic!("expected a refusal, found {said:?}")
        };
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
        let Some(Said::Refused(error)) = body_of(body).pop() else {
            panic!("expected a refusal of {body:?}")
        };
        assert_eq!(error.status(), Status::BAD_REQUEST, "{body:?}");
    }
}

#[test]
fn a_chunk_size_has_a_limit() {
    let said = body_of("7fffffffffffffff\r\na");
    assert_eq!(said, [Said::Body(b"a".to_vec())]);
    for size in [
        "8000000000000000",
        "ffffffffffffffff",
        "10000000000000000",
        "00000000000000001",
    ] {
        assert_eq!(
            body_of(size),
            [Said::Refused(BadRequest::ChunkTooLarge)],
            "{size}"
        );
    }
}

#[test]
fn chunk_extensions_are_limited_over_the_whole_body() {
    let chunk = format!("1;{}\r\na\r\n", "x".repeat(99));
    let chunks = chunk.repeat(EXTENSION_BYTES_MAX / 100);
    let input = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    let said = |input: &str| feed([input.as_bytes()], &Limits::default()).0;
    assert!(matches!(said(&input).last(), Some(Said::Body(_))));
    let refusal = BadRequest::ChunkExtensions {
        limit: EXTENSION_BYTES_MAX,
    };
    assert_eq!(
        said(&format!("{input}{chunk}")).last(),
        Some(&Said::Refused(refusal))
    );
}

#[test]
fn what_was_received_is_known_for_the_log() {
    let partial = |input: &str| {
        let (_, decoder, buffer) = feed([input.as_bytes()], &Limits::default());
        decoder.partial(&buffer)
    };
    assert_eq!(partial("").request_line, "");
    let waiting = partial("GET /a");
    assert_eq!(
        (waiting.request_line, waiting.method, waiting.target),
        ("GET /a".into(), Some(Method::Get), None)
    );
    let waiting = partial("GET /a HTTP/1.1\r\nHost: a");
    assert_eq!(
        (waiting.target.unwrap().path(), waiting.version),
        (&b"/a"[..], Some(Version::Http11))
    );
    assert_eq!(partial("\x16\x03\x01\r\n").request_line, "\x16\x03\x01");
    let refused = partial("GET /a HTTP/1.1\r\nUser-Agent: b\r\n\r\n");
    assert_eq!(refused.target.unwrap().path(), b"/a");
    assert_eq!(refused.headers.get(names::USER_AGENT).unwrap(), "b");
    let refused = partial("GET /a HTTP/1.1\r\nA : b\r\n\r\n");
    assert_eq!(
        (refused.request_line, refused.headers),
        ("GET /a HTTP/1.1".into(), Headers::new())
    );
}

#[test]
fn messages_are_in_nginx_words_and_printable() {
    let message = refusal("GE\x01").to_string();
    assert_eq!(
        message,
        "client sent invalid method while reading client request line: \"GE\\x01\""
    );
    let message = BadRequest::MissingHost.to_string();
    assert_eq!(
        message,
        "client sent HTTP/1.1 request without \"Host\" header"
    );
}

#[test]
fn a_waiting_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 64, "{} bytes", size_of::<Decoder>());
}

/// Requests put together from what makes up good and bad ones, and from any bytes.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let parts = vec![
        "GET / HTTP/1.1\r\n",
        "POST /a?b HTTP/1.1\r\nHost: a\r\n",
        "PUT http://a/ HTTP/1.0\r\n",
        "Host: a\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "A_b: c\r\n",
        "A: b\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "5\r\nhello\r\n",
        "0\r\n",
        "1;x\r\n",
        "hello",
        ":",
        " ",
        "\t",
        "GET ",
        "HTTP/1.1",
        "HTTP/2.0",
        "\0",
        "ffff\r\n",
    ];
    let part = prop_oneof![
        9 => prop::sample::select(parts).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

fn small_limits() -> impl Strategy<Value = Limits> {
    (16_usize..64, 16_usize..160, 0_usize..6, any::<bool>()).prop_map(
        |(line_bytes_max, head_bytes_max, headers_max, ignore_invalid_headers)| Limits {
            line_bytes_max,
            head_bytes_max,
            headers_max,
            ignore_invalid_headers,
            underscores_in_headers: false,
        },
    )
}

/// `input` cut at these places, taken modulo what is left.
fn cut<'a>(input: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = input;
    let mut pieces = Vec::new();
    for place in places {
        let (piece, left) = rest.split_at(place % (rest.len() + 1));
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

proptest! {
    #[test]
    fn the_outcome_does_not_depend_on_the_cuts(
        input in input(),
        limits in small_limits(),
        places in prop::collection::vec(0_usize..40, 0..12),
    ) {
        let whole = feed([input.as_slice()], &limits).0;
        prop_assert_eq!(feed(cut(&input, &places), &limits).0, whole.clone());
        prop_assert_eq!(feed(input.chunks(1), &limits).0, whole);
    }

    #[test]
    fn no_head_passes_the_limits(input in input(), limits in small_limits()) {
        for said in feed([input.as_slice()], &limits).0 {
            let Said::Head(head) = said else { continue };
            prop_assert!(head.head_bytes <= limits.head_bytes_max);
            prop_assert!(head.request_line.len() < limits.line_bytes_max);
            prop_assert!(head.headers.len() + head.dropped.len() <= limits.headers_max);
        }
    }

    #[test]
    fn nothing_grows_while_a_head_is_awaited(input in input(), limits in small_limits()) {
        let (said, _, buffer) = feed(input.chunks(1), &limits);
        if !matches!(said.last(), Some(Said::Refused(_))) {
            prop_assert!(buffer.len() <= limits.head_bytes_max.max(limits.line_bytes_max));
        }
    }

    #[test]
    fn any_bytes_are_requests_or_refused(input: Vec<u8>) {
        let (_, decoder, buffer) = feed([input.as_slice()], &Limits::default());
        let _ = decoder.partial(&buffer);
    }
}

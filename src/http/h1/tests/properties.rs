//! What holds for any input, cut anywhere.

use proptest::prelude::*;

use super::*;

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

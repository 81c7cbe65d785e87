//! The decoder's behaviour. Each input is given whole, cut in two at every byte, and byte by byte: the outcome must
//! be the same.

mod bodies;
mod heads;
mod properties;

use bytes::BytesMut;

use super::*;
use crate::http::Headers;

/// What a decoder said, with the pieces of a body put together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Head(Box<RequestHead>),
    Body(Vec<u8>),
    End(Headers),
    Refused(BadRequest),
}

/// Feeds the pieces one after the other, and gives what was said and what is left.
fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> (Vec<Said>, Decoder, BytesMut) {
    let (mut decoder, mut buffer, mut said) = (Decoder::new(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match (decoder.receive(&mut buffer, limits), said.last_mut()) {
                (Ok(Progress::NeedMore), _) => break,
                (Ok(Progress::Head(head)), _) => {
                    let is_all = head.framing == BodyFraming::None;
                    said.push(Said::Head(head));
                    if is_all {
                        said.push(Said::End(Headers::new()));
                    }
                }
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
    said(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")).split_off(1)
}

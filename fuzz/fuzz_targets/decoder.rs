//! However a connection's bytes are split on their way, the HTTP/1 decoder reads the same requests out of them, or
//! refuses them for the same reason.
//!
//! Every input is read three times: at once, where plain heads are read in one look (`http::h1::whole`); one byte at a
//! time, where none is; and in pieces. An input begins with a byte that chooses the limits, a byte that says how many
//! lengths of pieces follow (at most seven, none means no third reading), and these lengths, used in turn. The rest is
//! what the client sends.
#![no_main]

use std::mem::{Discriminant, discriminant};

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use webserv::http::Headers;
use webserv::http::h1::{BadRequest, BodyFraming, Decoder, Limits, Progress, RequestHead};

const LENGTHS_MAX: usize = 7;

/// One request as far as it was received. How a body was divided into pieces has no meaning, so they are joined.
#[derive(Debug, PartialEq)]
struct Received {
    head: Box<RequestHead>,
    body: Vec<u8>,
    trailers: Option<Headers>,
}

/// All that came of a connection: the requests, a refusal, and what was left over.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    requests: Vec<Received>,
    refused: Option<Refusal>,
    rest: Vec<u8>,
}

/// Why a request was refused. The words are left out: they show as much as was received by then.
#[derive(Debug, PartialEq)]
struct Refusal {
    reason: Discriminant<BadRequest>,
    status: u16,
    headers: Headers,
}

fuzz_target!(|input: &[u8]| {
    let Some((limits, lengths, sent)) = read_input(input) else {
        return;
    };
    let at_once = receive([sent], &limits);
    let by_bytes = receive(sent.chunks(1), &limits);
    assert_eq!(at_once, by_bytes);
    if !lengths.is_empty() {
        let split = receive(pieces(sent, lengths), &limits);
        assert_eq!(at_once, split);
    }
});

fn read_input(input: &[u8]) -> Option<(Limits, &[u8], &[u8])> {
    let (&[choice, count], rest) = input.split_first_chunk()?;
    let (lengths, sent) = rest.split_at_checked(usize::from(count) % (LENGTHS_MAX + 1))?;
    Some((limits(choice), lengths, sent))
}

/// nginx's limits, or some so small that an input reaches them; and each way to treat field names.
fn limits(choice: u8) -> Limits {
    let usual = Limits {
        ignore_invalid_headers: choice & 1 == 0,
        underscores_in_headers: choice & 2 != 0,
        ..Limits::default()
    };
    if choice & 4 == 0 {
        return usual;
    }
    Limits {
        line_bytes_max: 48,
        head_bytes_max: 128,
        headers_max: 4,
        ..usual
    }
}

fn pieces<'a>(mut sent: &'a [u8], lengths: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    lengths.iter().cycle().map_while(move |&length| {
        if sent.is_empty() {
            return None;
        }
        let (piece, rest) = sent.split_at(usize::from(length).clamp(1, sent.len()));
        sent = rest;
        Some(piece)
    })
}

/// Feeds a decoder with `pieces` and collects what it says.
fn receive<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Outcome {
    let mut decoder = Decoder::new();
    let mut buffer = BytesMut::new();
    let mut outcome = Outcome::default();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.receive(&mut buffer, limits) {
                Ok(Progress::NeedMore) => break,
                Ok(progress) => outcome.add(progress),
                Err(error) => {
                    outcome.refused = Some(Refusal {
                        reason: discriminant(&error),
                        status: error.status().code(),
                        headers: decoder.partial(&buffer).headers,
                    });
                    return outcome;
                }
            }
        }
    }
    outcome.rest = buffer.to_vec();
    outcome
}

impl Outcome {
    fn add(&mut self, progress: Progress) {
        if let Progress::Head(head) = progress {
            // Without a body the head is all there is.
            let is_all = head.framing == BodyFraming::None;
            let received = Received {
                head,
                body: Vec::new(),
                trailers: is_all.then(Headers::default),
            };
            self.requests.push(received);
            return;
        }
        let request = self
            .requests
            .last_mut()
            .expect("a body or an end comes behind a head");
        assert!(request.trailers.is_none(), "nothing comes behind an end");
        match progress {
            Progress::Body(piece) => {
                assert!(!piece.is_empty(), "a piece of a body is never empty");
                request.body.extend_from_slice(&piece);
            }
            Progress::End { trailers } => request.trailers = Some(trailers),
            Progress::Head(_) | Progress::NeedMore => {}
        }
    }
}

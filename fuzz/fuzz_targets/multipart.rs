//! However a form is split on its way, the multipart parser reads the same parts out of it, or refuses it for the same
//! reason; and no content is lost or made up.
//!
//! An input begins with a byte that says how many lengths follow (at most seven, none means one byte at a time), and these
//! lengths, used in turn. The rest is the form; its boundary is `b`.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use webserv::http::multipart::{BadForm, Parser, PartHead, Progress};

const LENGTHS_MAX: usize = 7;

/// The parts of a form as far as they were received; whether a part is complete, and whether the form is.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    parts: Vec<(PartHead, Vec<u8>, bool)>,
    complete: bool,
    refused: Option<BadForm>,
}

fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_first() else { return };
    let Some((lengths, form)) = rest.split_at_checked(usize::from(count) % (LENGTHS_MAX + 1)) else { return };
    let at_once = receive([form]);
    let split = receive(pieces(form, lengths));
    assert_eq!(at_once, split);
    let received: usize = at_once.parts.iter().map(|(_, content, _)| content.len()).sum();
    assert!(received <= form.len());
});

fn pieces<'a>(mut form: &'a [u8], lengths: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let usual: &[u8] = &[1];
    let lengths = if lengths.is_empty() { usual } else { lengths };
    lengths.iter().cycle().map_while(move |&length| {
        if form.is_empty() {
            return None;
        }
        let (piece, rest) = form.split_at(usize::from(length).clamp(1, form.len()));
        form = rest;
        Some(piece)
    })
}

fn receive<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = Parser::new(b"b", 16).expect("it is a boundary");
    let mut outcome = Outcome::default();
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match parser.receive(&mut input) {
                Ok(Progress::NeedMore) => break,
                Ok(Progress::Part(head)) => outcome.parts.push((*head, Vec::new(), false)),
                Ok(Progress::Data(data)) => {
                    assert!(!data.is_empty());
                    outcome.parts.last_mut().expect("a part has begun").1.extend_from_slice(&data);
                }
                Ok(Progress::PartEnd) => outcome.parts.last_mut().expect("a part has begun").2 = true,
                Ok(Progress::End) => outcome.complete = true,
                Err(error) => {
                    outcome.refused = Some(error);
                    return outcome;
                }
            }
        }
    }
    assert_eq!(parser.is_complete(), outcome.complete);
    outcome
}

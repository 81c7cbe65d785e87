//! However the output of a CGI script is split on its way, the same head is read out of it, or it is refused.
//!
//! An input begins with a byte that says how long each piece is; the rest is what the script writes.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use webserv::http::cgi::{BadHead, Decoder, Head};

fuzz_target!(|input: &[u8]| {
    let Some((&length, written)) = input.split_first() else {
        return;
    };
    let at_once = receive([written]);
    let split = receive(written.chunks(usize::from(length).max(1)));
    assert_eq!(at_once, split);
    if at_once == Ok(None) {
        Decoder::cut(written);
    }
});

/// The head, and what is behind it of all that was written.
fn receive<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<(Head, Vec<u8>)>, BadHead> {
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::new();
    let mut found = None;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if found.is_none() {
            found = decoder.receive(&mut buffer)?;
        }
    }
    Ok(found.map(|head| (head, buffer.to_vec())))
}

//! A PROXY protocol header is understood or refused with the byte that decides it, and what follows changes nothing;
//! its fields can be asked for whatever they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::proxy_protocol::{BYTES_MAX, Progress, decode};

/// Every name that a field has, one within a field, one by number, and one that is none.
const NAMES: &[&str] = &[
    "alpn",
    "authority",
    "unique_id",
    "ssl",
    "netns",
    "ssl_version",
    "ssl_cn",
    "ssl_cipher",
    "ssl_sig_alg",
    "ssl_key_alg",
    "ssl_verify",
    "0x04",
    "ssl_0x21",
    "colour",
];

fuzz_target!(|received: &[u8]| {
    let whole = decode(received);
    for length in 0..received.len() {
        let early = decode(&received[..length]);
        assert!(early == Ok(Progress::NeedMore) || early == whole, "{early:?} then {whole:?}");
    }
    assert!(received.len() < BYTES_MAX || whole != Ok(Progress::NeedMore), "a header has an end");
    let Ok(Progress::Complete(header, length)) = whole else {
        return;
    };
    assert!(length <= received.len());
    for name in NAMES {
        let mut value = Vec::new();
        if let Some(Ok(false) | Err(_)) = header.as_ref().map(|header| header.write_tlv(name, &mut value)) {
            assert!(value.is_empty(), "what is not there has no value");
        }
    }
});

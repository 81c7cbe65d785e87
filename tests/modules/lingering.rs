//! How a connection ends whose client may still be sending; its times are tested on a clock moved by hand.

use crate::support::*;

/// A client that announced more than is allowed and goes on sending; the site closes behind its answer.
fn refused(conf: &str) -> (Running, Client) {
    let site = Site::new().conf(&format!("client_max_body_size 10; {conf}")).start();
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    (site, client)
}

#[test]
fn what_a_refused_client_still_sends_is_taken_and_no_reset_meets_its_answer() {
    for close in ["on", "always"] {
        let (_site, mut client) = refused(&format!("lingering_close {close};"));
        client.send("x".repeat(50_000));
        client.send("x".repeat(50_000));
        client.shutdown_write();
        assert!(client.closed(), "{close}");
    }
}

#[test]
fn with_off_the_connection_is_closed_at_once() {
    let (_site, mut client) = refused("lingering_close off;");
    // Nothing more is sent: the end comes by itself.
    assert!(client.closed());
}

#[test]
fn times_of_0_wait_for_nothing() {
    let (_site, mut client) = refused("lingering_timeout 0;");
    assert!(client.closed());
}

#[test]
fn words_that_are_none_are_refused() {
    let checked = check_config("events { } http { lingering_close allways; }");
    assert!(!checked.ok && checked.output.contains("did you mean `always`?"), "{}", checked.output);
    let checked = check_config("events { } http { lingering_time x; }");
    assert!(!checked.ok && checked.output.contains("invalid time \"x\""), "{}", checked.output);
}

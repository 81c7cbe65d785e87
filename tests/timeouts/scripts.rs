//! Time-outs of CGI scripts.

use std::time::Duration;

use super::{Client, House, Seen};

/// A client that waits for a script of the shell, which has said in the file `ready` that it runs.
fn waiting_for_script(conf: &str, script: &str) -> (House, Client) {
    let mut house = House::with(&format!("cgi .sh; cgi_interpreter .sh /bin/sh; {conf}"));
    std::fs::write(house.path("run.sh"), script).unwrap();
    let mut client = house.connect();
    client.send("GET /run.sh HTTP/1.1\r\nHost: a\r\n\r\n", &mut house);
    house.turn_until(|house| house.path("ready").exists());
    house.turn();
    (house, client)
}

const STAYS: &str = "echo ready > ready; exec sleep 1000";

#[test]
fn a_script_that_does_nothing_has_a_minute() {
    let (mut house, mut client) = waiting_for_script("", STAYS);
    house.pass(58);
    assert_eq!((client.look(), client.text()), (Seen::Open, String::new()));
    house.pass(3);
    client.look();
    assert!(client.text().starts_with("HTTP/1.1 504 "), "{}", client.text());
}

#[test]
fn a_script_has_ten_minutes_in_all() {
    let (mut house, mut client) = waiting_for_script("cgi_idle_timeout 0;", STAYS);
    house.pass(598);
    assert_eq!((client.look(), client.text()), (Seen::Open, String::new()));
    house.pass(3);
    client.look();
    assert!(client.text().starts_with("HTTP/1.1 504 "), "{}", client.text());
}

#[test]
fn a_script_that_waits_for_its_client_is_not_idle() {
    let script = "printf 'Content-Type: a/b\\n\\n'; echo ready > ready; head -c 30000000 large";
    let (mut house, mut client) = waiting_for_script("send_timeout 1000s;", script);
    // The script fills what there is between it and the client, and waits from then on.
    for _ in 0..30 {
        house.pass(10);
        house.prepared.worker().turn(Some(Duration::from_millis(50))).unwrap();
    }
    house.turn_until(|_| {
        client.look();
        client.received.ends_with(b"\r\n0\r\n\r\n")
    });
    assert!(client.received.len() > 30_000_000);
}

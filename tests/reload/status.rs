//! `webserv status` tells of the traffic: connections by state, requests, answers.

use std::time::Instant;

use super::configuration;
use crate::support::{PATIENCE, Running, Site};

fn status(site: &Running) -> String {
    let status = site.webserv(&["status"]);
    assert!(status.status.success(), "{status:?}");
    String::from_utf8(status.stdout).expect("it is text")
}

/// The status, once it says this: what a client has sent, or closed, is seen a moment later.
#[track_caller]
fn wait_for_status(site: &Running, expected: &str) -> String {
    let began = Instant::now();
    loop {
        let text = status(site);
        if text.contains(expected) {
            return text;
        }
        assert!(began.elapsed() < PATIENCE, "no {expected:?} in\n{text}");
    }
}

fn site(server: &str) -> Running {
    Site::new().config(&format!("worker_processes 2;\n{}", configuration(server))).start()
}

#[test]
fn connections_are_told_by_what_they_do() {
    let site = site("");
    site.write("large", vec![0; 32 << 20]);
    wait_for_status(&site, "0 connections: 0 reading, 0 writing, 0 waiting; 0 accepted\n");
    let mut idle = site.connect();
    assert_eq!(idle.get("/missing").status, 404);
    let mut asking = site.connect();
    asking.send("GET / HTTP/1.1\r\nHos");
    let mut taking = site.connect_narrow(4096);
    taking.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    let silent = site.connect();
    wait_for_status(&site, "4 connections: 1 reading, 1 writing, 2 waiting; 4 accepted\n");
    drop((idle, asking, taking, silent));
    let text = wait_for_status(&site, "0 connections: 0 reading, 0 writing, 0 waiting; 4 accepted\n");
    assert!(text.contains("2 requests, 1 2xx, 0 3xx, 1 4xx, 0 5xx\n"), "{text}");
}

#[test]
fn every_way_that_a_request_ends_is_counted_once() {
    let site =
        site("location /fail { return 503; }\nlocation /silence { return 444; }\nlocation /go { return 301 /; }");
    let mut client = site.connect();
    client.send("GET /go HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    (0..3).for_each(|_| assert_eq!(client.answer().status, 301));
    assert_eq!(client.get("/fail").status, 503);
    client.send("GET /silence HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.closed());
    assert_eq!(site.request("nonsense\r\n\r\n").status, 400);
    let text = wait_for_status(&site, "0 connections: 0 reading, 0 writing, 0 waiting; 2 accepted\n");
    assert!(text.contains("6 requests, 1 unanswered, 0 2xx, 3 3xx, 1 4xx, 1 5xx\n"), "{text}");
}

#[test]
fn a_reload_and_workers_that_end_take_nothing_from_the_counts() {
    let site = site("return 204;");
    let mut clients: Vec<_> = (0..16).map(|_| site.connect()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/").status, 204));
    let mark = site.log_mark();
    site.reconfigure(&configuration("return 204;"));
    drop(clients);
    site.wait_for_log_after(mark, "has ended with its last connection");
    let text = wait_for_status(&site, "0 connections: 0 reading, 0 writing, 0 waiting; 16 accepted\n");
    assert!(text.contains("1 workers\n") && text.contains("16 requests, 16 2xx"), "{text}");
}

#[test]
fn a_program_reads_the_same_numbers() {
    let site = site("return 204;");
    let mut client = site.connect();
    assert_eq!(client.get("/").status, 204);
    let status = site.webserv(&["status", "--format", "json"]);
    let text = String::from_utf8(status.stdout).expect("it is text");
    for expected in [
        "\"uptime_seconds\":",
        "\"connections\":{\"open\":1,\"reading\":0,\"writing\":0,\"waiting\":1,\"accepted\":1}",
        "\"requests\":{\"begun\":1,\"2xx\":1,\"3xx\":0,\"4xx\":0,\"5xx\":0}",
    ] {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
}

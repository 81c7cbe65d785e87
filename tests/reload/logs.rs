//! USR1 and reloads lose no line of a log.

use std::fs;

use super::configuration;
use crate::support::{PATIENCE, Running, Site, wait_for_file};

fn lines(text: &str) -> usize {
    text.matches('\n').count()
}

#[test]
fn reopening_loses_no_line_under_load() {
    let site = Site::new().conf("access_log {root}/access.log; return 200 said;").start();
    const ROUNDS: usize = 5;
    const REQUESTS: usize = 400;
    for round in 0..ROUNDS {
        let mut client = site.connect();
        for _ in 0..REQUESTS / 2 {
            client.get("/");
        }
        fs::rename(site.path("access.log"), site.path(&format!("old.{round}"))).expect("it is there");
        site.signal("USR1");
        for _ in 0..REQUESTS / 2 {
            client.get("/");
        }
        wait_for_file(&site.path("access.log"), |_| site.path("access.log").exists());
    }
    let rotated = || -> usize {
        let read = |round| fs::read_to_string(site.path(&format!("old.{round}"))).expect("it is there");
        (0..ROUNDS).map(|round| lines(&read(round))).sum()
    };
    wait_for_file(&site.path("access.log"), |text| lines(text) + rotated() >= ROUNDS * REQUESTS);
    let now = fs::read_to_string(site.path("access.log")).expect("it is there");
    assert_eq!(lines(&now) + rotated(), ROUNDS * REQUESTS);
}

#[test]
fn buffered_lines_go_to_the_old_file() {
    let site = Site::new().conf("access_log {root}/access.log combined buffer=64k flush=1h; return 200 said;").start();
    site.get("/before");
    fs::rename(site.path("access.log"), site.path("old.log")).expect("it is opened at the start");
    site.signal("USR1");
    let old = site.access_log("old.log", 1);
    assert!(old[0].contains("GET /before "), "{old:?}");
    wait_for_file(&site.path("access.log"), |_| site.path("access.log").exists());
}

#[test]
fn the_error_log_is_reopened_too() {
    let site = Site::new().main("error_log {root}/error.log info;").start();
    site.get("/before");
    site.access_log("error.log", 1);
    fs::rename(site.path("error.log"), site.path("old.log")).expect("it is there");
    site.signal("USR1");
    wait_for_file(&site.path("error.log"), |_| site.path("error.log").exists());
    site.get("/after");
    wait_for_file(&site.path("error.log"), |text| text.contains("/after"));
}

/// Waits until the server has this many descriptors open: old configurations are taken apart a moment after a reload.
#[track_caller]
fn wait_for_open_files(site: &Running, expected: usize) {
    let began = std::time::Instant::now();
    while site.open_files() != expected {
        assert!(began.elapsed() < PATIENCE, "{} descriptors instead of {expected}", site.open_files());
        std::thread::yield_now();
    }
}

#[test]
fn fifty_reloads_leave_no_descriptor_behind() {
    let text = |number: usize| {
        let server = format!("access_log {{root}}/log{};\nreturn 200 {number};", number % 2);
        format!("worker_processes 2;\n{}", configuration(&server))
    };
    let site = Site::new().config(&text(0)).start();
    let mut clients: Vec<_> = (0..16).map(|_| site.connect()).collect();
    let mut ask = |number: usize| {
        clients.iter_mut().for_each(|client| assert_eq!(client.get("/").text(), number.to_string()));
    };
    ask(0);
    let before = site.open_files();
    for number in 1..=50 {
        site.reconfigure(&text(number));
        ask(number);
    }
    wait_for_open_files(&site, before);
}

#[test]
fn a_reload_loses_no_line() {
    let site = Site::new().conf("access_log {root}/access.log combined buffer=64k flush=1h; return 200 said;").start();
    for _ in 0..50 {
        site.get("/");
        site.reload();
    }
    let stopped = site.stop();
    let text = fs::read_to_string(stopped.folder.path("access.log")).expect("it is there");
    assert_eq!(lines(&text), 50);
}

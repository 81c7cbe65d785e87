//! `webserv reload --confirm`: a configuration that is taken back unless somebody confirms it.

use std::process::Output;

use super::configuration;
use crate::support::{Running, Site};

/// Two addresses, of which the second may go.
fn two_addresses() -> Running {
    Site::new().config(&configuration("listen 127.0.0.2:0;\nreturn 200 old;")).start()
}

fn site() -> Running {
    Site::new().config(&configuration("return 200 old;")).start()
}

fn output(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("it is text")
}

#[track_caller]
fn succeeds(site: &Running, words: &[&str]) -> String {
    let done = site.webserv(words);
    assert!(done.status.success(), "{words:?}: {done:?}");
    output(&done).to_owned()
}

/// Takes a configuration up for so short a time that it is taken back at once, and waits until it is.
#[track_caller]
fn try_briefly(site: &Running, text: &str) -> String {
    let mark = site.log_mark();
    site.configure(text);
    succeeds(site, &["reload", "--confirm", "20ms"]);
    site.wait_for_log_after(mark, "configuration taken back")
}

#[test]
fn what_is_not_confirmed_is_taken_back_and_nobody_notices() {
    let site = site();
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "old");
    let line = try_briefly(&site, &configuration("listen 127.0.0.3:0;\nreturn 200 new;"));
    assert!(line.contains("generation 3, which is 1 again in place of 2"), "{line}");
    assert_eq!(client.get("/").text(), "old");
    assert_eq!(site.get("/").text(), "old");
    assert_eq!(site.addresses().len(), 1, "the new address is gone again");
    let status = succeeds(&site, &["status"]);
    assert!(status.contains("generation 3, loaded") && status.contains("(generation 1 again)"), "{status}");
    assert!(status.contains("generation 2 was taken back"), "{status}");
    assert!(status.contains("was not confirmed within 20ms") && !status.contains("on trial"), "{status}");
    let status = succeeds(&site, &["status", "--format", "json"]);
    assert!(status.contains("\"on_trial\":null,\"last_taken_back\":{\"at\":"), "{status}");
    let missed = site.webserv(&["confirm"]);
    assert_eq!(missed.status.code(), Some(1));
    assert_eq!(output(&missed), "nothing to confirm: generation 3 is not on trial\n");
}

#[test]
fn what_is_confirmed_stays() {
    let site = site();
    site.configure(&configuration("return 200 new;"));
    let text = succeeds(&site, &["reload", "--confirm", "1h"]);
    assert!(text.contains("on trial: generation 1 comes back in 1h unless `webserv confirm` comes\n"), "{text}");
    assert_eq!(site.get("/").text(), "new");
    let status = succeeds(&site, &["status"]);
    assert!(status.contains("on trial: generation 1 comes back in "), "{status}");
    let status = succeeds(&site, &["status", "--format", "json"]);
    assert!(status.contains("\"on_trial\":{\"back_to\":1,\"confirm_in_ms\":3"), "{status}");
    assert_eq!(succeeds(&site, &["confirm"]), "generation 2 is confirmed\n");
    assert_eq!(site.get("/").text(), "new");
    assert!(!succeeds(&site, &["status"]).contains("on trial"));
    assert!(!site.webserv(&["confirm"]).status.success(), "once is enough");
}

#[test]
fn an_address_that_goes_is_served_as_before_until_the_confirmation() {
    let site = two_addresses();
    let addresses = site.addresses();
    site.configure(&format!("worker_processes 3;\n{}", configuration("return 200 new;")));
    let text = succeeds(&site, &["reload", "--confirm", "1h"]);
    assert!(text.contains(&format!("- listening on {}, as soon as that is confirmed\n", addresses[1])), "{text}");
    // New workers serve it, too.
    for _ in 0..12 {
        assert_eq!(site.connect_to(addresses[1]).get("/").text(), "old");
        assert_eq!(site.connect_to(addresses[0]).get("/").text(), "new");
    }
    let mark = site.log_mark();
    let text = succeeds(&site, &["confirm"]);
    assert_eq!(text, format!("generation 2 is confirmed\n- listening on {}\n", addresses[1]));
    site.wait_for_log_after(mark, "no longer listening on");
    assert_eq!(site.addresses(), addresses[..1]);
    assert_eq!(site.get("/").text(), "new");
}

#[test]
fn an_address_that_was_to_go_has_never_been_away_when_it_comes_back() {
    let site = two_addresses();
    let addresses = site.addresses();
    let mut client = site.connect_to(addresses[1]);
    assert_eq!(client.get("/").text(), "old");
    try_briefly(&site, &configuration("return 200 new;"));
    assert_eq!(client.get("/").text(), "old");
    assert_eq!(site.addresses(), addresses);
    assert_eq!(site.connect_to(addresses[1]).get("/").text(), "old");
}

#[test]
fn a_reload_in_the_meantime_takes_the_place_of_the_one_on_trial() {
    let site = two_addresses();
    let addresses = site.addresses();
    site.configure(&configuration("listen 127.0.0.3:0;\nreturn 200 second;"));
    succeeds(&site, &["reload", "--confirm", "1h"]);
    site.configure(&configuration("return 200 third;"));
    let text = succeeds(&site, &["reload"]);
    assert!(text.contains("on trial: generation 1 comes back in "), "{text}");
    assert_eq!(site.get("/").text(), "third");
    assert_eq!(site.addresses(), addresses, "what only the second had is gone, what the first had is not");
    site.try_reconfigure(&configuration("nonsense;")).expect_err("it is refused");
    assert_eq!(site.get("/").text(), "third", "a refused one changes nothing");
    try_briefly(&site, &configuration("return 200 fourth;"));
    assert_eq!(site.get("/").text(), "old");
    assert_eq!(site.connect_to(addresses[1]).get("/").text(), "old");
}

#[test]
fn workers_that_came_for_a_trial_go_with_it() {
    let site = site();
    let mark = site.log_mark();
    try_briefly(&site, &format!("worker_processes 4;\n{}", configuration("return 200 new;")));
    site.wait_for_log_after(mark, "1 workers instead of 4");
    for _ in 0..3 {
        assert!(site.wait_for_log_after(mark, "has ended with its last connection").contains("worker"));
    }
    assert_eq!(site.get("/").text(), "old");
}

#[test]
fn a_zone_gets_its_size_back() {
    let zone = |size| {
        let server = "limit_req zone=one;\nreturn 200 said;";
        let zone = format!("http {{\nlimit_req_zone $uri zone=one:{size} rate=1000r/s;");
        configuration(server).replace("http {", &zone)
    };
    let site = Site::new().config(&zone("64k")).start();
    assert_eq!(site.get("/").text(), "said");
    let mark = site.log_mark();
    try_briefly(&site, &zone("32k"));
    site.wait_for_log_after(mark, "zone \"one\" has 32k instead of 64k");
    site.wait_for_log_after(mark, "zone \"one\" has 64k instead of 32k");
    site.configure(&zone("128k"));
    assert!(succeeds(&site, &["reload"]).contains("~ zone \"one\" has 128k instead of 64k\n"));
}

#[test]
fn the_server_is_found_by_both_configurations_until_it_is_settled() {
    let site = site();
    let first = site.pid_file().with_extension("control");
    site.configure(&configuration("return 200 new;"));
    succeeds(&site, &["reload", "--confirm", "1h"]);
    site.reconfigure(&format!("control {{root}}/control;\npid {{root}}/pid;\n{}", configuration("return 200 newer;")));
    assert!(first.exists() && site.pid_file().exists() && site.path("pid").exists());
    assert!(succeeds(&site, &["confirm"]).contains("is confirmed"));
    assert!(!first.exists() && !site.pid_file().exists());
    try_briefly(&site, &format!("control {{root}}/control;\n{}", configuration("return 200 newest;")));
    assert!(site.path("pid").exists() && !site.pid_file().exists());
    assert_eq!(site.get("/").text(), "newer");
}

#[test]
fn a_server_on_trial_ends_like_any_other() {
    let site = site();
    site.configure(&configuration("return 200 new;"));
    succeeds(&site, &["reload", "--confirm", "1h"]);
    site.signal("QUIT");
    assert!(site.wait().status.success());
}

#[test]
fn a_signal_cannot_say_that_it_is_a_trial() {
    let text = format!("control off;\n{}", configuration("return 200 old;"));
    let site = Site::new().config(&text).start();
    let failed = site.webserv(&["reload", "--confirm", "60s"]);
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(said.contains("no control socket") && said.contains("a signal cannot say"), "{said}");
}

//! `reload_guard`: a configuration whose answers fail is taken back by itself.

use super::configuration;
use crate::support::{Client, Running, Site};

fn guarded(guard: &str, server: &str) -> String {
    format!("reload_guard {guard};\n{}", configuration(&format!("keepalive_requests 1000000;\n{server}")))
}

/// Asks on one connection until the answer has this status.
#[track_caller]
fn ask_until(client: &mut Client, status: u16) {
    let found = (0..1_000_000).any(|_| client.get("/").status == status);
    assert!(found, "no answer has status {status}");
}

fn status(site: &Running) -> String {
    String::from_utf8(site.webserv(&["status"]).stdout).expect("it is text")
}

#[test]
fn a_reload_that_makes_requests_fail_is_taken_back_by_itself() {
    let site = Site::new().config(&guarded("10% 1h", "return 200 old;")).start();
    let mut client = site.connect();
    (0..30).for_each(|_| assert_eq!(client.get("/").status, 200));
    let mark = site.log_mark();
    site.reconfigure(&guarded("10% 1h", "return 502;"));
    let line = site.wait_for_log_after(mark, "configuration reloaded");
    assert!(line.contains("generation 1 comes back if reload_guard finds too many 5xx within"), "{line}");
    assert_eq!(client.get("/").status, 502);
    ask_until(&mut client, 200);
    let line = site.wait_for_log_after(mark, "taking the configuration back");
    assert!(line.contains("answers were 5xx (100.0%) after the reload, before it 0 of 30 answers were 5xx"), "{line}");
    site.wait_for_log_after(mark, "configuration taken back: generation 3, which is 1 again");
    let status = status(&site);
    assert!(status.contains("generation 2 was taken back") && status.contains("reload_guard: "), "{status}");
}

#[test]
fn failures_below_the_share_or_too_few_to_judge_are_borne() {
    let site = Site::new().config(&guarded("50% 1s min=10", "return 200 old;")).start();
    let mark = site.log_mark();
    site.reconfigure(&guarded("50% 1s min=10", "location /fail { return 503; }\nlocation / { return 200 new; }"));
    (0..5).for_each(|_| assert_eq!(site.get("/fail").status, 503));
    let line = site.wait_for_log_after(mark, "configuration stays");
    assert!(line.contains("5 of 5 answers were 5xx (100.0%) in the 1s after the reload, too few to judge"), "{line}");
    assert_eq!(site.get("/").text(), "new");
    assert!(!status(&site).contains("on trial"));
}

#[test]
fn what_failed_before_as_well_is_not_the_reload_s_fault() {
    let site = Site::new().config(&guarded("10% 1h", "return 503;")).start();
    (0..40).for_each(|_| assert_eq!(site.get("/").status, 503));
    let mark = site.log_mark();
    site.reconfigure(&guarded("10% 1h", "return 502;"));
    let line = site.wait_for_log_after(mark, "before the reload, so those after it are not judged");
    assert!(line.contains("40 of 40 answers were 5xx"), "{line}");
    (0..40).for_each(|_| assert_eq!(site.get("/").status, 502));
    assert!(!status(&site).contains("on trial"));
}

#[test]
fn an_address_that_goes_is_kept_until_the_window_is_over() {
    let site = Site::new().config(&guarded("10% 1h", "listen 127.0.0.2:0;\nreturn 200 old;")).start();
    let addresses = site.addresses();
    let mark = site.log_mark();
    site.reconfigure(&guarded("10% 1s", "return 200 new;"));
    site.wait_for_log_after(mark, "is kept open as long as the configuration is on trial");
    site.wait_for_log_after(mark, "configuration stays: generation 2, reload_guard: ");
    site.wait_for_log_after(mark, &format!("no longer listening on {}", addresses[1]));
    assert_eq!(site.get("/").text(), "new");
}

#[test]
fn who_confirms_ends_the_watch() {
    let site = Site::new().config(&guarded("10% 1h", "return 200 old;")).start();
    site.reconfigure(&guarded("10% 1h", "return 502;"));
    assert!(site.webserv(&["confirm"]).status.success());
    (0..40).for_each(|_| assert_eq!(site.get("/").status, 502));
}

#[test]
fn either_reason_takes_a_configuration_back_that_must_be_confirmed() {
    let site = Site::new().config(&configuration("return 200 old;")).start();
    site.configure(&guarded("10% 1h", "return 502;"));
    let text = site.webserv(&["reload", "--confirm", "1h"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let both = "comes back in 1h unless `webserv confirm` comes; or if reload_guard finds too many 5xx within 1h\n";
    assert!(text.ends_with(both), "{text}");
    let mut client = site.connect();
    assert_eq!(client.get("/").status, 502);
    ask_until(&mut client, 200);

    let mark = site.log_mark();
    site.configure(&guarded("10% 1s", "return 200 good;"));
    assert!(site.webserv(&["reload", "--confirm", "1h"]).status.success());
    site.wait_for_log_after(mark, "reload_guard: 0 of 0 answers were 5xx (0.0%) in the 1s after the reload");
    assert!(status(&site).contains("unless `webserv confirm` comes\n"), "good answers are no confirmation");
    assert!(site.webserv(&["confirm"]).status.success());
}

//! `watch` itself changes.

use super::{configuration, ignored, reloads, replace, says, taken, watching};
use crate::support::{Running, Site};

fn site_with(watch: &str) -> Running {
    Site::new().file("answer.conf", says("one")).config(&text(watch)).start()
}

fn text(watch: &str) -> String {
    format!("{watch} error_log stderr debug;\n{}", configuration("include {root}/answer.conf;"))
}

/// Changes the answer, and shows that it takes a signal to have it taken up.
fn waits_for_a_signal(site: &Running, answer: &str) {
    let before = reloads(site);
    replace(&site.path("answer.conf"), &says(answer));
    site.reload();
    assert_eq!(site.get("/").text(), answer);
    assert_eq!(reloads(site), before, "nobody watched");
}

#[test]
fn without_the_directive_nothing_is_watched() {
    waits_for_a_signal(&site_with(""), "two");
    waits_for_a_signal(&site_with("watch off;"), "two");
    let lines = site_with("").stop().error_log;
    assert!(!lines.contains("as they were"), "{lines}");
}

#[test]
fn turned_on_or_off_by_a_reload_it_holds_from_then_on() {
    let site = site_with("watch off;");
    site.reconfigure(&text("watch on;"));
    let change = |answer| replace(&site.path("answer.conf"), &says(answer));
    taken(&site, || change("two"), "two");
    let off = std::fs::read_to_string(site.configuration()).unwrap().replace("watch on;", "watch off;");
    taken(&site, || replace(&site.configuration(), &off), "two");
    waits_for_a_signal(&site, "three");
    site.reconfigure(&text("watch 5ms;"));
    taken(&site, || change("four"), "four");
}

#[test]
fn a_longer_time_of_quiet_is_waited_for() {
    let site = site_with("watch 1h;");
    waits_for_a_signal(&site, "two");
    let mark = site.log_mark();
    site.reconfigure(&text("watch 5ms;"));
    site.wait_for_log_after(mark, "as they were");
    taken(&site, || replace(&site.path("answer.conf"), &says("three")), "three");
}

#[test]
fn a_reload_by_a_signal_is_watched_from_as_well() {
    let site = Site::new().file("more.conf", says("two")).config(&watching("return 200 one;")).start();
    ignored(&site, || site.reconfigure(&watching("include {root}/more.conf;")));
    taken(&site, || replace(&site.path("more.conf"), &says("three")), "three");
}

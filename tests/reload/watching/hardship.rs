//! Where the system does not tell, or not of everything.

use std::fs::{self, File};

use super::{configuration, replace, says, site, taken, watching};
use crate::support::Site;

const POLLING: &str = "configuration files are looked at every 2s: ";

#[test]
fn a_change_among_more_than_the_system_can_keep_is_found() {
    let site = site();
    let kept = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let kept: usize = kept.trim().parse().unwrap();
    let overflow = || {
        site.signal("STOP");
        // One after the other in turn, for the system keeps equal ones as one.
        for number in 0..2 * kept {
            File::create(site.path(["x", "y"][number % 2])).unwrap();
        }
        replace(&site.path("answer.conf"), &says("two"));
        site.signal("CONT");
    };
    taken(&site, overflow, "two");
    taken(&site, || replace(&site.path("answer.conf"), &says("three")), "three");
}

#[test]
fn without_watches_files_are_looked_at_which_is_told_once() {
    let text = configuration("include {root}/answer.conf;");
    let site = Site::new().file("answer.conf", says("one")).config(&text).start();
    let open = site.open_files() as u64;
    // One file at a time can be read, but not watched beside it.
    site.limit_open_files(open + 1);
    site.reconfigure(&watching("include {root}/answer.conf;"));
    let line = site.wait_for_log(POLLING);
    assert!(line.contains("[warn]") && line.contains("Too many open files"), "{line}");
    let change = |answer| replace(&site.path("answer.conf"), &says(answer));
    let mark = site.log_mark();
    change("two");
    site.wait_for_log_after(mark, "configuration reloaded");
    let mark = site.log_mark();
    change("three");
    site.wait_for_log_after(mark, "configuration reloaded");
    assert_eq!(site.error_log().matches(POLLING).count(), 1);
    site.limit_open_files(open + 100);
    taken(&site, || change("four"), "four");
    taken(&site, || change("five"), "five");
}

#[test]
fn where_files_are_looked_at_a_longer_time_of_quiet_is_waited_for_as_well() {
    let text = configuration("include {root}/answer.conf;");
    let site = Site::new().file("answer.conf", says("one")).config(&text).start();
    site.limit_open_files(site.open_files() as u64 + 1);
    // Longer than from one look to the next.
    site.reconfigure(&watching("include {root}/answer.conf;").replace("watch 20ms;", "watch 2500ms;"));
    site.wait_for_log(POLLING);
    let mark = site.log_mark();
    replace(&site.path("answer.conf"), &says("two"));
    site.wait_for_log_after(mark, "configuration reloaded");
}

#[test]
fn a_file_system_that_tells_nothing_is_looked_at_which_is_told_once() {
    let server = "include /proc/self/cwd/answer.conf;";
    let site = Site::new().file("answer.conf", says("one")).config(&watching(server)).start();
    let line = site.wait_for_log(POLLING);
    assert!(line.contains("[warn]") && line.contains("proc, does not tell"), "{line}");
    for answer in ["two", "three"] {
        taken(&site, || replace(&site.path("answer.conf"), &says(answer)), answer);
    }
    assert_eq!(site.error_log().matches(POLLING).count(), 1);
}

#[test]
fn more_folders_than_can_be_watched_are_looked_at() {
    let fill = |root: &std::path::Path| {
        for number in 0..4100 {
            fs::create_dir_all(root.join(format!("sites/{number}"))).unwrap();
        }
    };
    let server = "include {root}/sites/*/*.conf; location /other { }\nreturn 200 none;";
    let site = Site::new().with_folder(fill).config(&watching(server)).start();
    let line = site.wait_for_log(POLLING);
    assert!(line.contains("folders are more than 4096"), "{line}");
    taken(&site, || site.write("sites/2026/site.conf", says("one")), "one");
}

//! Folders go and come back, and files come and go in them.

use std::fs;

use super::{refused, replace, says, taken, watching};
use crate::support::{Running, Site};

fn including(files: &[(&str, &str)], include: &str) -> Running {
    let mut site = Site::new();
    for (name, answer) in files {
        site = site.file(name, says(answer));
    }
    site.config(&watching(&format!("include {{root}}/{include}; location /other {{ }}\nreturn 200 none;"))).start()
}

#[test]
fn files_that_come_and_go_under_a_pattern_are_changes() {
    let site = including(&[("sites/b.conf", "b")], "sites/*.conf");
    let path = site.path("sites/a.conf");
    let line = taken(&site, || replace(&path, &says("a")), "a");
    assert!(line.ends_with("site/sites/a.conf"), "{line}");
    taken(&site, || fs::rename(&path, site.path("sites/a.conf.off")).unwrap(), "b");
    taken(&site, || fs::rename(site.path("sites/a.conf.off"), &path).unwrap(), "a");
    taken(&site, || fs::remove_file(&path).unwrap(), "b");
    taken(&site, || fs::remove_file(site.path("sites/b.conf")).unwrap(), "none");
    taken(&site, || replace(&path, &says("again")), "again");
}

#[test]
fn folders_that_come_and_go_under_a_pattern_are_changes() {
    let site = including(&[("sites/b/site.conf", "b")], "sites/*/site.conf");
    fs::create_dir(site.path("sites/a")).unwrap();
    taken(&site, || site.write("sites/a/site.conf", says("a")), "a");
    taken(&site, || fs::rename(site.path("sites/a"), site.path("elsewhere")).unwrap(), "b");
    taken(&site, || fs::rename(site.path("elsewhere"), site.path("sites/a")).unwrap(), "a");
    taken(&site, || replace(&site.path("sites/a/site.conf"), &says("A")), "A");
    taken(&site, || fs::remove_dir_all(site.path("sites/a")).unwrap(), "b");
}

#[test]
fn a_folder_that_is_removed_and_made_again_is_watched_again() {
    let site = including(&[("sites/a.conf", "one")], "sites/*.conf");
    for answer in ["two", "three"] {
        taken(&site, || fs::remove_dir_all(site.path("sites")).unwrap(), "none");
        taken(&site, || site.write("sites/a.conf", says(answer)), answer);
        let louder = answer.to_uppercase();
        taken(&site, || replace(&site.path("sites/a.conf"), &says(&louder)), &louder);
    }
    let at_once = || {
        fs::remove_dir_all(site.path("sites")).unwrap();
        site.write("sites/a.conf", says("four"));
    };
    taken(&site, at_once, "four");
    taken(&site, || replace(&site.path("sites/a.conf"), &says("five")), "five");
}

#[test]
fn a_folder_that_is_moved_into_the_place_of_another_is_a_change() {
    let site = including(&[("a/b/c/answer.conf", "one"), ("new/b/c/answer.conf", "two")], "a/b/c/answer.conf");
    // Not the folder of the file, but one above it.
    let exchange = || {
        fs::rename(site.path("a"), site.path("old")).unwrap();
        fs::rename(site.path("new"), site.path("a")).unwrap();
    };
    taken(&site, exchange, "two");
    taken(&site, || replace(&site.path("a/b/c/answer.conf"), &says("three")), "three");
}

#[test]
fn a_file_that_was_lacking_is_taken_when_it_is_there() {
    let site = including(&[("answer.conf", "one")], "answer.conf");
    let text = fs::read_to_string(site.configuration()).unwrap();
    let lacking = text.replace("/answer.conf", "/not/yet/there.conf");
    refused(&site, || replace(&site.configuration(), &lacking));
    taken(&site, || site.write("not/yet/there.conf", says("two")), "two");
}

#[test]
fn a_file_that_goes_is_refused_and_taken_when_it_is_back() {
    let site = including(&[("conf/answer.conf", "one")], "conf/answer.conf");
    refused(&site, || fs::remove_dir_all(site.path("conf")).unwrap());
    assert_eq!(site.get("/").text(), "one");
    taken(&site, || site.write("conf/answer.conf", says("two")), "two");
}

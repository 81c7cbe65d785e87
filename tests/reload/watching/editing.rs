//! Files are edited in the ways that editors and people have.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use super::{ignored, refused, reloads, replace, says, site, taken, watching};
use crate::support::Site;

#[test]
fn a_file_that_is_written_anew_is_taken_up_and_named() {
    let site = site();
    for answer in ["two", "three", "four"] {
        let line = taken(&site, || site.write("answer.conf", says(answer)), answer);
        assert!(line.ends_with("configuration files changed: site/answer.conf"), "{line}");
    }
}

#[test]
fn an_idle_connection_sees_the_change_and_is_not_closed() {
    let site = site();
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "one");
    taken(&site, || replace(&site.path("answer.conf"), &says("two")), "two");
    assert_eq!(client.get("/").text(), "two");
}

#[test]
fn an_editor_that_keeps_a_backup_and_renames_is_followed() {
    let site = site();
    let file = site.path("answer.conf");
    for answer in ["two", "three", "four"] {
        let save = || {
            fs::write(site.path(".answer.conf.swp"), "swap").unwrap();
            fs::write(site.path("4913"), "").unwrap();
            fs::remove_file(site.path("4913")).unwrap();
            fs::rename(&file, site.path("answer.conf~")).unwrap();
            fs::write(&file, says(answer)).unwrap();
            fs::remove_file(site.path("answer.conf~")).unwrap();
        };
        taken(&site, save, answer);
        let save = || {
            fs::write(site.path("answer.conf.new"), says(&answer.to_uppercase())).unwrap();
            fs::rename(&file, site.path("answer.conf~")).unwrap();
            fs::rename(site.path("answer.conf.new"), &file).unwrap();
        };
        taken(&site, save, &answer.to_uppercase());
    }
}

#[test]
fn files_that_are_moved_over_others_are_taken_up() {
    let site = Site::new().config(&watching("return 200 one;")).start();
    for answer in ["two", "three", "four"] {
        let text = fs::read_to_string(site.configuration()).unwrap();
        let start = text.rfind("return 200 ").unwrap();
        let line = taken(
            &site,
            || replace(&site.configuration(), &format!("{}{}}} }}", &text[..start], says(answer))),
            answer,
        );
        assert!(line.ends_with("changed: webserv.conf"), "{line}");
    }
}

#[test]
fn mime_types_and_the_lines_of_a_map_are_watched_too() {
    let site = Site::new()
        .file("mime.types", "types { text/plain txt; }")
        .file("map.conf", "/ one;")
        .config(
            &watching("return 200 $said;")
                .replace("http {", "http { include {root}/mime.types; map $uri $said { include {root}/map.conf; }"),
        )
        .start();
    taken(&site, || replace(&site.path("map.conf"), "/ two;"), "two");
    let line = taken(&site, || replace(&site.path("mime.types"), "types { text/plain text; }"), "two");
    assert!(line.contains("mime.types"), "{line}");
}

#[test]
fn a_file_that_is_half_written_is_refused_once_and_taken_when_it_is_whole() {
    let site = site();
    let file = site.path("answer.conf");
    refused(&site, || replace(&file, "return 200 't"));
    assert_eq!(site.get("/").text(), "one");
    ignored(&site, || replace(&file, "return 200 't"));
    ignored(&site, || File::open(&file).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap());
    assert_eq!(reloads(&site), 1, "the same text is not tried again");
    assert_eq!(site.error_log().matches("configuration not changed").count(), 1);
    taken(&site, || File::options().append(true).open(&file).unwrap().write_all(b"wo';").unwrap(), "two");
    assert_eq!(reloads(&site), 2);
}

#[test]
fn an_empty_main_file_is_refused_and_what_was_there_before_is_taken_again() {
    let site = site();
    let text = fs::read_to_string(site.configuration()).unwrap();
    refused(&site, || replace(&site.configuration(), ""));
    assert_eq!(site.get("/").text(), "one");
    taken(&site, || replace(&site.configuration(), &text), "one");
    refused(&site, || fs::remove_file(site.configuration()).unwrap());
    taken(&site, || replace(&site.configuration(), &text), "one");
}

#[test]
fn what_has_the_same_content_is_no_change() {
    let site = site();
    let file = site.path("answer.conf");
    ignored(&site, || {});
    ignored(&site, || File::open(&file).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap());
    ignored(&site, || fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap());
    ignored(&site, || File::options().write(true).open(&file).unwrap().write_all(says("one").as_bytes()).unwrap());
    ignored(&site, || replace(&file, &says("one")));
    ignored(&site, || {
        fs::hard_link(&file, site.path("answer.conf~")).unwrap();
        fs::rename(site.path("answer.conf~"), &file).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    });
    // Nobody looks for these, but the end of the wait would show it.
    site.write("another.conf", says("nothing"));
    site.write(".answer.conf.swp", "");
    assert_eq!(reloads(&site), 0);
    let mark = site.log_mark();
    taken(&site, || replace(&file, &says("two")), "two");
    let line = site.wait_for_log_after(mark, "configuration reloaded");
    assert!(line.contains("generation 2"), "{line}");
    assert_eq!(reloads(&site), 1);
}

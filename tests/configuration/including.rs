//! `include`: patterns, order, depth.

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{Site, check_config};

#[test]
fn a_pattern_includes_files_in_their_order() {
    let site = Site::new()
        .file("conf/b.conf", "location /b { return 200 b; }")
        .file("conf/a.conf", "location /a { return 200 a; }")
        .file("conf/c.txt", "nonsense")
        .conf("include {root}/conf/*.conf;")
        .start();
    assert_eq!(site.get("/a").text(), "a");
    assert_eq!(site.get("/b").text(), "b");
}

#[test]
fn a_pattern_may_match_nothing_and_a_name_may_not() {
    let nothing = Site::new().conf("include {root}/none/*.conf;").unstarted().webserv(&["-t"]);
    assert!(nothing.status.success(), "{}", String::from_utf8_lossy(&nothing.stderr));
    let missing = Site::new().conf("include {root}/none/a.conf;").unstarted().webserv(&["-t"]);
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("none/a.conf"));
}

#[test]
fn a_file_that_includes_itself_is_an_error() {
    let output =
        Site::new().file("a.conf", "include a.conf;").conf("include {root}/a.conf;").unstarted().webserv(&["-t"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_pipe_to_which_nobody_writes_is_not_waited_for() {
    let site = Site::new()
        .with_folder(|root| mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap())
        .conf("return 200 said; include {root}/pipe;")
        .start();
    assert_eq!(site.get("/").text(), "said");
    site.reload();
}

#[test]
fn two_stars_are_one_twice_and_do_not_search_all_folders() {
    let site = Site::new()
        .file("conf/near/a.conf", "location /a { return 200 a; }")
        .file("conf/far/away/b.conf", "nonsense")
        .conf("include {root}/conf/**/*.conf;")
        .start();
    assert_eq!(site.get("/a").text(), "a");
}

#[test]
fn a_line_that_no_person_wrote_is_named_and_not_shown() {
    let checked = check_config(&format!("events {{ }}\nhttp {{ {} }}\n", "foo bar; ".repeat(20_000)));
    assert!(!checked.ok);
    assert!(checked.output.contains("unknown directive \"foo\"") && checked.output.contains("webserv.conf:2:8"));
    assert!(checked.output.len() < 100_000, "{} bytes", checked.output.len());
}

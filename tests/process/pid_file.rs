//! The pid file that a server left behind, and that of one that runs.

use std::fs;

use crate::support::Site;

#[test]
fn nobody_is_signalled_by_a_file_that_was_left_behind() {
    let site = Site::new().conf("return 200 said;").start();
    let number = site.pid().as_raw_nonzero().get();
    site.signal("KILL");
    let stopped = site.wait();
    let folder = &stopped.folder;
    assert_eq!(fs::read_to_string(folder.pid_file()).expect("it was left behind").trim(), number.to_string());
    // It may be this very test that has the number now.
    fs::write(folder.pid_file(), format!("{}\n", std::process::id())).expect("it can be written");
    for signal in ["stop", "quit", "reopen"] {
        let output = folder.webserv(&["-s", signal]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains("is stale: process"), "{text}");
    }
    let again = stopped.start_again();
    assert_eq!(again.get("/").text(), "said");
    assert_eq!(fs::read_to_string(again.pid_file()).unwrap().trim(), again.pid().as_raw_nonzero().get().to_string());
}

#[test]
fn the_file_of_a_server_that_runs_is_not_taken_away_from_it() {
    let site = Site::new().conf("return 200 said;").start();
    let output = site.webserv(&["-g", "control off;"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    let number = site.pid().as_raw_nonzero().get();
    assert!(text.contains(&format!("(process {number} runs, which has written it)")), "{text}");
    assert_eq!(fs::read_to_string(site.pid_file()).unwrap().trim(), number.to_string());
    assert!(site.webserv(&["-s", "stop"]).status.success());
    assert_eq!(site.wait().signal(), Some(15));
}

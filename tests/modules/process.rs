//! The process: its user, its workers, its pid file.

use crate::support::*;

/// Whether lines outside of blocks are accepted, and what `webserv -t` says of them.
fn checked(main: &str) -> (bool, String) {
    let checked = check_config(&format!("{main} events {{ }} http {{ }}"));
    (checked.ok, checked.output)
}

#[test]
fn so_many_workers_serve_as_are_asked_for() {
    for number in ["1", "3", "auto"] {
        let site = Site::new().main(&format!("worker_processes {number};")).conf("return 200 hi;").start();
        for _ in 0..8 {
            assert_eq!(site.get("/").text(), "hi", "{number}");
        }
    }
}

#[test]
fn the_pid_file_holds_the_number_of_the_process() {
    let site = Site::new().main("pid run.pid;").conf("return 200 hi;").start();
    let number = std::fs::read_to_string(site.path("run.pid")).expect("it was written before the server listened");
    assert_eq!(number.trim(), site.pid().as_raw_nonzero().to_string());
    let path = site.path("run.pid");
    let _folder = site.stop().folder;
    assert!(!path.exists());
}

#[test]
fn numbers_of_workers_and_connections_have_limits() {
    for (line, reason) in [
        ("worker_processes 0;", "invalid number \"0\""),
        ("worker_processes 5000;", "expected a number from 1 to 1024, or `auto`"),
        ("worker_processes many;", "expected a number from 1 to 1024, or `auto`"),
        ("worker_rlimit_nofile many;", "invalid number \"many\""),
    ] {
        let (ok, output) = checked(line);
        assert!(!ok && output.contains(reason), "{line}: {output}");
    }
    let none = check_config("events { worker_connections 0; } http { }");
    assert!(!none.ok && none.output.contains("at least 1 connection"), "{}", none.output);
    assert!(check_config("events { worker_connections 1; multi_accept on; } http { }").ok);
}

#[test]
fn a_user_that_does_not_exist_is_found_by_the_check() {
    let (ok, output) = checked("user nobody-of-this-name;");
    if rustix::process::geteuid().is_root() {
        assert!(!ok && output.contains("getpwnam(\"nobody-of-this-name\") failed"), "{output}");
        let (ok, output) = checked("user root no-such-group;");
        assert!(!ok && output.contains("getgrnam(\"no-such-group\") failed"), "{output}");
        assert!(checked("user nobody;").0);
    } else {
        assert!(ok && output.contains("makes sense only if"), "{output}");
    }
}

#[test]
fn they_stand_outside_of_all_blocks_but_connections_in_events() {
    let inside = check_config("events { } http { worker_processes 2; }");
    assert!(!inside.ok && inside.output.contains("\"worker_processes\" directive is not allowed here"));
    let (ok, output) = checked("worker_connections 100;");
    assert!(!ok && output.contains("\"worker_connections\" directive is not allowed here"), "{output}");
}

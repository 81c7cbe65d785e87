//! `-s`: a running server is found by its pid file.

use crate::support::{Site, wait_for_file};

#[track_caller]
fn sent(output: std::process::Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn stop_ends_it() {
    let site = Site::new().start();
    sent(site.webserv(&["-s", "stop"]));
    assert_eq!(site.wait().signal(), Some(15));
}

#[test]
fn quit_ends_it_when_it_has_finished() {
    let site = Site::new().file("large", vec![b'x'; 4 << 20]).start();
    let mut client = site.connect_narrow(4096);
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    let begin = client.read_some().len();
    sent(site.webserv(&["-s", "quit"]));
    site.wait_for_log("gracefully");
    assert!(begin + client.rest().len() > 4 << 20);
    assert_eq!(site.wait().status.code(), Some(0));
}

#[test]
fn reload_has_it_read_its_configuration() {
    let site = Site::new().conf("return 200 old;").start();
    site.configure("events { } http { access_log off; server { listen 127.0.0.1:0; return 200 new; } }");
    let mark = site.log_mark();
    sent(site.webserv(&["-s", "reload"]));
    site.wait_for_log_after(mark, "configuration reloaded");
    assert_eq!(site.get("/").text(), "new");
}

#[test]
fn reload_of_a_bad_configuration_is_refused_by_the_command() {
    let site = Site::new().conf("return 200 old;").start();
    site.configure("events { } http { nonsense; }");
    let output = site.webserv(&["-s", "reload"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("nonsense"));
    assert_eq!(site.get("/").text(), "old");
}

#[test]
fn reopen_has_it_open_its_logs() {
    let site = Site::new().conf("access_log {root}/access.log; return 200 said;").start();
    site.get("/before");
    site.access_log("access.log", 1);
    std::fs::rename(site.path("access.log"), site.path("old.log")).expect("it is there");
    sent(site.webserv(&["-s", "reopen"]));
    // The file is there a moment before lines go to it; until then they go to the old one.
    wait_for_file(&site.path("access.log"), |text| {
        text.contains("GET /after ") || {
            site.get("/after");
            false
        }
    });
}

#[test]
fn without_a_running_server_there_is_nobody_to_signal() {
    let folder = Site::new().unstarted();
    for signal in ["stop", "quit", "reload", "reopen"] {
        let output = folder.webserv(&["-s", signal]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(text.contains("webserv.pid") && text.contains("No such file or directory"), "{signal}: {text}");
    }
}

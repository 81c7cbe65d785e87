//! WINCH: the workers end gracefully, the process stays.

use crate::support::Site;

#[test]
fn who_connects_waits_until_a_reload_brings_workers_back() {
    let site = Site::new().main("worker_processes 2;").conf("return 200 said;").start();
    let mut idle = site.connect();
    assert_eq!(idle.get("/").text(), "said");
    site.signal("WINCH");
    assert!(idle.closed());
    site.wait_for_log("a reload brings them back");
    let mut waiting = site.connect();
    waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let status = site.webserv(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("\n0 workers"), "{status:?}");
    site.reload();
    assert_eq!(waiting.answer().text(), "said");
    for _ in 0..10 {
        assert_eq!(site.get("/").text(), "said");
    }
    site.signal("QUIT");
    assert_eq!(site.wait().status.code(), Some(0));
}

#[test]
fn a_server_without_workers_can_be_ended() {
    for (signal, code) in [("QUIT", Some(0)), ("TERM", None)] {
        let site = Site::new().conf("return 200 said;").start();
        site.signal("WINCH");
        site.wait_for_log("has ended with its last connection");
        site.signal(signal);
        assert_eq!(site.wait().status.code(), code);
    }
}

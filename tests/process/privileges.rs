//! Started as root, the server becomes `user` and keeps one right. Only root can try it; others skip these tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{Stranger, number};
use crate::support::{PROGRAM, Running, Site};

/// Whether the test can be made.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can become another user");
    }
    is_root
}

/// A site whose server becomes nobody, and whose folder everybody may enter, with a program that everybody may start.
fn site(main: &str, server: &str) -> Running {
    let site = Site::new().main(&format!("user nobody;\n{main}")).conf(server);
    let site = site.with_folder(|root| {
        let above = root.parent().expect("it is in a folder");
        for folder in [root, above] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        // By another process: one that is started at this moment must not hold it open for writing.
        let copied = Command::new("cp").arg(PROGRAM).arg(root.join("webserv")).status().expect("there is cp");
        assert!(copied.success());
    });
    site.program("webserv").start()
}

/// A line of what the system says of a process.
fn status(process: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = text.lines().find(|line| line.starts_with(name)).expect("the system says so");
    line.split_once(':').expect("it is a field").1.trim().to_owned()
}

/// CAP_NET_BIND_SERVICE alone.
const BIND: &str = "0000000000000400";
const NOTHING: &str = "0000000000000000";

#[track_caller]
fn has_one_right(process: i32) {
    assert_eq!(status(process, "CapEff"), BIND);
    assert_eq!(status(process, "CapPrm"), BIND);
    assert_eq!(status(process, "CapInh"), NOTHING, "scripts inherit nothing");
    assert_eq!(status(process, "CapAmb"), NOTHING);
    assert_eq!(status(process, "NoNewPrivs"), "1");
    assert!(status(process, "Uid").starts_with("65534"));
}

#[test]
fn it_keeps_the_right_to_bind_and_says_so() {
    if !is_root() {
        return;
    }
    let site = site("", "return 200 old;");
    site.wait_for_log("running as nobody (65534:");
    has_one_right(site.pid().as_raw_nonzero().get());
    site.reconfigure(
        "user nobody; events { } http { server { listen 127.0.0.1:0; listen 127.83.1.1:443; return 200 new; } }",
    );
    let low = site.addresses()[1];
    assert_eq!((low.port(), site.connect_to(low).get("/").text()), (443, "new"));
}

#[test]
fn an_upgrade_keeps_it() {
    if !is_root() {
        return;
    }
    let site = site("", "listen 127.0.0.1:0; listen 127.83.1.2:80; return 200 old;");
    site.configure(
        "user nobody; events { } http { server { listen 127.0.0.1:0; listen 127.83.1.2:80; listen 127.83.1.2:443;\n\
         return 200 new; } }",
    );
    let upgraded = site.webserv(&["upgrade"]);
    assert!(upgraded.status.success(), "{upgraded:?}");
    let _new = Stranger::of(&site);
    has_one_right(number(&site));
    for address in ["127.83.1.2:80", "127.83.1.2:443"] {
        assert_eq!(site.connect_to(address.parse().unwrap()).get("/").text(), "new");
    }
    assert!(site.webserv(&["status"]).status.success());
    assert!(site.webserv(&["-s", "stop"]).status.success());
}

#[test]
fn a_log_is_opened_anew_where_its_user_may_and_else_the_cure_is_told() {
    if !is_root() {
        return;
    }
    let site = site("", "access_log {root}/access.log; return 200 said;");
    site.get("/one");
    site.access_log("access.log", 1);
    fs::rename(site.path("access.log"), site.path("old.log")).expect("it is there");
    let mark = site.log_mark();
    site.signal("USR1");
    let line = site.wait_for_log_after(mark, "access.log\" failed (13: Permission denied)");
    assert!(line.contains("`create 0640 USER`") && line.contains("[emerg]"), "{line}");
    site.get("/two");
    assert_eq!(site.access_log("old.log", 2).len(), 2, "lines go on to the file that is open");
    // As logrotate does it by `create 0640 nobody`.
    fs::write(site.path("access.log"), "").expect("the folder can be written to");
    std::os::unix::fs::chown(site.path("access.log"), Some(65534), None).expect("root can");
    site.signal("USR1");
    site.wait_for_log_after(mark + 2, "reopening logs");
    crate::support::wait_for_file(&site.path("access.log"), |text| {
        text.contains("GET /three ") || {
            site.get("/three");
            false
        }
    });
}

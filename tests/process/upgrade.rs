//! `webserv upgrade` and USR2: a new process in the place of the old one, or the reason why not.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::process::Output;

use super::{Stranger, number};
use crate::support::{PATIENCE, PROGRAM, Process, Running, Site};

fn own_number(site: &Running) -> i32 {
    site.pid().as_raw_nonzero().get()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Asks for an upgrade that must fail, and for an answer of the server that goes on.
#[track_caller]
fn refused(site: &Running) -> String {
    let output = site.webserv(&["upgrade"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(site.get("/").text(), "said");
    assert_eq!(number(site), own_number(site));
    assert!(said(&output).ends_with("no upgrade: the server goes on as before\n"), "{output:?}");
    said(&output).to_owned()
}

#[test]
fn a_new_process_takes_over_with_the_configuration_of_now() {
    let site = Site::new().main("worker_processes 2;").conf("return 200 old;").start();
    let old = Process::of(own_number(&site));
    site.configure("events { } http { server { listen 127.0.0.1:0; return 200 new; } }");
    let upgraded = site.webserv(&["upgrade"]);
    assert!(upgraded.status.success(), "{upgraded:?}");
    let new = Stranger::of(&site);
    let (before, after) = (own_number(&site), number(&site));
    assert_ne!(before, after);
    assert!(said(&upgraded).contains(&format!("process {after} serves, process {before} finishes what runs")));
    assert_eq!(site.get("/").text(), "new");
    old.wait_for_end();
    assert!(fs::read_to_string(site.pid_file()).is_ok(), "the old one leaves the new one's file alone");
    let status = site.webserv(&["status"]);
    assert!(said(&status).contains(&format!("process {after}")), "{status:?}");
    assert_eq!(site.webserv(&["reload"]).status.code(), Some(0));
    assert!(site.webserv(&["-s", "quit"]).status.success());
    new.0.wait_for_end();
}

#[test]
fn a_signal_does_the_same_without_an_answer() {
    let site = Site::new().main("control off;").conf("return 200 said;").start();
    let old = Process::of(own_number(&site));
    let sent = site.webserv(&["upgrade"]);
    site.wait_for_log("this one finishes what runs");
    assert!(sent.status.success(), "{sent:?}");
    assert!(String::from_utf8_lossy(&sent.stderr).contains("sent USR2 to process"), "{sent:?}");
    old.wait_for_end();
    let _new = Stranger::of(&site);
    assert_ne!(number(&site), own_number(&site));
    assert_eq!(site.get("/").text(), "said");
}

#[test]
fn a_configuration_with_errors_is_shown_and_changes_nothing() {
    let site = Site::new().conf("return 200 said;").start();
    site.configure("events { } http { indx a; }");
    let text = refused(&site);
    assert!(text.contains("unknown directive \"indx\"") && text.contains("did you mean `index`?"), "{text}");
    site.wait_for_log("no upgrade, this server goes on");
    site.configure("events { } http { server { listen 127.0.0.1:0; return 200 new; } }");
    assert!(site.webserv(&["upgrade"]).status.success());
    let _new = Stranger::of(&site);
    assert_eq!(site.get("/").text(), "new");
}

#[test]
fn an_address_that_is_taken_is_told() {
    let site = Site::new().conf("return 200 said;").start();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound");
    site.configure(&format!("events {{ }} http {{ server {{ listen {address}; listen unix:{{root}}/new; }} }}"));
    let text = refused(&site);
    assert!(text.contains(&format!("bind() to {address} failed (98: Address already in use)")), "{text}");
}

#[test]
fn a_program_that_is_missing_or_ends_is_told_and_a_later_one_is_taken() {
    let site = Site::new().link("webserv").conf("return 200 said;").start();
    let link = site.path("webserv");
    fs::remove_file(&link).expect("it is there");
    assert!(refused(&site).contains("webserv\" cannot be started (2: No such file or directory)"));
    for (script, how) in [("exit 3", "ended with status 3"), ("kill -9 $$", "ended by signal 9")] {
        fs::write(&link, format!("#!/bin/sh\n{script}\n")).expect("the folder can be written to");
        fs::set_permissions(&link, fs::Permissions::from_mode(0o755)).expect("it is there");
        let text = refused(&site);
        assert!(text.contains(&format!("the new process {how} before it was ready")), "{text}");
    }
    fs::remove_file(&link).expect("it is there");
    symlink(PROGRAM, &link).expect("the folder can be written to");
    assert!(site.webserv(&["upgrade"]).status.success());
    let _new = Stranger::of(&site);
    assert_ne!(number(&site), own_number(&site));
}

#[test]
fn while_one_is_under_way_the_server_answers_and_refuses_another() {
    let site = Site::new().link("webserv").conf("return 200 said;").start();
    let link = site.path("webserv");
    fs::remove_file(&link).expect("it is there");
    let fifo = site.path("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("there are FIFOs");
    fs::write(&link, format!("#!/bin/sh\nread line < {}\nexit 5\n", fifo.display())).expect("it can be written");
    fs::set_permissions(&link, fs::Permissions::from_mode(0o755)).expect("it is there");
    site.signal("USR2");
    site.wait_for_log("upgrading: starting");
    assert!(refused(&site).starts_with("another upgrade is under way\n"));
    assert!(site.webserv(&["status"]).status.success());
    site.reload();
    fs::write(&fifo, "go\n").expect("the script reads it");
    site.wait_for_log("the new process ended with status 5 before it was ready");
    assert_eq!(site.get("/").text(), "said");
}

#[test]
fn a_json_answer_is_one_document() {
    let site = Site::new().conf("return 200 said;").start();
    site.configure("events { } http { nonsense; }");
    let failed = site.webserv(&["upgrade", "--format", "json"]);
    assert!(said(&failed).starts_with("{\"upgraded\":false,\"reasons\":["), "{failed:?}");
    site.configure("events { } http { server { listen 127.0.0.1:0; return 200 new; } }");
    let done = site.webserv(&["upgrade", "--format", "json"]);
    let _new = Stranger::of(&site);
    let numbers = format!("{{\"upgraded\":true,\"pid\":{},\"pid_before\":{},", number(&site), own_number(&site));
    assert!(said(&done).starts_with(&numbers), "{done:?}");
}

#[test]
fn addresses_that_the_new_configuration_has_not_are_closed_and_new_ones_are_open() {
    let site =
        Site::new().conf("listen 127.0.0.1:0; listen 127.0.0.2:0; listen unix:{root}/old; return 200 old;").start();
    let [first, second] = *site.addresses() else { panic!("two addresses") };
    let old = Process::of(own_number(&site));
    site.configure("events { } http { server { listen 127.0.0.1:0; listen unix:{root}/new; return 200 new; } }");
    assert!(site.webserv(&["upgrade"]).status.success());
    let _new = Stranger::of(&site);
    old.wait_for_end();
    site.wait_for_log(&format!("no longer listening on {second}"));
    assert_eq!(site.connect_to(first).get("/").text(), "new");
    assert_eq!(site.connect_unix(&site.path("new")).get("/").text(), "new");
    assert!(std::net::TcpStream::connect(second).is_err());
    assert!(!site.path("old").exists());
}

#[test]
fn a_quit_hastens_the_one_that_finishes() {
    let site = Site::new().conf("return 200 said;").start();
    let old = Process::of(own_number(&site));
    let mut idle = site.connect();
    idle.get("/");
    assert!(site.webserv(&["upgrade"]).status.success());
    let _new = Stranger::of(&site);
    assert!(idle.is_quiet() && old.runs());
    site.signal("QUIT");
    assert!(idle.closed());
    old.wait_for_end();
    assert_eq!(site.get("/").text(), "said");
}

#[test]
fn the_service_manager_hears_which_process_is_the_server() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let manager = UnixDatagram::bind(folder.path().join("notify")).expect("the folder can be written to");
    manager.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is some time");
    let told = || {
        let mut buffer = [0; 1024];
        let length = manager.recv(&mut buffer).expect("the manager is told something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let name = folder.path().join("notify").to_str().expect("it has a plain name").to_owned();
    let site = Site::new().env("NOTIFY_SOCKET", &name).conf("return 200 said;").start();
    assert!(told().starts_with("READY=1\n"));
    assert!(site.webserv(&["upgrade"]).status.success());
    let _new = Stranger::of(&site);
    assert_eq!(told(), format!("MAINPID={}", number(&site)));
    assert!(told().starts_with("READY=1\n"), "the new one is ready, and the old one does not say that it stops");
    site.webserv(&["-s", "quit"]);
    assert!(told().starts_with("STOPPING=1\n"));
}

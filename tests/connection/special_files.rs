//! What is in the document root and no file: it never blocks.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{Running, Site};

#[track_caller]
fn refused_at_once(site: &Running, path: &str) {
    let mut clients: Vec<_> = (0..4).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    assert_eq!(site.get("/home.html").text(), "hello");
    for mut client in clients {
        let status = client.answer().status;
        assert!([403, 404].contains(&status), "{path}: {status}");
    }
}

fn site() -> Running {
    Site::new().file("home.html", "hello").start()
}

#[test]
fn a_fifo_is_not_served_and_not_waited_for() {
    let site = site();
    mknodat(CWD, site.path("fifo"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).expect("it can be made");
    refused_at_once(&site, "/fifo");
}

#[test]
fn a_socket_is_not_served() {
    let site = site();
    let _socket = UnixListener::bind(site.path("socket")).expect("it can be made");
    refused_at_once(&site, "/socket");
}

#[test]
fn a_device_is_not_served() {
    let site = site();
    for (name, device) in [("zero", "/dev/zero"), ("null", "/dev/null"), ("tty", "/dev/ptmx")] {
        symlink(device, site.path(name)).expect("it can be made");
        refused_at_once(&site, &format!("/{name}"));
    }
}

#[test]
fn a_broken_link_and_a_circle_of_links_are_not_there() {
    let site = site();
    symlink("nowhere", site.path("broken")).expect("it can be made");
    symlink("circle", site.path("circle")).expect("it can be made");
    for path in ["/broken", "/circle"] {
        refused_at_once(&site, path);
    }
}

//! Sockets that a service manager passes: a shell is the manager.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use super::Stranger;
use crate::support::{Folder, PROGRAM, Running, Site};

/// Starts the program with a socket as its descriptor 3.
fn activate(folder: Folder, socket: impl Into<OwnedFd>, name: &str) -> Running {
    let mut command = Command::new("sh");
    let script = "exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" \"$@\"";
    command.args(["-c", script, PROGRAM]).args(folder.words());
    command.env("LISTEN_FDNAMES", name).stdin(Stdio::from(socket.into()));
    Running::start_by(command, folder)
}

fn folder(listen: &str) -> Folder {
    Site::new().main("worker_processes 2;").conf(&format!("listen {listen}; return 200 said;")).unstarted()
}

fn socket() -> (TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = socket.local_addr().expect("it is bound").to_string();
    (socket, address)
}

#[test]
fn a_socket_is_taken_for_the_address_that_it_is_bound_to() {
    let (socket, address) = socket();
    // A client may come before the server does.
    let early = std::net::TcpStream::connect(&address).expect("the manager listens");
    let site = activate(folder(&address), socket, "");
    assert_eq!(site.address().to_string(), address);
    for _ in 0..10 {
        assert_eq!(site.get("/").text(), "said");
    }
    drop(early);
}

#[test]
fn a_socket_is_taken_by_its_name_and_kept_across_reloads_and_upgrades() {
    let (socket, address) = socket();
    let keeps = socket.try_clone().expect("there are descriptors");
    let site = activate(folder("fd:web"), socket, "web");
    assert_eq!(site.address().to_string(), address);
    assert_eq!(site.get("/").text(), "said");
    site.reconfigure("worker_processes 3; events { } http { server { listen fd:web; return 200 new; } }");
    assert_eq!(site.get("/").text(), "new");
    assert!(site.webserv(&["upgrade"]).status.success());
    let new = Stranger::of(&site);
    assert_eq!(site.get("/").text(), "new");
    site.webserv(&["-s", "stop"]);
    new.0.wait_for_end();
    drop(keeps);
}

#[test]
fn the_file_of_a_passed_socket_stays_when_the_server_ends() {
    let folder = folder("unix:{root}/socket");
    let path = folder.path("socket");
    let socket = UnixListener::bind(&path).expect("the folder can be written to");
    let keeps = socket.try_clone().expect("there are descriptors");
    let site = activate(folder, socket, "");
    assert_eq!(site.connect_unix(&path).get("/").text(), "said");
    let stopped = site.stop();
    assert!(stopped.folder.path("socket").exists());
    drop(keeps);
}

#[test]
fn a_socket_that_nobody_wants_is_told_and_closed() {
    let (socket, address) = socket();
    let number = rustix::fs::fstat(&socket).expect("it is open").st_ino;
    let site = activate(folder("127.0.0.1:0"), socket, "other");
    let line = site.wait_for_log("that was passed, it is closed");
    assert!(line.contains(&format!("{address} (other)")) && line.contains("[warn]"), "{line}");
    assert_eq!(site.get("/").text(), "said");
    // Others that are started at this moment may hold it for a while, so the server itself is looked at.
    let open = std::fs::read_dir(format!("/proc/{}/fd", site.pid().as_raw_nonzero())).expect("it runs");
    let names = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let name = format!("socket:[{number}]");
    assert!(!names.into_iter().any(|other| other.as_os_str() == &*name), "{name}");
}

#[test]
fn a_name_that_was_not_passed_is_an_error() {
    let output = folder("fd:web").webserv(&[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(text.contains("bind() to fd:web failed (no socket of this name was passed"), "{text}");
    assert!(folder("fd:web").webserv(&["-t"]).status.success(), "a check passes no sockets");
}

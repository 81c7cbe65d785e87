//! Starting, and not starting.

use std::net::TcpListener;

use crate::support::{Folder, Site};

/// Runs a server that must end by itself; says what it wrote.
#[track_caller]
fn refused(folder: &Folder) -> String {
    let output = folder.webserv(&[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code().is_some_and(|code| code != 0), "{:?}:\n{text}", output.status);
    assert!(!folder.pid_file().exists(), "no pid file is left");
    text
}

#[test]
fn a_bad_configuration_does_not_start() {
    let text = refused(&Site::new().conf("indx a;\nkeepalive_timeout soon;").unstarted());
    assert!(text.contains("indx") && text.contains("soon"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound");
    let text = refused(&Site::new().conf(&format!("listen {address}; listen 127.0.0.1:0;")).unstarted());
    assert!(text.contains(&address.to_string()) && text.contains("Address already in use"), "{text}");
}

#[test]
fn all_ports_that_are_taken_are_told() {
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("there is a port"));
    let [one, other] = [0, 1].map(|at| taken[at].local_addr().expect("it is bound").to_string());
    let text = refused(&Site::new().conf(&format!("listen {one}; listen {other};")).unstarted());
    assert!(text.contains(&one) && text.contains(&other), "{text}");
}

#[test]
fn a_second_server_on_the_same_port_does_not_start() {
    let site = Site::new().file("home.html", "hello").start();
    let text = refused(&Site::new().conf(&format!("listen {};", site.address())).unstarted());
    assert!(text.contains("Address already in use"), "{text}");
    assert_eq!(site.get("/home.html").text(), "hello");
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error() {
    let text = refused(&Site::new().conf("access_log {root}/no/such/folder/access.log;").unstarted());
    assert!(text.contains("/no/such/folder/access.log") && text.contains("No such file or directory"), "{text}");
}

#[test]
fn a_user_that_does_not_exist_is_an_error() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Site::new().main("user nobody-of-that-name;").unstarted();
    let text = refused(&folder);
    assert!(text.contains("nobody-of-that-name"), "{text}");
}

#[test]
fn the_pid_file_is_there_while_the_server_is() {
    let site = Site::new().start();
    let file = site.pid_file();
    let pid = std::fs::read_to_string(&file).expect("it is written before the server listens");
    assert_eq!(pid.trim(), site.pid().as_raw_nonzero().to_string());
    let stopped = site.stop();
    assert_eq!(stopped.signal(), Some(15), "{}", stopped.error_log);
    assert!(!file.exists());
}

#[test]
fn lines_have_the_form_that_nginx_gives_them() {
    let site = Site::new().start();
    let line = site.wait_for_log("listening on ");
    let (date, rest) = line.split_at(19);
    let shape: String = date.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    assert_eq!(shape, "0000/00/00 00:00:00", "{line}");
    assert!(rest.starts_with(&format!(" [notice] {}#", site.pid().as_raw_nonzero())), "{line}");
}

#[test]
fn several_workers_share_a_port() {
    let site = Site::new().main("worker_processes 4;").file("home.html", "hello").start();
    assert_eq!(site.addresses().len(), 1);
    let mut clients: Vec<_> = (0..40).map(|_| site.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/home.html").text(), "hello");
    }
}

#[test]
fn more_descriptors_than_may_be_had_are_an_alert_and_not_the_end() {
    // No system gives so many, whoever asks.
    let site = Site::new().main("worker_rlimit_nofile 999999999999;").conf("return 200 said;").start();
    assert_eq!(site.get("/").text(), "said");
    let line = site.wait_for_log("setrlimit(RLIMIT_NOFILE, 999999999999) failed");
    assert!(line.contains("[alert]"), "{line}");
}

//! `daemon on`.

use std::fs;

use super::{Stranger, number};
use crate::support::{Folder, Site};

fn in_background(server: &str) -> Folder {
    Site::new().main("daemon on; error_log {root}/error.log notice;").conf(server).unstarted()
}

#[test]
fn the_program_ends_when_the_server_serves() {
    let folder = in_background("listen unix:{root}/socket; return 200 said;");
    // It ends only when nobody holds its standard error any more.
    let output = folder.webserv(&[]);
    assert!(output.status.success(), "{output:?}");
    let server = Stranger::of(&folder);
    let answer = {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(folder.path("socket")).expect("it listens");
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        text
    };
    assert!(answer.ends_with("said"), "{answer}");
    let stat = fs::read_to_string(format!("/proc/{}/stat", number(&folder))).expect("it runs");
    let session = stat.rsplit_once(')').expect("the name is in brackets").1.split_whitespace().nth(3);
    assert_eq!(session, Some(&*number(&folder).to_string()), "it has a session of its own");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("\"error_log stderr\" goes nowhere from here on"), "{errors}");
    let log = fs::read_to_string(folder.path("error.log")).expect("there is a log");
    assert!(log.contains("listening on unix:"), "{log}");
    assert!(folder.webserv(&["-s", "stop"]).status.success());
    server.0.wait_for_end();
    assert!(!folder.pid_file().exists());
}

#[test]
fn what_keeps_it_from_serving_is_said_and_the_program_fails() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound");
    for (server, reason) in [
        (format!("listen {address};"), format!("bind() to {address} failed (98: Address already in use)")),
        ("indx a;".to_owned(), "did you mean `index`?".to_owned()),
    ] {
        let folder = in_background(&server);
        let output = folder.webserv(&[]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(&reason), "{errors}");
        assert!(!folder.pid_file().exists());
    }
}

#[test]
fn it_can_be_upgraded_and_stays_in_the_background() {
    let folder = in_background("listen unix:{root}/socket; return 200 said;");
    assert!(folder.webserv(&[]).status.success());
    let old = Stranger::of(&folder);
    let upgraded = folder.webserv(&["upgrade"]);
    assert!(upgraded.status.success(), "{upgraded:?}");
    let new = Stranger::of(&folder);
    old.0.wait_for_end();
    assert!(folder.webserv(&["-s", "quit"]).status.success());
    new.0.wait_for_end();
}

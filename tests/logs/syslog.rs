//! Logs to a syslog server, over UDP and over a Unix datagram socket.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

use crate::support::{PATIENCE, Site};

#[test]
fn lines_go_over_udp() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
    let server = socket.local_addr().expect("it is bound");
    let site = Site::new()
        .http("log_format short '$status $uri';")
        .conf(&format!("access_log syslog:server={server},facility=local7,tag=mine,severity=info short; return 204;"))
        .start();
    site.get("/here");
    let mut bytes = [0; 2000];
    let length = socket.recv(&mut bytes).expect("a message comes");
    let message = String::from_utf8_lossy(&bytes[..length]);
    // local7 is 23, info is 6: 23 * 8 + 6.
    assert!(message.starts_with("<190>"), "{message}");
    assert!(message.ends_with(" mine: 204 /here"), "{message}");
}

#[test]
fn lines_go_to_a_unix_socket() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).expect("it can be made");
    socket.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
    let server = path.display();
    let site = Site::new()
        .http("log_format short '$status $uri';")
        .conf(&format!(
            "access_log syslog:server=unix:{server},nohostname short; error_log syslog:server=unix:{server};"
        ))
        .start();
    site.get("/missing");
    let mut messages: Vec<String> = (0..2)
        .map(|_| {
            let mut bytes = [0; 2000];
            let length = socket.recv(&mut bytes).expect("a message comes");
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        })
        .collect();
    // local7 is 23; error is 3, info is 6.
    messages.sort();
    assert!(messages[0].starts_with("<187>") && messages[0].contains("No such file or directory"), "{messages:?}");
    assert!(messages[1].starts_with("<190>") && messages[1].ends_with(": 404 /missing"), "{messages:?}");
}

#[test]
fn a_syslog_server_that_is_away_stops_no_answer() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let server = folder.path().join("nobody");
    let server = server.display();
    let site = Site::new().conf(&format!("access_log syslog:server=unix:{server}; return 204;")).start();
    for _ in 0..100 {
        assert_eq!(site.get("/").status, 204);
    }
}

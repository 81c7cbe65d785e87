//! When connections or descriptors run out: the server says so, waits, and goes on by itself.

use crate::support::{Client, Running, Site};

const ASK: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Connects `count` clients that have all asked; some wait for their answer.
fn crowd(site: &Running, count: usize) -> Vec<Client> {
    let connect = |_| {
        let mut client = site.connect();
        client.send(ASK);
        client
    };
    (0..count).map(connect).collect()
}

/// Everybody is answered, in their order, as those before leave.
fn leave_one_by_one(clients: Vec<Client>) {
    for mut client in clients {
        assert_eq!(client.answer().text(), "said");
    }
}

#[test]
fn at_worker_connections_new_ones_wait_for_old_ones_to_leave() {
    let site = Site::new().main("events { worker_connections 8; }").conf("return 200 said;").start();
    let mut clients = crowd(&site, 14);
    site.wait_for_log("8 worker_connections are not enough");
    assert_eq!(clients[0].answer().text(), "said");
    for _ in 0..20 {
        clients[0].send(ASK);
        assert_eq!(clients[0].answer().text(), "said", "an open connection is served");
    }
    assert_eq!(site.error_log().matches("are not enough").count(), 1, "it is said once:\n{}", site.error_log());
    clients[0].send(ASK);
    leave_one_by_one(clients);
    assert_eq!(site.get("/").text(), "said");
}

#[test]
fn a_crowd_does_not_fill_the_log() {
    let site = Site::new().main("events { worker_connections 8; }").conf("return 200 said;").start();
    leave_one_by_one(crowd(&site, 100));
    let lines = site.error_log().lines().count();
    assert!(lines < 20, "{lines} lines:\n{}", site.error_log());
}

#[test]
fn more_addresses_than_worker_connections_are_all_served() {
    let listens = "listen 127.0.0.1:0; listen 127.0.0.2:0; listen 127.0.0.3:0; listen 127.0.0.4:0;";
    let site = Site::new()
        .main("worker_processes 1; events { worker_connections 2; }")
        .conf(&format!("{listens} return 200 said;"))
        .start();
    let addresses = site.addresses();
    assert_eq!(addresses.len(), 4);
    for address in addresses.into_iter().rev() {
        let mut client = site.connect_to(address);
        client.send(ASK);
        assert_eq!(client.answer().text(), "said");
    }
    assert_eq!(site.error_log().matches("are not enough").count(), 0, "{}", site.error_log());
}

#[test]
fn a_crowd_at_worker_connections_is_told_of_once_while_it_lasts() {
    let site =
        Site::new().main("worker_processes 1; events { worker_connections 4; }").conf("return 200 said;").start();
    let clients = crowd(&site, 40);
    site.wait_for_log("4 worker_connections are not enough");
    leave_one_by_one(clients);
    site.wait_for_log("accepting connections at");
    assert_eq!(site.error_log().matches("are not enough").count(), 1, "{}", site.error_log());
}

#[test]
fn without_descriptors_new_connections_wait() {
    let site = Site::new().conf("return 200 said;").start();
    let mut first = site.connect();
    first.send(ASK);
    assert_eq!(first.answer().text(), "said");
    site.limit_open_files(3);
    let clients = crowd(&site, 5);
    let line = site.wait_for_log("accept4() failed");
    assert!(line.contains("[crit]") && line.contains("open files"), "{line}");
    for _ in 0..20 {
        first.send(ASK);
        assert_eq!(first.answer().text(), "said", "an open connection is served");
    }
    site.limit_open_files(1000);
    leave_one_by_one(clients);
    assert_eq!(site.error_log().matches("accept4() failed").count(), 1, "it is said once:\n{}", site.error_log());
}

#[test]
fn worker_rlimit_nofile_limits_descriptors_and_is_recovered_from() {
    let site = Site::new().main("worker_rlimit_nofile 40;").conf("return 200 said;").start();
    let clients = crowd(&site, 60);
    site.wait_for_log("accept4() failed");
    leave_one_by_one(clients);
    assert_eq!(site.get("/").text(), "said");
}

#[test]
fn without_descriptors_a_file_is_an_error_and_not_the_end() {
    let site = Site::new().file("home.html", "hello").start();
    let mut client = site.connect();
    site.limit_open_files(3);
    client.send("GET /home.html HTTP/1.1\r\nHost: a\r\n\r\n");
    // The connection may not have been accepted before the limit; then it waits for its end.
    site.wait_for_log("open files");
    site.limit_open_files(1000);
    let status = client.answer().status;
    assert!([200, 500, 503].contains(&status), "{status}");
    assert_eq!(site.get("/home.html").text(), "hello");
}

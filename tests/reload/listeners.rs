//! Addresses come and go with reloads.

use std::fs;

use crate::support::{Running, Site};

fn configuration(listens: &[&str]) -> String {
    let listens: String = listens.iter().map(|listen| format!("listen {listen};\n")).collect();
    format!("events {{ }} http {{ access_log off; server {{\n{listens}return 200 said;\n}} }}")
}

fn site(listens: &[&str]) -> Running {
    Site::new().config(&configuration(listens)).start()
}

#[test]
fn a_new_address_is_listened_on() {
    let site = site(&["127.0.0.1:0"]);
    site.reconfigure(&configuration(&["127.0.0.1:0", "127.0.0.2:0", "unix:{root}/socket"]));
    let addresses = site.addresses();
    assert_eq!(addresses.len(), 2);
    for address in addresses {
        assert_eq!(site.connect_to(address).get("/").text(), "said", "{address}");
    }
    assert_eq!(site.connect_unix(&site.path("socket")).get("/").text(), "said");
}

#[test]
fn an_address_that_goes_is_closed_and_the_others_stay() {
    let site = site(&["127.0.0.1:0", "127.0.0.2:0", "unix:{root}/socket"]);
    let [first, second] = *site.addresses() else { panic!("two addresses") };
    let mut on_first = site.connect_to(first);
    let mut on_second = site.connect_to(second);
    assert_eq!(on_first.get("/").text(), "said");
    assert_eq!(on_second.get("/").text(), "said");
    site.reconfigure(&configuration(&["127.0.0.1:0"]));
    assert!(on_second.closed(), "an idle connection to an address that is gone is closed");
    assert_eq!(on_first.get("/").text(), "said");
    assert!(std::net::TcpStream::connect(second).is_err(), "nobody listens any more");
    assert!(!site.path("socket").exists());
    assert_eq!(site.addresses(), [first]);
}

#[test]
fn an_address_may_go_and_come_back() {
    let site = site(&["127.0.0.1:0"]);
    for _ in 0..5 {
        site.reconfigure(&configuration(&["127.0.0.1:0", "unix:{root}/socket"]));
        assert_eq!(site.connect_unix(&site.path("socket")).get("/").text(), "said");
        site.reconfigure(&configuration(&["127.0.0.1:0"]));
        assert!(!site.path("socket").exists());
    }
}

#[test]
fn all_workers_take_part_in_a_new_address() {
    let with_workers = |listens| format!("worker_processes 3; {}", configuration(listens));
    let site = Site::new().config(&with_workers(&["127.0.0.1:0"])).start();
    site.reconfigure(&with_workers(&["127.0.0.1:0", "127.0.0.2:0"]));
    let address = site.addresses()[1];
    let mut clients: Vec<_> = (0..30).map(|_| site.connect_to(address)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").text(), "said");
    }
}

#[test]
fn an_address_that_moves_takes_its_connections_with_it() {
    let site = site(&["127.0.0.1:0"]);
    let address = site.address();
    let port = address.port();
    let mut client = site.connect_to(address);
    assert_eq!(client.get("/").text(), "said");
    let places = [format!("0.0.0.0:{port}"), format!("[::]:{port} ipv6only=off"), format!("127.0.0.1:{port}")];
    for (turn, place) in places.iter().cycle().take(9).enumerate() {
        let now = configuration(&[place]).replace("said", &format!("turn{turn}"));
        site.reconfigure(&now);
        assert_eq!(client.get("/").text(), format!("turn{turn}"), "the connection goes on at {place}");
        assert_eq!(site.connect_to(address).get("/").text(), format!("turn{turn}"), "{place} takes new ones");
    }
}

#[test]
fn an_address_that_moves_takes_along_the_connections_of_workers_that_leave() {
    let site = site(&["127.0.0.1:0"]);
    let address = site.address();
    let (port, with_workers) = (address.port(), |count: usize, listens: &[&str]| {
        format!("worker_processes {count}; {}", configuration(listens))
    });
    site.reconfigure(&with_workers(4, &["127.0.0.1:0"]));
    let mut clients: Vec<_> = (0..20).map(|_| site.connect_to(address)).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/").text(), "said"));
    for place in ["0.0.0.0", "127.0.0.1"] {
        let count = if place == "0.0.0.0" { 1 } else { 2 };
        site.reconfigure(&with_workers(count, &[&format!("{place}:{port}")]));
        clients.iter_mut().for_each(|client| assert_eq!(client.get("/").text(), "said", "{place}"));
    }
}

#[test]
fn requests_that_wait_at_an_address_that_goes_are_answered() {
    let site = Site::new()
        .file("listens.conf", "listen 127.0.0.2:0;")
        .config(&configuration(&["127.0.0.1:0"]).replace("return", "include {root}/listens.conf; return"))
        .start();
    // It stands in another file, so the start has not waited for it.
    site.wait_for_log("listening on 127.0.0.2:");
    let goes = site.addresses()[1];
    site.signal("STOP");
    let mut clients: Vec<_> = (0..20).map(|_| site.connect_to(goes)).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    fs::write(site.path("listens.conf"), "").unwrap();
    site.signal("HUP");
    site.signal("CONT");
    for client in &mut clients {
        assert_eq!(client.answer().text(), "said");
        assert!(client.closed(), "then the address is gone");
    }
}

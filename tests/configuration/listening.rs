//! Addresses: unix, IPv6, several of them.

use std::os::unix::net::UnixListener;

use crate::support::Site;

#[test]
fn a_unix_socket_is_listened_on() {
    let site = Site::new().file("home.html", "hello").conf("listen unix:{root}/socket;").start();
    let path = site.path("socket");
    site.wait_for_log(&format!("listening on unix:{}", path.display()));
    let mut client = site.connect_unix(&path);
    for _ in 0..2 {
        assert_eq!(client.get("/home.html").text(), "hello");
    }
    let stopped = site.stop();
    assert!(!stopped.folder.path("socket").exists(), "the socket's file goes with it");
}

#[test]
fn a_unix_socket_that_nobody_listens_on_any_more_is_replaced() {
    let site = Site::new().file("home.html", "hello").conf("listen unix:{root}/socket;");
    let folder = site.unstarted();
    drop(UnixListener::bind(folder.path("socket")).expect("it can be made"));
    // The same folder again, now with a server.
    let path = folder.path("socket");
    let site = Site::new().file("home.html", "hello").conf(&format!("listen unix:{};", path.display())).start();
    assert_eq!(site.connect_unix(&path).get("/home.html").text(), "hello");
}

#[test]
fn a_unix_socket_of_a_running_server_is_taken() {
    let site = Site::new().file("home.html", "hello").conf("listen unix:{root}/socket;").start();
    let path = site.path("socket");
    let other = Site::new().conf(&format!("listen unix:{};", path.display())).unstarted();
    let output = other.webserv(&[]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Address already in use"));
    assert_eq!(site.connect_unix(&path).get("/home.html").text(), "hello");
}

#[test]
fn an_ipv6_address_is_listened_on() {
    let site = Site::new().file("home.html", "hello").conf("listen [::1]:0;").start();
    assert!(site.address().is_ipv6());
    assert_eq!(site.get("/home.html").text(), "hello");
}

#[test]
fn several_addresses_lead_to_their_servers() {
    let site = Site::new()
        .http("server { listen 127.0.0.2:0; return 200 two; }")
        .http("server { listen 127.0.0.3:0; return 200 three; }")
        .conf("return 200 one;")
        .start();
    let mut said = Vec::new();
    for address in site.addresses() {
        let ip = address.ip().to_string();
        said.push((ip, site.connect_to(address).get("/").text().to_owned()));
    }
    said.sort();
    let expected = [("127.0.0.1", "one"), ("127.0.0.2", "two"), ("127.0.0.3", "three")];
    assert_eq!(said, expected.map(|(ip, text)| (ip.to_owned(), text.to_owned())));
}

//! The addresses of a virtual server.

use crate::support::*;

fn refused(servers: &str) -> String {
    let checked = check_config(&format!("events {{ }} http {{ {servers} }}"));
    assert!(!checked.ok, "accepted: {servers}");
    checked.output
}

#[test]
fn a_host_by_name_is_listened_on() {
    let site = Site::new().conf("listen localhost:0; return 200 hi;").start();
    assert!(site.address().ip().is_loopback());
    assert_eq!(site.get("/").text(), "hi");
}

#[test]
fn all_addresses_of_a_server_are_listened_on() {
    let site = Site::new().conf("listen 127.0.0.1:0; listen 127.0.0.2:0; listen [::1]:0; return 200 hi;").start();
    let addresses = site.addresses();
    assert_eq!(addresses.len(), 3);
    for address in addresses {
        assert_eq!(site.connect_to(address).get("/").text(), "hi", "{address}");
    }
}

#[test]
fn the_default_server_answers_for_names_that_nobody_has() {
    for word in ["default_server", "default"] {
        let site = Site::new()
            .http("server { listen 127.0.0.1:0; server_name a; return 200 a; }")
            .http(&format!("server {{ listen 127.0.0.1:0 {word}; server_name b; return 200 b; }}"))
            .conf("server_name c; return 200 c;")
            .start();
        assert_eq!(site.get_with("/", &[("Host", "other")]).text(), "b");
        assert_eq!(site.get_with("/", &[("Host", "a")]).text(), "a");
        assert_eq!(site.get_with("/", &[("Host", "c")]).text(), "c");
    }
}

#[test]
fn parameters_of_the_socket_are_accepted() {
    let conf = "listen 127.0.0.1:0 backlog=64 rcvbuf=64k sndbuf=64k so_keepalive=30m::10 reuseport deferred bind;
        listen [::1]:0 ipv6only=on so_keepalive=on; return 200 hi;";
    let site = Site::new().conf(conf).start();
    for address in site.addresses() {
        assert_eq!(site.connect_to(address).get("/").text(), "hi", "{address}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_its_place() {
    for (written, reason) in [
        ("70000", "invalid port in \"70000\" of the \"listen\" directive"),
        ("127.0.0.1:", "invalid port in \"127.0.0.1:\""),
        ("[::1]x", "invalid host in \"[::1]x\""),
        ("unix:", "no path in the unix domain socket"),
        ("http://localhost", "invalid host"),
        ("nowhere.invalid", "host not found in \"nowhere.invalid\""),
    ] {
        let output = refused(&format!("server {{ listen {written}; }}"));
        assert!(output.contains(reason) && output.contains("webserv.conf:1"), "{written}: {output}");
    }
}

#[test]
fn what_is_not_supported_is_told_and_a_misspelling_mended() {
    let output = refused("server { listen 443 ssl http2; listen 80 defualt_server; listen 81 backlog=0; }");
    for reason in [
        "unsupported parameter \"ssl\"",
        "unsupported parameter \"http2\"",
        "did you mean `default_server`?",
        "invalid backlog \"backlog=0\"",
    ] {
        assert!(output.contains(reason), "{reason}: {output}");
    }
}

#[test]
fn one_listen_of_an_address_has_its_options_and_one_server_is_its_default() {
    let output = refused("server { listen 80 backlog=5; } server { listen 80 backlog=6; server_name b; }");
    assert!(output.contains("duplicate listen options for 0.0.0.0:80"), "{output}");
    let output = refused("server { listen 80 default_server; } server { listen *:80 default_server; server_name b; }");
    assert!(output.contains("a duplicate default server for 0.0.0.0:80"), "{output}");
    let output = refused("server { listen 80; listen 0.0.0.0:80; }");
    assert!(output.contains("a duplicate listen 0.0.0.0:80"), "{output}");
}

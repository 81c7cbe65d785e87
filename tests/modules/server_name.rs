//! The names of a virtual server.

use crate::support::*;

/// Servers on one address, each with these names, that answer with their first name; the first is the default.
fn site(servers: &[&str]) -> Running {
    let server = |names: &&str| {
        format!("server {{ listen 127.0.0.1:0; server_name {names}; location / {{ return 200 $server_name; }} }}\n")
    };
    let http: String = servers.iter().map(server).collect();
    Site::new().http(&http).conf("server_name last; return 200 last;").start()
}

fn ask(site: &Running, host: &str) -> String {
    site.get_with("/", &[("Host", host)]).text().to_owned()
}

#[test]
fn the_host_chooses_the_server_without_regard_to_case_and_port() {
    let site = site(&["a.example", "B.example c.example"]);
    for (host, server) in [
        ("a.example", "a.example"),
        ("b.example", "b.example"),
        ("C.EXAMPLE:1234", "b.example"),
        ("c.example.", "b.example"),
        ("last", "last"),
        ("other", "a.example"),
    ] {
        assert_eq!(ask(&site, host), server, "{host}");
    }
}

#[test]
fn an_exact_name_goes_before_wildcards_and_those_before_expressions() {
    let site = site(&["first", "~^www\\..*$", "www.example.*", "*.example.org", "www.example.org", ".example.net"]);
    for (host, server) in [
        ("www.example.org", "www.example.org"),
        ("a.example.org", "*.example.org"),
        ("www.example.com", "www.example.*"),
        ("www.other.com", "~^www\\..*$"),
        ("example.net", "example.net"),
        ("a.example.net", "example.net"),
        ("example.com", "first"),
    ] {
        assert_eq!(ask(&site, host), server, "{host}");
    }
}

#[test]
fn groups_of_an_expression_are_variables() {
    let conf = "server_name ~^(?<user>[a-z]+)\\.example\\.org$; return 200 $user;";
    let site = Site::new().conf(conf).start();
    assert_eq!(ask(&site, "Anna.example.org"), "anna");
}

#[test]
fn hostname_is_the_machines_name() {
    let site = site(&["first", "$hostname"]);
    let machine = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    assert_eq!(ask(&site, &machine), machine);
}

#[test]
fn a_request_without_a_name_goes_to_the_server_without_one() {
    let site = site(&["first", "second ''"]);
    assert_eq!(site.request("GET / HTTP/1.0\r\n\r\n").text(), "second");
}

#[test]
fn names_that_are_none_are_refused_each_at_its_place() {
    let checked = check_config("events { } http { server { server_name a *b ~( c; } }");
    assert!(!checked.ok);
    assert!(checked.output.contains("server name \"*b\" is invalid"), "{}", checked.output);
    assert!(checked.output.contains("invalid regular expression \"(\""), "{}", checked.output);
    let checked = check_config("events { } http { server { server_name http://a/; } }");
    assert!(checked.ok && checked.output.contains("has suspicious symbols"), "{}", checked.output);
    let checked = check_config("events { } http { server { server_name a; } server { server_name a; } }");
    assert!(checked.ok && checked.output.contains("conflicting server name \"a\" on 0.0.0.0:"), "{}", checked.output);
}

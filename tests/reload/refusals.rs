//! A reload that fails changes nothing and says why.

use std::net::TcpListener;

use super::configuration;
use crate::support::{Running, Site};

#[track_caller]
fn refused(site: &Running, text: &str) -> String {
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "old");
    let lines = site.try_reconfigure(text).expect_err("the configuration is refused");
    assert_eq!(client.get("/").text(), "old");
    assert_eq!(site.get("/").text(), "old");
    lines
}

fn site() -> Running {
    Site::new().config(&configuration("return 200 old;")).start()
}

#[test]
fn errors_are_told_with_file_and_line_one_by_one() {
    let site = site();
    let lines = refused(&site, &configuration("indx a;\nkeepalive_timeout soon;\nreturn 200 new;"));
    let errors: Vec<_> = lines.lines().filter(|line| line.contains("[emerg]")).collect();
    assert_eq!(errors.len(), 2, "{lines}");
    assert!(errors[0].contains("webserv.conf:7") && errors[0].contains("indx"), "{lines}");
    assert!(errors[1].contains("webserv.conf:8") && errors[1].contains("soon"), "{lines}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    let site = site();
    refused(&site, "http {\n    server {\n");
    refused(&site, "include {root}/missing.conf;");
    std::fs::remove_file(site.configuration()).expect("it is there");
    let lines = site.try_reload().expect_err("it is gone");
    assert!(lines.contains("No such file or directory"), "{lines}");
    assert_eq!(site.get("/").text(), "old");
}

#[test]
fn a_port_that_is_taken_is_told_and_no_other_is_kept_open() {
    let site = site();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound");
    let listens = format!("listen unix:{{root}}/socket;\nlisten {address};\nreturn 200 new;");
    let lines = refused(&site, &configuration(&listens));
    let line = lines.lines().find(|line| line.contains("[emerg]")).unwrap_or_else(|| panic!("no reason:\n{lines}"));
    assert!(line.contains(&address.to_string()) && line.contains("Address already in use"), "{line}");
    assert!(line.contains("webserv.conf:8"), "the place is told: {line}");
    assert!(!site.path("socket").exists(), "what was opened is closed again");
    assert_eq!(site.addresses().len(), 1);
}

#[test]
fn a_log_that_cannot_be_opened_is_told() {
    let site = site();
    let lines = refused(&site, &configuration("access_log {root}/no/folder/access.log;\nreturn 200 new;"));
    assert!(lines.contains("/no/folder/access.log") && lines.contains("webserv.conf:7"), "{lines}");
}

#[test]
fn after_a_refusal_the_next_good_configuration_is_taken() {
    let site = site();
    for number in 0..5 {
        refused(&site, &configuration("nonsense;"));
        site.reconfigure(&configuration(&format!("return 200 {number};")));
        assert_eq!(site.get("/").text(), number.to_string());
        site.reconfigure(&configuration("return 200 old;"));
    }
}

#[test]
fn a_file_emptied_while_it_is_written_ends_no_service() {
    let site = Site::new().conf("return 200 said;").start();
    for text in ["", "\n", "# to be written\n"] {
        std::fs::write(site.configuration(), text).unwrap();
        let Err(lines) = site.try_reload() else { panic!("{text:?} was taken up") };
        assert!(lines.contains("no directives"), "{lines}");
        assert_eq!(site.get("/").text(), "said");
    }
}

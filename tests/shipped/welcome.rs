//! The built-in configuration shows the welcome page.

use std::net::TcpListener;
use std::path::Path;

use super::{read, shipped};
use crate::support::{Running, check_config};

#[test]
fn without_a_configuration_the_welcome_page_is_served() {
    // An installed configuration would be taken, and the port may be somebody else's.
    let port_is_free = ["0.0.0.0:8080", "[::]:8080"].iter().all(|address| TcpListener::bind(address).is_ok());
    if Path::new("/etc/webserv/webserv.conf").exists() || !port_is_free {
        return;
    }
    let site = Running::start_bare(&shipped(""));
    let line = site.wait_for_log("http://localhost:8080");
    assert!(line.contains("welcome page"), "{line}");
    let answer = site.get("/");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html")));
    assert_eq!(answer.text(), read("html/index.html"));
    assert_eq!(site.get("/favicon.svg").status, 200);
    assert_eq!(site.get("/missing").status, 404);
}

#[test]
fn the_configuration_that_the_page_shows_is_accepted() {
    let page = read("html/index.html");
    let (_, behind) = page.split_once("An example configuration\"><code>").expect("the page shows one");
    let (text, _) = behind.split_once("</code>").expect("it ends");
    let checked = check_config(text);
    assert!(checked.ok && !checked.output.contains("warning"), "{}", checked.output);
}

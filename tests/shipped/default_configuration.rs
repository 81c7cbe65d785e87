//! `conf.d/webserv.conf`, meant for /etc/webserv, passes the check and serves.

use super::{copy, read, shipped};
use crate::support::Site;

/// The configuration, its user, paths and port replaced by those of a test.
fn site() -> Site {
    let text = read("conf.d/webserv.conf")
        .replace("user www-data;", "")
        .replace("pid /run/webserv.pid;", "")
        .replace("/var/log/webserv", "{root}")
        .replace("/usr/share/webserv", "{root}")
        .replace("listen 80;", "listen 127.0.0.1:0;")
        .replace("include ", "include {root}/conf/");
    assert!(!text.contains("/var/") && !text.contains("/usr/") && !text.contains("/run/"), "{text}");
    Site::new().config(&text).with_folder(|root| {
        copy(&shipped("html"), &root.join("html"));
        copy(&shipped("conf.d/snippets"), &root.join("conf/snippets"));
        std::fs::copy(shipped("conf.d/mime.types"), root.join("conf/mime.types")).expect("it is shipped");
    })
}

#[test]
fn it_passes_the_check() {
    let output = site().unstarted().webserv(&["-t"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn it_serves_the_welcome_page() {
    let site = site().start();
    let answer = site.get("/");
    assert_eq!((answer.status, answer.text()), (200, &*read("html/index.html")));
    assert_eq!(answer.header("server"), Some("webserv"), "server_tokens is off");
    assert!(site.access_log("access.log", 1)[0].contains("GET / "));
}

#[test]
fn sites_are_files_in_conf_d() {
    let site = site()
        .file("conf/conf.d/a.conf", "server { listen 127.0.0.1:0; server_name a.example; return 200 a; }")
        .start();
    assert_eq!(site.get_with("/", &[("Host", "a.example")]).text(), "a");
    assert_eq!(site.get("/").text(), read("html/index.html"));
}

#[test]
fn a_site_that_is_saved_into_conf_d_is_taken_up() {
    let site = site().start();
    site.write("conf/conf.d/a.conf", "server { listen 127.0.0.1:0; server_name a.example; return 200 a; }");
    site.wait_for_log("configuration files changed: ");
    site.wait_for_log("configuration reloaded");
    assert_eq!(site.get_with("/", &[("Host", "a.example")]).text(), "a");
}

#[test]
fn the_types_and_every_snippet_can_be_included() {
    let snippets = std::fs::read_dir(shipped("conf.d/snippets")).expect("it is shipped");
    let mut names: Vec<_> = snippets.map(|entry| entry.expect("it can be read").path()).collect();
    names.sort();
    assert!(!names.is_empty());
    for name in names {
        let output = Site::new()
            .http(&format!("include {};", shipped("conf.d/mime.types").display()))
            .conf(&format!("include {};", name.display()))
            .unstarted()
            .webserv(&["-t"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !text.contains("warning"), "{}: {text}", name.display());
    }
}

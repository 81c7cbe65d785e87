//! Rehearsals of a configuration with all modules.

use std::net::SocketAddr;

use super::*;
use crate::config::load::{Origin, Request, load};
use crate::modules::MODULES;

fn rehearsed(root: &str, servers: &str, method: &str, host: &str, target: &str) -> Answer {
    let request = Request {
        origin: Origin::BuiltIn(format!("http {{ root {root}; {servers} }}")),
        prefix: "/srv".into(),
        globals: Vec::new(),
        error_log: None,
        as_root: rustix::process::geteuid().is_root(),
        modules: MODULES,
    };
    let configuration = load(&request, None).result.expect("the test's configuration is right");
    let question = Question {
        method: method.into(),
        target: target.into(),
        host: host.into(),
        fields: Vec::new(),
        from: Peer::Inet(SocketAddr::from(([192, 0, 2, 1], 1024))),
    };
    ask(&configuration.tree.addresses[0], &question).expect("an answer")
}

fn modules(answer: &Answer) -> Vec<&str> {
    let decided = answer.steps.iter().filter_map(|step| match step {
        Step::Decided { module } => Some(*module),
        _ => None,
    });
    decided.collect()
}

#[test]
fn a_file_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.html"), "text").unwrap();
    let root = folder.path().to_str().unwrap();
    let answer = rehearsed(root, "server { listen 80; location /x { } }", "GET", "a", "/a.html?b");
    assert_eq!(answer.status(), Status::OK);
    assert_eq!(answer.file(), Some(&*format!("{root}/a.html")));
    assert_eq!(modules(&answer), ["static_files"]);
}

#[test]
fn the_server_and_the_location_are_those_of_a_real_request() {
    let servers = "server { listen 80; return 404; }
        server { listen 80; server_name b; location /x { return 403; } location ~ y$ { return 201 text; } }";
    let answer = rehearsed("/none", servers, "GET", "b:8080", "/x/y");
    assert_eq!(answer.status(), Status::CREATED);
    assert_eq!(&*answer.server.as_ref().unwrap().name, b"b");
    assert_eq!(&*answer.plan.as_ref().unwrap().name, "~ y$");
}

#[test]
fn a_redirect_says_where_it_leads() {
    let servers = "server { listen 80; location = /old { return 301 /new; } }";
    let answer = rehearsed("/none", servers, "GET", "a", "/old");
    assert_eq!((answer.status().code(), answer.redirect().as_deref()), (301, Some("http://a/new")));
}

#[test]
fn an_error_page_is_a_step_on_the_way() {
    let servers = "server { listen 80; error_page 404 /lost; location /lost { return 200 here; } }";
    let answer = rehearsed("/none", servers, "GET", "a", "/no");
    assert_eq!(answer.status(), Status::NOT_FOUND);
    let rerouted = answer.steps.iter().any(|step| matches!(step, Step::Rerouted { uri, .. } if uri == "/lost"));
    assert!(rerouted, "{:?}", answer.steps);
}

#[test]
fn each_step_of_a_script_is_told_with_its_line() {
    let servers = "server { listen 80;
        location /a { set $to /b;
            if ($arg_x) { return 404; }
            rewrite ^/a(.*)$ $to$1 last; }
        location /b { return 201 text; } }";
    let answer = rehearsed("/none", servers, "GET", "a", "/a/c?y");
    let told = answer.steps.iter().filter_map(|step| match step {
        Step::Note { text, at } => Some((at.as_deref()?.rsplit(':').next()?, &**text)),
        Step::Rerouted { uri, .. } => Some(("to", std::str::from_utf8(uri).ok()?)),
        Step::Condition { holds, at, .. } => Some((at.rsplit(':').next()?, if *holds { "holds" } else { "holds not" })),
        _ => None,
    });
    let expected = [
        ("2", "$to is set to \"/b\""),
        ("3", "holds not"),
        ("4", "\"^/a(.*)$\" matches \"/a/c\""),
        ("4", "rewritten data: \"/b/c\", args: \"y\""),
        ("to", "/b/c"),
        ("5", "this answers"),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!((answer.status(), modules(&answer)), (Status::CREATED, vec!["rewrite", "rewrite"]));
}

#[test]
fn what_would_be_logged_is_told() {
    let answer = rehearsed("/none", "server { listen 80; }", "GET", "a", "/no");
    let told = answer.steps.iter().any(
        |step| matches!(step, Step::Note { text, .. } if text.starts_with("[error] open() \"/none/no\" failed (2: ")),
    );
    assert!(told, "{:?}", answer.steps);
}

#[test]
fn a_request_that_cannot_be_read_is_refused() {
    let answer = rehearsed("/none", "server { listen 80; }", "GET", "a/b", "/");
    assert_eq!(answer.status(), Status::BAD_REQUEST);
    assert!(answer.server.is_none());
}

#[test]
fn a_question_that_holds_a_second_request_is_none() {
    let request = Request {
        origin: Origin::BuiltIn("http { server { listen 80; } }".into()),
        prefix: "/srv".into(),
        globals: Vec::new(),
        error_log: None,
        as_root: rustix::process::geteuid().is_root(),
        modules: MODULES,
    };
    let configuration = load(&request, None).result.unwrap();
    let question = Question {
        method: "GET".into(),
        target: "/".into(),
        host: "a\r\n\r\nGET / HTTP/1.1\r\nHost: b".into(),
        fields: Vec::new(),
        from: Peer::Unix,
    };
    assert!(matches!(ask(&configuration.tree.addresses[0], &question), Err(Unanswered::NoRequest)));
}

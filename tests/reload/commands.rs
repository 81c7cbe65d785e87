//! `webserv reload` answers, and `webserv status` tells.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Output;

use super::configuration;
use crate::support::{Running, Site};

fn site() -> Running {
    Site::new().config(&configuration("return 200 old;")).start()
}

fn output(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn a_reload_says_what_changed_and_succeeds() {
    let site = site();
    site.configure(&configuration("listen 127.0.0.2:0;\nlocation /new { return 200 new; }"));
    for words in [&["reload"][..], &["-s", "reload"]] {
        let reloaded = site.webserv(words);
        assert!(reloaded.status.success(), "{reloaded:?}");
        let text = output(&reloaded);
        if words == ["reload"] {
            assert!(text.contains("+ listening on 127.0.0.2:"), "{text}");
            assert!(text.contains("+ location /new of server \"\" on 127.0.0.1:0"), "{text}");
            assert!(text.contains("generation 2"), "{text}");
        } else {
            assert!(text.starts_with("nothing changed\nreloaded in "), "{text}");
        }
        assert_eq!(site.get("/new").text(), "new");
    }
}

#[test]
fn a_refused_reload_shows_every_error_with_its_excerpt_and_fails() {
    let site = site();
    site.configure(&configuration("indx a;\nkeepalive_timeout soon;"));
    let refused = site.webserv(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    let text = output(&refused);
    assert!(text.contains("unknown directive \"indx\"") && text.contains("did you mean `index`?"), "{text}");
    assert!(text.contains("keepalive_timeout soon;"), "{text}");
    assert!(text.ends_with("not reloaded, the server goes on as before: the configuration has errors\n"), "{text}");
    assert_eq!(site.get("/").text(), "old");
}

#[test]
fn a_reload_of_a_file_that_does_not_end_finds_the_server_all_the_same() {
    let site = site();
    let pid = site.pid_file();
    std::fs::write(site.configuration(), format!("pid {};\nhttp {{\n server {{\n", pid.display())).unwrap();
    let refused = site.webserv(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(output(&refused).contains("not reloaded"), "{refused:?}");
}

#[test]
fn a_mistake_beside_the_pid_line_does_not_hide_the_server() {
    let site = site();
    site.configure(&format!("worker_processes many;\n{}", configuration("return 200 new;")));
    let refused = site.webserv(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(output(&refused).contains("worker_processes many;"), "{refused:?}");
    assert!(site.webserv(&["status"]).status.success());
}

#[test]
fn a_program_gets_one_json_document() {
    let site = site();
    let reloaded = site.webserv(&["reload", "--format", "json"]);
    let text = output(&reloaded);
    assert!(text.starts_with("{\"reloaded\":true,\"why\":\"webserv reload\",\"took_ms\":"), "{text}");
    assert!(text.contains("\"generation\":2") && text.contains("\"changes\":[]"), "{text}");
    let status = site.webserv(&["status", "--format", "json"]);
    assert!(output(&status).contains("\"generation\":2"), "{status:?}");
    site.configure("nonsense;");
    let refused = site.webserv(&["reload", "--format", "json"]);
    assert!(output(&refused).contains("\"reloaded\":false") && output(&refused).contains("nonsense"), "{refused:?}");
}

#[test]
fn the_status_tells_the_last_refusal_until_a_reload_succeeds() {
    let site = site();
    let status = || output(&site.webserv(&["status"])).to_owned();
    assert!(status().contains("(start)") && !status().contains("refused"), "{}", status());
    assert!(status().contains(&format!("listening on {}", site.address())), "{}", status());
    site.try_reconfigure(&configuration("nonsense;")).unwrap_err();
    let text = status();
    assert!(text.contains("last reload refused") && text.contains("(HUP)"), "{text}");
    assert!(text.contains("unknown directive \"nonsense\"") && text.contains("generation 1"), "{text}");
    site.reconfigure(&configuration("return 200 new;"));
    assert!(!status().contains("refused") && status().contains("generation 2"), "{}", status());
}

#[test]
fn without_a_control_socket_the_signal_is_sent_and_that_is_said() {
    let site = Site::new().config(&format!("control off;\n{}", configuration("return 200 old;"))).start();
    site.configure(&format!("control off;\n{}", configuration("return 200 new;")));
    let mark = site.log_mark();
    let sent = site.webserv(&["reload"]);
    assert!(sent.status.success(), "{sent:?}");
    let said = String::from_utf8_lossy(&sent.stderr);
    assert!(said.contains("no control socket: sent HUP to process"), "{said}");
    site.wait_for_log_after(mark, "configuration reloaded");
    assert_eq!(site.get("/").text(), "new");
}

#[test]
fn without_a_server_a_reload_fails_and_says_so() {
    let folder = Site::new().config(&configuration("return 200 old;")).unstarted();
    let failed = folder.webserv(&["reload"]);
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(said.contains("control socket") && said.contains("is the server running?"), "{said}");
}

#[test]
fn the_control_socket_is_for_its_owner_and_goes_with_the_server() {
    let site = site();
    let socket = site.pid_file().with_extension("control");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    site.stop();
    assert!(!socket.exists());
}

#[test]
fn the_control_socket_moves_with_its_directive() {
    let site = site();
    let first = site.pid_file().with_extension("control");
    site.reconfigure(&format!("control {{root}}/moved;\n{}", configuration("return 200 new;")));
    assert!(!first.exists());
    assert!(site.webserv(&["status"]).status.success());
    site.reconfigure(&format!("control off;\n{}", configuration("return 200 new;")));
    assert!(!site.path("moved").exists());
}

#[test]
fn what_a_killed_server_left_is_recognised() {
    let site = site();
    let socket = site.pid_file().with_extension("control");
    site.signal("KILL");
    let stopped = site.wait();
    assert!(socket.exists());
    let site = stopped.start_again();
    assert!(site.webserv(&["status"]).status.success());
}

#[test]
fn a_client_that_says_nothing_or_nonsense_is_no_trouble() {
    use std::io::{Read, Write};
    let site = site();
    let socket = site.pid_file().with_extension("control");
    let _silent: Vec<_> = (0..8).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let mut odd = UnixStream::connect(&socket).unwrap();
    odd.write_all(b"explode\xff now\n").unwrap();
    let mut answer = Vec::new();
    // What is no text is no answer, only an end.
    let _reset = odd.read_to_end(&mut answer);
    let mut unknown = UnixStream::connect(&socket).unwrap();
    unknown.write_all(b"explode\n").unwrap();
    let mut answer = String::new();
    unknown.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("exit 1\n") && answer.contains("does not understand \"explode\""), "{answer}");
    assert!(site.webserv(&["status"]).status.success());
}

//! Where lines go: files, buffers, standard output, names made of variables.

use std::fs;

use crate::support::{Site, wait_for_file};

#[test]
fn lines_are_appended_to_what_is_there() {
    let site = Site::new().file("access.log", "earlier\n").conf("access_log {root}/access.log; return 204;").start();
    site.get("/");
    let lines = site.access_log("access.log", 2);
    assert_eq!(lines[0], "earlier");
}

#[test]
fn a_buffer_is_written_when_it_is_full() {
    let site = Site::new().conf("access_log {root}/access.log combined buffer=4k; return 204;").start();
    let mut client = site.connect();
    let line_bytes = 100;
    for _ in 0..4096 / line_bytes + 30 {
        client.get("/0123456789012345678901234567890123456789");
    }
    assert!(site.access_log("access.log", 20).len() >= 20);
}

#[test]
fn a_buffer_is_written_after_its_time() {
    let site = Site::new().conf("access_log {root}/access.log combined buffer=64k flush=100ms; return 204;").start();
    site.get("/");
    assert_eq!(site.access_log("access.log", 1).len(), 1);
}

#[test]
fn a_buffer_is_written_at_the_end() {
    for signal in ["QUIT", "TERM"] {
        let site = Site::new().conf("access_log {root}/access.log combined buffer=64k flush=1h; return 204;").start();
        site.get("/");
        assert_eq!(fs::read(site.path("access.log")).expect("it is there"), b"", "it waits");
        site.signal(signal);
        let stopped = site.wait();
        let text = fs::read_to_string(stopped.folder.path("access.log")).expect("it is there");
        assert!(text.contains("GET / "), "{signal}: {text}");
    }
}

#[test]
fn standard_output_is_a_file_as_well() {
    let site = Site::new().conf("access_log /dev/stdout; return 204;").start();
    site.get("/somewhere");
    assert!(site.wait_for_output("/somewhere").contains("\"GET /somewhere HTTP/1.1\" 204 "));
}

#[test]
fn standard_error_may_be_a_file_that_others_write_to() {
    let site = Site::new().main("error_log stderr notice;").unstarted();
    let path = site.path("terminal");
    let mut terminal = std::fs::File::create(&path).expect("the folder can be written to");
    let shared = || terminal.try_clone().expect("there is a descriptor left");
    let mut server = site.command().stderr(shared()).stdout(shared()).spawn().expect("it starts");
    wait_for_file(&path, |text| text.contains("listening on 127.0.0.1:"));
    std::io::Write::write_all(&mut terminal, b"said by another\n").expect("it can be written to");
    server.kill().expect("it runs");
    server.wait().expect("it ran");
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(text.contains("listening on 127.0.0.1:") && text.ends_with("said by another\n"), "{text}");
}

#[test]
fn a_disk_that_is_full_stops_no_answer() {
    let site = Site::new().conf("access_log /dev/full; return 204;").start();
    for _ in 0..100 {
        assert_eq!(site.get("/").status, 204);
    }
    let line = site.wait_for_log("/dev/full");
    assert!(line.contains("No space left"), "{line}");
}

#[test]
fn workers_do_not_mix_their_lines() {
    for buffer in ["", "buffer=4k flush=10ms"] {
        let site = Site::new()
            .main("worker_processes 4;")
            .http("log_format short '<$uri>';")
            .conf(&format!("access_log {{root}}/access.log short {buffer}; return 204;"))
            .start();
        const THREADS: usize = 8;
        const REQUESTS: usize = 100;
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let site = &site;
                scope.spawn(move || {
                    let mut client = site.connect();
                    for request in 0..REQUESTS {
                        client.get(&format!("/{thread}/{request}/{}", "x".repeat(request)));
                    }
                });
            }
        });
        let mut lines = site.access_log("access.log", THREADS * REQUESTS);
        let mut expected: Vec<_> = (0..THREADS * REQUESTS)
            .map(|at| (at / REQUESTS, at % REQUESTS))
            .map(|(thread, request)| format!("</{thread}/{request}/{}>", "x".repeat(request)))
            .collect();
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected);
    }
}

//! An upgrade while clients ask, download, and do nothing: none of them is refused or cut.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Stranger;
use crate::support::{CROWD, Crowd, Process, Running, Site, crowd_files, pattern};

const UPGRADES: usize = 3;

#[test]
fn downloads_uploads_and_scripts_that_run_go_on_across_upgrades() {
    let site = Site::new().main("worker_processes 2;").with_folder(crowd_files).conf(CROWD).start();
    let old = Process::of(site.pid().as_raw_nonzero().get());
    let mut crowd = Crowd::come(&site, 8);
    let mut servers = Vec::new();
    for _ in 0..UPGRADES {
        let upgraded = site.webserv(&["upgrade"]);
        assert!(upgraded.status.success(), "{upgraded:?}");
        servers.push(Stranger::of(&site));
        for _ in 0..3 {
            crowd.step(&site);
        }
        assert!(old.runs(), "the first one still has downloads, an upload and a script");
    }
    let count = crowd.leave(&site);
    count.assert_unnoticed();
    assert_eq!(count.polite_closes, 8 * UPGRADES);
    old.wait_for_end();
}

#[test]
fn an_address_that_the_new_process_gives_up_is_closed_though_the_old_one_still_runs() {
    let site = Site::new().conf("listen 127.0.0.1:0; listen 127.0.0.2:0; return 200 said;").start();
    let old = Process::of(site.pid().as_raw_nonzero().get());
    let [first, second] = *site.addresses() else { panic!("two addresses") };
    let mut idle = site.connect_to(second);
    assert_eq!(idle.get("/").text(), "said");
    assert!(site.webserv(&["upgrade"]).status.success());
    let _new = Stranger::of(&site);
    site.configure("events { } http { server { listen 127.0.0.1:0; return 200 new; } }");
    assert!(site.webserv(&["reload"]).status.success());
    assert!(std::net::TcpStream::connect(second).is_err(), "nobody waits where nobody answers");
    assert_eq!(site.connect_to(first).get("/").text(), "new");
    assert!(old.runs());
    let last = idle.get("/");
    assert_eq!((last.text(), last.closes()), ("said", true));
    old.wait_for_end();
}

#[test]
fn nobody_is_refused_or_cut() {
    let content = pattern(20 << 20);
    let site = Site::new()
        .main("worker_processes 2;")
        .file("large", &content)
        .conf("location / { return 200 said; }\nlocation = /large { }\nlisten 127.0.0.1:0; listen unix:{root}/socket;")
        .start();
    let old = Process::of(site.pid().as_raw_nonzero().get());
    let mut slow = site.connect_narrow(16 << 10);
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut received = slow.read_some();
    let mut idle = site.connect();
    assert_eq!(idle.get("/").text(), "said");
    let mut half = site.connect();
    half.send("GET / HTTP/1.1\r\nHo");
    let (over, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut servers = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ask(&site, &over, &answers));
        }
        for _ in 0..UPGRADES {
            let before = answers.load(Ordering::Relaxed);
            let upgraded = site.webserv(&["upgrade"]);
            if !upgraded.status.success() {
                over.store(true, Ordering::Relaxed);
                panic!("{upgraded:?}");
            }
            servers.push(Stranger::of(&site));
            while answers.load(Ordering::Relaxed) < before + 200 {
                received.extend(slow.read_some());
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(idle.is_quiet(), "an idle connection stays, for its client may be asking at this moment");
    let last = idle.get("/");
    assert_eq!((last.text(), last.closes()), ("said", true));
    half.send("st: a\r\n\r\n");
    assert_eq!(half.answer().text(), "said");
    received.extend(slow.rest());
    assert!(received.ends_with(&content));
    assert!(!site.error_log().contains("[alert]"), "{}", site.error_log());
    println!("{} answers across {UPGRADES} upgrades, no error", answers.load(Ordering::Relaxed));
    old.wait_for_end();
    assert!(servers[UPGRADES - 1].0.runs());
    assert!(site.webserv(&["-s", "stop"]).status.success());
    servers.iter().for_each(|server| server.0.wait_for_end());
    assert!(!site.path("socket").exists() && !site.pid_file().exists());
}

/// Asks over a kept connection, a new one, and a new one by the Unix domain socket, again and again.
fn ask(site: &Running, over: &AtomicBool, answers: &AtomicUsize) {
    let address = site.address();
    let mut kept = site.connect_to(address);
    while !over.load(Ordering::Relaxed) {
        let answer = kept.get("/");
        assert_eq!(answer.text(), "said");
        if answer.closes() {
            kept = site.connect_to(address);
        }
        assert_eq!(site.connect_to(address).get("/").text(), "said");
        assert_eq!(site.connect_unix(&site.path("socket")).get("/").text(), "said");
        answers.fetch_add(3, Ordering::Relaxed);
    }
}

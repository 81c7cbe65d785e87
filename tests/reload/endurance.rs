//! Fifty reloads while everybody is busy: nobody notices one.

use super::configuration;
use crate::support::{CROWD, Crowd, Running, Site, crowd_files};

const RELOADS: usize = 50;

fn busy(number: usize) -> String {
    configuration(&format!("{CROWD}\nlocation = /number {{ return 200 {number}; }}"))
}

fn site() -> Running {
    Site::new().with_folder(crowd_files).config(&busy(0)).start()
}

#[test]
fn fifty_reloads_are_noticed_by_nobody_who_is_connected() {
    let site = site();
    let mut crowd = Crowd::come(&site, 16);
    for number in 1..=RELOADS {
        site.reconfigure(&busy(number));
        crowd.step(&site);
        assert_eq!(site.get("/number").text(), number.to_string());
    }
    let count = crowd.leave(&site);
    count.assert_unnoticed();
    assert_eq!(count.polite_closes, 0, "a reload closes no connection");
}

#[test]
fn reloads_that_fail_for_every_reason_are_noticed_by_nobody() {
    let site = site();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("listen {};", taken.local_addr().unwrap());
    let mut crowd = Crowd::come(&site, 8);
    let wrong = [
        ("indx a;", "unknown directive"),
        (&*taken, "Address already in use"),
        ("include {root}/missing;", "No such file or directory"),
        ("access_log {root}/no/folder/log;", "No such file or directory"),
        ("expect /number status=200;", "expect"),
    ];
    for _ in 0..3 {
        for (line, reason) in wrong {
            let lines = site.try_reconfigure(&configuration(&format!("{CROWD}\n{line}"))).unwrap_err();
            assert!(lines.contains(reason), "{lines}");
            crowd.step(&site);
        }
    }
    crowd.leave(&site).assert_unnoticed();
}

#[test]
fn workers_and_addresses_that_come_and_go_are_noticed_by_nobody_else() {
    let site = site();
    let mut crowd = Crowd::come(&site, 16);
    for number in 0..RELOADS {
        let workers = 1 + number % 3;
        let more = if number % 2 == 0 { "listen 127.0.0.2:0; listen unix:{root}/socket;" } else { "" };
        site.reconfigure(&format!("worker_processes {workers};\n{}", configuration(&format!("{more}\n{CROWD}"))));
        crowd.step(&site);
    }
    crowd.leave(&site).assert_unnoticed();
}

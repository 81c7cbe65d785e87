//! Workers come and go with reloads, and no connection goes with them.

use crate::support::{Running, Site, pattern};

fn configuration(workers: usize, server: &str) -> String {
    format!(
        "worker_processes {workers};\nevents {{ }}\nhttp {{\naccess_log off;\nserver {{\nlisten 127.0.0.1:0;\nlisten \
         unix:{{root}}/socket;\nroot {{root}};\n{server}\n}}\n}}\n"
    )
}

fn threads(site: &Running) -> usize {
    let folder = format!("/proc/{}/task", site.pid().as_raw_nonzero());
    let names = std::fs::read_dir(folder).unwrap().map(|entry| {
        // One that ends meanwhile has no name any more.
        std::fs::read_to_string(entry.unwrap().path().join("comm")).unwrap_or_default()
    });
    names.filter(|name| name.starts_with("worker ")).count()
}

#[test]
fn more_workers_join_and_take_part_on_every_address() {
    let site = Site::new().config(&configuration(1, "return 200 $pid;")).start();
    let mut kept: Vec<_> = (0..8).map(|_| site.connect()).collect();
    kept.iter_mut().for_each(|client| assert_eq!(client.get("/").status, 200));
    site.reconfigure(&configuration(4, "return 200 new;"));
    assert_eq!(threads(&site), 4);
    for client in &mut kept {
        assert_eq!(client.get("/").text(), "new");
    }
    for _ in 0..32 {
        assert_eq!(site.get("/").text(), "new");
        assert_eq!(site.connect_unix(&site.path("socket")).get("/").text(), "new");
    }
}

#[test]
fn workers_that_are_too_many_end_with_their_last_connection() {
    let content = pattern(20 << 20);
    let site = Site::new().file("large", &content).config(&configuration(4, "")).start();
    let mut kept: Vec<_> = (0..32).map(|_| site.connect()).collect();
    kept.iter_mut().for_each(|client| assert_eq!(client.get("/nothing").status, 404));
    let mut slow: Vec<_> = (0..8).map(|_| site.connect_narrow(16 << 10)).collect();
    for client in &mut slow {
        client.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
    let mut received: Vec<_> = slow.iter_mut().map(|client| client.read_some()).collect();
    site.reconfigure(&configuration(1, "location = /nothing { return 200 new; }"));
    for client in &mut kept {
        assert!(client.is_quiet(), "nothing closes an idle connection");
        assert_eq!(client.get("/nothing").text(), "new", "and it sees the new configuration");
    }
    for _ in 0..32 {
        assert_eq!(site.get("/nothing").text(), "new");
        assert_eq!(site.connect_unix(&site.path("socket")).get("/nothing").text(), "new");
    }
    for (client, received) in slow.iter_mut().zip(&mut received) {
        received.extend(client.rest());
        assert!(received.ends_with(&content));
    }
    drop(kept);
    site.wait_for_log("worker 4 has ended");
    assert_eq!(site.stop().signal(), Some(15));
}

#[test]
fn no_connection_is_lost_while_workers_come_and_go() {
    let site = Site::new().config(&configuration(1, "return 200 said;")).start();
    let address = site.address();
    std::thread::scope(|scope| {
        let asking = (0..4).map(|_| {
            scope.spawn(|| {
                for _ in 0..300 {
                    assert_eq!(site.connect_to(address).get("/").text(), "said");
                }
            })
        });
        let asking: Vec<_> = asking.collect();
        for workers in [4, 2, 3, 1].into_iter().cycle() {
            if asking.iter().all(|thread| thread.is_finished()) {
                break;
            }
            site.reconfigure(&configuration(workers, "return 200 said;"));
        }
    });
}

#[test]
fn a_refused_reload_leaves_no_worker_behind() {
    let site = Site::new().config(&configuration(1, "return 200 said;")).start();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("listen {};", taken.local_addr().unwrap());
    site.try_reconfigure(&configuration(3, &taken)).unwrap_err();
    assert_eq!(threads(&site), 1);
    assert_eq!(site.get("/").text(), "said");
}

//! Open connections do not notice a reload, but their next request sees it.

use super::configuration;
use crate::support::{Site, pattern};

#[test]
fn an_idle_connection_stays_and_sees_the_new_configuration() {
    let site = Site::new().config(&configuration("return 200 0;")).start();
    let address = site.address();
    let mut clients: Vec<_> = (0..10).map(|_| site.connect()).collect();
    for number in 0..10 {
        for client in &mut clients {
            assert_eq!(client.get("/").text(), number.to_string());
            assert!(client.is_quiet(), "nothing closes it");
        }
        site.reconfigure(&configuration(&format!("return 200 {};", number + 1)));
    }
    assert_eq!(site.addresses(), [address]);
    for client in &mut clients {
        assert_eq!(client.get("/").text(), "10");
    }
}

#[test]
fn a_download_goes_on_across_reloads() {
    let content = pattern(20 << 20);
    let site = Site::new().file("large", &content).config(&configuration("")).start();
    let mut slow = site.connect_narrow(16 << 10);
    slow.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut received = slow.read_some();
    for number in 0..10 {
        site.reconfigure(&configuration(&format!("location / {{ return 200 {number}; }}")));
        assert_eq!(site.get("/large").text(), number.to_string());
        received.extend(slow.read_some());
    }
    received.extend(slow.rest());
    assert!(received.ends_with(&content));
}

#[test]
fn a_request_that_is_half_sent_is_answered_by_the_new_configuration() {
    let site = Site::new().config(&configuration("return 200 old;")).start();
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHo");
    site.reconfigure(&configuration("return 200 new;"));
    client.send("st: a\r\n\r\n");
    assert_eq!(client.answer().text(), "new");
}

#[test]
fn what_only_a_start_can_change_is_told() {
    if !rustix::process::geteuid().is_root() {
        return; // `user` says nothing to others
    }
    let site = Site::new().config(&configuration("return 200 old;")).start();
    let changed = format!("user nobody;\n{}", configuration("return 200 new;"));
    let mark = site.log_mark();
    site.reconfigure(&changed);
    site.wait_for_log_after(mark, "the changed \"user\" takes effect at the next start");
    assert_eq!(site.get("/").text(), "new");
}

#[test]
fn no_request_is_lost_while_reloads_go_on() {
    let site = Site::new().config(&configuration("return 200 said;")).start();
    let address = site.address();
    std::thread::scope(|scope| {
        let asking = (0..4).map(|_| {
            scope.spawn(|| {
                let mut kept = site.connect_to(address);
                for _ in 0..200 {
                    assert_eq!(kept.get("/").text(), "said");
                    assert_eq!(site.connect_to(address).get("/").text(), "said");
                }
            })
        });
        let asking: Vec<_> = asking.collect();
        while asking.iter().any(|thread| !thread.is_finished()) {
            site.reload();
        }
    });
}

#[test]
fn a_reload_without_a_change_changes_nothing() {
    let site = Site::new().config(&configuration("return 200 said;")).start();
    let before = site.open_files();
    for _ in 0..20 {
        site.reload();
        assert_eq!(site.get("/").text(), "said");
    }
    // A connection of the last requests may still be closing.
    assert!(site.open_files() <= before + 4, "{} descriptors, {before} before", site.open_files());
}

#[test]
fn a_storm_of_signals_is_weathered() {
    let site = Site::new().config(&configuration("return 200 said;")).start();
    let mut client = site.connect();
    for _ in 0..100 {
        site.signal("HUP");
        site.signal("USR1");
        assert_eq!(client.get("/").text(), "said");
    }
    site.configure(&configuration("return 200 new;"));
    let mut taken = |_| {
        // It may be what is left of the storm that ends here.
        site.reload();
        client.get("/").text() == "new"
    };
    assert!((0..300).any(&mut taken), "the new configuration is taken");
}

//! How many at once: requests that are under way.

use crate::support::*;

const ZONE: &str = "limit_conn_zone $arg_key zone=one:32k;";

/// A whole configuration with a location that is limited.
fn configuration(zone: &str, limit: &str) -> String {
    format!(
        "events {{ }} http {{ {zone} log_format status $arg_key:$status:$limit_conn_status; access_log {{root}}/log \
         status; server {{ listen 127.0.0.1:0; root {{root}}; {limit} }} }}"
    )
}

/// With `/large`, which no socket buffer holds, and `/small`.
fn site(zone: &str, limit: &str) -> Running {
    site_of(&configuration(zone, limit))
}

fn site_of(configuration: &str) -> Running {
    Site::new().file("large", pattern(16 << 20)).file("small", "hello").config(configuration).start()
}

/// A client whose request is under way until it leaves.
#[track_caller]
fn busy(site: &Running, key: &str) -> Client {
    let mut client = site.connect_narrow(4096);
    client.send(format!("GET /large?key={key} HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(client.read_some().starts_with(b"HTTP/1.1 200 OK\r\n"));
    client
}

fn status(site: &Running, key: &str) -> u16 {
    site.get(&format!("/small?key={key}")).status
}

#[test]
fn so_many_requests_with_a_key_may_be_under_way_and_no_more() {
    let site = site(ZONE, "limit_conn one 2;");
    let first = busy(&site, "a");
    assert_eq!(status(&site, "a"), 200);
    let second = busy(&site, "a");
    assert_eq!([status(&site, "a"), status(&site, "b"), status(&site, "")], [503, 200, 200]);
    let logged = |count| site.access_log("log", count).last().cloned().unwrap();
    assert_eq!(logged(4), ":200:-");
    first.reset();
    assert_eq!(logged(5), "a:200:PASSED");
    assert_eq!(status(&site, "a"), 200);
    drop(second);
    site.access_log("log", 7);
    let _both = [busy(&site, "a"), busy(&site, "a")];
    assert_eq!(status(&site, "a"), 503);
}

#[test]
fn a_connection_without_a_request_is_not_counted() {
    let site = site(ZONE, "limit_conn one 1;");
    let mut clients = [(); 5].map(|()| site.connect());
    for _ in 0..3 {
        for client in &mut clients {
            assert_eq!(client.get("/small?key=a").status, 200);
        }
    }
}

#[test]
fn requests_that_were_sent_together_are_under_way_one_after_the_other() {
    let site = site(ZONE, "limit_conn one 1;");
    let mut client = site.connect();
    client.send("GET /small?key=a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
    for number in 0..20 {
        assert_eq!(client.answer().status, 200, "{number}");
    }
}

#[test]
fn workers_together_let_no_more_in_than_one() {
    let conf = configuration(ZONE, "limit_conn one 7;");
    let site = site_of(&format!("worker_processes 4; {conf}"));
    let mut clients: Vec<Client> = (0..40).map(|_| site.connect_narrow(4096)).collect();
    for client in &mut clients {
        client.send("GET /large?key=a HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let heads = clients.iter_mut().map(Client::read_some);
    assert_eq!(heads.filter(|head| head.starts_with(b"HTTP/1.1 200 ")).count(), 7);
}

#[test]
fn a_refused_request_is_told_in_the_error_log() {
    let site = site(ZONE, "limit_conn one 1; limit_conn_status 429; limit_conn_log_level notice;");
    let _busy = busy(&site, "a");
    assert_eq!(status(&site, "a"), 429);
    let line = site.wait_for_log("limiting connections by zone \"one\"");
    assert!(line.contains("[notice]") && line.contains(", client: 127.0.0.1"), "{line}");
    assert_eq!(site.access_log("log", 1), ["a:429:REJECTED"]);
}

#[test]
fn a_dry_run_only_tells() {
    let site = site(ZONE, "limit_conn one 1; limit_conn_dry_run on;");
    let _busy = busy(&site, "a");
    assert_eq!(status(&site, "a"), 200);
    let line = site.wait_for_log("limiting connections, dry run, by zone \"one\"");
    assert!(line.contains("[error]"), "{line}");
    assert_eq!(site.access_log("log", 1), ["a:200:REJECTED_DRY_RUN"]);
}

#[test]
fn a_request_that_one_limit_refuses_counts_in_none() {
    let zones = format!("{ZONE} limit_conn_zone $uri zone=path:32k;");
    let site = site(&zones, "limit_conn one 1; limit_conn path 1;");
    let _busy = busy(&site, "a");
    // The path is taken, the keys are not.
    for key in ["b", "b", "c"] {
        assert_eq!(site.get(&format!("/large?key={key}")).status, 503);
    }
    assert_eq!(site.get("/small?key=b").status, 200);
    assert_eq!(site.get("/small?key=a").status, 503);
}

#[test]
fn a_request_is_counted_once_wherever_redirects_lead_it() {
    let site = site(ZONE, "limit_conn one 1; index small; error_page 404 /small; location = /small { }");
    assert_eq!(site.get("/?key=a").text(), "hello");
    assert_eq!(site.get("/missing?key=a").text(), "hello");
}

#[test]
fn a_block_without_limits_has_those_around_it() {
    let conf = "limit_conn one 1; location /small { limit_conn one 2; } location /outer { }";
    let site = site(ZONE, conf);
    let _busy = busy(&site, "a");
    assert_eq!([site.get("/small?key=a").status, site.get("/outer?key=a").status], [200, 503]);
}

#[test]
fn a_reload_goes_on_counting() {
    let site = site(ZONE, "limit_conn one 1;");
    let busy = busy(&site, "a");
    site.reload();
    assert_eq!(status(&site, "a"), 503);
    // As with another size, both ways.
    for size in ["1m", "32k"] {
        site.reconfigure(&configuration(&ZONE.replace("32k", size), "limit_conn one 1;"));
        assert_eq!(status(&site, "a"), 503);
    }
    busy.reset();
    site.access_log("log", 4);
    assert_eq!(status(&site, "a"), 200);
}

#[test]
fn what_is_under_way_ends_in_the_zone_it_began_in() {
    let site = site(ZONE, "limit_conn one 1;");
    let old = busy(&site, "a");
    let mark = site.log_mark();
    site.reconfigure(&configuration(&ZONE.replace("$arg_key", "$arg_key$arg_x"), "limit_conn one 1;"));
    site.wait_for_log_after(mark, "limit_conn_zone \"one\" used the key \"$arg_key\" before the reload");
    let _new = busy(&site, "a");
    assert_eq!(status(&site, "a"), 503);
    old.reset();
    site.access_log("log", 2);
    assert_eq!(status(&site, "a"), 503);
}

#[test]
fn requests_are_limited_by_rate_before_they_are_by_number() {
    let zones = format!("{ZONE} limit_req_zone $arg_key zone=rate:32k rate=1r/m;");
    let site = site(
        &zones,
        "location /small { limit_conn one 1; limit_req zone=rate; limit_req_status 429; } \
                             location /large { limit_conn one 1; }",
    );
    let _busy = busy(&site, "a");
    assert_eq!([status(&site, "a"), status(&site, "a")], [503, 429]);
    assert_eq!(site.access_log("log", 2), ["a:503:REJECTED", "a:429:-"]);
}

#[test]
fn wrong_parameters_are_refused() {
    let refused = |http: &str| {
        let checked = check_config(&format!("events {{ }}\nhttp {{\n{http}\n}}\n"));
        assert!(!checked.ok, "accepted: {http}");
        checked.output
    };
    for (text, expected) in [
        ("limit_conn_zone $uri zone=one;", "invalid zone size \"zone=one\""),
        ("limit_conn_zone $uri zone=one:8k;", "zone \"one\" is too small"),
        ("limit_conn_zone $uri zonee=one:32k;", "invalid parameter \"zonee=one:32k\""),
        ("limit_conn_zone $uri zone=a:32k; limit_conn_zone $uri zone=a:32k;", "is already bound to key \"$uri\""),
        ("limit_conn_zone $uri zone=a:32k; server { limit_conn a 0; }", "invalid number of connections \"0\""),
        ("limit_conn_zone $uri zone=a:32k; server { limit_conn a 65536; }", "invalid number of connections \"65536\""),
        (
            "limit_conn_zone $uri zone=a:32k; server { limit_conn a 1; limit_conn a 2; }",
            "limits the connections of this",
        ),
        ("limit_conn_zone $uri zone=a:32k; server { limit_conn b 1; }", "unknown zone \"b\""),
        ("limit_req_zone $uri zone=a:32k rate=1r/s; server { limit_conn a 1; }", "is not one of \"limit_conn_zone\""),
        ("server { limit_conn_status 200; }", "invalid status \"200\""),
    ] {
        let output = refused(text);
        assert!(output.contains(expected), "{text}: {output}");
    }
}

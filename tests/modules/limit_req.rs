//! How often: requests by rate. The rates are so low that no test is slow enough to be given one more.

use crate::support::*;

/// One minute's worth of a request is much longer than a test.
const ZONE: &str = "limit_req_zone $arg_key zone=one:32k rate=1r/m;";

/// A whole configuration with one worker for each line of `http`, and a location that is limited.
fn configuration(zone: &str, limit: &str) -> String {
    format!(
        "events {{ }} http {{ access_log off; {zone} server {{ listen 127.0.0.1:0; root {{root}}; location / {{ {limit} \
         try_files /page =404; }} }} }}"
    )
}

fn site(zone: &str, limit: &str) -> Running {
    Site::new().file("page", "hello").config(&configuration(zone, limit)).start()
}

/// The statuses of so many requests with a key.
fn statuses(site: &Running, key: &str, count: usize) -> Vec<u16> {
    (0..count).map(|_| site.get(&format!("/?key={key}")).status).collect()
}

fn passed(site: &Running, key: &str, count: usize) -> usize {
    statuses(site, key, count).iter().filter(|status| **status == 200).count()
}

#[test]
fn one_request_and_the_burst_pass() {
    for (limit, expected) in
        [("", 1), ("burst=1 nodelay", 2), ("burst=5 nodelay", 6), ("burst=12 delay=12", 13), ("nodelay", 1)]
    {
        let site = site(ZONE, &format!("limit_req zone=one {limit};"));
        let statuses = statuses(&site, "a", 16);
        assert!(statuses[..expected].iter().all(|status| *status == 200), "{limit}: {statuses:?}");
        assert!(statuses[expected..].iter().all(|status| *status == 503), "{limit}: {statuses:?}");
    }
}

#[test]
fn each_key_has_its_own_count_and_an_empty_one_none() {
    let site = site(ZONE, "limit_req zone=one;");
    assert_eq!(passed(&site, "a", 3), 1);
    assert_eq!(passed(&site, "b", 3), 1);
    assert_eq!(passed(&site, "", 3), 3);
    let long = "x".repeat(3000);
    assert_eq!(passed(&site, &long, 3), 1);
    assert_eq!(passed(&site, &format!("{long}y"), 3), 1);
}

#[test]
fn workers_together_let_no_more_pass_than_one() {
    let main = "worker_processes 4; ";
    let conf = main.to_owned() + &configuration(ZONE, "limit_req zone=one burst=29 nodelay;");
    let site = Site::new().file("page", "hello").config(&conf).start();
    let mut clients: Vec<Client> = (0..100).map(|_| site.connect()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            client.send("GET /?key=a HTTP/1.1\r\nHost: a\r\n\r\n");
        }
    }
    let answers = clients.iter_mut().flat_map(|client| [client.answer().status, client.answer().status]);
    let passed = answers.filter(|status| *status == 200).count();
    assert_eq!(passed, 30);
}

#[test]
fn a_refused_request_is_told_in_the_error_log() {
    let site = site(ZONE, "limit_req zone=one burst=1 nodelay; limit_req_status 429; limit_req_log_level warn;");
    assert_eq!(statuses(&site, "a", 3), [200, 200, 429]);
    let line = site.wait_for_log("limiting requests, excess: ");
    assert!(line.contains("[warn]") && line.contains(" by zone \"one\", client: 127.0.0.1"), "{line}");
    let excess = line.split("excess: ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    // Some thousandths of the second request may have passed.
    assert!(["1.999", "2.000"].contains(&excess) || excess.starts_with("1.9"), "{line}");
}

#[test]
fn a_dry_run_only_tells() {
    let http = format!("{ZONE} log_format status $arg_key:$limit_req_status; access_log {{root}}/log status;");
    let conf = "limit_req zone=one burst=1; limit_req_dry_run on;";
    let site = Site::new().file("page", "").http(&http).conf(conf).start();
    for _ in 0..3 {
        assert_eq!(site.get("/page?key=a").status, 200);
    }
    assert_eq!(site.access_log("log", 3), ["a:PASSED", "a:DELAYED_DRY_RUN", "a:REJECTED_DRY_RUN"]);
    let line = site.wait_for_log("delaying request, dry run, excess: ");
    assert!(line.contains("[warn]") && line.contains(", by zone \"one\""), "{line}");
    let line = site.wait_for_log("limiting requests, dry run, excess: ");
    assert!(line.contains("[error]") && line.contains(" by zone \"one\""), "{line}");
}

#[test]
fn the_log_may_tell_what_the_limit_made_of_a_request() {
    let http = format!("{ZONE} log_format status $status:$limit_req_status; access_log {{root}}/log status;");
    let site = Site::new().file("free", "").http(&http).conf("location /page { limit_req zone=one; }").start();
    for path in ["/free", "/page?key=a", "/page?key=a", "/page"] {
        site.get(path);
    }
    assert_eq!(site.access_log("log", 4), ["200:-", "404:PASSED", "503:REJECTED", "404:-"]);
}

#[test]
fn a_block_without_limits_has_those_around_it() {
    let http =
        format!("{ZONE} limit_req_zone $arg_key zone=two:32k rate=1r/m; limit_req zone=one; limit_req_status 429;");
    let conf = "location /own { limit_req zone=two burst=1 nodelay; limit_req_status 420; } location /outer { }";
    let site = Site::new().http(&http).conf(conf).start();
    let statuses = |path: &str| [(); 3].map(|()| site.get(&format!("{path}?key=a")).status);
    assert_eq!(statuses("/own"), [404, 404, 420]);
    assert_eq!(statuses("/outer"), [404, 429, 429]);
}

#[test]
fn several_limits_must_all_be_kept_and_what_one_refuses_counts_in_none() {
    let http = "limit_req_zone $arg_key zone=key:32k rate=1r/m; limit_req_zone $uri zone=all:32k rate=1r/m;";
    let conf = "location /both { limit_req zone=key burst=1 nodelay; limit_req zone=all burst=3 nodelay; } \
                location /all { limit_req zone=all burst=3 nodelay; } \
                location /key { limit_req zone=key burst=1 nodelay; }";
    let site = Site::new().http(http).conf(conf).start();
    let statuses = |paths: [&str; 4]| paths.map(|path| site.get(path).status);
    assert_eq!(statuses(["/both?key=a"; 4]), [404, 404, 503, 503]);
    assert_eq!(statuses(["/both?key=b"; 4]), [404, 404, 503, 503]);
    let line = site.wait_for_log("limiting requests");
    assert!(line.contains("by zone \"key\""), "{line}");
    // Four have passed in all: the next is refused by the other zone, and is not counted in its own.
    assert_eq!(statuses(["/both?key=c"; 4]), [503; 4]);
    site.wait_for_log("by zone \"all\"");
    assert_eq!(statuses(["/key?key=c"; 4]), [404, 404, 503, 503]);
}

#[test]
fn a_request_is_counted_once_wherever_redirects_lead_it() {
    let conf = "limit_req zone=one burst=1 nodelay; index page; error_page 404 /page; location = /page { }";
    let site = Site::new().file("page", "hello").http(ZONE).conf(conf).start();
    assert_eq!(site.get("/?key=a").text(), "hello");
    assert_eq!(site.get("/missing?key=a").text(), "hello");
    assert_eq!(site.get("/?key=a").status, 503);
}

#[test]
fn a_refusal_has_its_error_page() {
    let conf = "limit_req zone=one; limit_req_status 429; error_page 429 = @busy; location @busy { return 200 later; }";
    let site = Site::new().file("page", "").http(ZONE).conf(conf).start();
    assert_eq!(site.get("/page?key=a").text(), "");
    assert_eq!((site.get("/page?key=a").status, site.get("/page?key=a").text()), (200, "later"));
}

#[test]
fn return_answers_before_limits_are_looked_at() {
    let site = Site::new().http(ZONE).conf("limit_req zone=one; return 200 hi;").start();
    assert_eq!(statuses(&site, "a", 3), [200; 3]);
}

#[test]
fn a_reload_goes_on_counting() {
    let site = site(ZONE, "limit_req zone=one burst=3 nodelay;");
    assert_eq!(passed(&site, "a", 2), 2);
    for _ in 0..3 {
        site.reload();
    }
    assert_eq!(passed(&site, "a", 6), 2);
    // Also while nothing uses the zone, and with another burst and rate.
    site.reconfigure(&configuration(ZONE, ""));
    assert_eq!(passed(&site, "a", 6), 6);
    site.reconfigure(&configuration(&ZONE.replace("1r/m", "2r/m"), "limit_req zone=one burst=5 nodelay;"));
    assert_eq!(passed(&site, "a", 6), 2);
}

#[test]
fn a_zone_keeps_what_fits_when_its_size_changes() {
    let site = site(ZONE, "limit_req zone=one;");
    assert_eq!(passed(&site, "a", 2), 1);
    site.reconfigure(&configuration(&ZONE.replace("32k", "1m"), "limit_req zone=one;"));
    assert_eq!(passed(&site, "a", 2), 0);
    let line = site.wait_for_log("zone \"one\" has");
    assert!(line.contains("[notice]") && line.contains("has 1m instead of 32k"), "{line}");
    let mut client = site.connect();
    for number in 0..600 {
        assert_eq!(client.get(&format!("/?key={number}")).status, 200);
    }
    site.reconfigure(&configuration(ZONE, "limit_req zone=one;"));
    let line = site.wait_for_log("zone \"one\" has 32k instead of 1m");
    assert!(
        line.contains("[warn]") && line.contains(" of its 601 entries, the least recently used, are lost"),
        "{line}"
    );
    assert_eq!(client.get("/?key=599").status, 503);
    assert_eq!(client.get("/?key=200").status, 503);
    assert_eq!(client.get("/?key=0").status, 200);
}

#[test]
fn a_refused_configuration_changes_no_zone() {
    let site = site(&ZONE.replace("32k", "1m"), "limit_req zone=one;");
    let mut client = site.connect();
    for number in 0..600 {
        assert_eq!(client.get(&format!("/?key={number}")).status, 200);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound");
    let conf = configuration(ZONE, "limit_req zone=one;").replace("listen ", &format!("listen {address}; listen "));
    site.try_reconfigure(&conf).expect_err("the port is taken");
    assert_eq!(client.get("/?key=0").status, 503);
    assert!(!site.error_log().contains("instead of 1m"), "{}", site.error_log());
}

#[test]
fn a_zone_with_another_key_begins_anew_and_says_so() {
    let site = site(ZONE, "limit_req zone=one;");
    assert_eq!(passed(&site, "a", 2), 1);
    let mark = site.log_mark();
    site.reconfigure(&configuration(&ZONE.replace("$arg_key", "$arg_key$uri"), "limit_req zone=one;"));
    let line = site.wait_for_log_after(mark, "limit_req_zone \"one\" used the key \"$arg_key\" before the reload");
    assert!(line.contains("[warn]") && line.contains("it begins anew"), "{line}");
    assert_eq!(passed(&site, "a", 2), 1);
}

#[test]
fn a_client_that_leaves_while_it_waits_is_logged_with_499() {
    let http = format!("{ZONE} log_format status $status:$limit_req_status; access_log {{root}}/log status;");
    let site = Site::new().file("page", "").http(&http).conf("limit_req zone=one burst=5;").start();
    assert_eq!(site.get("/page?key=a").status, 200);
    let wait = || {
        let mark = site.log_mark();
        let mut client = site.connect();
        client.send("GET /page?key=a HTTP/1.1\r\nHost: a\r\n\r\n");
        site.wait_for_log_after(mark, "delaying request, excess: ");
        client
    };
    wait().reset();
    site.access_log("log", 2);
    drop(wait());
    assert_eq!(site.access_log("log", 3), ["200:PASSED", "499:DELAYED", "499:DELAYED"]);
}

#[test]
fn what_was_asked_before_is_answered_while_a_request_waits() {
    let site = site(ZONE, "limit_req zone=one burst=5;");
    let mut client = site.connect();
    let request = "GET /?key=a HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(request.repeat(2));
    assert_eq!(client.answer().status, 200);
    site.wait_for_log("delaying request");
    assert!(client.is_quiet());
}

/// What `-t` says of lines of `http`.
#[track_caller]
fn refused(http: &str) -> String {
    let checked = check_config(&format!("events {{ }}\nhttp {{\n{http}\n}}\n"));
    assert!(!checked.ok, "accepted: {http}");
    checked.output
}

#[test]
fn a_zone_that_nobody_defines_is_told_with_the_nearest() {
    let output = refused("limit_req_zone $uri zone=adresses:32k rate=1r/s;\nserver { limit_req zone=addresses; }");
    assert!(output.contains("unknown zone \"addresses\"") && output.contains("did you mean `adresses`?"), "{output}");
    let output = refused("server { limit_req zone=one; }");
    let help = "write `limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s;` in `http`";
    assert!(output.contains("unknown zone \"one\"") && output.contains(help), "{output}");
}

#[test]
fn a_zone_is_of_one_kind_and_defined_once() {
    let output = refused(
        "limit_req_zone $uri zone=one:32k rate=1r/s;\nlimit_req_zone $args zone=one:64k rate=2r/s;\nserver { }",
    );
    assert!(output.contains("limit_req_zone \"one\" is already bound to key \"$uri\""), "{output}");
    assert!(output.contains("first here"), "{output}");
    let output = refused("limit_req_zone $uri zone=one:32k rate=1r/s;\nlimit_conn_zone $uri zone=one:32k;\nserver { }");
    assert!(output.contains("zone \"one\" is of another kind already"), "{output}");
    assert!(output.contains("a zone of `limit_req_zone`"), "{output}");
    let output = refused("limit_conn_zone $uri zone=one:32k;\nserver { limit_req zone=one; }");
    assert!(output.contains("zone \"one\" is not one of \"limit_req_zone\""), "{output}");
    assert!(output.contains("a zone of `limit_conn_zone`"), "{output}");
}

#[test]
fn wrong_parameters_are_refused() {
    let zone = |parameters: &str| refused(&format!("limit_req_zone $uri {parameters};"));
    for (parameters, expected) in [
        ("zone=one rate=1r/s", "invalid zone size \"zone=one\""),
        ("zone=one:10z rate=1r/s", "invalid zone size \"zone=one:10z\""),
        ("zone=one:31k rate=1r/s", "zone \"one\" is too small"),
        ("zone=:32k rate=1r/s", "must have a zone with a name"),
        ("zone=one:32k rate=0r/s", "invalid rate \"rate=0r/s\""),
        ("zone=one:32k rate=1r/h", "invalid rate \"rate=1r/h\""),
        ("zone=one:32k rate=99999999999r/s", "invalid rate"),
        ("zone=one:32k zone=two:32k", "invalid parameter \"zone=two:32k\""),
        ("zones=one:32k rate=1r/s", "invalid parameter \"zones=one:32k\""),
        ("zone=one:32k", "invalid number of arguments"),
    ] {
        let output = zone(parameters);
        assert!(output.contains(expected), "{parameters}: {output}");
    }
    let limit = |limit: &str| {
        refused(&format!("limit_req_zone $uri zone=one:32k rate=1r/s;\nserver {{ limit_req zone=one; {limit}; }}"))
    };
    for (text, expected) in [
        ("limit_req zone=one burst=3", "zone \"one\" limits the requests of this block already"),
        ("limit_req burst=3", "\"limit_req\" must have \"zone\" parameter"),
        ("limit_req zone=", "\"limit_req\" must have \"zone\" parameter"),
        ("limit_req zone=two burst=0", "invalid burst \"burst=0\""),
        ("limit_req zone=two delay=x", "invalid delay \"delay=x\""),
        ("limit_req zone=two delay=1 nodelay", "invalid parameter \"nodelay\""),
        ("limit_req zone=two bursts=1", "invalid parameter \"bursts=1\""),
        ("limit_req_status 399", "invalid status \"399\""),
        ("limit_req_status 600", "invalid status \"600\""),
        ("limit_req_log_level crit", "invalid value \"crit\""),
    ] {
        let output = limit(text);
        assert!(output.contains(expected), "{text}: {output}");
    }
}

#[test]
fn a_check_leaves_a_running_server_as_it_is() {
    let site = site(ZONE, "limit_req zone=one;");
    assert_eq!(passed(&site, "a", 2), 1);
    assert!(site.webserv(&["-t"]).status.success());
    assert_eq!(passed(&site, "a", 2), 0);
}

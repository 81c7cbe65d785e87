//! How scripts end: by themselves, by their deadlines, with their clients, with the server.

use super::*;

/// Says who it is, and stays.
const STAYS: &str = "echo $$ > ../pid\nexec sleep 1000";

/// As `STAYS`, and does not end when told to; it writes down that it was.
const STAYS_ON: &str = "trap 'echo told >> ../told' TERM\necho $$ > ../pid\nwhile :; do sleep 1000 & wait; done";

fn asks(site: &Running) -> Client {
    let mut client = site.connect();
    client.send("GET /cgi-bin/run HTTP/1.1\r\nHost: a\r\n\r\n");
    client
}

#[test]
fn a_script_that_runs_too_long_is_ended() {
    let site = site_with("cgi_timeout 100ms;").shell("run", STAYS).start();
    let mut client = asks(&site);
    let script = Process::named_in(&site.path("pid"));
    assert_eq!(client.answer().status, 504);
    script.wait_for_end();
    let line = site.wait_for_log("ran for longer than 100ms and was ended");
    assert!(line.contains("[error]") && line.contains("request: \"GET /cgi-bin/run "), "{line}");
}

#[test]
fn a_script_that_does_nothing_for_too_long_is_ended() {
    let site = site_with("cgi_idle_timeout 100ms;").shell("run", STAYS).start();
    let mut client = asks(&site);
    assert_eq!(client.answer().status, 504);
    site.wait_for_log("neither read nor wrote for 100ms and was ended");
    Process::named_in(&site.path("pid")).wait_for_end();
}

#[test]
fn an_answer_that_had_begun_is_cut() {
    let site = site_with("cgi_idle_timeout 100ms;").shell("run", &format!("{HEAD}echo begun\n{STAYS}")).start();
    let mut client = asks(&site);
    let (bytes, _) = client.try_rest();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with("begun\n\r\n"), "no last chunk: {text}");
    site.wait_for_log("neither read nor wrote for 100ms and was ended while sending response to client");
}

#[test]
fn what_does_not_end_when_told_is_killed_with_all_it_has_started() {
    let site = site_with("cgi_timeout 200ms; cgi_grace 100ms;")
        .shell("run", &format!("sh -c 'trap \"\" TERM; echo $$ > ../other; while :; do sleep 1; done' &\n{STAYS_ON}"))
        .start();
    let mut client = asks(&site);
    let (script, other) = (Process::named_in(&site.path("pid")), Process::named_in(&site.path("other")));
    assert_eq!(client.answer().status, 504);
    script.wait_for_end();
    other.wait_for_end();
    assert!(fs::read_to_string(site.path("told")).expect("it was told first").starts_with("told\n"));
}

#[test]
fn a_script_ends_with_its_client() {
    for head in ["", HEAD] {
        let site = site().shell("run", &format!("{head}{STAYS}")).start();
        let client = asks(&site);
        let script = Process::named_in(&site.path("pid"));
        drop(client);
        script.wait_for_end();
    }
}

#[test]
fn a_script_ends_with_a_client_that_resets() {
    let site = site().shell("run", STAYS).start();
    let client = asks(&site);
    let script = Process::named_in(&site.path("pid"));
    client.reset();
    script.wait_for_end();
}

#[test]
fn a_client_that_left_is_logged_as_499() {
    let site = site().http("access_log {root}/log;").shell("run", STAYS).start();
    let client = asks(&site);
    Process::named_in(&site.path("pid"));
    drop(client);
    assert!(site.access_log("log", 1)[0].contains("\" 499 0 "));
}

#[test]
fn a_client_that_left_may_be_ignored() {
    let script = format!("echo $$ > ../pid\nread line < ../fifo\n{HEAD}echo \"$line\" > ../after");
    let site = site_with("cgi_ignore_client_abort on;").shell("run", &script).with_folder(fifo).start();
    let client = asks(&site);
    let script = Process::named_in(&site.path("pid"));
    drop(client);
    assert_eq!(site.get("/page").status, 200);
    assert!(script.runs());
    fs::write(site.path("fifo"), "still here\n").expect("the script reads it");
    wait_for_file(&site.path("after"), |text| text == "still here\n");
}

#[test]
fn what_a_script_leaves_behind_does_not_hold_its_answer_up() {
    let site = site().shell("run", &format!("{HEAD}echo done\nsleep 1000 &\necho $! > ../pid")).start();
    let mut client = asks(&site);
    assert_eq!(client.answer().text(), "done\n");
    let other = Process::named_in(&site.path("pid"));
    assert!(other.runs(), "it is none of the server's affairs");
    assert_eq!(client.get("/page").text(), "a page", "the connection goes on");
    other.kill();
}

#[test]
fn no_child_stays_unwaited_for() {
    let site = site_with("cgi_timeout 300ms; cgi_grace 10ms;")
        .shell("quick", &format!("{HEAD}echo done"))
        .shell("broken", "exit 1")
        .shell("run", STAYS)
        .start();
    for _ in 0..5 {
        assert_eq!(site.get("/cgi-bin/quick").status, 200);
        assert_eq!(site.get("/cgi-bin/broken").status, 502);
        drop(asks(&site));
    }
    assert_eq!(site.get("/cgi-bin/run").status, 504);
    ask_until(&site, "all children to be gone", || children(&site).is_empty());
}

#[test]
fn descriptors_are_given_back() {
    let site = site().shell("run", &format!("{HEAD}cat; echo complaint >&2")).start();
    let request = "POST /cgi-bin/run HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let mut client = site.connect();
    client.send(request);
    assert_eq!(client.answer().text(), "hello");
    ask_until(&site, "the first child to be gone", || children(&site).is_empty());
    assert_eq!(client.get("/page").status, 200);
    let before = site.open_files();
    for _ in 0..20 {
        client.send(request);
        assert_eq!(client.answer().text(), "hello");
    }
    ask_until(&site, "all descriptors to be closed", || site.open_files() <= before);
}

#[test]
fn scripts_end_with_the_server() {
    for script in [STAYS, STAYS_ON] {
        let site = site().shell("run", script).start();
        let _client = asks(&site);
        let script = Process::named_in(&site.path("pid"));
        let stopped = site.stop();
        assert_eq!(stopped.signal(), Some(15));
        assert!(!script.runs());
    }
}

#[test]
fn a_server_that_quits_waits_for_its_scripts() {
    let script = format!("echo $$ > ../pid\nread line < ../fifo\n{HEAD}echo \"$line\"");
    let site = site().shell("run", &script).with_folder(fifo).start();
    let mut client = asks(&site);
    Process::named_in(&site.path("pid"));
    site.signal("QUIT");
    fs::write(site.path("fifo"), "in time\n").expect("the script reads it");
    assert_eq!(client.answer().text(), "in time\n");
    assert!(site.wait().status.success());
}

#[test]
fn a_reload_leaves_scripts_alone() {
    let script = format!("echo $$ > ../pid\nread line < ../fifo\n{HEAD}echo \"$line\"");
    let site = site().shell("run", &script).with_folder(fifo).start();
    let mut client = asks(&site);
    Process::named_in(&site.path("pid"));
    site.reload();
    fs::write(site.path("fifo"), "after all\n").expect("the script reads it");
    assert_eq!(client.answer().text(), "after all\n");
}

#[test]
fn a_script_whose_answer_is_refused_does_not_go_on_for_long() {
    let site = site().shell("run", "echo $$ > ../pid\nwhile :; do echo X-Endless: more; done").start();
    let mut client = asks(&site);
    assert_eq!(client.answer().status, 502);
    Process::named_in(&site.path("pid")).wait_for_end();
    site.wait_for_log("went on after its answer was refused and was ended");
}

#[test]
fn a_client_that_says_it_sends_no_more_counts_as_gone_unless_that_is_to_be_ignored() {
    let site = site_with("").shell("run", STAYS).start();
    let client = asks(&site);
    let script = Process::named_in(&site.path("pid"));
    client.shutdown_write();
    script.wait_for_end();

    let answers = "echo $$ > ../pid\nuntil test -e ../go; do sleep 0.01; done\nprintf 'Content-Type: a/b\\n\\nhere'";
    let site = site_with("cgi_ignore_client_abort on;").shell("run", answers).start();
    let mut client = asks(&site);
    Process::named_in(&site.path("pid"));
    client.shutdown_write();
    fs::write(site.path("go"), "").unwrap();
    assert_eq!(client.answer().text(), "here");
}

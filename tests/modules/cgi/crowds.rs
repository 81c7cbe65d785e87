//! How many scripts run at once, and who waits.

use super::*;

/// Says that it runs, waits until it may go on, and answers.
const WAITS: &str = "echo $$ > ../pid\nread line < ../fifo\nprintf 'Content-Type: text/plain\\n\\n'\necho \"$line\"";

fn crowd(conf: &str) -> Running {
    site_with(conf).shell("wait", WAITS).shell("quick", &format!("{HEAD}echo quick")).with_folder(fifo).start()
}

/// A request for the script that waits, which runs by now.
fn holds_a_place(site: &Running) -> Client {
    let mut client = site.connect();
    client.send("GET /cgi-bin/wait HTTP/1.1\r\nHost: a\r\n\r\n");
    Process::named_in(&site.path("pid"));
    client
}

fn let_go(site: &Running) {
    fs::write(site.path("fifo"), "go\n").expect("the script reads it");
}

#[test]
fn when_too_many_run_and_wait_a_client_is_told_when_to_come_again() {
    let site = crowd("cgi_max 1; cgi_queue 0;");
    let mut first = holds_a_place(&site);
    let answer = site.get("/cgi-bin/quick");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")));
    site.wait_for_log("too many requests wait for their CGI script");
    assert_eq!(site.get("/page").status, 200, "other files are answered meanwhile");
    let_go(&site);
    assert_eq!(first.answer().text(), "go\n");
    ask_until(&site, "the place to be free", || site.get("/cgi-bin/quick").status == 200);
}

#[test]
fn whoever_waits_has_its_turn_when_a_script_has_ended() {
    let site = crowd("cgi_max 1;");
    let mut first = holds_a_place(&site);
    let mut second = site.connect();
    second.send("GET /cgi-bin/quick HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(site.get("/page").status, 200);
    assert!(second.is_quiet());
    let_go(&site);
    assert_eq!(first.answer().text(), "go\n");
    assert_eq!(second.answer().text(), "quick\n");
}

#[test]
fn a_network_that_asks_much_does_not_keep_others_waiting() {
    let site = site_with("cgi_max 1; cgi_queue 4;")
        .shell("wait", WAITS)
        .shell("who", &format!("echo $REMOTE_ADDR >> ../order\n{HEAD}echo done"))
        .with_folder(fifo)
        .start();
    let mut first = holds_a_place(&site);
    let mut waiting = Vec::new();
    for from in [[127, 0, 1, 1], [127, 0, 1, 2], [127, 0, 1, 3], [127, 0, 1, 4], [127, 0, 2, 1], [127, 0, 3, 1]] {
        let mut client = site.connect_from(from);
        client.send("GET /cgi-bin/who HTTP/1.1\r\nHost: a\r\n\r\n");
        // One after the other: by now the server has seen it.
        assert_eq!(site.get("/page").status, 200);
        waiting.push(client);
    }
    let_go(&site);
    assert_eq!(first.answer().text(), "go\n");
    let statuses: Vec<u16> = waiting.iter_mut().map(|client| client.answer().status).collect();
    assert_eq!(statuses, [200, 200, 503, 503, 200, 200], "two of the first network made room for others");
    let order = fs::read_to_string(site.path("order")).expect("scripts wrote it");
    assert_eq!(order, "127.0.1.1\n127.0.2.1\n127.0.3.1\n127.0.1.2\n");
}

#[test]
fn nobody_waits_for_ever() {
    let site = crowd("cgi_max 1; cgi_queue 10 timeout=50ms;");
    let mut first = holds_a_place(&site);
    let answer = site.get("/cgi-bin/quick");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")));
    site.wait_for_log("no CGI script could be run in time");
    let_go(&site);
    assert_eq!(first.answer().text(), "go\n");
}

#[test]
fn locations_count_for_themselves_and_go_on_through_a_reload() {
    let site = site_with("cgi_max 1; cgi_queue 0;")
        .conf("location /other/ { alias {root}/cgi-bin/; cgi on; cgi_max 1; cgi_queue 0; }")
        .shell("wait", WAITS)
        .shell("quick", &format!("{HEAD}echo quick"))
        .with_folder(fifo)
        .start();
    let mut first = holds_a_place(&site);
    assert_eq!(site.get("/other/quick").status, 200);
    site.reload();
    assert_eq!(site.get("/cgi-bin/quick").status, 503);
    let_go(&site);
    assert_eq!(first.answer().text(), "go\n");
}

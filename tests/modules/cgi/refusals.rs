//! Scripts that are not there, cannot be started or say nonsense, and configurations that are refused.

use super::*;

#[test]
fn a_script_that_is_not_there_is_not_found() {
    let site = site().dir("cgi-bin").start();
    assert_eq!(site.get("/cgi-bin/none").status, 404);
    assert_eq!(site.get("/cgi-bin/none/x").status, 404);
    assert_eq!(site.ask("POST", "/cgi-bin/none", &[]).status, 404);
    assert_eq!(site.get("/cgi-bin/").status, 403, "a folder without an index");
}

#[test]
fn a_script_that_cannot_be_started_is_500_and_the_reason_is_in_the_log_alone() {
    let site = site_with("cgi_interpreter .odd /nowhere/odd;")
        .file("cgi-bin/plain", "#!/bin/sh\n")
        .script("orphan", "#!/nowhere/interpreter\n")
        .script("no-program", "just text\n")
        .file("cgi-bin/x.odd", "")
        .start();
    for (name, reason) in [
        ("plain", "it is not executable"),
        ("orphan", "its first line names an interpreter that is not there"),
        ("no-program", "it is no program"),
        ("x.odd", "its interpreter is \"/nowhere/odd\""),
    ] {
        let answer = site.get(&format!("/cgi-bin/{name}"));
        assert_eq!(answer.status, 500, "{name}");
        assert!(!answer.text().contains(reason) && !answer.text().contains("nowhere"), "{}", answer.text());
        let line = site.wait_for_log(reason);
        assert!(line.contains(name) && line.contains(&format!("request: \"GET /cgi-bin/{name} ")), "{line}");
    }
}

#[test]
fn what_is_no_head_is_502_and_what_the_script_complains_is_in_the_log() {
    let site = site()
        .shell("malformed", "echo hello there; echo oh dear >&2")
        .shell("silent", "echo cannot do it >&2; exit 7")
        .shell("cut", "printf 'Content-Type: a/b'")
        .shell("headless", "printf '\\nhello'")
        .shell("killed", "kill -9 $$")
        .start();
    let asked = |name: &str| {
        let mark = site.log_mark();
        assert_eq!(site.get(&format!("/cgi-bin/{name}")).status, 502, "{name}");
        mark
    };
    let mark = asked("malformed");
    site.wait_for_log_after(mark, "a line of its header is not a field: \"hello there\"");
    let line = site.wait_for_log_after(mark, "malformed\" wrote: \"oh dear\"");
    assert!(line.contains("client: 127.0.0.1") && line.contains("request: \"GET /cgi-bin/malformed "), "{line}");
    let mark = asked("silent");
    site.wait_for_log_after(mark, "wrote: \"cannot do it\"");
    site.wait_for_log_after(mark, "silent\" wrote nothing");
    site.wait_for_log_after(mark, "ended with exit status: 7");
    let mark = asked("cut");
    site.wait_for_log_after(mark, "its output ended within its header");
    let mark = asked("headless");
    site.wait_for_log_after(mark, "its header is empty");
    let mark = asked("killed");
    site.wait_for_log_after(mark, "ended with signal: 9");
}

#[test]
fn a_head_without_an_end_is_not_kept_for_ever() {
    let site =
        site().shell("run", "while :; do echo 'X-A: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'; done").start();
    assert_eq!(site.get("/cgi-bin/run").status, 502);
    site.wait_for_log("its header is longer than");
}

#[test]
fn a_502_has_its_error_page() {
    let site = site().conf("error_page 502 /sorry;").file("sorry", "sorry").shell("run", "").start();
    let answer = site.get("/cgi-bin/run");
    assert_eq!((answer.status, answer.text()), (502, "sorry"));
}

#[test]
fn errors_may_go_to_a_file_or_nowhere() {
    let site =
        site_with("cgi_stderr {root}/errors;").shell("run", &format!("echo one >&2; {HEAD} echo two >&2")).start();
    assert_eq!(site.get("/cgi-bin/run").status, 200);
    wait_for_file(&site.path("errors"), |text| text == "one\ntwo\n");
    assert!(!site.error_log().contains("wrote"));
    let site = site_with("cgi_stderr off;").shell("run", &format!("echo one >&2; {HEAD}")).start();
    assert_eq!(site.get("/cgi-bin/run").status, 200);
    assert!(!site.stop().error_log.contains("wrote"));
}

#[test]
fn a_rehearsal_runs_nothing() {
    let site = site_with("expect GET /cgi-bin/run 200;").shell("run", "echo ran > ../ran");
    let folder = site.unstarted();
    let output = folder.webserv(&["-t"]);
    assert!(!folder.path("ran").exists(), "{output:?}");
}

#[test]
fn wrong_words_are_refused_with_their_place() {
    for (line, message) in [
        ("cgi maybe;", "it must be \"on\" or \"off\""),
        ("cgi .php cgi;", "invalid ending \"cgi\""),
        ("cgi_interpreter php /usr/bin/php-cgi;", "invalid ending \"php\""),
        ("cgi_interpreter .php php-cgi;", "has no absolute path"),
        ("cgi_interpreter .a /b; cgi_interpreter .a /c;", "a second interpreter"),
        ("cgi_set_var A-B x;", "invalid name"),
        ("cgi_set_var HTTP_PROXY x;", "cannot be set"),
        ("cgi_max 0;", "invalid value \"0\""),
        ("cgi_queue 5 wait=3s;", "invalid parameter"),
        ("cgi_queue 5 timeout=x;", "invalid time"),
        ("cgi_timeout soon;", "invalid time"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ server {{ {line} }} }}"));
        assert!(!checked.ok && checked.output.contains(message), "{line}: {}", checked.output);
    }
}

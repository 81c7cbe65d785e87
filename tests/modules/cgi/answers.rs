//! What scripts write, as clients see it.

use super::*;

/// The answer to a GET for a script of the shell.
#[track_caller]
fn answered(text: &str) -> Answer {
    site().shell("run", text).start().get("/cgi-bin/run")
}

#[test]
fn a_script_says_its_status_its_fields_and_its_content() {
    let answer = answered(
        "printf 'Status: 404 Gone Fishing\\r\\nContent-Type: text/html; charset=utf-8\\r\\nX-A: b\\r\\n\\r\\n<p>no</p>'",
    );
    assert_eq!((answer.status, answer.text()), (404, "<p>no</p>"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("x-a"), Some("b"));
    assert_eq!(answer.header("status"), None);
}

#[test]
fn without_a_status_it_is_200_and_without_a_length_it_comes_in_chunks() {
    let answer = answered("printf 'Content-type: text/plain\\n\\nhello'");
    assert_eq!((answer.status, answer.text()), (200, "hello"));
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert!(!answer.closes());
}

#[test]
fn a_length_that_was_announced_is_kept_to() {
    let answer = answered("printf 'Content-Length: 5\\nContent-Type: text/plain\\n\\nhello, world'");
    assert_eq!((answer.header("content-length"), answer.text()), (Some("5"), "hello"));
    let site = site().shell("run", "printf 'Content-Length: 50\\nContent-Type: text/plain\\n\\nhello'").start();
    let mut client = site.connect();
    client.send("GET /cgi-bin/run HTTP/1.1\r\nHost: a\r\n\r\n");
    let (bytes, _) = client.try_rest();
    assert!(bytes.ends_with(b"hello"), "the connection ends where the content does");
    site.wait_for_log("45 bytes before its announced length");
}

#[test]
fn several_cookies_reach_the_client() {
    let answer = answered("printf 'Set-Cookie: a=1\\nSet-Cookie: b=2\\nContent-Type: text/plain\\n\\n'");
    assert_eq!(answer.headers_named("set-cookie"), ["a=1", "b=2"]);
}

#[test]
fn what_only_the_server_may_say_is_left_out() {
    let answer = answered("printf 'Connection: close\\nServer: me\\nDate: now\\nKeep-Alive: x\\nX-A: b\\n\\n'");
    assert!(!answer.closes());
    assert!(answer.header("server").is_some_and(|server| server.starts_with("webserv")));
    assert_ne!(answer.header("date"), Some("now"));
    assert_eq!((answer.header("x-a"), answer.header("keep-alive")), (Some("b"), None));
}

#[test]
fn a_script_may_send_nothing_but_a_head() {
    for (status, sent) in [("204 No Content", 204), ("304 Not Modified", 304)] {
        let answer = answered(&format!("printf 'Status: {status}\\nX-A: b\\n\\n'"));
        assert_eq!((answer.status, answer.header("x-a")), (sent, Some("b")));
    }
}

#[test]
fn head_is_answered_without_content_and_the_script_ends_in_peace() {
    let site = site().shell("run", &format!("{HEAD}echo $REQUEST_METHOD\nread line < ../fifo\necho done > ../done"));
    let site = site.with_folder(fifo).start();
    let mut client = site.connect();
    client.send("HEAD /cgi-bin/run HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.answer_to("HEAD");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain")));
    assert_eq!(client.get("/page").text(), "a page", "the connection goes on");
    fs::write(site.path("fifo"), "go\n").expect("the script reads it");
    wait_for_file(&site.path("done"), |text| text == "done\n");
}

#[test]
fn an_absolute_location_redirects_the_client() {
    let answer = answered("printf 'Location: http://example.org/x\\n\\n'");
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://example.org/x")));
    let answer = answered("printf 'Status: 303\\nLocation: /elsewhere\\n\\n'");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/elsewhere")));
}

#[test]
fn a_local_location_is_answered_with_what_is_there() {
    let site = site()
        .conf("location /hidden/ { internal; }")
        .file("hidden/file", "found")
        .shell("run", "printf 'Location: /hidden/%%66ile?a=b\\n\\n'")
        .start();
    let answer = site.get("/cgi-bin/run");
    assert_eq!((answer.status, answer.text(), answer.header("location")), (200, "found", None));
    let answer = site.request("POST /cgi-bin/run HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!((answer.status, answer.text()), (200, "found"), "it is asked for with GET");
}

#[test]
fn a_local_location_with_a_cookie_beside_it_is_for_the_client() {
    let answer = answered("printf 'Set-Cookie: a=1\\nLocation: /page\\n\\n'");
    assert_eq!((answer.status, answer.header("location")), (302, Some("/page")));
    assert_eq!(answer.header("set-cookie"), Some("a=1"));
}

#[test]
fn scripts_that_send_each_other_round_are_stopped() {
    let site = site().shell("run", "printf 'Location: /cgi-bin/run\\n\\n'").start();
    assert_eq!(site.get("/cgi-bin/run").status, 500);
    site.wait_for_log("redirection cycle");
}

#[test]
fn a_script_of_its_own_head_is_passed_on_as_it_is() {
    let raw = "HTTP/1.1 418 Teapot\\r\\nX-Odd:  two  spaces\\r\\n\\r\\nshort and stout";
    let site = site().http("access_log {root}/log;").shell("nph-run", &format!("printf '{raw}'")).start();
    for method in ["GET", "HEAD"] {
        let mut client = site.connect();
        client.send(format!("{method} /cgi-bin/nph-run HTTP/1.1\r\nHost: a\r\n\r\n"));
        let text = String::from_utf8(client.rest()).expect("text");
        assert_eq!(text, "HTTP/1.1 418 Teapot\r\nX-Odd:  two  spaces\r\n\r\nshort and stout");
    }
    assert!(site.access_log("log", 1)[0].contains("\" 418 "));
}

#[test]
fn scripts_answer_any_method() {
    let site = site().shell("run", &format!("{HEAD}echo $REQUEST_METHOD")).start();
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        assert_eq!(site.ask(method, "/cgi-bin/run", &[]).text(), format!("{method}\n"));
    }
}

#[test]
fn a_page_of_a_script_may_stand_in_for_an_error() {
    let site = site()
        .conf("error_page 404 /cgi-bin/missing;")
        .shell("missing", &format!("{HEAD}echo $REQUEST_METHOD $REQUEST_URI"))
        .start();
    let answer = site.ask("POST", "/none", &[]);
    assert_eq!((answer.status, answer.text()), (404, "GET /none\n"));
}

#[test]
fn an_index_may_be_a_script() {
    let site = site_with("index index.py;")
        .file("cgi-bin/index.py", "import os\nprint('Content-Type: text/plain\\n')\nprint(os.environ['SCRIPT_NAME'])")
        .start();
    assert_eq!(site.get("/cgi-bin/").text(), "/cgi-bin/index.py\n");
    assert_eq!(site.get("/cgi-bin").status, 301);
}

#[test]
fn by_ending_scripts_lie_beside_other_files() {
    let site = Site::new()
        .conf("cgi .sh .py; cgi_interpreter .sh /bin/sh; cgi_interpreter .py /usr/bin/python3 -I -u;")
        .file("a.sh", format!("{HEAD}echo shell $PATH_INFO"))
        .file("b.py", "import sys\nprint('Content-Type: text/plain\\n')\nprint('python', sys.flags.isolated)")
        .file("c.txt", "text")
        .start();
    assert_eq!(site.get("/a.sh/x/y").text(), "shell /x/y\n");
    assert_eq!(site.get("/b.py").text(), "python 1\n");
    assert_eq!(site.get("/c.txt").text(), "text");
    assert_eq!([site.get("/none.sh").status, site.get("/c.txt/x").status], [404, 404]);
}

#[test]
fn a_script_may_have_a_file_sent_in_ranges() {
    let site = site_with("cgi_x_sendfile {root}/store;")
        .file("store/data.txt", pattern(100_000))
        .file("secret", "")
        .shell("run", "printf 'X-Sendfile: %s\\nContent-Type: a/b\\nX-A: b\\n\\nignored' \"$QUERY_STRING\"")
        .with_folder(|root| {
            std::os::unix::fs::symlink(root.join("secret"), root.join("store/link")).expect("a link can be made");
        })
        .start();
    let file = site.path("store/data.txt").display().to_string();
    let answer = site.get(&format!("/cgi-bin/run?{file}"));
    assert_eq!((answer.status, answer.body), (200, pattern(100_000)));
    let answer = site.get_with(&format!("/cgi-bin/run?{file}"), &[("Range", "bytes=70000-70009")]);
    assert_eq!((answer.status, &answer.body[..]), (206, &pattern(100_000)[70_000..70_010]));
    assert_eq!((answer.header("content-type"), answer.header("x-a")), (Some("a/b"), Some("b")));
    assert_eq!(answer.header("x-sendfile"), None);
    for outside in ["/etc/passwd", "store/data.txt", &site.path("store/link").display().to_string()] {
        assert_eq!(site.get(&format!("/cgi-bin/run?{outside}")).status, 502, "{outside}");
    }
    site.wait_for_log("in no folder of \"cgi_x_sendfile\"");
    assert_eq!(site.get(&format!("/cgi-bin/run?{file}.none")).status, 404);
}

#[test]
fn x_sendfile_is_a_field_like_any_other_unless_allowed() {
    let answer = answered("printf 'X-Sendfile: /etc/passwd\\nContent-Type: a/b\\n\\nmine'");
    assert_eq!((answer.text(), answer.header("x-sendfile")), ("mine", Some("/etc/passwd")));
}

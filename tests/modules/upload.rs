//! Files from a browser's form.

use std::fs;

use crate::support::*;

/// A site that stores what is sent to `/up` in its folder `in`.
fn site(conf: &str) -> Site {
    let location = format!("location /up {{ upload_store {{root}}/in; {conf} }}");
    Site::new().dir("in").main("error_log stderr info;").http("client_max_body_size 0;").conf(&location)
}

/// One part of a form.
fn file(name: &str, content: &str) -> String {
    let disposition = format!("Content-Disposition: form-data; name=\"f\"; filename=\"{name}\"");
    format!("--xyz\r\n{disposition}\r\nContent-Type: text/plain\r\n\r\n{content}\r\n")
}

fn field(name: &str, value: &str) -> String {
    format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// A request with these parts, and further fields.
fn form(parts: &[String], fields: &str) -> String {
    let content = parts.concat() + "--xyz--\r\n";
    let length = content.len();
    let head = format!("POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{fields}");
    format!("{head}Content-Type: multipart/form-data; boundary=xyz\r\n\r\n{content}")
}

#[track_caller]
fn stored(site: &Running) -> Vec<(String, String)> {
    let entries = fs::read_dir(site.path("in")).expect("it is a folder").map(|entry| entry.expect("it can be read"));
    let text = |entry: &fs::DirEntry| fs::read_to_string(entry.path()).expect("it is a file");
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), text(&entry))).collect();
    files.sort();
    files
}

fn names(site: &Running) -> Vec<String> {
    stored(site).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn each_file_of_a_form_is_stored_and_listed() {
    let site = site("").start();
    let answer = site.request(form(&[file("a.txt", "hello"), field("note", "x"), file("b \u{fc}.txt", "")], ""));
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("application/json")));
    let expected = "{\"files\":[\n{\"field\":\"f\",\"name\":\"a.txt\",\"sent_as\":\"a.txt\",\"size\":5},\n\
                    {\"field\":\"f\",\"name\":\"b \u{fc}.txt\",\"sent_as\":\"b \u{fc}.txt\",\"size\":0}],\
                    \"ignored\":[\"note\"]}\n";
    assert_eq!(answer.text(), expected);
    let files = [("a.txt", "hello"), ("b \u{fc}.txt", "")];
    assert_eq!(stored(&site), files.map(|(name, content)| (name.to_owned(), content.to_owned())));
}

#[test]
fn a_browser_gets_a_page() {
    let site = site("").start();
    let answer = site.request(form(&[file("<a>.txt", "hello")], "Accept: text/html,*/*;q=0.8\r\n"));
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("text/html; charset=utf-8")));
    assert!(answer.text().contains("&lt;a&gt;.txt") && !answer.text().contains("<a>"), "{}", answer.text());
}

#[test]
fn a_file_that_is_served_has_its_place_told() {
    let site = Site::new().conf("location /in/ { upload_store {root}/in; }").dir("in").start();
    let form = form(&[file("a #1.txt", "hello")], "").replace("POST /up", "POST /in/");
    let answer = site.request(form);
    assert!(answer.text().contains("\"url\":\"/in/a%20%231.txt\""), "{}", answer.text());
    let location = format!("http://localhost:{}/in/a%20%231.txt", site.address().port());
    assert_eq!(answer.header("location"), Some(&*location));
    assert_eq!(site.get("/in/a%20%231.txt").text(), "hello");
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let site = site("").file("in/a.txt", "old").start();
    for _ in 0..2 {
        assert_eq!(site.request(form(&[file("a.txt", "new"), file("b", "x"), file("b", "y")], "")).status, 201);
    }
    assert_eq!(names(&site), ["a (1).txt", "a (2).txt", "a.txt", "b", "b (1)", "b (2)", "b (3)"]);
    assert_eq!(stored(&site)[2].1, "old");
}

#[test]
fn a_file_replaces_another_only_when_asked() {
    let site = site("upload_overwrite on;").file("in/a.txt", "old").start();
    fs::create_dir(site.path("in/b")).unwrap();
    let answer = site.request(form(&[file("a.txt", "one"), file("a.txt", "two")], ""));
    assert_eq!(answer.status, 201);
    fs::remove_dir(site.path("in/b")).unwrap();
    assert_eq!(stored(&site), [("a (1).txt".into(), "two".into()), ("a.txt".into(), "one".into())]);
}

#[test]
fn a_folder_is_not_replaced() {
    let site = site("upload_overwrite on;").dir("in/b").start();
    assert_eq!(site.request(form(&[file("b", "new")], "")).status, 201);
    assert_eq!(fs::read_to_string(site.path("in/b (1)")).unwrap(), "new");
}

#[test]
fn no_name_leaves_the_folder_or_hides_in_it() {
    let site = site("").start();
    let sent = ["../../out", "/etc/cron.d/x", "..\\..\\y", "..", ".htaccess", "a%22b", "C:\\z"];
    let answer = site.request(form(&sent.map(|name| file(name, "x")), ""));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(names(&site), ["a\"b", "htaccess", "out", "upload", "x", "y", "z"]);
    assert_eq!(
        fs::read_dir(site.path(".."))
            .unwrap()
            .filter(|entry| { entry.as_ref().is_ok_and(|entry| entry.file_name() == "out") })
            .count(),
        0
    );
}

#[test]
fn a_field_without_a_chosen_file_is_none() {
    let site = site("").start();
    assert_eq!(site.request(form(&[file("", ""), file("a", "x")], "")).status, 201);
    assert_eq!(names(&site), ["a"]);
    assert_eq!(site.request(form(&[file("", ""), field("note", "x")], "")).status, 400);
    site.wait_for_log("client sent a form without a file");
}

#[test]
fn what_is_no_form_is_refused() {
    let site = site("").start();
    let post = |content_type: &str, content: &str| {
        let length = content.len();
        let head = format!("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{content_type}\r\n");
        site.request(head + content).status
    };
    assert_eq!(post("Content-Type: application/x-www-form-urlencoded\r\n", "a=b"), 415);
    assert_eq!(post("", "a=b"), 415);
    assert_eq!(post("Content-Type: multipart/form-data\r\n", "a=b"), 400);
    let boundary = "Content-Type: multipart/form-data; boundary=xyz\r\n";
    for content in ["a=b", "", "--xyz\r\n\r\nx\r\n--xyz--", "--xyzzy\r\n"] {
        assert_eq!(post(boundary, content), 400, "{content}");
    }
    let cut = file("a", "hello");
    assert_eq!(post(boundary, &cut), 400);
    site.wait_for_log("client sent a form without its end");
    assert_eq!(names(&site), [""; 0]);
}

#[test]
fn other_methods_are_for_others() {
    let site = site("try_files /form.html =404;").file("form.html", "the form").start();
    assert_eq!(site.get("/up").text(), "the form");
}

#[test]
fn a_form_is_stored_as_a_whole_or_not_at_all() {
    let site = site("upload_max_file_size 5;").start();
    let answer = site.request(form(&[file("a", "12345"), file("b", "123456")], ""));
    assert_eq!(answer.status, 413);
    assert!(site.wait_for_log("has more than 5 bytes").contains("the file \"b\""));
    assert_eq!(names(&site), [""; 0]);
    assert_eq!(site.request(form(&[file("a", "12345")], "")).status, 201);
}

#[test]
fn the_number_of_parts_and_the_size_of_the_whole_are_limited() {
    let site = site("upload_max_parts 2; client_max_body_size 1k;").start();
    let two = [file("a", "x"), field("b", "x")];
    assert_eq!(site.request(form(&two, "")).status, 201);
    assert_eq!(site.request(form(&[two[0].clone(), two[1].clone(), field("c", "")], "")).status, 413);
    assert_eq!(site.request(form(&[file("d", &"x".repeat(1024))], "")).status, 413);
    assert_eq!(names(&site), ["a"]);
}

#[test]
fn a_form_may_come_in_chunks() {
    let site = site("").start();
    let content = file("a", "hello") + "--xyz--\r\n";
    let chunks: String = content
        .as_bytes()
        .chunks(7)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    let head = "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
                Content-Type: multipart/form-data; boundary=\"xyz\"\r\n\r\n";
    assert_eq!(site.request([head, &chunks, "0\r\n\r\n"].concat()).status, 201);
    assert_eq!(stored(&site), [("a".into(), "hello".into())]);
}

/// A client in the middle of a form, whose file is being written.
fn half_way(site: &Running) -> Client {
    let mut client = site.connect();
    client.send("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n");
    client.send("Content-Type: multipart/form-data; boundary=xyz\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send(file("done", "x") + &file("a", &"x".repeat(500_000)));
    client
}

#[test]
fn a_client_that_leaves_and_a_killed_server_store_nothing() {
    let site = site("").file("in/old", "old").start();
    drop(half_way(&site));
    site.wait_for_log("client prematurely closed connection");
    assert_eq!(names(&site), ["old"]);
    let client = half_way(&site);
    site.signal("KILL");
    let stopped = site.wait();
    drop(client);
    let site = stopped.start_again();
    assert_eq!(stored(&site), [("old".into(), "old".into())]);
}

#[test]
fn what_was_left_unfinished_is_swept_at_the_start() {
    let site = site("").file("in/.webserv-upload-0123456789abcdef", "half").file("in/old", "").start();
    site.wait_for_log("removed 1 unfinished uploads");
    assert_eq!(names(&site), ["old"]);
}

/// The limit of a file's size stands in for a full disk, and needs nobody's permission.
#[test]
fn files_that_find_no_room_are_not_stored() {
    let site = site("").start();
    site.limit_file_size(10_000);
    assert_eq!(site.request(form(&[file("a", "x"), file("b", &"x".repeat(20_000))], "")).status, 507);
    assert!(site.wait_for_log("write()").contains("/in/b\" failed (27: File too large)"));
    assert_eq!(names(&site), [""; 0]);
    assert_eq!(site.request(form(&[file("a", "x")], "")).status, 201);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let site = site("").start();
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", site.pid().as_raw_nonzero())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(site.request(form(&[file("small", "x")], "")).status, 201);
    let before = resident();
    let (megabytes, piece) = (64, "x".repeat(1 << 20));
    let begin = file("large", "").trim_end_matches("\r\n").to_owned() + "\r\n\r\n";
    let length = begin.len() + (megabytes << 20) + "\r\n--xyz--\r\n".len();
    let mut client = site.connect();
    client.send(format!("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n"));
    client.send(format!("Content-Type: multipart/form-data; boundary=xyz\r\n\r\n{begin}"));
    for _ in 0..megabytes {
        client.send(&piece);
    }
    client.send("\r\n--xyz--\r\n");
    assert_eq!(client.answer().status, 201);
    assert_eq!(fs::metadata(site.path("in/large")).unwrap().len(), (megabytes as u64) << 20);
    let grown = resident() - before;
    assert!(grown < 8 * 1024, "grown by {grown} KiB");
}

#[test]
fn files_have_the_permissions_that_are_set_and_may_be_on_the_disk() {
    use std::os::unix::fs::PermissionsExt;
    let site = site("upload_access group:rw all:r; upload_fsync on;").start();
    assert_eq!(site.request(form(&[file("a", "x")], "")).status, 201);
    assert_eq!(fs::metadata(site.path("in/a")).unwrap().permissions().mode() & 0o777, 0o664);
}

#[test]
fn a_folder_may_depend_on_the_request_but_not_lead_elsewhere() {
    let site = site("").dir("in/a").conf("location /to { upload_store {root}/in/$arg_to; }").start();
    let to = |target: &str| {
        let form = form(&[file("x", "hello")], "").replace("POST /up", &format!("POST /to?to={target}"));
        site.request(form).status
    };
    assert_eq!((to("a"), to(".."), to("a/../../.."), to("none")), (201, 500, 500, 500));
    site.wait_for_log("cannot be opened");
    assert_eq!(fs::read_to_string(site.path("in/a/x")).unwrap(), "hello");
}

#[test]
fn a_rehearsal_stores_nothing() {
    let site =
        site("").conf("expect POST /up status=201 \"header=Content-Type: multipart/form-data; boundary=b\";").start();
    assert_eq!(names(&site), [""; 0]);
}

#[test]
fn who_may_not_send_stores_nothing() {
    let site = site("deny all;").start();
    assert_eq!(site.request(form(&[file("a", "x")], "")).status, 403);
    assert_eq!(names(&site), [""; 0]);
}

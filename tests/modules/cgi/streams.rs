//! Input, output and errors at the same time, in any order, in any amount.

use super::*;

const MEGABYTE: usize = 1 << 20;

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn post_in_chunks(path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for piece in body.chunks(10_000) {
        request.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        request.extend_from_slice(piece);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

/// What both ways of taking content must do.
fn both_ways(test: impl Fn(&str)) {
    test("cgi_request_buffering on;");
    test("cgi_request_buffering off;");
}

const WRITES_FIRST: &str = "import sys\n\
    out = sys.stdout.buffer\n\
    out.write(b'Content-Type: text/plain\\n\\n' + b'x' * 1048576)\n\
    out.flush()\n\
    out.write(str(len(sys.stdin.buffer.read())).encode())\n";

#[test]
fn a_script_may_write_much_before_it_reads_much() {
    both_ways(|conf| {
        let site = site_with(conf).file("cgi-bin/run.py", WRITES_FIRST).start();
        let request = post("/cgi-bin/run.py", &pattern(MEGABYTE));
        let mut client = site.connect();
        std::thread::scope(|scope| {
            let address = site.address();
            let reader = scope.spawn(move || {
                let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
                let mut writer = stream.try_clone().expect("a socket can be duplicated");
                let sender = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &request));
                let mut answer = Vec::new();
                let mut piece = [0; 65536];
                while !answer.ends_with(b"\r\n0\r\n\r\n") {
                    let count = std::io::Read::read(&mut stream, &mut piece).expect("the server answers");
                    assert!(count > 0, "the answer is cut");
                    answer.extend_from_slice(&piece[..count]);
                }
                sender.join().expect("it does not panic").expect("all is taken");
                answer
            });
            let answer = reader.join().expect("it does not panic");
            assert!(answer.windows(7).any(|window| window == b"1048576"), "{conf}");
        });
        assert_eq!(client.get("/page").status, 200);
    });
}

#[test]
fn content_reaches_the_script_with_its_length_however_it_came() {
    let script = format!("{HEAD}echo \"$CONTENT_LENGTH $HTTP_TRANSFER_ENCODING\"; cat");
    let site = site().shell("run", &script).start();
    for size in [1, 100, 16 * 1024, 16 * 1024 + 1, 3 * MEGABYTE] {
        let body = pattern(size);
        let expected = [format!("{size} \n").into_bytes(), body.clone()].concat();
        for request in [post("/cgi-bin/run", &body), post_in_chunks("/cgi-bin/run", &body)] {
            assert!(site.request(request).body == expected, "{size} bytes");
        }
    }
    assert_eq!(site.request(post("/cgi-bin/run", b"")).text(), "0 \n");
    assert_eq!(site.get("/cgi-bin/run").text(), " \n", "no content has no length");
}

#[test]
fn content_may_reach_the_script_as_it_comes() {
    let script = format!("{HEAD}echo \"length $CONTENT_LENGTH\"; read line; echo \"$line\" >> ../seen; cat");
    let site = site_with("cgi_request_buffering off;").shell("run", &script).start();
    let mut client = site.connect();
    client.send("POST /cgi-bin/run HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n");
    wait_for_file(&site.path("seen"), |text| text == "first\n");
    client.send("5\r\nother\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "length \nother");
    let answer = site.request(post("/cgi-bin/run", b"a\nb"));
    assert_eq!(answer.text(), "length 3\nb");
}

#[test]
fn a_client_that_waits_is_told_to_continue() {
    both_ways(|conf| {
        let site = site_with(conf).shell("run", &format!("{HEAD}cat")).start();
        let mut client = site.connect();
        client.send("POST /cgi-bin/run HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        assert_eq!(client.answer().status, 100);
        client.send("hello");
        assert_eq!(client.answer().text(), "hello");
    });
}

#[test]
fn a_script_may_ignore_what_it_is_sent() {
    both_ways(|conf| {
        let site = site_with(conf).shell("run", &format!("exec <&-\n{HEAD}echo done")).start();
        let mut client = site.connect();
        client.send(post("/cgi-bin/run", &pattern(3 * MEGABYTE)));
        assert_eq!(client.answer().text(), "done\n");
        assert_eq!(client.get("/page").text(), "a page", "the connection goes on");
    });
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    both_ways(|conf| {
        let site =
            site_with(&format!("client_max_body_size 10k; {conf}")).shell("run", &format!("cat > /dev/null; {HEAD}"));
        let site = site.start();
        assert_eq!(site.request(post("/cgi-bin/run", &pattern(20_000))).status, 413);
        assert_eq!(site.request(post_in_chunks("/cgi-bin/run", &pattern(200_000))).status, 413);
    });
}

#[test]
fn output_that_is_closed_early_ends_the_answer_and_not_the_script() {
    let script = format!("{HEAD}echo done\nexec >&-\nread line < ../fifo\necho \"$line\" > ../after");
    let site = site().shell("run", &script).with_folder(fifo).start();
    let mut client = site.connect();
    assert_eq!(client.get("/cgi-bin/run").text(), "done\n");
    drop(client);
    fs::write(site.path("fifo"), "still here\n").expect("the script reads it");
    wait_for_file(&site.path("after"), |text| text == "still here\n");
}

#[test]
fn a_slow_client_holds_a_script_up_and_costs_no_memory() {
    let script = "import sys\n\
        out = sys.stdout.buffer\n\
        out.write(b'Content-Type: a/b\\nContent-Length: 104857600\\n\\n')\n\
        for number in range(100):\n    out.write(bytes([number]) * 1048576)\n";
    let site = site().file("cgi-bin/run.py", script).start();
    let before = memory_peak(&site);
    let mut client = site.connect_narrow(16 * 1024);
    client.send("GET /cgi-bin/run.py HTTP/1.1\r\nHost: a\r\n\r\n");
    let body = client.answer().body;
    assert_eq!(body.len(), 100 * MEGABYTE);
    assert!(
        body.chunks(MEGABYTE).enumerate().all(|(number, piece)| piece.iter().all(|byte| usize::from(*byte) == number))
    );
    let grown = memory_peak(&site) - before;
    assert!(grown < 8 * 1024, "the server took {grown} kilobytes more");
}

#[test]
fn much_on_standard_error_holds_nothing_up() {
    let script = "import sys\n\
        sys.stderr.write(('complaint ' * 99 + '\\n') * 1100)\n\
        print('Content-Type: text/plain\\n')\nprint('done')\n";
    let site = site().file("cgi-bin/run.py", script).start();
    let before = memory_peak(&site);
    assert_eq!(site.get("/cgi-bin/run.py").text(), "done\n");
    let line = site.wait_for_log("bytes more, which are left out here");
    assert!(line.contains("run.py"), "{line}");
    assert!(memory_peak(&site) - before < 4 * 1024);
    assert!(site.error_log().lines().filter(|line| line.contains("complaint")).count() < 100);
}

#[test]
fn a_large_body_waits_on_disk_and_leaves_nothing_there() {
    let site = site().shell("run", &format!("{HEAD}wc -c")).start();
    let before = memory_peak(&site);
    let mut client = site.connect();
    client.send(post("/cgi-bin/run", &pattern(30 * MEGABYTE)));
    assert_eq!(client.answer().text().trim(), "31457280");
    let grown = memory_peak(&site) - before;
    assert!(grown < 8 * 1024, "the server took {grown} kilobytes more");
    let left = fs::read_dir(site.path("client_body_temp")).expect("it was made").count();
    assert_eq!(left, 0);
}

//! Everybody at once: clients of every kind that are busy while a test does something to the server, and that count
//! what goes wrong.
//!
//! The site needs `CROWD` among the directives of its server, and the folder that `crowd_files` makes.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::client::Client;
use super::files::pattern;
use super::running::Running;

/// What the server must have for a crowd: a file to download, a place to upload to, a script that is heard while it runs.
pub(crate) const CROWD: &str =
    "client_max_body_size 0; client_body_timeout 600; send_timeout 600; keepalive_requests 100000;
location = /crowd/hello { return 200 hello; }
location /crowd/up/ { dav_methods PUT; create_full_put_path on; }
location /crowd/cgi/ { cgi on; cgi_timeout 600; cgi_idle_timeout 600; }";

/// How much is downloaded, more than socket buffers hold.
const DOWNLOAD_BYTES: usize = 8 << 20;

/// Clients in the middle of what they do.
#[derive(Debug)]
pub(crate) struct Crowd {
    kept: Vec<Client>,
    downloads: Vec<(Client, Vec<u8>)>,
    upload: Client,
    uploaded: usize,
    /// The client of a script that repeats what is written into `told`.
    tunnel: Client,
    told: File,
    count: Count,
}

/// What the crowd has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) steps: usize,
    pub(crate) requests: usize,
    pub(crate) new_connections: usize,
    pub(crate) wrong_answers: usize,
    /// Answers that said to be the last on their connection.
    pub(crate) polite_closes: usize,
    pub(crate) early_closes: usize,
}

/// Makes what the crowd needs in the site's folder; for `Site::with_folder`.
pub(crate) fn crowd_files(root: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let folder = root.join("crowd");
    fs::create_dir_all(folder.join("cgi")).expect("the folder can be written to");
    fs::write(folder.join("large"), pattern(DOWNLOAD_BYTES)).expect("the folder can be written to");
    mknodat(CWD, folder.join("told"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO can be made");
    let script = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec cat ../told\n";
    fs::write(folder.join("cgi/repeat"), script).expect("the folder can be written to");
    fs::set_permissions(folder.join("cgi/repeat"), Permissions::from_mode(0o755)).expect("it is there");
}

impl Crowd {
    /// Comes to a site: `kept` connections that stay, downloads and an upload under way, a script that is running.
    #[track_caller]
    pub(crate) fn come(site: &Running, kept: usize) -> Self {
        let kept = (0..kept).map(|_| site.connect()).collect();
        let downloads = (0..3).map(|_| {
            let mut client = site.connect_narrow(16 << 10);
            client.send("GET /crowd/large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let received = client.read_some();
            (client, received)
        });
        let downloads = downloads.collect();
        let mut upload = site.connect();
        upload.send("PUT /crowd/up/file HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut tunnel = site.connect();
        tunnel.send("GET /crowd/cgi/repeat HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        // Opened once the script reads.
        let told = OpenOptions::new().write(true).open(site.path("crowd/told")).expect("the FIFO is there");
        let mut crowd = Self { kept, downloads, upload, uploaded: 0, tunnel, told, count: Count::default() };
        let head = crowd.tell("begin");
        assert!(head, "the script is heard");
        crowd.step(site);
        crowd
    }

    /// Everybody does a little of what they do.
    #[track_caller]
    pub(crate) fn step(&mut self, site: &Running) {
        self.count.steps += 1;
        for client in &mut self.kept {
            // An idle connection has nothing to say but that it is over.
            if !client.is_quiet() {
                self.count.early_closes += 1;
                *client = site.connect();
            }
            // Two at once: pipelined requests are answered in order.
            client.send("GET /crowd/hello HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
            let mut closes = false;
            for _ in 0..2 {
                let answer = client.answer();
                self.count.requests += 1;
                self.count.wrong_answers += usize::from(answer.text() != "hello" || closes);
                closes = answer.closes();
            }
            // Told with an answer, a client knows what to do.
            if closes {
                self.count.polite_closes += 1;
                *client = site.connect();
            }
        }
        self.count.new_connections += 1;
        self.count.wrong_answers += usize::from(site.get("/crowd/hello").text() != "hello");
        for (client, received) in &mut self.downloads {
            received.extend(client.read_some());
        }
        let piece = pattern(10_000);
        self.upload.send(format!("{:x}\r\n", piece.len()));
        self.upload.send(&piece);
        self.upload.send("\r\n");
        self.uploaded += piece.len();
        let line = format!("step {}", self.count.steps);
        self.count.early_closes += usize::from(!self.tell(&line));
    }

    /// Tells the script a line; whether it came back through the server.
    fn tell(&mut self, line: &str) -> bool {
        writeln!(self.told, "{line}").expect("the script reads");
        let mut came = Vec::new();
        while memchr::memmem::find(&came, line.as_bytes()).is_none() {
            let piece = self.tunnel.read_some();
            if piece.is_empty() {
                return false;
            }
            came.extend(piece);
        }
        true
    }

    /// Everybody finishes what they do; what was seen.
    #[track_caller]
    pub(crate) fn leave(mut self, site: &Running) -> Count {
        let content = pattern(DOWNLOAD_BYTES);
        for (client, received) in &mut self.downloads {
            received.extend(client.rest());
            self.count.wrong_answers += usize::from(!received.ends_with(&content));
        }
        self.upload.send("0\r\n\r\n");
        self.count.wrong_answers += usize::from(self.upload.answer().status != 201);
        let stored = fs::metadata(site.path("crowd/up/file")).map_or(0, |status| status.len());
        self.count.wrong_answers += usize::from(stored != self.uploaded as u64);
        drop(self.told);
        self.tunnel.rest();
        self.count
    }
}

impl Count {
    /// Nothing went wrong; says so, with what was done.
    #[track_caller]
    pub(crate) fn assert_unnoticed(self) {
        println!("{self:?}");
        assert_eq!((self.wrong_answers, self.early_closes), (0, 0), "{self:?}");
    }
}

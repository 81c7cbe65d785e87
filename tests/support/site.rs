//! A site to be: its files and its configuration, in a temporary folder.
//!
//! The folder has `site/`, which is `{root}`, the document root and the prefix of relative paths, and beside it the
//! configuration file and the pid file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use super::command;
use super::running::Running;

/// Collects what a site is made of.
#[derive(Debug)]
pub(crate) struct Site {
    folder: Folder,
    server: String,
    http: String,
    main: String,
    whole: Option<String>,
    words: Vec<String>,
    environment: Vec<(String, String)>,
    program: PathBuf,
}

/// A site's folder. It goes with its last user.
#[derive(Debug)]
pub(crate) struct Folder {
    directory: TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        Self {
            folder,
            server: String::new(),
            http: String::new(),
            main: String::new(),
            whole: None,
            words: Vec::new(),
            environment: Vec::new(),
            program: PathBuf::from(command::PROGRAM),
        }
    }

    /// A file in `{root}`, with the folders above it.
    #[track_caller]
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.folder.write(name, content);
        self
    }

    /// A folder in `{root}`.
    #[track_caller]
    pub(crate) fn dir(self, name: &str) -> Self {
        fs::create_dir_all(self.folder.path(name)).expect("the folder can be written to");
        self
    }

    /// Whatever else belongs into `{root}`.
    pub(crate) fn with_folder(self, fill: impl FnOnce(&Path)) -> Self {
        fill(Path::new(&self.folder.root()));
        self
    }

    /// Directives for the `server`, which has `listen 127.0.0.1:0;` and `root {root};` unless they say otherwise.
    pub(crate) fn conf(mut self, text: &str) -> Self {
        self.server += &format!("{text}\n");
        self
    }

    /// Directives for `http`, before the `server`. Other servers with `listen 127.0.0.1:0;` share its port.
    pub(crate) fn http(mut self, text: &str) -> Self {
        self.http += &format!("{text}\n");
        self
    }

    /// Directives for the main context.
    pub(crate) fn main(mut self, text: &str) -> Self {
        self.main += &format!("{text}\n");
        self
    }

    /// The whole configuration. What the tests cannot do without (`user`, `pid`, `error_log stderr`) is put before its
    /// first line where it does not say so itself.
    pub(crate) fn config(mut self, text: &str) -> Self {
        self.whole = Some(text.to_owned());
        self
    }

    /// A further word for the command line.
    pub(crate) fn word(mut self, word: &str) -> Self {
        self.words.push(word.replace("{root}", &self.folder.root()));
        self
    }

    /// Starts the program by a symbolic link in `{root}`.
    #[track_caller]
    pub(crate) fn link(mut self, name: &str) -> Self {
        self.program = self.folder.path(name);
        std::os::unix::fs::symlink(command::PROGRAM, &self.program).expect("the folder can be written to");
        self
    }

    /// Starts a program in `{root}`.
    pub(crate) fn program(mut self, name: &str) -> Self {
        self.program = self.folder.path(name);
        self
    }

    /// A variable of the program's environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.replace("{root}", &self.folder.root())));
        self
    }

    /// The configuration as it will be written.
    fn text(&self) -> String {
        match &self.whole {
            Some(text) => text.clone(),
            None => self.assembled(),
        }
    }

    fn assembled(&self) -> String {
        let Self { server, http, main, .. } = self;
        let events = if sets(main, "events") { "" } else { "events { worker_connections 512; }\n" };
        let access_log = if sets(http, "access_log") { "" } else { "access_log off;\n" };
        let listen = if sets(server, "listen") { "" } else { "listen 127.0.0.1:0;\n" };
        let root = if sets(server, "root") { "" } else { "root {root};\n" };
        format!("{main}{events}http {{\n{access_log}{http}server {{\n{listen}{root}{server}}}\n}}\n")
    }

    /// Writes the configuration and starts the server; returns when it listens.
    #[track_caller]
    pub(crate) fn start(self) -> Running {
        let text = self.text();
        self.folder.configure(&text);
        Running::start(self.folder, &self.words, &self.environment, &self.program, &text)
    }

    /// Writes the configuration; the test runs the program itself.
    #[track_caller]
    pub(crate) fn unstarted(self) -> Folder {
        let text = self.text();
        self.folder.configure(&text);
        self.folder
    }
}

impl Folder {
    #[track_caller]
    pub(super) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("webserv-").tempdir().expect("there is a temporary folder");
        fs::create_dir(directory.path().join("site")).expect("the folder can be written to");
        Self { directory }
    }

    /// `{root}`.
    pub(crate) fn root(&self) -> String {
        self.path("").to_str().expect("temporary folders have plain names").trim_end_matches('/').to_owned()
    }

    /// A path in `{root}`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("site").join(name)
    }

    /// The configuration file.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.directory.path().join("webserv.conf")
    }

    /// The pid file.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.directory.path().join("webserv.pid")
    }

    /// Writes a file in `{root}`, with the folders above it.
    #[track_caller]
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder can be written to");
        fs::write(path, content).expect("the folder can be written to");
    }

    /// Writes the configuration file, with `{root}` filled in and what the tests need in front.
    #[track_caller]
    pub(crate) fn configure(&self, text: &str) {
        let mut front = String::new();
        if !sets(text, "user") && rustix::process::geteuid().is_root() {
            front += "user root; ";
        }
        if !sets(text, "pid") {
            front += &format!("pid {}; ", self.pid_file().display());
        }
        if !text.contains("error_log stderr") {
            front += "error_log stderr notice; ";
        }
        let text = front + &text.replace("{root}", &self.root());
        fs::write(self.configuration(), text).expect("the folder can be written to");
    }

    /// The words that make the program use this configuration and `{root}` as its prefix.
    pub(crate) fn words(&self) -> Vec<String> {
        let file = self.configuration().to_str().expect("temporary folders have plain names").to_owned();
        vec!["-c".to_owned(), file, "-p".to_owned(), self.root()]
    }

    /// The program with this configuration, for a test that starts it in a way of its own.
    pub(crate) fn command(&self) -> std::process::Command {
        let mut command = command::program();
        command.args(self.words());
        command
    }

    /// Runs the program with this configuration and further words, to its end.
    #[track_caller]
    pub(crate) fn webserv(&self, words: &[&str]) -> Output {
        let all = self.words();
        let all: Vec<&str> = all.iter().map(String::as_str).chain(words.iter().copied()).collect();
        command::webserv_in(Path::new(&self.root()), &all)
    }
}

/// Whether directives set one by this name, not counting those in blocks. Good enough for the tests' own texts.
fn sets(text: &str, name: &str) -> bool {
    let mut depth = 0;
    let mut at_start = true;
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        if line.trim_start().starts_with('#') {
            continue;
        }
        for word in line.replace(';', " ; ").replace('{', " { ").replace('}', " } ").split_whitespace() {
            if depth == 0 && at_start && word == name {
                return true;
            }
            match word {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            at_start = matches!(word, ";" | "{" | "}");
        }
    }
    false
}

//! A server that runs: asked, signalled, reconfigured, stopped.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use super::PATIENCE;
use super::answer::Answer;
use super::client::Client;
use super::command;
use super::files;
use super::log::Log;
use super::site::Folder;

/// A running server and its folder. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pidfd: OwnedFd,
    errors: Arc<Log>,
    output: Arc<Log>,
    folder: Arc<Folder>,
}

/// How a server ended.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    /// All it wrote to standard error.
    pub(crate) error_log: String,
    /// What it leaves behind.
    pub(crate) folder: Arc<Folder>,
}

impl Running {
    /// Starts the program, and waits until it says where it listens.
    #[track_caller]
    pub(super) fn start(
        folder: Folder,
        words: &[String],
        environment: &[(String, String)],
        program: &Path,
        configuration: &str,
    ) -> Self {
        let mut command = command::program_at(program);
        command.args(folder.words()).args(words).current_dir(folder.root());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self::spawn(command, Arc::new(folder), listens(configuration))
    }

    /// Starts the program without a word, in a folder.
    #[track_caller]
    pub(crate) fn start_bare(current: &Path) -> Self {
        let mut command = command::program();
        command.current_dir(current);
        Self::spawn(command, Arc::new(Folder::new()), 1)
    }

    /// Starts a command that becomes the program, with the configuration of a folder that has one address.
    #[track_caller]
    pub(crate) fn start_by(mut command: Command, folder: Folder) -> Self {
        command.current_dir(folder.root());
        Self::spawn(command, Arc::new(folder), 1)
    }

    #[track_caller]
    fn spawn(mut command: Command, folder: Arc<Folder>, addresses: usize) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be started");
        let errors = Log::follow(child.stderr.take().expect("standard error is a pipe"));
        let output = Log::follow(child.stdout.take().expect("standard output is a pipe"));
        let pidfd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).expect("it is a child");
        let running = Self { child, pidfd, errors, output, folder };
        running.errors.wait(0, &format!("{addresses} listening addresses"), |lines| {
            (listening(lines).len() >= addresses).then_some(())
        });
        running
    }

    /// The first address, as clients connect to it.
    #[track_caller]
    pub(crate) fn address(&self) -> SocketAddr {
        *self.addresses().first().expect("the server has an internet address")
    }

    /// The internet addresses that are listened on now, in their order.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        listening(&self.errors.lines()).iter().filter_map(|shown| shown.parse().ok()).map(reachable).collect()
    }

    /// A new connection to the first address.
    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        self.connect_to(self.address())
    }

    /// A new connection to one of the addresses.
    #[track_caller]
    pub(crate) fn connect_to(&self, address: SocketAddr) -> Client {
        Client::connect(address)
    }

    /// A new connection from an address of the client's own, such as 127.0.7.1.
    #[track_caller]
    pub(crate) fn connect_from(&self, from: [u8; 4]) -> Client {
        Client::connect_from(IpAddr::from(from), self.address())
    }

    /// A new connection whose receive buffer is small, for a client that reads slowly.
    #[track_caller]
    pub(crate) fn connect_narrow(&self, bytes: usize) -> Client {
        Client::connect_narrow(self.address(), bytes)
    }

    /// A new connection to a Unix domain socket.
    #[track_caller]
    pub(crate) fn connect_unix(&self, path: &Path) -> Client {
        Client::connect_unix(path)
    }

    /// The answer to `GET path`, on a connection of its own.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    /// As `get`, with header lines. `Host` is `localhost` unless they say otherwise.
    #[track_caller]
    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers)
    }

    /// The answer to `HEAD path`.
    #[track_caller]
    pub(crate) fn head(&self, path: &str) -> Answer {
        self.ask("HEAD", path, &[])
    }

    /// The answer to a request without content, on a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request += "Host: localhost\r\n";
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        self.request(request + "\r\n")
    }

    /// The answer to these bytes, on a connection of their own.
    #[track_caller]
    pub(crate) fn request(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let bytes = bytes.as_ref();
        let method = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        let mut client = self.connect();
        client.send(bytes);
        client.answer_to(&String::from_utf8_lossy(method))
    }

    /// Sends a signal: `HUP`, `QUIT`, `TERM`, `INT`, `USR1`, `KILL`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let signal = match name {
            "HUP" => Signal::HUP,
            "INT" => Signal::INT,
            "KILL" => Signal::KILL,
            "QUIT" => Signal::QUIT,
            "STOP" => Signal::STOP,
            "CONT" => Signal::CONT,
            "TERM" => Signal::TERM,
            "USR1" => Signal::USR1,
            "USR2" => Signal::USR2,
            "WINCH" => Signal::WINCH,
            _ => panic!("no signal of the server: {name}"),
        };
        rustix::process::pidfd_send_signal(&self.pidfd, signal).expect("the server runs");
    }

    /// Writes a new configuration (as `Site::config` takes it) and reloads.
    #[track_caller]
    pub(crate) fn reconfigure(&self, text: &str) {
        if let Err(lines) = self.try_reconfigure(text) {
            panic!("the configuration was refused:\n{lines}");
        }
    }

    /// As `reconfigure`; the log lines since then where it is refused.
    #[track_caller]
    pub(crate) fn try_reconfigure(&self, text: &str) -> Result<String, String> {
        self.folder.configure(text);
        self.try_reload()
    }

    /// Reloads; the configuration on disk must be good.
    #[track_caller]
    pub(crate) fn reload(&self) {
        if let Err(lines) = self.try_reload() {
            panic!("the configuration was refused:\n{lines}");
        }
    }

    /// Reloads; returns the log lines since then, as an error where the configuration was refused.
    #[track_caller]
    pub(crate) fn try_reload(&self) -> Result<String, String> {
        let mark = self.log_mark();
        self.signal("HUP");
        self.errors.wait(mark, "the end of the reload", |lines| {
            let done = lines.iter().find_map(|line| {
                let accepted = line.contains("configuration reloaded");
                (accepted || line.contains("configuration not changed")).then_some(accepted)
            })?;
            Some(if done { Ok(lines.join("\n")) } else { Err(lines.join("\n")) })
        })
    }

    /// Waits for a line in the error log; an earlier one counts. Returns it.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_log_after(0, text)
    }

    /// Where the error log ends now, for `wait_for_log_after`.
    pub(crate) fn log_mark(&self) -> usize {
        self.errors.len()
    }

    /// Waits for a line in the error log behind a mark. Returns it.
    #[track_caller]
    pub(crate) fn wait_for_log_after(&self, mark: usize, text: &str) -> String {
        self.errors.wait(mark, &format!("{text:?} in the error log"), |lines| {
            lines.iter().find(|line| line.contains(text)).cloned()
        })
    }

    /// What stands on standard error so far.
    pub(crate) fn error_log(&self) -> String {
        self.errors.text()
    }

    /// Waits for a line on standard output. Returns it.
    #[track_caller]
    pub(crate) fn wait_for_output(&self, text: &str) -> String {
        self.output.wait(0, &format!("{text:?} on standard output"), |lines| {
            lines.iter().find(|line| line.contains(text)).cloned()
        })
    }

    /// The lines of a log file in `{root}`, once there are at least `count`.
    #[track_caller]
    pub(crate) fn access_log(&self, name: &str, count: usize) -> Vec<String> {
        files::wait_for_lines(&self.folder.path(name), count)
    }

    /// Limits how many descriptors the server may open from now on; what is open stays.
    #[track_caller]
    pub(crate) fn limit_open_files(&self, count: u64) {
        let limit = Rlimit { current: Some(count), maximum: self.open_files_limit().maximum };
        rustix::process::prlimit(Some(self.pid()), Resource::Nofile, limit).expect("it is a child");
    }

    /// Limits how large a file may become that the server writes.
    #[track_caller]
    pub(crate) fn limit_file_size(&self, bytes: u64) {
        let limit = Rlimit { current: Some(bytes), maximum: rustix::process::getrlimit(Resource::Fsize).maximum };
        rustix::process::prlimit(Some(self.pid()), Resource::Fsize, limit).expect("it is a child");
    }

    fn open_files_limit(&self) -> Rlimit {
        rustix::process::getrlimit(Resource::Nofile)
    }

    /// The process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// How many descriptors the server has open.
    pub(crate) fn open_files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(folder).expect("the server runs").count()
    }

    /// Ends the server with TERM.
    #[track_caller]
    pub(crate) fn stop(self) -> Stopped {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until the server has ended.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Stopped {
        assert!(self.ends_within(PATIENCE), "the server does not end");
        let status = self.child.wait().expect("it is a child");
        self.errors.wait_for_end();
        Stopped { status, error_log: self.error_log(), folder: Arc::clone(&self.folder) }
    }

    fn ends_within(&self, patience: Duration) -> bool {
        let timeout = Timespec::try_from(patience).expect("patience is short");
        let mut polled = [PollFd::new(&self.pidfd, PollFlags::IN)];
        loop {
            match poll(&mut polled, Some(&timeout)) {
                Ok(ready) => return ready > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("poll() failed: {error}"),
            }
        }
    }
}

impl Stopped {
    /// The signal that it ended by, if it did.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Starts the server again, in the same folder and with the same configuration; it has one address.
    #[track_caller]
    pub(crate) fn start_again(self) -> Running {
        let mut command = self.folder.command();
        command.current_dir(self.folder.root());
        Running::spawn(command, self.folder, 1)
    }
}

impl Deref for Running {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("The server's log:\n{}", self.error_log());
        }
        // It may have ended; and one that ignores TERM is killed.
        let _may_have_ended = rustix::process::pidfd_send_signal(&self.pidfd, Signal::TERM);
        if !self.ends_within(Duration::from_secs(5)) {
            let _may_have_ended = self.child.kill();
        }
        let _may_have_been_waited_for = self.child.wait();
    }
}

/// The addresses that the log's lines leave listened on.
fn listening(lines: &[String]) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    for line in lines {
        if let Some((_, address)) = line.split_once("no longer listening on ") {
            open.retain(|other| other != address);
        } else if let Some((_, address)) = line.split_once("listening on ") {
            open.push(address.to_owned());
        }
    }
    open
}

/// How many different addresses a configuration names; one, if it leaves that to the default.
fn listens(configuration: &str) -> usize {
    let lines = configuration.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words: Vec<&str> = lines.flat_map(|line| line.split([' ', ';', '{'])).filter(|word| !word.is_empty()).collect();
    let named = words.windows(2).filter(|pair| pair[0] == "listen").map(|pair| pair[1]);
    named.collect::<BTreeSet<_>>().len().max(1)
}

/// Where a client on this machine finds an address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let ip = if address.is_ipv4() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { IpAddr::from(Ipv6Addr::LOCALHOST) };
        address.set_ip(ip);
    }
    address
}

//! The program as a command: runs, says something, ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;

/// The program under test.
pub(super) fn program() -> Command {
    program_at(Path::new(PROGRAM))
}

/// The program under test, by another path.
pub(super) fn program_at(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
}

/// Where the program under test is.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_webserv");

/// Runs `webserv` with these words, to its end.
#[track_caller]
pub(crate) fn webserv(words: &[&str]) -> Output {
    run(program().args(words))
}

/// As `webserv`, in a folder.
#[track_caller]
pub(crate) fn webserv_in(folder: &Path, words: &[&str]) -> Output {
    run(program().current_dir(folder).args(words))
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be started");
    let pid = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(PATIENCE) {
        Ok(output) => output.expect("the program's output can be read"),
        Err(_) => {
            // Not waited for yet, so the id is still its own.
            let _may_have_ended = kill_process(pid, Signal::KILL);
            let output = receiver.recv().ok().and_then(Result::ok);
            panic!("{command:?} does not end: {output:?}");
        }
    }
}

/// What `webserv -t` says.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) ok: bool,
    pub(crate) output: String,
}

/// Checks a configuration, as it stands, with `webserv -t`. The file is called `webserv.conf`.
#[track_caller]
pub(crate) fn check_config(text: &str) -> Checked {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = folder.path().join("webserv.conf");
    fs::write(&file, text).expect("the folder can be written to");
    let output = webserv_in(folder.path(), &["-t", "-c", "webserv.conf"]);
    Checked { ok: output.status.success(), output: text_of(&output) }
}

/// Standard error, then standard output.
pub(super) fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

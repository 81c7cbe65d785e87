//! The program as it was started, to be started anew: the same words, from the same place, whatever is there then.

use std::env;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::handover::VARIABLE;

/// The program and its words.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    words: Vec<OsString>,
}

impl Program {
    /// That of this process. To be asked for at the start, before its file may be replaced.
    pub(super) fn of_this_process() -> Self {
        let mut words = env::args_os();
        let called = words.next().map(PathBuf::from).unwrap_or_default();
        let running = env::current_exe().unwrap_or_default();
        Self { path: find(&called, &running), words: words.collect() }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts it, with a descriptor as its standard input and a word that says what that is for.
    pub(super) fn start(&self, input: OwnedFd, purpose: &str) -> std::io::Result<Child> {
        let mut command = Command::new(&self.path);
        command.args(&self.words).env(VARIABLE, purpose).stdin(Stdio::from(input));
        // They are about this process alone.
        for variable in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID"] {
            command.env_remove(variable);
        }
        command.spawn()
    }
}

/// The path by which the program was called, which an upgrade may lead to another file (a symbolic link, a renamed
/// file); the file that runs, where that is not the one that was called.
fn find(called: &Path, running: &Path) -> PathBuf {
    let real = |path: &Path| path.canonicalize().ok();
    let runs = |path: &PathBuf| real(path).is_some() && real(path) == real(running);
    let found = if called.components().count() > 1 {
        std::path::absolute(called).ok().filter(runs)
    } else {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders).map(|folder| folder.join(called)).find(runs)
    };
    found.unwrap_or_else(|| running.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_was_called_is_kept_as_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("webserv-1"), folder.path().join("webserv"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(find(&link, &file), link);
        assert_eq!(find(Path::new("/no/such/file"), &file), file);
        assert_eq!(find(Path::new("webserv-of-no-folder"), &file), file);
    }
}

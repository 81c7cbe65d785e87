//! The files by which a process is found, at its start: the pid file and the control socket. Those that the process
//! before has at the same place are taken over, when it lets go of them; until then it is found there.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use super::causes::Cause;
use super::pid_file::PidFile;
use super::serve::ServeError;
use super::socket::ControlSocket;
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::config::load::Process;

/// Both files, as far as they are open.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) pid_files: Vec<PidFile>,
    pub(super) sockets: Vec<ControlSocket>,
    /// Those of the process before.
    pid_file_before: Option<(PathBuf, OwnedFd)>,
    socket_before: Option<(PathBuf, OwnedFd)>,
}

impl Places {
    /// Opens what the process before has not.
    ///
    /// # Errors
    /// One of them cannot be.
    pub(super) fn open(
        process: &Process,
        causes: &Sender<Cause>,
        pid_file_before: Option<(PathBuf, OwnedFd)>,
        socket_before: Option<(PathBuf, OwnedFd)>,
    ) -> Result<Self, ServeError> {
        let mut pid_files = Vec::new();
        let mut sockets = Vec::new();
        match &process.pid {
            Some(path) if !is_at(&pid_file_before, path) => {
                let failed = |error| ServeError::System { what: format!("cannot write \"{}\"", path.display()), error };
                pid_files.push(PidFile::write(path).map_err(failed)?);
            }
            _ => {}
        }
        match &process.control {
            Some(path) if !is_at(&socket_before, path) => {
                let what = || format!("the control socket \"{}\" cannot be opened", path.display());
                let failed = |error| ServeError::System { what: what(), error };
                sockets.push(ControlSocket::open(path, causes.clone()).map_err(failed)?);
            }
            _ => {}
        }
        Ok(Self { pid_files, sockets, pid_file_before, socket_before })
    }

    /// Takes over what the process before has let go. Nothing here ends the server: it serves already.
    pub(super) fn take_over(mut self, process: &Process, causes: &Sender<Cause>) -> Self {
        if let Some((path, file)) = self.pid_file_before.take() {
            if process.pid.as_ref() == Some(&path) {
                self.pid_files.extend(taken(&path, PidFile::take_over(&path, file)));
            } else {
                PidFile::discard(&path, file);
            }
        }
        if let Some((path, socket)) = self.socket_before.take() {
            if process.control.as_ref() == Some(&path) {
                self.sockets.extend(taken(&path, ControlSocket::take_over(&path, socket, causes.clone())));
            } else {
                // Who may not remove it leaves it to the next start, which recognises it.
                let _left_behind = fs::remove_file(&path);
            }
        }
        self
    }
}

fn is_at(before: &Option<(PathBuf, OwnedFd)>, path: &Path) -> bool {
    before.as_ref().is_some_and(|(other, _)| other == path)
}

fn taken<T>(path: &Path, result: std::io::Result<T>) -> Option<T> {
    result
        .map_err(|error| {
            report(Severity::Alert, format_args!("\"{}\" cannot be taken over {}", path.display(), Reason(&error)));
        })
        .ok()
}

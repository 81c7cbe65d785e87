//! What the service manager is told (sd_notify(3)): readiness, reloads, the end, and that all workers are alive.
//!
//! A datagram each, to the socket that `NOTIFY_SOCKET` names; without it there is nobody to tell. systemd's
//! `Type=notify-reload` is served in full. The environment is only read.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::verdict::{Outcome, Verdict};
use super::workers::Workers;
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Notifier {
    /// The manager that started this process.
    pub(super) fn from_environment() -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Self::default() };
        match connect(&name) {
            Ok(socket) => Self { socket: Some(socket) },
            Err(error) => {
                let (name, reason) = (name.display(), Reason(&error));
                report(Severity::Warn, format_args!("the service manager at \"{name}\" cannot be told {reason}"));
                Self::default()
            }
        }
    }

    /// The server serves, in this way.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// A reload begins; `ready` ends it, whatever became of it.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=reloading the configuration"));
    }

    /// Another process is the server now.
    pub(super) fn main_process(&self, number: u32) {
        self.tell(&format!("MAINPID={number}"));
    }

    /// The end begins.
    pub(super) fn stopping(&self, status: &str) {
        self.tell(&format!("STOPPING=1\nSTATUS={}", one_line(status)));
    }

    fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, text: &str) {
        let Some((socket, manager)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(text.as_bytes(), manager) {
            report(Severity::Warn, format_args!("the service manager cannot be told {}", Reason(&error)));
        }
    }
}

/// A path, or a name in the abstract name space.
fn connect(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, manager))
}

/// What `systemctl status` shows of a reload.
pub(super) fn summary(verdict: &Verdict) -> String {
    let why = &verdict.why;
    match &verdict.outcome {
        Outcome::Taken { generation, servers, addresses, .. } => {
            format!("serving {servers} servers on {addresses} addresses, generation {generation} ({why})")
        }
        Outcome::Refused(_) => {
            let reasons = verdict.reasons();
            let first = reasons.first().map_or("no reason", |reason| reason);
            format!("reload refused ({why}), serving as before: {first}")
        }
    }
}

/// A status is one line, and no second assignment.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(STATUS_CHARACTERS_MAX).collect()
}

/// Tells the manager at intervals that all workers turn their loops.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Half of the time after which the manager takes the server for dead.
    every: Duration,
    due: Instant,
    /// Of the workers, since the manager was last told; disconnected when each has answered.
    answers: Receiver<()>,
}

impl Watchdog {
    /// If the manager keeps one (`WatchdogSec=`) for this process, or for the one that `upgraded` to this.
    pub(super) fn from_environment(workers: &Workers, upgraded: bool) -> Option<Self> {
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let microseconds = number("WATCHDOG_USEC").filter(|microseconds| *microseconds > 0)?;
        let is_for_us = number("WATCHDOG_PID").is_none_or(|process| process == std::process::id().into());
        let every = Duration::from_micros(microseconds) / 2;
        (is_for_us || upgraded).then(|| Self { every, due: Instant::now() + every, answers: workers.ping() })
    }

    /// When it must be looked after.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Tells the manager, if it is time and all workers have answered since it was last told.
    pub(super) fn look_after(&mut self, workers: &Workers, notifier: &Notifier, now: Instant) {
        if now < self.due {
            return;
        }
        if all_answered(&self.answers) {
            notifier.alive();
            self.answers = workers.ping();
            self.due = now + self.every;
        } else {
            // Who is only late is still in time.
            self.due = now + self.every / LATE_LOOKS;
        }
    }
}

fn all_answered(answers: &Receiver<()>) -> bool {
    loop {
        match answers.try_recv() {
            Ok(()) => {}
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => return true,
        }
    }
}

/// How often a late worker is looked at in the other half of the time.
const LATE_LOOKS: u32 = 8;

/// How long a manager may not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// More is not shown.
const STATUS_CHARACTERS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_status_is_one_line_of_limited_length() {
        assert_eq!(one_line("a\nREADY=1\t"), "a READY=1 ");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), STATUS_CHARACTERS_MAX);
    }

    #[test]
    fn the_manager_is_found_by_a_path_or_an_abstract_name() {
        assert!(connect(OsStr::new("/run/systemd/notify")).is_ok());
        assert!(connect(OsStr::new("@webserv/notify")).is_ok());
        assert!(connect(OsStr::new("vsock:2:1234")).is_err());
    }

    #[test]
    fn one_who_does_not_answer_is_missed() {
        let (one, answers) = mpsc::channel();
        let other = one.clone();
        one.send(()).unwrap();
        drop(one);
        assert!(!all_answered(&answers));
        drop(other);
        assert!(all_answered(&answers));
    }
}

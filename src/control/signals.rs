//! Signals as causes on one channel, beside what else the control thread waits for; and how `-s` sends them.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::causes::Cause;

/// Sends each signal's cause to the channel, from a thread of its own, for as long as somebody listens. XFSZ has none: a
/// file that grows beyond what the process may write fails with the write, and must not end the process.
///
/// # Errors
/// When the handlers cannot be installed or the thread cannot be started.
pub(super) fn watch(causes: Sender<Cause>) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGUSR1, SIGQUIT, SIGTERM, SIGINT, SIGXFSZ])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let cause = match signal {
                SIGHUP => Cause::reload("HUP"),
                SIGUSR1 => Cause::ReopenLogs,
                SIGQUIT => Cause::Retire,
                SIGXFSZ => continue,
                _ => Cause::Stop,
            };
            if causes.send(cause).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

/// What `-s` can ask of a running server; nginx's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalName {
    /// End now (TERM).
    Stop,
    /// Finish what runs, then end (QUIT).
    Quit,
    /// Take up the changed configuration (HUP).
    Reload,
    /// Open the log files anew (USR1).
    Reopen,
}

impl SignalName {
    /// All of them, as they are written.
    pub const NAMES: [(&'static str, Self); 4] =
        [("stop", Self::Stop), ("quit", Self::Quit), ("reload", Self::Reload), ("reopen", Self::Reopen)];

    fn signal(self) -> Signal {
        match self {
            Self::Stop => Signal::TERM,
            Self::Quit => Signal::QUIT,
            Self::Reload => Signal::HUP,
            Self::Reopen => Signal::USR1,
        }
    }
}

/// Sends a signal to the server with this process id.
///
/// # Errors
/// The system's reason: no such process, or not ours to signal.
pub fn send(name: SignalName, pid: Pid) -> io::Result<()> {
    Ok(kill_process(pid, name.signal())?)
}

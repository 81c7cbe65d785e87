//! Signals as causes on one channel, beside what else the control thread waits for; and how `-s` sends them.

use std::io;
use std::process::ExitCode;
use std::sync::mpsc::Sender;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::causes::Cause;

/// Sends each signal's cause to the channel, from a thread of its own, for as long as somebody listens. XFSZ has none: a
/// file that grows beyond what the process may write fails with the write, and must not end the process.
///
/// # Errors
/// When the handlers cannot be installed or the thread cannot be started.
pub(super) fn watch(causes: Sender<Cause>) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGTERM, SIGINT, SIGWINCH, SIGXFSZ])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let cause = match signal {
                SIGHUP => Cause::reload("HUP"),
                SIGUSR1 => Cause::ReopenLogs,
                SIGUSR2 => Cause::Upgrade(Vec::new()),
                SIGQUIT => Cause::Retire,
                // A terminal that changes its size sends it too.
                SIGWINCH if !has_terminal() => Cause::Pause,
                SIGWINCH | SIGXFSZ => continue,
                other => Cause::Stop(other),
            };
            if causes.send(cause).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

/// Whether there is a terminal that sends signals to this process.
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// Ends this process by a signal, as whoever sent it expects: so a shell shows it, and a service manager counts it as an
/// end that was asked for. The first process of a container does not end by its own signals, and gets a shell's code.
pub fn end_by(signal: i32) -> ExitCode {
    if std::process::id() != 1 {
        // Only a signal that does not exist is refused.
        let _no_such_signal = signal_hook::low_level::emulate_default_handler(signal);
    }
    ExitCode::from(u8::try_from(SHELLS_BASE + signal).unwrap_or(u8::MAX))
}

/// What shells add to a signal's number.
const SHELLS_BASE: i32 = 128;

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
    /// Start the program anew in this one's place (USR2); `-s` has no word for it, as in nginx.
    Upgrade,
}

impl SignalName {
    /// Those of `-s`, as they are written.
    pub const NAMES: [(&'static str, Self); 4] =
        [("stop", Self::Stop), ("quit", Self::Quit), ("reload", Self::Reload), ("reopen", Self::Reopen)];

    fn signal(self) -> Signal {
        match self {
            Self::Stop => Signal::TERM,
            Self::Quit => Signal::QUIT,
            Self::Reload => Signal::HUP,
            Self::Reopen => Signal::USR1,
            Self::Upgrade => Signal::USR2,
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

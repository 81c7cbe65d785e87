//! Processes that the server starts, watched from beside.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::PATIENCE;
use super::files::wait_for_file;

/// A process that is none of the test's own children.
#[derive(Debug)]
pub(crate) struct Process {
    number: i32,
    /// None if it had ended before it was looked at.
    pidfd: Option<OwnedFd>,
}

impl Process {
    /// The process that writes its number and a line feed into a file, once it has.
    #[track_caller]
    pub(crate) fn named_in(path: &Path) -> Self {
        let text = wait_for_file(path, |text| text.ends_with('\n'));
        Self::of(text.trim().parse().expect("the file holds a number"))
    }

    /// The process of this number.
    #[track_caller]
    pub(crate) fn of(number: i32) -> Self {
        let id = Pid::from_raw(number).expect("a process has a number above 0");
        Self { number, pidfd: rustix::process::pidfd_open(id, PidfdFlags::empty()).ok() }
    }

    /// Whether it runs at this moment.
    pub(crate) fn runs(&self) -> bool {
        !self.ends_within(Timespec::default())
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) {
        let patience = Timespec::try_from(PATIENCE).expect("PATIENCE is short");
        assert!(self.ends_within(patience), "process {} does not end", self.number);
    }

    /// Ends it, if it has not ended.
    pub(crate) fn kill(&self) {
        if let Some(pidfd) = &self.pidfd {
            let _may_have_ended = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
        }
    }

    fn ends_within(&self, time: Timespec) -> bool {
        let Some(pidfd) = &self.pidfd else { return true };
        let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
        loop {
            match poll(&mut polled, Some(&time)) {
                Ok(ready) => return ready > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("poll() failed: {error}"),
            }
        }
    }
}

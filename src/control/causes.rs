//! Why the control thread acts, one cause after the other: causes of a kind that came while it was busy are one.
//!
//! A hundred HUPs during a reload make one more reload. An end at once goes before everything that waits. Filled by the
//! signal thread and by workers that end; emptied by `serve`.

use std::collections::VecDeque;
use std::io;
use std::mem::discriminant;
use std::sync::mpsc::{self, Receiver, Sender};

/// Why the control thread acts.
#[derive(Debug)]
pub(super) enum Cause {
    /// HUP.
    Reload,
    /// USR1.
    ReopenLogs,
    /// QUIT: finish what runs, then end.
    Retire,
    /// TERM or INT: end now.
    Stop,
    /// A worker thread has ended; with an error, when it was not asked to.
    WorkerEnded(usize, io::Result<()>),
}

/// The causes that wait.
#[derive(Debug)]
pub(super) struct Causes {
    inbox: Receiver<Cause>,
    waiting: VecDeque<Cause>,
}

impl Causes {
    /// None yet, and where they are sent to.
    pub(super) fn channel() -> (Sender<Cause>, Self) {
        let (sender, inbox) = mpsc::channel();
        (sender, Self { inbox, waiting: VecDeque::new() })
    }

    /// The next cause, waiting for one if need be; none when nobody is left who could send one.
    pub(super) fn next(&mut self) -> Option<Cause> {
        if self.waiting.is_empty() {
            self.waiting.push_back(self.inbox.recv().ok()?);
        }
        while let Ok(cause) = self.inbox.try_recv() {
            if !self.waiting.iter().any(|waiting| waiting.is_same(&cause)) {
                self.waiting.push_back(cause);
            }
        }
        let stop = self.waiting.iter().position(|cause| matches!(cause, Cause::Stop));
        match stop {
            Some(place) => self.waiting.remove(place),
            None => self.waiting.pop_front(),
        }
    }
}

impl Cause {
    /// Whether acting upon one is acting upon both.
    fn is_same(&self, other: &Self) -> bool {
        !matches!(self, Self::WorkerEnded(..)) && discriminant(self) == discriminant(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done about causes that came together.
    fn done(sent: impl IntoIterator<Item = Cause>) -> Vec<String> {
        let (sender, mut causes) = Causes::channel();
        sent.into_iter().for_each(|cause| sender.send(cause).unwrap());
        drop(sender);
        std::iter::from_fn(|| causes.next()).map(|cause| format!("{cause:?}")).collect()
    }

    #[test]
    fn causes_of_a_kind_that_came_together_are_one() {
        let storm = (0..100).flat_map(|_| [Cause::Reload, Cause::ReopenLogs]);
        assert_eq!(done(storm), ["Reload", "ReopenLogs"]);
    }

    #[test]
    fn a_cause_that_comes_while_another_of_its_kind_is_acted_upon_makes_one_more() {
        let (sender, mut causes) = Causes::channel();
        sender.send(Cause::Reload).unwrap();
        assert!(matches!(causes.next(), Some(Cause::Reload)));
        sender.send(Cause::Reload).unwrap();
        sender.send(Cause::Reload).unwrap();
        assert!(matches!(causes.next(), Some(Cause::Reload)));
        drop(sender);
        assert!(causes.next().is_none());
    }

    #[test]
    fn an_end_at_once_does_not_wait() {
        assert_eq!(done([Cause::Reload, Cause::Retire, Cause::Stop]), ["Stop", "Reload", "Retire"]);
    }

    #[test]
    fn every_worker_that_ended_is_told() {
        let ended = done([Cause::WorkerEnded(0, Ok(())), Cause::WorkerEnded(1, Ok(()))]);
        assert_eq!(ended, ["WorkerEnded(0, Ok(()))", "WorkerEnded(1, Ok(()))"]);
    }
}

//! Why the control thread acts, one cause after the other: causes of a kind that came while it was busy are one.
//!
//! A hundred HUPs during a reload make one more reload, whose verdict all get who asked for it. An end at once goes
//! before everything that waits. Filled by the signal thread, the control socket, the thread that watches files, and by
//! workers that end; emptied by `serve`.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::mem::discriminant;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::listeners::WorkerNumber;
use super::upgrade::Attempt;
use super::watch::FilesChanged;
use super::wire::{Answer, Asked, Command, Manner};

/// Why the control thread acts.
#[derive(Debug)]
pub(super) enum Cause {
    /// Take up the configuration as it is on disk.
    Reload(Reload),
    /// What the configuration was read from has changed (`watch`).
    FilesChanged(FilesChanged),
    /// USR1.
    ReopenLogs,
    /// QUIT: finish what runs, then end.
    Retire,
    /// WINCH: finish what runs, and take connections again after a reload.
    Pause,
    /// USR2: start the program anew in this one's place; for those who wait for what becomes of it.
    Upgrade(Vec<Questioner>),
    /// What has become of the program that was started.
    Upgraded(Attempt),
    /// TERM or INT, by its number: end now.
    Stop(i32),
    /// Somebody confirms the configuration that is on trial.
    Confirm(Questioner),
    /// Somebody wants to know how the server is.
    Status(Questioner),
    /// A worker thread has ended; with an error, when it was not asked to.
    WorkerEnded(WorkerNumber, io::Result<()>),
}

/// A wish for a reload, or several that are one.
#[derive(Debug)]
pub(super) struct Reload {
    /// Whence it came: `HUP`, `webserv reload`, `configuration files changed: site.conf`.
    pub(super) why: Vec<Cow<'static, str>>,
    /// How long the new configuration may run without being confirmed, if it must be.
    pub(super) confirm: Option<Duration>,
    /// Who waits for its verdict.
    pub(super) questioners: Vec<Questioner>,
}

/// Somebody who waits for an answer.
#[derive(Debug)]
pub(super) struct Questioner {
    pub(super) manner: Manner,
    answers: Sender<Answer>,
}

/// What the control thread waited for.
#[derive(Debug)]
pub(super) enum Next {
    Cause(Cause),
    /// The deadline has passed, and nothing else is to be done.
    TimeUp,
    /// Nobody is left who could send a cause.
    Nobody,
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

    /// The next cause, waiting for one if need be, until the deadline if there is one. What has come goes before a
    /// deadline that has passed meanwhile: it came in time.
    pub(super) fn next(&mut self, deadline: Option<Instant>) -> Next {
        if self.waiting.is_empty() {
            match self.receive(deadline) {
                Ok(cause) => self.waiting.push_back(cause),
                Err(RecvTimeoutError::Timeout) => return Next::TimeUp,
                Err(RecvTimeoutError::Disconnected) => return Next::Nobody,
            }
        }
        while let Ok(cause) = self.inbox.try_recv() {
            self.add(cause);
        }
        let stop = self.waiting.iter().position(|cause| matches!(cause, Cause::Stop(_)));
        let cause = self.waiting.remove(stop.unwrap_or(0));
        Next::Cause(cause.expect("one waits"))
    }

    fn receive(&self, deadline: Option<Instant>) -> Result<Cause, RecvTimeoutError> {
        match deadline {
            Some(deadline) => self.inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn add(&mut self, cause: Cause) {
        match self.waiting.iter_mut().find(|waiting| waiting.is_same(&cause)) {
            Some(waiting) => waiting.join(cause),
            None => self.waiting.push_back(cause),
        }
    }
}

impl Cause {
    /// HUP, and other things that make the server look at its configuration.
    pub(super) fn reload(why: &'static str) -> Self {
        Self::Reload(Reload::because(why))
    }

    /// What somebody asks for over the control socket.
    pub(super) fn asked(asked: Asked, answers: Sender<Answer>) -> Self {
        let questioner = Questioner { manner: asked.manner, answers };
        match asked.command {
            Command::Reload => {
                let (why, confirm) = (vec!["webserv reload".into()], asked.confirm);
                Self::Reload(Reload { why, confirm, questioners: vec![questioner] })
            }
            Command::Confirm => Self::Confirm(questioner),
            Command::Status => Self::Status(questioner),
            Command::Upgrade => Self::Upgrade(vec![questioner]),
        }
    }

    /// Whether acting upon one is acting upon both.
    fn is_same(&self, other: &Self) -> bool {
        !matches!(self, Self::WorkerEnded(..) | Self::Confirm(_) | Self::Status(_) | Self::Upgraded(_))
            && discriminant(self) == discriminant(other)
    }

    /// Takes in another cause that is the same.
    fn join(&mut self, other: Self) {
        match (self, other) {
            (Self::Reload(reload), Self::Reload(other)) => {
                reload.questioners.extend(other.questioners);
                reload.confirm = other.confirm.or(reload.confirm);
                for why in other.why {
                    if !reload.why.contains(&why) {
                        reload.why.push(why);
                    }
                }
            }
            (Self::Upgrade(questioners), Self::Upgrade(others)) => questioners.extend(others),
            _ => {}
        }
    }
}

impl Reload {
    /// One that nobody waits for.
    pub(super) fn because(why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: vec![why.into()], confirm: None, questioners: Vec::new() }
    }
}

impl Questioner {
    /// Gives the answer.
    pub(super) fn answer(self, answer: Answer) {
        // Whoever asked may have left.
        let _nobody_waits = self.answers.send(answer);
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
        let next = || match causes.next(None) {
            Next::Cause(cause) => Some(told(&cause)),
            Next::TimeUp | Next::Nobody => None,
        };
        std::iter::from_fn(next).collect()
    }

    fn told(cause: &Cause) -> String {
        match cause {
            Cause::Reload(reload) => format!("reload for {}", reload.why.join(" and ")),
            other => format!("{other:?}"),
        }
    }

    fn asked(command: Command) -> (Cause, Receiver<Answer>) {
        let (answers, inbox) = mpsc::channel();
        (Cause::asked(Asked::plainly(command, Manner::default()), answers), inbox)
    }

    #[test]
    fn causes_of_a_kind_that_came_together_are_one() {
        let storm = (0..100).flat_map(|_| [Cause::reload("HUP"), Cause::ReopenLogs]);
        assert_eq!(done(storm), ["reload for HUP", "ReopenLogs"]);
    }

    #[test]
    fn a_cause_that_comes_while_another_of_its_kind_is_acted_upon_makes_one_more() {
        let (sender, mut causes) = Causes::channel();
        sender.send(Cause::reload("HUP")).unwrap();
        assert!(matches!(causes.next(None), Next::Cause(Cause::Reload(_))));
        sender.send(Cause::reload("HUP")).unwrap();
        sender.send(Cause::reload("HUP")).unwrap();
        assert!(matches!(causes.next(None), Next::Cause(Cause::Reload(_))));
        drop(sender);
        assert!(matches!(causes.next(None), Next::Nobody));
    }

    #[test]
    fn all_who_asked_get_the_one_verdict() {
        let (sender, mut causes) = Causes::channel();
        let (first, first_inbox) = asked(Command::Reload);
        let (second, second_inbox) = asked(Command::Reload);
        [first, Cause::reload("HUP"), second].into_iter().for_each(|cause| sender.send(cause).unwrap());
        drop(sender);
        let Next::Cause(Cause::Reload(reload)) = causes.next(None) else { panic!("a reload was asked for") };
        assert_eq!(reload.why, ["webserv reload", "HUP"]);
        let answer = Answer { ok: true, text: "done".into() };
        reload.questioners.into_iter().for_each(|questioner| questioner.answer(answer.clone()));
        assert_eq!((first_inbox.recv().unwrap(), second_inbox.recv().unwrap()), (answer.clone(), answer));
        assert!(matches!(causes.next(None), Next::Nobody));
    }

    #[test]
    fn a_deadline_comes_when_nothing_else_has() {
        let (sender, mut causes) = Causes::channel();
        let passed = Some(Instant::now());
        sender.send(Cause::ReopenLogs).unwrap();
        assert!(matches!(causes.next(passed), Next::Cause(Cause::ReopenLogs)));
        assert!(matches!(causes.next(passed), Next::TimeUp));
        drop(sender);
        assert!(matches!(causes.next(passed), Next::Nobody));
    }

    #[test]
    fn an_end_at_once_does_not_wait() {
        assert_eq!(
            done([Cause::reload("HUP"), Cause::Retire, Cause::Stop(15)]),
            ["Stop(15)", "reload for HUP", "Retire"]
        );
    }

    #[test]
    fn every_worker_that_ended_is_told() {
        let ended = done([Cause::WorkerEnded(0, Ok(())), Cause::WorkerEnded(1, Ok(()))]);
        assert_eq!(ended, ["WorkerEnded(0, Ok(()))", "WorkerEnded(1, Ok(()))"]);
    }
}

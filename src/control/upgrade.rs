//! A new program in the place of this one: USR2, `webserv upgrade`.
//!
//! The new one is started beside the old one and makes ready while that goes on; only when it is ready does the old one
//! let it take over, and finishes what runs. Whatever fails before is told, and the old one goes on as if nothing had
//! been. Both accept from the same sockets in between, so nobody is refused.

use std::io;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use super::causes::{Cause, Questioner};
use super::handover::{Legacy, Purpose, Successor};
use super::privileges;
use super::serve::Server;
use super::wire::Answer;
use crate::base::json::Json;
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// A try to upgrade that has been made ready, or failed.
#[derive(Debug)]
pub(super) struct Attempt {
    result: Result<Successor, String>,
    began: Instant,
    questioners: Vec<Questioner>,
}

impl Server {
    /// Starts the new program, beside the control thread; what became of it comes back as a cause.
    pub(super) fn upgrade(&mut self, questioners: Vec<Questioner>) {
        let began = Instant::now();
        let refused = |result| Attempt { result: Err(result), began, questioners: Vec::new() };
        if self.is_retiring() {
            return refused("the server is ending".to_owned()).refuse(questioners);
        }
        if self.trial.is_some() {
            let reason =
                "the configuration is on trial: confirm it first (`webserv confirm`), or wait until it is taken back";
            return refused(reason.to_owned()).refuse(questioners);
        }
        if self.upgrading {
            return refused("another upgrade is under way".to_owned()).refuse(questioners);
        }
        let legacy = match self.legacy() {
            Ok(legacy) => legacy,
            Err(error) => {
                return refused(format!("what is to be handed over cannot be had {}", Reason(&error)))
                    .refuse(questioners);
            }
        };
        report(Severity::Notice, format_args!("upgrading: starting \"{}\"", self.program.path().display()));
        let (program, causes) = (self.program.clone(), self.causes.clone());
        let started = thread::Builder::new().name("upgrade".into()).spawn(move || {
            let start = || {
                privileges::pass_on()?;
                Successor::start(&program, legacy)
            };
            let result = match start() {
                Ok(mut successor) => successor.wait_until_ready().map(|()| successor),
                Err(error) => Err(format!("\"{}\" cannot be started {}", program.path().display(), Reason(&error))),
            };
            // At the end of the process nobody wants it any more, and dropping it ends the new one.
            let _at_the_end = causes.send(Cause::Upgraded(Attempt { result, began, questioners }));
        });
        match started {
            Ok(_detached) => self.upgrading = true,
            // Whoever asked is told by the end of the channel.
            Err(error) => report(Severity::Alert, format_args!("an upgrade has no thread {}", Reason(&error))),
        }
    }

    /// Lets the new process take over, and finishes; or goes on, and says why.
    pub(super) fn conclude_upgrade(&mut self, mut attempt: Attempt) {
        self.upgrading = false;
        let questioners = std::mem::take(&mut attempt.questioners);
        let successor = match attempt.result {
            Ok(_dropped) if self.is_retiring() => {
                attempt.result = Err("the server is ending".to_owned());
                return attempt.refuse(questioners);
            }
            Ok(successor) => successor,
            Err(_) => return attempt.refuse(questioners),
        };
        let number = successor.process();
        // Before the new process speaks for itself: it is heard only as the main process.
        self.notifier.main_process(number);
        if let Err(reason) = successor.go() {
            self.notifier.main_process(process::id());
            attempt.result = Err(reason);
            return attempt.refuse(questioners);
        }
        report(
            Severity::Notice,
            format_args!("upgraded: process {number} serves from now on, this one finishes what runs"),
        );
        self.step_back();
        for questioner in questioners {
            let answer = succeeded(number, attempt.began.elapsed(), questioner.manner.json);
            questioner.answer(answer);
        }
    }

    /// What another process needs to take this one's place.
    fn legacy(&self) -> io::Result<Legacy> {
        let pid_file = self.pid_files.first().map(|file| file.duplicate()).transpose()?;
        let control = self.sockets.first().map(|socket| socket.duplicate()).transpose()?;
        Ok(Legacy {
            purpose: Some(Purpose::Upgrade),
            as_root: self.request.as_root,
            passed: self.listeners.duplicates()?,
            pid_file,
            control,
        })
    }
}

impl Attempt {
    /// Says why it failed, to the log and to those who asked.
    fn refuse(self, questioners: Vec<Questioner>) {
        let reason = self.result.err().unwrap_or_default();
        for line in reason.lines() {
            report(Severity::Error, format_args!("{line}"));
        }
        report(Severity::Error, format_args!("no upgrade, this server goes on: see the errors above"));
        for questioner in questioners {
            let answer = failed(&reason, self.began.elapsed(), questioner.manner.json);
            questioner.answer(answer);
        }
    }
}

fn succeeded(number: u32, took: Duration, json: bool) -> Answer {
    let text = if json {
        let members = vec![
            ("upgraded", Json::Bool(true)),
            ("pid", Json::Number(number.into())),
            ("pid_before", Json::Number(process::id().into())),
            ("took_ms", milliseconds(took)),
        ];
        format!("{}\n", Json::Object(members))
    } else {
        let before = process::id();
        format!("upgraded in {took:.1?}: process {number} serves, process {before} finishes what runs\n")
    };
    Answer { ok: true, text }
}

fn failed(reason: &str, took: Duration, json: bool) -> Answer {
    let text = if json {
        let reasons = reason.lines().map(Json::from).collect();
        let members =
            vec![("upgraded", Json::Bool(false)), ("reasons", Json::List(reasons)), ("took_ms", milliseconds(took))];
        format!("{}\n", Json::Object(members))
    } else {
        format!("{reason}\nno upgrade: the server goes on as before\n")
    };
    Answer { ok: false, text }
}

fn milliseconds(took: Duration) -> Json {
    Json::Number(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

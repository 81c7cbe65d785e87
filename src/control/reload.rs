//! A reload: read and check everything, open everything new, publish, retire what is gone. An error before "publish"
//! changes nothing but the log; nothing after it can fail.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::generation::Generation;
use super::listeners;
use super::pid_file::PidFile;
use super::privileges;
use super::serve::{Server, limits};
use super::socket::ControlSocket;
use super::verdict::{Changes, Outcome, Refusal, Verdict};
use super::workers::Recruits;
use crate::base::report::{self, Severity, report};
use crate::config::load::{self, Report};

/// Everything that a new configuration needs, ready; dropped, it leaves no trace.
struct Prepared {
    generation: Generation,
    recruits: Recruits,
    listeners: listeners::Change,
    /// The pid file, where it is another one.
    pid_file: Option<Option<PidFile>>,
    /// The control socket, where it is at another place.
    socket: Option<Option<ControlSocket>>,
}

/// Takes up the configuration as it is on disk now, or says why not and leaves everything as it is.
pub(super) fn reload(server: &mut Server, why: &str) -> Verdict {
    let began = Instant::now();
    report(Severity::Notice, format_args!("reloading the configuration: {why}"));
    let loaded = load::load(&server.request, Some(&server.current.resources));
    let outcome = match loaded.result {
        Ok(configuration) => match prepare(server, Generation::new(configuration)) {
            Ok(prepared) => publish(server, prepared),
            Err(refusal) => Outcome::Refused(refusal),
        },
        Err(()) => Outcome::Refused(Refusal::Configuration),
    };
    server.watch.loaded(loaded.watched, server.current.process.watch);
    conclude(why, outcome, loaded.report, began.elapsed())
}

/// The verdict on a reload that is not made, for the server is ending.
pub(super) fn refuse_at_end(why: &str) -> Verdict {
    conclude(why, Outcome::Refused(Refusal::Ending), Report::default(), Duration::ZERO)
}

/// Says how it ended.
fn conclude(why: &str, outcome: Outcome, report: Report, took: Duration) -> Verdict {
    let verdict = Verdict { why: why.to_owned(), outcome, report, took, at: SystemTime::now() };
    verdict.log();
    verdict
}

/// Makes, starts and binds what is new.
fn prepare(server: &mut Server, generation: Generation) -> Result<Prepared, Refusal> {
    generation.resources.make_folders()?;
    let count = generation.process.workers;
    let recruits = server.workers.recruit(count).map_err(Refusal::Worker)?;
    let pid_file = match changed(&server.current.process.pid, &generation.process.pid) {
        None => None,
        Some(None) => Some(None),
        Some(Some(path)) => {
            let failed = |error| Refusal::PidFile { path: path.display().to_string(), error };
            Some(Some(PidFile::write(path).map_err(failed)?))
        }
    };
    let socket = match changed(&server.current.process.control, &generation.process.control) {
        None => None,
        Some(None) => Some(None),
        Some(Some(path)) => {
            let failed = |error| Refusal::ControlSocket { path: path.display().to_string(), error };
            Some(Some(ControlSocket::open(path, server.causes.clone()).map_err(failed)?))
        }
    };
    let numbers = server.workers.numbers(&recruits, count);
    let listeners = server.listeners.prepare(&generation.tree, &numbers, false).map_err(Refusal::Bind)?;
    Ok(Prepared { generation, recruits, listeners, pid_file, socket })
}

/// The new path, if it is another than before.
fn changed<'p>(before: &Option<PathBuf>, now: &'p Option<PathBuf>) -> Option<Option<&'p Path>> {
    (before != now).then_some(now.as_deref())
}

/// Lets requests be answered by it. Nothing here can fail: what the system refuses is told, and is not needed.
fn publish(server: &mut Server, prepared: Prepared) -> Outcome {
    let Prepared { mut generation, recruits, listeners, pid_file, socket } = prepared;
    let mut changes = changes(server, &generation, &listeners);
    generation.resources.take_effect();
    server.published.publish(Arc::clone(&generation.tree));
    server.workers.take(recruits, generation.process.workers);
    server.workers.order(server.listeners.commit(listeners));
    server.workers.set_limits(limits(&generation.process));
    if let Some(files_max) = generation.process.open_files_max
        && privileges::limit_open_files(files_max).is_err()
    {
        changes.at_next_start.push("worker_rlimit_nofile");
    }
    report::set_process_log(Arc::clone(&generation.process.error_log));
    server.workers.take_up();
    if let Some(pid_file) = pid_file {
        server.pid_file = pid_file;
    }
    if let Some(socket) = socket {
        server.socket = socket;
    }
    server.current = generation;
    Outcome::Taken {
        generation: server.published.generation(),
        servers: server.current.inventory.servers(),
        locations: server.current.inventory.locations(),
        addresses: server.listeners.shown().count(),
        changes,
    }
}

/// What will be another than now.
fn changes(server: &Server, new: &Generation, listeners: &listeners::Change) -> Changes {
    let texts = |addresses: &mut dyn Iterator<Item = &str>| addresses.map(str::to_owned).collect();
    let workers = (server.workers.count(), new.process.workers);
    Changes {
        listening: texts(&mut listeners.added()),
        no_longer_listening: texts(&mut listeners.removed(&server.listeners)),
        other_options: texts(&mut listeners.differing(&server.listeners)),
        workers: (workers.0 != workers.1).then_some(workers),
        // What cannot change while the server runs is told, not dropped in silence.
        at_next_start: if new.process.user == server.current.process.user { Vec::new() } else { vec!["user"] },
        differences: server.current.inventory.differences(&new.inventory),
    }
}

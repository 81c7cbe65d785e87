//! A reload: read and check everything, open everything new, publish, retire what is gone. An error before "publish"
//! changes nothing but the log; nothing after it can fail. Taking a configuration back goes the same way, but for the
//! reading: what was before is still there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::causes::Reload;
use super::generation::Generation;
use super::listeners;
use super::pid_file::PidFile;
use super::privileges;
use super::serve::{Server, limits};
use super::socket::ControlSocket;
use super::trial::Trial;
use super::verdict::{Changes, Outcome, Refusal, Standing, Verdict};
use super::workers::Recruits;
use crate::base::report::{self, Severity, report};
use crate::config::load::{self, Report};
use crate::config::zones::ZoneResized;
use crate::route::tree::Tree;

/// Everything that a new configuration needs, ready; dropped, it leaves no trace.
struct Prepared {
    /// How many workers there are to be.
    workers: usize,
    recruits: Recruits,
    listeners: listeners::Change,
    /// The pid file, where it is at a new place.
    pid_file: Option<PidFile>,
    /// The control socket, where it is at a new place.
    socket: Option<ControlSocket>,
}

/// Takes up the configuration as it is on disk now, or says why not and leaves everything as it is.
pub(super) fn reload(server: &mut Server, wish: &Reload) -> Verdict {
    let began = Instant::now();
    let why = wish.why.join(", ");
    report(Severity::Notice, format_args!("reloading the configuration: {why}"));
    let loaded = load::load(&server.request, Some(&server.current.resources));
    let outcome = match loaded.result {
        Ok(configuration) => take_up(server, Generation::new(configuration, server.last_number + 1), wish.confirm),
        Err(()) => Err(Refusal::Configuration),
    };
    server.watch.loaded(loaded.watched, server.current.process.watch);
    conclude(&why, outcome.unwrap_or_else(Outcome::Refused), loaded.report, began.elapsed())
}

/// The verdict on a reload that is not made, for the server is ending.
pub(super) fn refuse_at_end(why: &str) -> Verdict {
    conclude(why, Outcome::Refused(Refusal::Ending), Report::default(), Duration::ZERO)
}

/// Takes up again what was before the configuration on trial.
pub(super) fn take_back(server: &mut Server, mut trial: Trial, why: &str) -> Verdict {
    let began = Instant::now();
    report(Severity::Warn, format_args!("taking the configuration back: {why}"));
    let fallback = &mut trial.fallback;
    let zones_as_they_are = fallback.resources.prepare_return(&server.current.resources);
    let prepared = prepare(server, fallback, fallback.process.workers, None).or_else(|refusal| {
        // With the workers there are nothing need be had from the system.
        report(Severity::Warn, format_args!("{refusal}: going back with as many workers as there are"));
        prepare(server, fallback, server.workers.count(), None)
    });
    let outcome = match prepared {
        Err(refusal) => {
            trial.put_off();
            server.trial = Some(trial);
            Outcome::Refused(refusal)
        }
        Ok(prepared) => {
            let Trial { fallback: mut generation, open_files_max, .. } = trial;
            let was = std::mem::replace(&mut generation.number, server.last_number + 1);
            let mut changes = changes(server, &generation, &prepared);
            // The process is still who it was when this configuration ran.
            changes.at_next_start.clear();
            changes.zones_as_they_are = zones_as_they_are;
            let (tree, instead_of) = (Arc::clone(&generation.tree), server.current.number);
            let (_taken_back, zones) = publish(server, generation, prepared, tree);
            changes.take_zones(zones);
            if let Some(files_max) = open_files_max {
                // It is no more than what was allowed a moment ago.
                let _as_before = privileges::limit_open_files(files_max);
            }
            keep_posts(server);
            taken(server, changes, Standing::Again { was, instead_of })
        }
    };
    conclude(why, outcome, Report::default(), began.elapsed())
}

/// Ends a trial: what runs stays. Says which addresses were closed that were kept until now.
pub(super) fn settle(server: &mut Server) -> Vec<String> {
    server.trial = None;
    let numbers = server.workers.numbers(&Recruits::default(), server.workers.count());
    let tree = Arc::clone(&server.current.tree);
    let closed = match server.listeners.prepare(&tree, &numbers, None) {
        Ok(change) => {
            let closed = change.removed(&server.listeners).map(str::to_owned).collect();
            // Without the routes of the addresses that go.
            server.published.publish(tree);
            server.workers.order(server.listeners.commit(change));
            closed
        }
        Err(errors) => {
            // Nothing is lent to anybody, so there is nothing that could be refused.
            errors.iter().for_each(|error| report(Severity::Alert, format_args!("{error}")));
            Vec::new()
        }
    };
    keep_posts(server);
    closed
}

/// Says how it ended.
fn conclude(why: &str, outcome: Outcome, report: Report, took: Duration) -> Verdict {
    let verdict = Verdict { why: why.to_owned(), outcome, report, took, at: SystemTime::now() };
    verdict.log();
    verdict
}

/// Has requests answered by a new configuration, on trial if that was asked for or there are other reasons.
fn take_up(server: &mut Server, generation: Generation, confirm: Option<Duration>) -> Result<Outcome, Refusal> {
    let terms = server.terms(generation.process.reload_guard, confirm);
    let fallback = server.trial.as_ref().map_or(&server.current, |trial| &trial.fallback);
    let fallback = terms.is_some().then(|| Arc::clone(&fallback.tree));
    let workers = generation.process.workers;
    let prepared = prepare(server, &generation, workers, fallback.as_deref())?;
    let mut changes = changes(server, &generation, &prepared);
    let with_retained = fallback.and_then(|fallback| generation.tree.with_addresses_of(&fallback));
    let tree = with_retained.map_or_else(|| Arc::clone(&generation.tree), Arc::new);
    let open_files_before = privileges::open_files_max();
    let open_files_max = generation.process.open_files_max;
    let (before, zones) = publish(server, generation, prepared, tree);
    changes.take_zones(zones);
    if let Some(files_max) = open_files_max
        && privileges::limit_open_files(files_max).is_err()
    {
        changes.at_next_start.push("worker_rlimit_nofile");
    }
    let (fallback, open_files_before) = match server.trial.take() {
        Some(pending) => (pending.fallback, pending.open_files_max),
        None => (before, open_files_before),
    };
    server.trial = terms.map(|terms| Trial::new(fallback, open_files_before, terms));
    keep_posts(server);
    let standing = server.prospect().map_or(Standing::Settled, Standing::OnTrial);
    Ok(taken(server, changes, standing))
}

/// Makes, starts and binds what is new. Addresses that it lacks and the `fallback` has are to be kept.
fn prepare(
    server: &mut Server,
    generation: &Generation,
    workers: usize,
    fallback: Option<&Tree>,
) -> Result<Prepared, Refusal> {
    generation.resources.make_folders()?;
    let recruits = server.workers.recruit(workers).map_err(Refusal::Worker)?;
    let pid_file = match lacking(&generation.process.pid, server.pid_files.iter().map(PidFile::path)) {
        None => None,
        Some(path) => {
            let failed = |error| Refusal::PidFile { path: path.display().to_string(), error };
            Some(PidFile::write(path).map_err(failed)?)
        }
    };
    let socket = match lacking(&generation.process.control, server.sockets.iter().map(ControlSocket::path)) {
        None => None,
        Some(path) => {
            let failed = |error| Refusal::ControlSocket { path: path.display().to_string(), error };
            Some(ControlSocket::open(path, server.causes.clone()).map_err(failed)?)
        }
    };
    let numbers = server.workers.numbers(&recruits, workers);
    let listeners = server.listeners.prepare(&generation.tree, &numbers, fallback).map_err(Refusal::Bind)?;
    Ok(Prepared { workers, recruits, listeners, pid_file, socket })
}

/// A path, if there is nothing yet.
fn lacking<'p>(wanted: &'p Option<PathBuf>, mut present: impl Iterator<Item = &'p Path>) -> Option<&'p Path> {
    wanted.as_deref().filter(|wanted| present.all(|path| path != *wanted))
}

/// Lets requests be answered by it. Nothing here can fail: what the system refuses is told, and is not needed. Returns
/// what was before, and what became of zones whose size changed.
fn publish(
    server: &mut Server,
    mut generation: Generation,
    prepared: Prepared,
    tree: Arc<Tree>,
) -> (Generation, Vec<ZoneResized>) {
    let Prepared { workers, recruits, listeners, pid_file, socket } = prepared;
    let zones = generation.resources.take_effect();
    server.published.publish(tree);
    server.workers.take(recruits, workers);
    server.workers.order(server.listeners.commit(listeners));
    server.workers.set_limits(limits(&generation.process));
    report::set_process_log(Arc::clone(&generation.process.error_log));
    server.workers.take_up();
    server.pid_files.extend(pid_file);
    server.sockets.extend(socket);
    server.last_number = generation.number;
    (std::mem::replace(&mut server.current, generation), zones)
}

/// Lets pid files and control sockets go that neither what runs names nor what may come back.
fn keep_posts(server: &mut Server) {
    let fallback = server.trial.as_ref().map(|trial| &trial.fallback.process);
    let wanted: Vec<_> = [Some(&server.current.process), fallback].into_iter().flatten().collect();
    let is_pid_file = |path: &Path| wanted.iter().any(|process| process.pid.as_deref() == Some(path));
    let is_socket = |path: &Path| wanted.iter().any(|process| process.control.as_deref() == Some(path));
    server.pid_files.retain(|file| is_pid_file(file.path()));
    server.sockets.retain(|socket| is_socket(socket.path()));
}

fn taken(server: &Server, changes: Changes, standing: Standing) -> Outcome {
    Outcome::Taken {
        generation: server.current.number,
        servers: server.current.inventory.servers(),
        locations: server.current.inventory.locations(),
        addresses: server.listeners.shown().count(),
        changes: Box::new(changes),
        standing,
    }
}

/// What will be another than now.
fn changes(server: &Server, new: &Generation, prepared: &Prepared) -> Changes {
    let texts = |addresses: &mut dyn Iterator<Item = &str>| addresses.map(str::to_owned).collect();
    let listeners = &prepared.listeners;
    let workers = (server.workers.count(), prepared.workers);
    Changes {
        listening: texts(&mut listeners.added()),
        no_longer_listening: texts(&mut listeners.removed(&server.listeners)),
        still_listening: texts(&mut listeners.retained(&server.listeners)),
        other_options: texts(&mut listeners.differing(&server.listeners)),
        workers: (workers.0 != workers.1).then_some(workers),
        // What cannot change while the server runs is told, not dropped in silence.
        at_next_start: if new.process.user == server.current.process.user { Vec::new() } else { vec!["user"] },
        differences: server.current.inventory.differences(&new.inventory),
        ..Changes::default()
    }
}

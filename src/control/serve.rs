//! The life of the process: read, open, become the user, start, serve, end.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::causes::{Cause, Causes, Next, Questioner, Reload};
use super::generation::Generation;
use super::guard;
use super::life::Stage;
use super::listeners::{BindError, Listeners, WorkerNumber};
use super::notify::{self, Notifier, Watchdog};
use super::pid_file::PidFile;
use super::privileges::{self, PrivilegeError};
use super::reload;
use super::signals;
use super::socket::ControlSocket;
use super::status::{History, Status};
use super::trial::{Prospect, Trial};
use super::watch::Watch;
use super::wire::Answer;
use super::workers::Workers;
use crate::base::reason::Reason;
use crate::base::report::{self, Severity, report};
use crate::config::load::{self, Configuration, Process, Request};
use crate::config::render;
use crate::exchange::error_pages::SIGNATURE;
use crate::runtime::{self, TempFileError};
use crate::server::Published;
use crate::server::worker::{Limits, Setup};

/// Why the server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration has errors; the report was printed.
    #[error("the configuration has errors, the server does not start")]
    Configuration,
    /// Addresses cannot be listened on.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Bind(Vec<BindError>),
    /// The server cannot become its user.
    #[error(transparent)]
    Privileges(#[from] PrivilegeError),
    /// A folder that the configuration names is missing and cannot be made.
    #[error(transparent)]
    Folder(#[from] TempFileError),
    /// Something the process needs is refused by the system.
    #[error("{what} {}", Reason(error))]
    System {
        /// What was tried.
        what: String,
        /// The system's reason.
        error: io::Error,
    },
    /// A worker's event loop failed.
    #[error("worker {number} ended {}", Reason(error))]
    Worker {
        /// Which.
        number: usize,
        /// Why.
        error: io::Error,
    },
}

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It finished what ran (QUIT).
    Gracefully,
    /// At once, by this signal: the process is to end by it too.
    BySignal(i32),
}

/// The running server, as the control thread sees it.
pub(super) struct Server {
    /// How the configuration is read, now and at each reload.
    pub(super) request: Request,
    pub(super) published: Arc<Published>,
    pub(super) listeners: Listeners,
    pub(super) workers: Workers,
    /// The configuration that requests are answered by.
    pub(super) current: Generation,
    /// What may come back in its place.
    pub(super) trial: Option<Trial>,
    /// The last number that a configuration got.
    pub(super) last_number: u64,
    /// How requests were answered lately, where that is of interest.
    pub(super) answers: guard::History,
    /// Kept for their drops, which remove the files; those of a configuration that may come back are among them.
    pub(super) pid_files: Vec<PidFile>,
    pub(super) sockets: Vec<ControlSocket>,
    /// Looks after the files of the configuration.
    pub(super) watch: Watch,
    /// How configurations were taken up.
    pub(super) history: History,
    /// Where causes are sent to.
    pub(super) causes: Sender<Cause>,
    /// How far it is in its life.
    pub(super) stage: Stage,
    pub(super) notifier: Notifier,
    pub(super) watchdog: Option<Watchdog>,
}

/// Serves by the configuration until a signal ends it. `started` is called once it serves, with the addresses.
///
/// # Errors
/// When it cannot start, or a worker fails.
pub fn serve(request: Request, started: impl FnOnce(&[&str])) -> Result<Ended, ServeError> {
    runtime::keep_descriptors_from_children();
    let loaded = load::load(&request, None);
    eprint!("{}", render::text(&loaded.report, render::Colour::when_terminal()));
    let configuration = loaded.result.map_err(|()| ServeError::Configuration)?;
    let (causes, mut inbox) = Causes::channel();
    signals::watch(causes.clone()).map_err(system("signal handlers cannot be installed"))?;
    let mut server = Server::start(request, configuration, &causes)?;
    let shown: Vec<&str> = server.listeners.shown().collect();
    for address in &shown {
        report(Severity::Notice, format_args!("listening on {address}"));
    }
    started(&shown);
    server.say_ready();
    server.watch.loaded(loaded.watched, server.current.process.watch);
    let result = server.run(&mut inbox);
    server.listeners.remove_socket_files();
    result
}

impl Server {
    /// Opens and binds as who it was started as, then becomes the user, then starts the workers.
    fn start(request: Request, configuration: Configuration, causes: &Sender<Cause>) -> Result<Self, ServeError> {
        let mut current = Generation::new(configuration, 1);
        let process = current.process.clone();
        let identity = privileges::identity(process.user.as_ref())?;
        if let Some(files_max) = process.open_files_max
            && let Err(error) = privileges::limit_open_files(files_max)
        {
            // As in nginx: who may not raise the limit has the one there is.
            report(Severity::Alert, format_args!("setrlimit(RLIMIT_NOFILE, {files_max}) failed ({error})"));
        }
        current.resources.make_folders()?;
        let mut listeners = Listeners::default();
        // The workers that there will be: they are numbered from 1 on.
        let numbers: Vec<WorkerNumber> = (1..=process.workers).collect();
        let change = listeners.prepare(&current.tree, &numbers, None).map_err(ServeError::Bind)?;
        let pid_files = process.pid.iter().map(|path| write_pid(path)).collect::<Result<_, _>>()?;
        let sockets = process.control.iter().map(|path| open_control(path, causes)).collect::<Result<_, _>>()?;
        if let Some(identity) = identity {
            current.resources.hand_over(identity.user_id(), identity.group_id());
            Listeners::hand_over(&change, identity.user_id(), identity.group_id());
            privileges::become_user(&identity)?;
        }
        report::set_process_log(Arc::clone(&process.error_log));
        let _no_zone_was_before = current.resources.take_effect();
        let published = Arc::new(Published::new(Arc::clone(&current.tree)));
        let setup = Setup {
            published: Arc::clone(&published),
            connection_numbers: Arc::new(AtomicU64::new(0)),
            limits: limits(&process),
        };
        let mut workers = Workers::new(setup, causes.clone());
        let recruits = workers.recruit(process.workers).map_err(system("a worker cannot be started"))?;
        workers.take(recruits, process.workers);
        workers.order(listeners.commit(change));
        let watch = Watch::new(causes.clone(), request.folder().to_owned());
        let (history, causes) = (History::begin(), causes.clone());
        let (stage, notifier) = (Stage::Serving, Notifier::from_environment());
        let watchdog = Watchdog::from_environment(&workers, false);
        Ok(Self {
            request,
            published,
            listeners,
            workers,
            current,
            trial: None,
            last_number: 1,
            answers: guard::History::default(),
            pid_files,
            sockets,
            watch,
            history,
            causes,
            stage,
            notifier,
            watchdog,
        })
    }

    /// One cause after the other, until one ends the process.
    fn run(&mut self, causes: &mut Causes) -> Result<Ended, ServeError> {
        // The senders live as long as the workers and the signal thread do.
        let mut ended = Ended::Gracefully;
        loop {
            let cause = match causes.next(self.deadline()) {
                Next::Cause(cause) => Some(cause),
                Next::TimeUp => None,
                Next::Nobody => break,
            };
            if let Some(how) = cause.map_or(Ok(None), |cause| self.act(cause))? {
                ended = how;
                break;
            }
            // What came before a time was up goes before what is then due.
            self.tend();
        }
        report(Severity::Notice, format_args!("exit"));
        Ok(ended)
    }

    /// Acts upon a cause; says how the server ended if it did by it.
    fn act(&mut self, cause: Cause) -> Result<Option<Ended>, ServeError> {
        match cause {
            Cause::Reload(wish) => self.reload(wish),
            Cause::FilesChanged(changed) if !self.is_retiring() && self.watch.is_news(&changed) => {
                self.reload(Reload::because(changed.to_string()));
            }
            Cause::FilesChanged(_) => {}
            Cause::Confirm(questioner) => {
                let answer = self.confirm(questioner.manner);
                questioner.answer(answer);
            }
            Cause::Status(questioner) => self.say_status(questioner),
            Cause::ReopenLogs => self.reopen_logs(),
            Cause::Retire => self.retire(),
            Cause::Stop(signal) => {
                report(Severity::Notice, format_args!("stopping"));
                self.notifier.stopping("stopping");
                self.workers.stop();
                self.workers.join();
                return Ok(Some(Ended::BySignal(signal)));
            }
            Cause::WorkerEnded(number, Err(error)) => {
                self.workers.stop();
                return Err(ServeError::Worker { number, error });
            }
            Cause::WorkerEnded(number, Ok(())) => {
                self.workers.ended(number);
                return Ok((self.workers.running() == 0).then_some(Ended::Gracefully));
            }
        }
        Ok(None)
    }

    fn say_ready(&self) {
        let (servers, addresses) = (self.current.inventory.servers(), self.listeners.shown().count());
        self.notifier.ready(&format!("serving {servers} servers on {addresses} addresses"));
    }

    /// One reload for all who wish it.
    fn reload(&mut self, wish: Reload) {
        let verdict = if self.is_retiring() {
            reload::refuse_at_end(&wish.why.join(", "))
        } else {
            self.notifier.reloading();
            let verdict = reload::reload(self, &wish);
            self.notifier.ready(&notify::summary(&verdict));
            verdict
        };
        self.history.note(&verdict);
        for questioner in wish.questioners {
            let answer = verdict.answer(questioner.manner);
            questioner.answer(answer);
        }
    }

    fn say_status(&self, questioner: Questioner) {
        let inventory = &self.current.inventory;
        let workers = self.workers.count();
        let status = Status {
            version: SIGNATURE,
            process: std::process::id(),
            generation: self.current.number,
            prospect: self.prospect(),
            history: &self.history,
            workers,
            leaving: self.workers.running() - workers,
            counts: self.workers.counts(),
            listeners: self.listeners.shown().collect(),
            servers: inventory.servers(),
            locations: inventory.locations(),
        };
        let text = if questioner.manner.json { status.json() } else { status.text() };
        questioner.answer(Answer { ok: true, text });
    }

    /// USR1: from now on lines go to the files that have the logs' names now; buffered ones go first.
    fn reopen_logs(&self) {
        self.workers.flush_logs();
        report(Severity::Notice, format_args!("reopening logs"));
        self.current.resources.reopen_logs();
        if let Some(trial) = &self.trial {
            trial.fallback.resources.reopen_logs();
        }
    }

    /// How things stand with the configuration, if it is on trial.
    pub(super) fn prospect(&self) -> Option<Prospect> {
        self.trial.as_ref().map(|trial| trial.prospect(Instant::now()))
    }
}

pub(super) fn limits(process: &Process) -> Limits {
    Limits { connections_max: process.connections_max, multi_accept: process.multi_accept }
}

fn write_pid(path: &Path) -> Result<PidFile, ServeError> {
    PidFile::write(path)
        .map_err(|error| ServeError::System { what: format!("cannot write \"{}\"", path.display()), error })
}

fn open_control(path: &Path, causes: &Sender<Cause>) -> Result<ControlSocket, ServeError> {
    ControlSocket::open(path, causes.clone()).map_err(|error| ServeError::System {
        what: format!("the control socket \"{}\" cannot be opened", path.display()),
        error,
    })
}

fn system(what: &'static str) -> impl Fn(io::Error) -> ServeError {
    move |error| ServeError::System { what: what.to_owned(), error }
}

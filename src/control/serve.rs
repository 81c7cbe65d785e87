//! The life of the process: read, open, become the user, start, serve, end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::background;
use super::causes::{Cause, Causes, Next, Questioner, Reload};
use super::generation::Generation;
use super::guard;
use super::handover::{HandoverError, Heir, Legacy, Purpose};
use super::life::Stage;
use super::listeners::{BindError, Listeners, WorkerNumber};
use super::notify::{self, Notifier, Watchdog};
use super::passed::Passed;
use super::pid_file::PidFile;
use super::places::Places;
use super::privileges::{self, PrivilegeError};
use super::program::Program;
use super::reload;
use super::signals;
use super::socket::ControlSocket;
use super::status::{History, Status};
use super::trial::{Prospect, Trial};
use super::watch::Watch;
use super::wire::Answer;
use super::workers::Workers;
use crate::base::pace;
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
    /// It was started by another server, which does not let it take over.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// `daemon on`, and what was started does not serve.
    #[error("nothing serves in the background: {0}")]
    Background(String),
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
    /// As it was started.
    pub(super) program: Program,
    /// Whether a new process is making ready to take this one's place.
    pub(super) upgrading: bool,
    /// Whether another process has taken this one's place.
    pub(super) handed_over: bool,
}

/// Serves by the configuration until a signal ends it. `started` is called once it serves, with the addresses.
///
/// # Errors
/// When it cannot start, or a worker fails.
pub fn serve(request: Request, started: impl FnOnce(&[&str])) -> Result<Ended, ServeError> {
    let program = Program::of_this_process();
    let (heir, legacy) = match Heir::receive()? {
        Some((heir, legacy)) => (Some(heir), legacy),
        None => (None, Legacy { passed: Passed::from_environment(), ..Legacy::default() }),
    };
    let result = serve_as(request, started, (heir.as_ref(), legacy), program);
    if let (Some(heir), Err(error)) = (&heir, &result) {
        heir.fail(&error.to_string());
    }
    result
}

/// Serves with what was handed over.
fn serve_as(
    mut request: Request,
    started: impl FnOnce(&[&str]),
    (heir, legacy): (Option<&Heir>, Legacy),
    program: Program,
) -> Result<Ended, ServeError> {
    if legacy.purpose == Some(Purpose::Background) {
        background::leave_session().map_err(system("setsid() failed"))?;
    }
    request.as_root |= legacy.as_root;
    privileges::keep_to_itself();
    runtime::keep_descriptors_from_children();
    let loaded = load::load(&request, None);
    eprint!("{}", render::text(&loaded.report, render::Colour::when_terminal()));
    if let (Some(heir), Err(())) = (heir, &loaded.result) {
        heir.fail(&render::text(&loaded.report, render::Colour::Off));
    }
    let configuration = loaded.result.map_err(|()| ServeError::Configuration)?;
    if configuration.process.daemon && heir.is_none() {
        let legacy = Legacy { as_root: request.as_root, ..legacy };
        return background::start(&program, legacy).map(|()| Ended::Gracefully).map_err(ServeError::Background);
    }
    let (causes, mut inbox) = Causes::channel();
    signals::watch(causes.clone()).map_err(system("signal handlers cannot be installed"))?;
    let background = legacy.purpose == Some(Purpose::Background);
    let mut server = Server::start((request, program), configuration, &causes, (heir, legacy))?;
    let shown: Vec<&str> = server.listeners.shown().collect();
    for address in &shown {
        report(Severity::Notice, format_args!("listening on {address}"));
    }
    if background {
        background::leave_terminal(&server.current).map_err(system("the terminal cannot be left"))?;
    } else if heir.is_none() {
        started(&shown);
    }
    server.say_ready();
    server.watch.loaded(loaded.watched, server.current.process.watch);
    if let Some(heir) = heir {
        heir.serves();
    }
    let result = server.run(&mut inbox);
    // Nobody acts upon what is left there.
    drop(inbox);
    server.sockets.iter_mut().for_each(ControlSocket::finish);
    if !server.handed_over {
        server.listeners.remove_socket_files();
    }
    result
}

impl Server {
    /// Opens and binds as who it was started as, then becomes the user, then starts the workers.
    fn start(
        (request, program): (Request, Program),
        configuration: Configuration,
        causes: &Sender<Cause>,
        (heir, legacy): (Option<&Heir>, Legacy),
    ) -> Result<Self, ServeError> {
        let Legacy { purpose, as_root: _, passed, pid_file, control } = legacy;
        let mut current = Generation::new(configuration, 1);
        let process = current.process.clone();
        let identity = privileges::identity(process.user.as_ref())?;
        limit_open_files(&process);
        current.resources.make_folders()?;
        let mut listeners = Listeners::with(passed);
        // The workers that there will be: they are numbered from 1 on.
        let numbers: Vec<WorkerNumber> = (1..=process.workers).collect();
        let change = listeners.prepare(&current.tree, &numbers, None).map_err(ServeError::Bind)?;
        let places = Places::open(&process, causes, pid_file, control)?;
        if let Some(identity) = &identity {
            current.resources.hand_over(identity.user_id(), identity.group_id());
            Listeners::hand_over(&change, identity.user_id(), identity.group_id());
            privileges::become_user(identity)?;
        }
        report::set_process_log(Arc::clone(&process.error_log));
        identity.iter().for_each(privileges::say_who);
        let published = Arc::new(Published::new(Arc::clone(&current.tree)));
        let setup = Setup {
            published: Arc::clone(&published),
            connection_numbers: Arc::new(AtomicU64::new(0)),
            limits: limits(&process),
        };
        let mut workers = Workers::new(setup, causes.clone());
        let recruits = workers.recruit(process.workers).map_err(system("a worker cannot be started"))?;
        if let Some(heir) = heir
            && let Err(error) = heir.ready()
        {
            change.undo();
            return Err(error.into());
        }
        let _no_zone_was_before = current.resources.take_effect();
        let Places { pid_files, sockets, .. } = places.take_over(&process, causes);
        workers.take(recruits, process.workers);
        workers.order(listeners.commit(change));
        let watch = Watch::new(causes.clone(), request.folder().to_owned());
        listeners.close_unwanted();
        let (history, causes) = (History::begin(), causes.clone());
        let (stage, notifier) = (Stage::Serving, Notifier::from_environment());
        let watchdog = Watchdog::from_environment(&workers, purpose.is_some());
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
            program,
            upgrading: false,
            handed_over: false,
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
            Cause::FilesChanged(changed) if self.stage == Stage::Serving && self.watch.is_news(&changed) => {
                self.reload(Reload::because(changed.to_string()));
            }
            Cause::FilesChanged(_) => {}
            Cause::Confirm(questioner) => {
                let answer = self.confirm(questioner.manner);
                questioner.answer(answer);
            }
            Cause::Status(questioner) => self.say_status(questioner),
            Cause::ReopenLogs => self.reopen_logs(),
            Cause::Retire => {
                self.retire();
                return Ok(self.has_ended().then_some(Ended::Gracefully));
            }
            Cause::Pause => self.pause(),
            Cause::Upgrade(questioners) => self.upgrade(questioners),
            Cause::Upgraded(attempt) => {
                self.conclude_upgrade(attempt);
                return Ok(self.has_ended().then_some(Ended::Gracefully));
            }
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
                return Ok(self.has_ended().then_some(Ended::Gracefully));
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
            let verdict = pace::paced(|| reload::reload(self, &wish));
            self.resume();
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

fn limit_open_files(process: &Process) {
    if let Some(files_max) = process.open_files_max
        && let Err(error) = privileges::limit_open_files(files_max)
    {
        // As in nginx: who may not raise the limit has the one there is.
        report(Severity::Alert, format_args!("setrlimit(RLIMIT_NOFILE, {files_max}) failed ({error})"));
    }
}

pub(super) fn limits(process: &Process) -> Limits {
    Limits { connections_max: process.connections_max, multi_accept: process.multi_accept }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> ServeError {
    move |error| ServeError::System { what: what.to_owned(), error }
}

//! From a request to a script that runs.

use std::ffi::{OsStr, OsString};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::Poll;

use bytes::Bytes;
use rustix::io::Errno;

use super::answer;
use super::environment::environment;
use super::errors::Errors;
use super::gate::{Entry, Full, Gate, Network, Permit};
use super::run::{Clock, Input, Run};
use super::script::Script;
use super::settings::{Conf, ErrorsTo};
use super::watch::Watch;
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::exchange::body::Inflow;
use crate::exchange::content::Content;
use crate::exchange::core_variables;
use crate::exchange::plan::{Handler, Handling, Outcome};
use crate::exchange::response::Response;
use crate::exchange::template::Template;
use crate::exchange::trace::Step;
use crate::exchange::{Exchange, Shown};
use crate::http::Status;
use crate::http::h1::BodyFraming;
use crate::runtime::{self, JobError, Launch, StartError, Started};

/// When a client that was sent away may come again: a script that takes long takes about so many seconds.
const RETRY_AFTER_SECONDS: u32 = 10;

/// Answers with what a script writes.
#[derive(Debug)]
pub(super) struct RunScript {
    pub(super) conf: Arc<Conf>,
    pub(super) gate: Arc<Gate>,
}

impl Handler for RunScript {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        match Script::find(exchange, &self.conf) {
            Ok(None) => Outcome::Next.into(),
            Err(refused) => refused.into(),
            Ok(Some(script)) if exchange.trace.is_some() => {
                let text = format!("runs \"{}\" as a CGI script", Shown(&script.file));
                exchange.tell(|| Step::Note { text: text.into(), at: None });
                Outcome::Respond(Box::new(Response::new(Status::OK))).into()
            }
            Ok(Some(script)) => Handling::Later(Box::pin(self.run(exchange, script))),
        }
    }
}

impl RunScript {
    async fn run(&self, exchange: &mut Exchange, script: Script) -> Outcome {
        // A client that sends slowly takes nobody's turn.
        if self.conf.request_buffering
            && let Err(outcome) = exchange.receive_content().await
        {
            return outcome;
        }
        let permit = match self.turn(exchange).await {
            Ok(permit) => permit,
            Err(outcome) => return outcome,
        };
        match self.start(exchange, &script, permit).await {
            Ok(run) if script.is_nph() => answer::pass_on(exchange, run).await,
            Ok(run) => answer::answer(exchange, &self.conf, run).await,
            Err(error) => self.not_started(exchange, &script, &error),
        }
    }

    /// Waits until one more may run.
    async fn turn(&self, exchange: &mut Exchange) -> Result<Permit, Outcome> {
        let crowd = &self.conf.crowd;
        let mut place = match self.gate.enter(crowd, || network(exchange)) {
            Ok(Entry::Open(permit)) => return Ok(permit),
            Ok(Entry::Wait(place)) => place,
            Err(Full) => return Err(send_away(exchange, "too many requests wait for their CGI script")),
        };
        let handle = exchange.handle.clone();
        let watch = Watch::on(exchange, self.conf.ignore_client_abort);
        let mut patience = handle.deadline(handle.now() + crowd.patience);
        let found = poll_fn(|context| {
            if let Poll::Ready(permit) = Pin::new(&mut place).poll(context) {
                return Poll::Ready(Some(permit));
            }
            if watch.has_left(context) {
                return Poll::Ready(None);
            }
            Pin::new(&mut patience).poll(context).map(|()| Some(Err(Full)))
        });
        match found.await {
            Some(Ok(permit)) => Ok(permit),
            Some(Err(Full)) => Err(send_away(exchange, "no CGI script could be run in time")),
            None => Err(client_left(exchange)),
        }
    }

    async fn start(&self, exchange: &mut Exchange, script: &Script, permit: Permit) -> Result<Run, StartError> {
        let conf = &*self.conf;
        let (input, coming, length) = content(exchange)?;
        let (program, arguments) = match conf.interpreter(&script.file) {
            None => (path(&script.file), Vec::new()),
            Some(interpreter) => {
                let own = interpreter.arguments.iter().map(|argument| OsString::from(&**argument));
                let file = OsString::from_vec(script.file.clone());
                (interpreter.program.clone(), own.chain([file]).collect())
            }
        };
        let launch = Launch {
            program,
            arguments,
            environment: environment(exchange, conf, script, length),
            folder: self.folder(exchange, script),
            input,
            errors: !matches!(conf.errors, ErrorsTo::Off),
            limits: conf.limits,
            grace: conf.grace,
        };
        let handle = exchange.handle.clone();
        let Started { mut child, input, output, errors } = runtime::start(&handle, launch).await?;
        child.hold(permit);
        let reporter = exchange.reporter();
        let shown: Arc<str> = Shown(&script.file).to_string().into();
        let input = match (input, coming) {
            (Some(pipe), Coming::Bytes(bytes)) => Input::Bytes(pipe, bytes),
            (Some(pipe), Coming::Inflow(inflow)) => Input::Coming(pipe, inflow, Bytes::new()),
            _ => Input::Ended,
        };
        Ok(Run {
            clock: Clock::start(&handle, conf.timeout, conf.idle_timeout),
            watch: Watch::on(exchange, conf.ignore_client_abort),
            errors: Errors::new(errors, &conf.errors, &reporter, &shown),
            script: shown,
            child,
            input,
            output: Some(output),
            reporter,
            handle,
        })
    }

    /// The working directory.
    fn folder(&self, exchange: &Exchange, script: &Script) -> PathBuf {
        match &self.conf.folder {
            Some(folder) => path(&folder.render(exchange)),
            None => path(script.folder()),
        }
    }

    fn not_started(&self, exchange: &mut Exchange, script: &Script, error: &StartError) -> Outcome {
        let file = Shown(&script.file);
        let error = match error {
            StartError::Busy(JobError::Full) => return send_away(exchange, "too many CGI scripts wait to be started"),
            StartError::Busy(error) => {
                exchange.report(Severity::Alert, format_args!("CGI script \"{file}\" cannot be started: {error}"));
                return Outcome::Fail(Status::INTERNAL_SERVER_ERROR);
            }
            StartError::System(error) => error,
        };
        let hint = self.hint(exchange, script, error);
        let reason = Reason(error);
        exchange.report(Severity::Error, format_args!("CGI script \"{file}\" cannot be started {reason}{hint}"));
        match Errno::from_io_error(error) {
            // The machine is full, which may pass.
            Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => {
                exchange.error.retry_after = Some(RETRY_AFTER_SECONDS);
                Outcome::Fail(Status::SERVICE_UNAVAILABLE)
            }
            _ => Outcome::Fail(Status::INTERNAL_SERVER_ERROR),
        }
    }

    /// What the system's reason most probably means.
    fn hint(&self, exchange: &Exchange, script: &Script, error: &io::Error) -> String {
        let folder = self.folder(exchange, script);
        if !folder.is_dir() {
            return format!(": its working directory \"{}\" is not there", folder.display());
        }
        let interpreter = self.conf.interpreter(&script.file);
        let hint = match (Errno::from_io_error(error), interpreter) {
            (Some(Errno::NOENT | Errno::ACCESS), Some(interpreter)) => {
                return format!(": its interpreter is \"{}\"", interpreter.program.display());
            }
            (Some(Errno::NOENT), None) => ": its first line names an interpreter that is not there",
            (Some(Errno::ACCESS), None) => ": it is not executable, and no \"cgi_interpreter\" is set for it",
            (Some(Errno::NOEXEC), None) => ": it is no program, and its first line does not begin with \"#!\"",
            _ => "",
        };
        hint.to_owned()
    }
}

/// What goes through a script's pipe.
enum Coming {
    Nothing,
    Bytes(Bytes),
    Inflow(Box<dyn Inflow>),
}

/// The content of a request as a script reads it, and its length as far as it is known. What is in a file the script
/// reads from there.
fn content(exchange: &mut Exchange) -> io::Result<(runtime::Input, Coming, Option<u64>)> {
    let framing = exchange.request.head.framing;
    if let Some(inflow) = exchange.request.body.take() {
        let length = if let BodyFraming::Length(length) = framing { Some(length) } else { None };
        return Ok((runtime::Input::Pipe, Coming::Inflow(inflow), length));
    }
    let content = exchange.content();
    let length = (framing != BodyFraming::None).then(|| content.length());
    Ok(match content {
        Content::Empty => (runtime::Input::Nothing, Coming::Nothing, length),
        Content::Memory(bytes) => (runtime::Input::Pipe, Coming::Bytes(bytes.clone()), length),
        Content::File(file) => (runtime::Input::File(file.reader()?), Coming::Nothing, length),
    })
}

/// 503, and when to come again.
fn send_away(exchange: &mut Exchange, why: &str) -> Outcome {
    exchange.report(Severity::Error, format_args!("{why}"));
    exchange.error.retry_after = Some(RETRY_AFTER_SECONDS);
    Outcome::Fail(Status::SERVICE_UNAVAILABLE)
}

/// The end of a request whose client does not wait for its answer.
pub(super) fn client_left(exchange: &mut Exchange) -> Outcome {
    exchange.report(Severity::Info, format_args!("client prematurely closed connection while a CGI script answers"));
    exchange.record.status = Some(Status::CLIENT_CLOSED_REQUEST);
    Outcome::Close
}

/// The network that the client is in.
fn network(exchange: &Exchange) -> Network {
    static ADDRESS: LazyLock<Template> = LazyLock::new(|| {
        Template::compile("$remote_addr", core_variables::resolve).expect("the variable is in the table")
    });
    let address = ADDRESS.render(exchange);
    let address = std::str::from_utf8(&address).ok().and_then(|text| text.parse::<IpAddr>().ok());
    address.map_or(Network::Local, Network::of)
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

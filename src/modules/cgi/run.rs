//! A script that runs: its three streams moved at the same time, its deadlines, its client, its end.
//!
//! Nothing here waits for one stream while another is full: whoever asks for output has the input and the errors moved
//! too. What is asked for in a task belongs to that task; a script whose answer is complete, or not wanted, goes on in a
//! task of its own ([`Run::detach`]) until it has ended, within the same deadlines. A script whose `Run` is dropped is
//! ended.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use super::errors::Errors;
use super::watch::Watch;
use crate::base::report::Severity;
use crate::exchange::body::{Inflow, InflowError};
use crate::exchange::reporter::Reporter;
use crate::runtime::{Child, Deadline, Handle, PipeReader, PipeWriter};

/// How long a script's output may stay open once it has ended: in the hands of what it has started.
pub(super) const LINGER: Duration = Duration::from_millis(500);

/// How long a script may go on whose answer was refused: to complain, and to end.
const REFUSED_PATIENCE: Duration = Duration::from_secs(2);

/// How often a pipe is written or emptied before others have their turn.
const MOVES_PER_POLL: u32 = 8;

/// A script that runs.
pub(super) struct Run {
    pub(super) handle: Handle,
    pub(super) reporter: Reporter,
    /// Its file, for messages.
    pub(super) script: Arc<str>,
    pub(super) child: Child,
    pub(super) input: Input,
    /// None once it has ended.
    pub(super) output: Option<PipeReader>,
    pub(super) errors: Errors,
    pub(super) watch: Watch,
    pub(super) clock: Clock,
}

/// What a script still has to read.
pub(super) enum Input {
    /// Nothing, or nothing of ours.
    Ended,
    /// What is in memory.
    Bytes(PipeWriter, Bytes),
    /// What the client sends, and what of it is at hand.
    Coming(PipeWriter, Box<dyn Inflow>, Bytes),
}

/// What has become of the answer of a script that is left to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was used, or is not needed.
    Used,
    /// There was none.
    Missing,
    /// It is none, and may go on for ever.
    Refused,
}

/// When a script has had enough time.
pub(super) struct Clock {
    timeout: Option<(Duration, Deadline)>,
    idle: Option<(Duration, Deadline)>,
    /// When it was first seen to have ended, plus [`LINGER`].
    linger: Option<Deadline>,
    /// Nobody has asked for output since some was given: what passes meanwhile is the client's time.
    waits_for_client: bool,
}

/// Why a script's answer cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The client has left.
    #[error("the client has left")]
    ClientLeft,
    /// It has run for `cgi_timeout`.
    #[error("ran for longer than {0:?} and was ended")]
    TooLong(Duration),
    /// It has neither read nor written for `cgi_idle_timeout`.
    #[error("neither read nor wrote for {0:?} and was ended")]
    Idle(Duration),
    /// It went on for [`REFUSED_PATIENCE`] after its answer was refused.
    #[error("went on after its answer was refused and was ended")]
    Refused,
    /// What the client sends cannot be read.
    #[error(transparent)]
    Content(InflowError),
    /// Its output cannot be read.
    #[error(transparent)]
    Io(io::Error),
}

impl Run {
    /// Puts output behind what `buffer` holds, and says how many bytes; 0 is the end. Moves input and errors too.
    pub(super) fn poll_output(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<Result<usize, Trouble>> {
        self.clock.asked(&self.handle);
        let moved = self.pump(context).map_err(|error| self.give_up(context, Trouble::Content(error)))?;
        if moved {
            self.clock.moved(&self.handle);
        }
        let Some(output) = &self.output else { return Poll::Ready(Ok(0)) };
        let read = self.handle.with_scratch(|memory| {
            let read = output.poll_read(memory);
            if let Poll::Ready(Ok(count)) = read {
                buffer.extend_from_slice(&memory[..count]);
            }
            read
        });
        match read {
            Poll::Ready(Ok(0)) => {
                self.output = None;
                return Poll::Ready(Ok(0));
            }
            Poll::Ready(Ok(count)) => {
                self.clock.gave();
                return Poll::Ready(Ok(count));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.give_up(context, Trouble::Io(error)))),
            Poll::Pending => {}
        }
        if self.poll_lingered(context).is_ready() {
            self.output = None;
            return Poll::Ready(Ok(0));
        }
        if self.watch.has_left(context) {
            return Poll::Ready(Err(self.give_up(context, Trouble::ClientLeft)));
        }
        match self.clock.poll(context) {
            Poll::Ready(trouble) => Poll::Ready(Err(self.give_up(context, trouble))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Leaves the script to a task of its own: what it still writes goes nowhere but its errors, and it has its
    /// deadlines. An answer of it that could not be used is told of with how the script ended.
    pub(super) fn detach(mut self, verdict: Verdict) {
        // What the client sends belongs to the connection.
        if matches!(self.input, Input::Coming(..)) {
            self.input = Input::Ended;
        }
        self.watch = Watch::none();
        if self.output.is_none() && self.errors.ended() && self.child.poll_exit().is_ready() {
            return self.reap(verdict);
        }
        let handle = self.handle.clone();
        handle.spawn(mind(self, verdict));
    }

    /// Moves input and errors; true when something moved.
    fn pump(&mut self, context: &mut Context<'_>) -> Result<bool, InflowError> {
        let fed = self.feed(context)?;
        Ok(self.errors.pump(&self.handle, context) || fed)
    }

    fn feed(&mut self, context: &mut Context<'_>) -> Result<bool, InflowError> {
        let mut moved = false;
        for _ in 0..MOVES_PER_POLL {
            let (pipe, bytes) = match &mut self.input {
                Input::Ended => return Ok(moved),
                Input::Bytes(pipe, bytes) => (pipe, bytes),
                Input::Coming(pipe, inflow, bytes) => {
                    if bytes.is_empty() {
                        match inflow.poll_next(context) {
                            Poll::Ready(Some(piece)) => *bytes = piece?,
                            Poll::Ready(None) => {
                                self.input = Input::Ended;
                                return Ok(true);
                            }
                            Poll::Pending => return Ok(moved),
                        }
                    }
                    (pipe, bytes)
                }
            };
            match pipe.poll_write(bytes) {
                Poll::Ready(Ok(count)) => bytes.advance(count),
                // It does not want to read any more, which is its own affair.
                Poll::Ready(Err(_)) => {
                    self.input = Input::Ended;
                    return Ok(true);
                }
                Poll::Pending => return Ok(moved),
            }
            moved = true;
            if matches!(&self.input, Input::Bytes(_, bytes) if bytes.is_empty()) {
                self.input = Input::Ended;
            }
        }
        context.waker().wake_by_ref();
        Ok(moved)
    }

    /// Ready when the script has ended and its output was not closed within [`LINGER`].
    fn poll_lingered(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.child.poll_exit().is_pending() {
            return Poll::Pending;
        }
        let handle = &self.handle;
        let linger = self.clock.linger.get_or_insert_with(|| handle.deadline(handle.now() + LINGER));
        Pin::new(linger).poll(context)
    }

    /// The last errors come before what is said of it.
    fn give_up(&mut self, context: &mut Context<'_>, trouble: Trouble) -> Trouble {
        self.errors.finish(&self.handle, context);
        trouble
    }

    /// All that is left to do when nobody waits for output; ready when the script has ended.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        // Input that cannot be moved is the script's affair now, and what the client sends is no more.
        let mut moved = self.pump(context).unwrap_or(false);
        moved |= self.discard(context);
        if moved {
            self.clock.moved(&self.handle);
        }
        let closed = self.output.is_none() && self.errors.ended();
        if self.child.poll_exit().is_ready() && (closed || self.poll_lingered(context).is_ready()) {
            self.errors.finish(&self.handle, context);
            return Poll::Ready(Ok(()));
        }
        if self.output.is_none() {
            // It has said what it had to say: what it does now may be quiet.
            self.clock.idle = None;
        }
        self.clock.poll(context).map(|trouble| Err(self.give_up(context, trouble)))
    }

    /// Throws output away; true when there was some.
    fn discard(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        for _ in 0..MOVES_PER_POLL {
            let Some(output) = &self.output else { return moved };
            match self.handle.with_scratch(|memory| output.poll_read(memory)) {
                Poll::Ready(Ok(0) | Err(_)) => self.output = None,
                Poll::Ready(Ok(_)) => moved = true,
                Poll::Pending => return moved,
            }
        }
        context.waker().wake_by_ref();
        moved
    }

    /// Makes the task being polled the owner of everything.
    fn adopt(&self) -> io::Result<()> {
        self.child.adopt()?;
        self.errors.adopt()?;
        match &self.input {
            Input::Ended => {}
            Input::Bytes(pipe, _) | Input::Coming(pipe, ..) => pipe.adopt()?,
        }
        self.output.as_ref().map_or(Ok(()), PipeReader::adopt)
    }

    /// Reaps a script that has ended, and tells of one that broke down.
    fn reap(self, verdict: Verdict) {
        let Self { child, reporter, script, .. } = self;
        let Some(status) = child.reap().filter(|status| !status.success()) else { return };
        let severity = if verdict != Verdict::Used || is_by_signal(status) { Severity::Error } else { Severity::Info };
        reporter.report(severity, format_args!("CGI script \"{script}\" ended with {status}"));
    }
}

/// The life of a script behind its answer.
async fn mind(mut run: Run, verdict: Verdict) {
    if run.adopt().is_err() {
        return;
    }
    let refused = verdict == Verdict::Refused;
    let mut patience = refused.then(|| run.handle.deadline(run.handle.now() + REFUSED_PATIENCE));
    let ended = poll_fn(|context| {
        if let Poll::Ready(ended) = run.poll_rest(context) {
            return Poll::Ready(ended);
        }
        let Some(patience) = &mut patience else { return Poll::Pending };
        Pin::new(patience).poll(context).map(|()| Err(Trouble::Refused))
    });
    match ended.await {
        Ok(()) => run.reap(verdict),
        Err(trouble) => {
            let Run { reporter, script, .. } = &run;
            reporter.report(Severity::Error, format_args!("CGI script \"{script}\" {trouble}"));
        }
    }
}

fn is_by_signal(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status).is_some()
}

impl Clock {
    /// From now on.
    pub(super) fn start(handle: &Handle, timeout: Option<Duration>, idle: Option<Duration>) -> Self {
        let from_now = |time: Duration| (time, handle.deadline(after(handle.now(), time)));
        Self { timeout: timeout.map(from_now), idle: idle.map(from_now), linger: None, waits_for_client: false }
    }

    /// The script read or wrote.
    fn moved(&mut self, handle: &Handle) {
        if let Some((time, deadline)) = &mut self.idle {
            deadline.reset(after(handle.now(), *time));
        }
    }

    /// Output was given to the client.
    fn gave(&mut self) {
        self.waits_for_client = true;
    }

    /// Somebody wants output.
    fn asked(&mut self, handle: &Handle) {
        if std::mem::take(&mut self.waits_for_client) {
            self.moved(handle);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Trouble> {
        if let Some((time, deadline)) = &mut self.timeout
            && Pin::new(deadline).poll(context).is_ready()
        {
            return Poll::Ready(Trouble::TooLong(*time));
        }
        if let Some((time, deadline)) = &mut self.idle
            && Pin::new(deadline).poll(context).is_ready()
        {
            return Poll::Ready(Trouble::Idle(*time));
        }
        Poll::Pending
    }
}

/// A time so far away that it cannot be told is the farthest that can.
fn after(now: Instant, time: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
    now + time.min(FAR)
}

//! Children: programs that a task starts, feeds, reads and, if it must, ends.
//!
//! [`start`] gives a [`Child`], which is a guard, and the ends of its pipes. A child is a process group of its own, so
//! that what it starts ends with it. Its exit is one more descriptor in the worker's map (a pidfd).
//!
//! Dropping the guard tells the group to end (TERM), and leaves it to a task of the worker to kill what is left after
//! the grace and to reap the child; a child that has ended by itself is reaped with [`Child::reap`], and what it left in
//! the background stays. A child is reaped last, and in one place ([`Process::reap`]): as long as it is not, its number
//! is not given to another process, so no signal reaches a stranger. When the worker itself ends, all of that is done
//! before it is gone (`end_children`).
//!
//! Starting waits until the new program has been loaded, which on a busy machine takes milliseconds; so it is done by
//! threads of its own. No program is run between fork and exec: `std` uses posix_spawn(3), which copies no memory.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::future::poll_fn;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::handle::Handle;
use super::io::{Io, Ready};
use super::jobs::{JobError, Pool};
use super::pipe::{PipeReader, PipeWriter};

mod limits;

pub use limits::ChildLimits;

/// The fewest and the most threads that start children: two for each core, for each is blocked until its child had a core
/// and has loaded its program. Where many want the cores, fewer threads start fewer children than they could.
const STARTERS_MIN: usize = 4;
const STARTERS_MAX: usize = 8;

/// Starts that may wait for a thread. At a millisecond each the last of them waits a quarter of a second for four
/// threads.
const STARTS_WAITING_MAX: usize = 1024;

/// How many children of a worker may be in their grace at once; those beyond are killed at once, so that clients who
/// come and go do not fill the process table.
const DYING_MAX: usize = 256;

/// How long a worker that ends waits for its children, first for those that were told to end, then for those that were
/// killed.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// What is to be started, and how.
#[derive(Debug)]
pub struct Launch {
    /// The program, as an absolute path: `PATH` is not searched.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<OsString>,
    /// Its whole environment: nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub folder: PathBuf,
    /// Where its standard input comes from.
    pub input: Input,
    /// Whether its standard error is read; else it goes nowhere.
    pub errors: bool,
    /// What it may use.
    pub limits: ChildLimits,
    /// How long its group has to end between TERM and KILL.
    pub grace: Duration,
}

/// Where a child's standard input comes from.
#[derive(Debug)]
pub enum Input {
    /// There is none: it ends at once.
    Nothing,
    /// A pipe, whose other end is [`Started::input`].
    Pipe,
    /// A file, read from where it stands.
    File(OwnedFd),
}

/// A child that was started, and our ends of its pipes.
pub struct Started {
    /// The guard.
    pub child: Child,
    /// What it reads, if that is a pipe. Dropped, its input ends.
    pub input: Option<PipeWriter>,
    /// What it writes.
    pub output: PipeReader,
    /// What it complains, if somebody listens.
    pub errors: Option<PipeReader>,
}

/// Why there is no child.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Too many wait to be started.
    #[error(transparent)]
    Busy(#[from] JobError),
    /// The system's reason: ENOENT, EACCES, ENOEXEC of execve(2) and so on.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// A child that runs, or has ended and is not reaped yet. Dropped, its group is ended.
pub struct Child {
    dying: Option<Dying>,
}

/// A child that somebody must end and reap.
struct Dying {
    exit: Io<OwnedFd>,
    process: Option<Process>,
    handle: Handle,
    held: Option<Box<dyn Any>>,
}

/// A process group and its leader, which is our child.
#[derive(Debug)]
pub(super) struct Process {
    child: std::process::Child,
    grace: Duration,
}

/// Children of a worker on their way out.
#[derive(Default)]
pub(super) struct Children {
    dying: Cell<usize>,
    /// What the worker's end found alive; none once the worker is gone.
    left: RefCell<Vec<(OwnedFd, Process)>>,
    over: Cell<bool>,
}

/// Sees to it that what the server was started with, beyond its standard streams, is not passed on to children. What it
/// opens itself never is.
pub fn keep_descriptors_from_children() {
    close_fds::set_fds_cloexec(3, &[]);
}

/// Starts a program. The task being polled owns the child and its pipes.
///
/// # Errors
/// It cannot be started, or too many wait for that. What was begun is undone, also when this future is dropped.
pub async fn start(handle: &Handle, launch: Launch) -> Result<Started, StartError> {
    let begun = STARTERS.start(move || begin(launch)).await??;
    let (mut process, exit, [input, output, errors]) = begun.claim();
    let child = match Io::new(handle, exit, Ready::NONE) {
        Ok(exit) => Child { dying: Some(Dying { exit, process: Some(process), handle: handle.clone(), held: None }) },
        Err(error) => {
            process.kill_and_reap();
            return Err(error.into());
        }
    };
    let input = input.map(|end| PipeWriter::new(handle, end)).transpose()?;
    let errors = errors.map(|end| PipeReader::new(handle, end)).transpose()?;
    let output = output.ok_or_else(|| io::Error::other("a child without its standard output"))?;
    let output = PipeReader::new(handle, output)?;
    Ok(Started { child, input, output, errors })
}

impl Child {
    /// Its process id, which is its group's too.
    pub fn id(&self) -> u32 {
        let process = self.dying.as_ref().and_then(|dying| dying.process.as_ref());
        process.map_or(0, |process| process.child.id())
    }

    /// Ready when it has ended. It is not reaped with that.
    pub fn poll_exit(&self) -> Poll<()> {
        match &self.dying {
            Some(dying) => dying.poll_exit(),
            None => Poll::Ready(()),
        }
    }

    /// Keeps something until it has ended, however it does; its drop gives back what it stands for.
    pub fn hold(&mut self, place: impl Any) {
        if let Some(dying) = &mut self.dying {
            dying.held = Some(Box::new(place));
        }
    }

    /// Reaps a child that has ended, and leaves alone what it has started. One that runs is ended.
    pub fn reap(mut self) -> Option<ExitStatus> {
        if self.poll_exit().is_pending() {
            return None;
        }
        let mut dying = self.dying.take()?;
        let mut process = dying.process.take()?;
        process.reap()
    }

    /// Makes the task being polled the owner.
    ///
    /// # Errors
    /// As [`Io::adopt`].
    pub fn adopt(&self) -> io::Result<()> {
        self.dying.as_ref().map_or(Ok(()), |dying| dying.exit.adopt())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(dying) = self.dying.take() else { return };
        let Some(process) = &dying.process else { return };
        let children = &dying.handle.shared.children;
        let grace = if children.dying.get() < DYING_MAX { process.grace } else { Duration::ZERO };
        process.signal(Signal::TERM);
        let handle = dying.handle.clone();
        let until = handle.now() + grace;
        handle.spawn(end(dying, until));
    }
}

impl Dying {
    fn poll_exit(&self) -> Poll<()> {
        if self.exit.ready().intersects(Ready::READABLE) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Dying {
    /// Not ended and reaped by its task: the worker ends, and does that.
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let children = &self.handle.shared.children;
        // A descriptor of its own: this one leaves the map with `self`.
        let exit = rustix::io::fcntl_dupfd_cloexec(self.exit.get_ref(), 0);
        match exit {
            Ok(exit) if !children.over.get() => children.left.borrow_mut().push((exit, process)),
            _ => process.kill_and_reap(),
        }
    }
}

/// Gives a group that was told to end its grace, kills what is left of it, and reaps its leader. The leader stays
/// unreaped through the whole grace, for others of the group may have more to do than it has.
async fn end(mut dying: Dying, until: Instant) {
    let handle = dying.handle.clone();
    if dying.exit.adopt().is_err() {
        return;
    }
    let _seat = Seat::take(&handle);
    let mut over = handle.deadline(until);
    poll_fn(|context| {
        if dying.poll_exit().is_ready() {
            dying.held = None;
        }
        Pin::new(&mut over).poll(context)
    })
    .await;
    if let Some(process) = &dying.process {
        process.signal(Signal::KILL);
    }
    poll_fn(|_| dying.poll_exit()).await;
    if let Some(mut process) = dying.process.take() {
        let _how_it_ended = process.reap();
    }
}

/// A place among the dying, given back when it is dropped.
struct Seat(Handle);

impl Seat {
    fn take(handle: &Handle) -> Seat {
        let dying = &handle.shared.children.dying;
        dying.set(dying.get() + 1);
        Seat(handle.clone())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let dying = &self.0.shared.children.dying;
        dying.set(dying.get() - 1);
    }
}

impl Process {
    /// Sends the group a signal. It may be gone, which is what the signal is for.
    fn signal(&self, signal: Signal) {
        let _may_be_gone = rustix::process::kill_process_group(Pid::from_child(&self.child), signal);
    }

    /// How it ended, if it has; its number is free from here on.
    fn reap(&mut self) -> Option<ExitStatus> {
        match self.child.try_wait() {
            Ok(status) => status,
            Err(error) => {
                log::error!("a child cannot be waited for: {error}");
                None
            }
        }
    }

    /// Ends it now. Waits for that, which a killed process keeps nobody waiting for long.
    fn kill_and_reap(&mut self) {
        self.signal(Signal::KILL);
        if let Err(error) = self.child.wait() {
            log::error!("a child cannot be waited for: {error}");
        }
    }
}

/// A child that was started and that no task has yet. Dropped, it is killed: whoever wanted it is gone.
struct Begun {
    parts: Option<(Process, OwnedFd, [Option<OwnedFd>; 3])>,
}

impl Begun {
    fn claim(mut self) -> (Process, OwnedFd, [Option<OwnedFd>; 3]) {
        self.parts.take().expect("claimed once, as this takes it")
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some((mut process, ..)) = self.parts.take() {
            process.kill_and_reap();
        }
        UNDER_WAY.end();
    }
}

/// Starts it; on a thread that may wait.
fn begin(launch: Launch) -> io::Result<Begun> {
    UNDER_WAY.begin();
    let mut begun = Begun { parts: None };
    let Launch { program, arguments, environment, folder, input, errors, limits, grace } = launch;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment).current_dir(folder).process_group(0);
    command.stdin(match input {
        Input::Nothing => Stdio::null(),
        Input::Pipe => Stdio::piped(),
        Input::File(file) => Stdio::from(file),
    });
    command.stdout(Stdio::piped());
    command.stderr(if errors { Stdio::piped() } else { Stdio::null() });
    let mut process = Process { child: command.spawn()?, grace };
    let prepared = limits
        .set(Pid::from_child(&process.child))
        .and_then(|()| Ok(rustix::process::pidfd_open(Pid::from_child(&process.child), PidfdFlags::NONBLOCK)?));
    let exit = match prepared {
        Ok(exit) => exit,
        Err(error) => {
            process.kill_and_reap();
            return Err(error);
        }
    };
    let child = &mut process.child;
    let streams = [
        child.stdin.take().map(OwnedFd::from),
        child.stdout.take().map(OwnedFd::from),
        child.stderr.take().map(OwnedFd::from),
    ];
    begun.parts = Some((process, exit, streams));
    Ok(begun)
}

/// Ends all children that tasks have left behind, and waits for that: for the end of a worker, when no task runs any
/// more. They have been told to end.
pub(super) fn end_children(children: &Children) {
    UNDER_WAY.wait(END_PATIENCE);
    children.over.set(true);
    let mut left = children.left.take();
    if left.is_empty() {
        return;
    }
    wait_for_exits(&left, END_PATIENCE);
    for (_, process) in &left {
        process.signal(Signal::KILL);
    }
    wait_for_exits(&left, END_PATIENCE);
    for (_, process) in &mut left {
        let _how_it_ended = process.reap();
    }
}

/// Waits until all have ended, or the time is over.
fn wait_for_exits(children: &[(OwnedFd, Process)], patience: Duration) {
    let end = Instant::now() + patience;
    for (exit, _) in children {
        let mut polled = [PollFd::from_borrowed_fd(exit.as_fd(), PollFlags::IN)];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(timeout) = Timespec::try_from(left) else { return };
            match rustix::event::poll(&mut polled, Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) | Err(_) => return,
                Ok(_) => break,
            }
        }
    }
}

/// The threads of the process that start children, for all workers.
static STARTERS: LazyLock<Pool> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Pool::new((2 * cores).clamp(STARTERS_MIN, STARTERS_MAX), STARTS_WAITING_MAX)
});

/// Children that were begun and have no task yet: a worker that ends waits until they have one or are gone.
static UNDER_WAY: UnderWay = UnderWay { count: Mutex::new(0), changed: Condvar::new() };

struct UnderWay {
    count: Mutex<usize>,
    changed: Condvar,
}

impl UnderWay {
    fn begin(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn end(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.changed.notify_all();
    }

    fn wait(&self, patience: Duration) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever is still under way then is left to the system.
        let _in_time = self.changed.wait_timeout_while(count, patience, |count| *count > 0);
    }
}

#[cfg(test)]
mod tests;

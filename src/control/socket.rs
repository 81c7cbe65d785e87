//! The control socket, the server's side: a Unix domain socket by which commands reach the control thread.
//!
//! Whoever may open it controls the server, so it is for its owner alone (mode 0600). Each client has a thread of its
//! own that waits for the answer; there are `CLIENTS_MAX` at the most. What is said is `wire`'s.

use std::fs::{self, Metadata};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::causes::Cause;
use super::wire::{Answer, Asked, LINE_BYTES_MAX, PATIENCE};
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};

/// An open control socket; dropped, it closes and its file goes, unless another server has put its own there.
#[derive(Debug)]
pub(super) struct ControlSocket {
    path: PathBuf,
    /// The file's device and number, by which it is known again.
    identity: (u64, u64),
    listener: UnixListener,
    /// Whether it belongs to another process now.
    disowned: bool,
    /// Its other end is with the thread that accepts, which ends when this one closes.
    end: Option<UnixStream>,
    /// Of the threads that serve clients and the one that accepts: disconnected when they have ended.
    served: Receiver<()>,
}

impl ControlSocket {
    /// Opens a socket at a path, in place of what a server left there that has ended; commands become causes.
    ///
    /// # Errors
    /// The system's reason; `AddrInUse` if another server listens there, or something that is no socket is there.
    pub(super) fn open(path: &Path, causes: Sender<Cause>) -> io::Result<Self> {
        clear(path)?;
        // It gets its name when it has its mode, so that nobody else can open it for a moment.
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let _may_be_left_behind = fs::remove_file(&beside);
        let listener = UnixListener::bind(&beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
        let status = fs::symlink_metadata(&beside)?;
        fs::rename(&beside, path)?;
        Self::serve(path, &status, listener, causes)
    }

    /// Takes the place of the process that listened before, on its very socket.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn take_over(path: &Path, socket: OwnedFd, causes: Sender<Cause>) -> io::Result<Self> {
        let status = fs::symlink_metadata(path)?;
        Self::serve(path, &status, UnixListener::from(socket), causes)
    }

    fn serve(path: &Path, status: &Metadata, listener: UnixListener, causes: Sender<Cause>) -> io::Result<Self> {
        // Two processes may listen for a moment, and one of them comes too late.
        listener.set_nonblocking(true)?;
        let (end, ended) = UnixStream::pair()?;
        let (accepting, (serving, served)) = (listener.try_clone()?, mpsc::channel());
        let accept = move || listen(&accepting, &ended, &causes, &serving);
        thread::Builder::new().name("control".into()).spawn(accept)?;
        let (path, identity) = (path.to_owned(), (status.dev(), status.ino()));
        Ok(Self { path, identity, listener, disowned: false, end: Some(end), served })
    }

    /// Where it is, and a descriptor of it, for another process.
    ///
    /// # Errors
    /// The system's reason.
    pub(super) fn duplicate(&self) -> io::Result<(PathBuf, OwnedFd)> {
        Ok((self.path.clone(), self.listener.try_clone()?.into()))
    }

    /// Leaves the file, and further clients, to the process that has taken over.
    pub(super) fn disown(&mut self) {
        self.disowned = true;
        self.end = None;
    }

    /// Takes no more clients, and waits until those that are there have their answers.
    pub(super) fn finish(&mut self) {
        self.end = None;
        let _ended_or_too_slow = self.served.recv_timeout(LAST_PATIENCE);
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|status| (status.dev(), status.ino()) == self.identity);
        if is_ours && !self.disowned {
            // The user that the server became may have no right to; the next start recognises what is left.
            let _left_behind = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket that nobody listens on.
fn clear(path: &Path) -> io::Result<()> {
    let status = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        status => status?,
    };
    let is_stale = std::os::unix::fs::FileTypeExt::is_socket(&status.file_type())
        && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    // It is replaced by a rename, so nothing is to be done; a file of another kind may be precious.
    if is_stale { Ok(()) } else { Err(io::ErrorKind::AddrInUse.into()) }
}

/// Accepts clients until the other end of `ended` is closed.
fn listen(listener: &UnixListener, ended: &UnixStream, causes: &Sender<Cause>, serving: &Sender<()>) {
    let clients = Arc::new(AtomicUsize::new(0));
    loop {
        let mut polled = [PollFd::new(listener, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        // Interrupted or not: both are looked at.
        let _how_many = poll(&mut polled, None);
        if !polled[1].revents().is_empty() {
            return;
        }
        let accepted = listener.accept().and_then(|(stream, _)| {
            stream.set_nonblocking(false)?;
            Ok(stream)
        });
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => {
                report(Severity::Alert, format_args!("accept() on the control socket failed {}", Reason(&error)));
                thread::sleep(PAUSE);
                continue;
            }
        };
        if clients.fetch_add(1, Ordering::AcqRel) >= CLIENTS_MAX {
            clients.fetch_sub(1, Ordering::AcqRel);
            // Closed without an answer: the client says so.
            continue;
        }
        let (counted, causes, serving) = (Counted(Arc::clone(&clients)), causes.clone(), serving.clone());
        let spawned = thread::Builder::new().name("control client".into()).spawn(move || {
            let _held = (counted, serving);
            // A client that does not wait for its answer has none.
            let _client_left = serve(&stream, &causes);
        });
        if let Err(error) = spawned {
            report(Severity::Alert, format_args!("a control client has no thread {}", Reason(&error)));
        }
    }
}

/// One client: its line, its answer.
fn serve(stream: &UnixStream, causes: &Sender<Cause>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX as u64)).read_line(&mut line)?;
    let answer = match Asked::parse(line.trim_end()) {
        Ok(asked) => ask(asked, causes),
        Err(error) => Answer { ok: false, text: format!("{error}\n") },
    };
    (&mut &*stream).write_all(answer.written().as_bytes())
}

/// Has the control thread do it. It answers each command, or the server has ended.
fn ask(asked: Asked, causes: &Sender<Cause>) -> Answer {
    let (answers, inbox) = mpsc::channel();
    // Where it cannot be sent, there is no answer either.
    let _ended = causes.send(Cause::asked(asked, answers));
    inbox.recv().unwrap_or_else(|_| Answer { ok: false, text: "the server has ended\n".to_owned() })
}

/// A client that is being served.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How many clients may wait at once.
const CLIENTS_MAX: usize = 32;

/// How long the end waits for clients that take their answers.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// Between two tries, when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(500);

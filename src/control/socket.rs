//! The control socket, the server's side: a Unix domain socket by which commands reach the control thread.
//!
//! Whoever may open it controls the server, so it is for its owner alone (mode 0600). Each client has a thread of its
//! own that waits for the answer; there are `CLIENTS_MAX` at the most. What is said is `wire`'s.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

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
    over: Arc<AtomicBool>,
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
        let over = Arc::new(AtomicBool::new(false));
        let socket = Self { path: path.to_owned(), identity: (status.dev(), status.ino()), over: Arc::clone(&over) };
        thread::Builder::new().name("control".into()).spawn(move || listen(&listener, &over, &causes))?;
        Ok(socket)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Wakes the thread that accepts, which then sees that it is over.
        let _may_be_gone = UnixStream::connect(&self.path);
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|status| (status.dev(), status.ino()) == self.identity);
        if is_ours {
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

/// Accepts clients until it is over.
fn listen(listener: &UnixListener, over: &Arc<AtomicBool>, causes: &Sender<Cause>) {
    let clients = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = listener.accept();
        if over.load(Ordering::Acquire) {
            return;
        }
        let stream = match accepted {
            Ok((stream, _)) => stream,
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
        let (counted, causes) = (Counted(Arc::clone(&clients)), causes.clone());
        let spawned = thread::Builder::new().name("control client".into()).spawn(move || {
            let _counted = counted;
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

/// Between two tries, when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(500);

//! A file that lines are appended to: access logs, error logs, standard output and standard error.
//!
//! Owns opening, appending whole lines, opening anew after a rotation (`USR1`), and what becomes of lines that cannot
//! be written: they are dropped and counted, and standard error is told once a minute. Nothing here waits: FIFOs,
//! pipes and terminals are opened non-blocking, sockets are sent to without waiting. Shared by all workers without a
//! lock. It does not format lines or collect them (`log_buffer`).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustix::fs::{CWD, FallocateFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::SendFlags;

use super::reason::Reason;

/// A log that is open for appending.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    stream: Option<Stream>,
    output: ArcSwap<Output>,
    /// Lines that were dropped since the start.
    lost: AtomicU64,
    /// How many of them standard error has been told of.
    lost_and_told: AtomicU64,
    /// When standard error was last told of a failure, in seconds since the epoch.
    told_at: AtomicU64,
    /// The last write ended within a line.
    torn: AtomicBool,
    /// The file was made for this log, and nobody may know of it yet.
    is_new: AtomicBool,
}

/// Another file for a log, open and not written to yet; dropped before it takes effect, it leaves no trace.
#[derive(Debug)]
pub struct Reopening {
    log: Arc<LogFile>,
    opened: Option<Opened>,
}

/// What a path led to.
#[derive(Debug)]
struct Opened {
    output: Output,
    is_new: bool,
}

/// A descriptor that the process was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Output,
    Error,
}

/// What lines go to.
#[derive(Debug)]
enum Output {
    /// A regular file or a device: takes any number of lines in one write.
    File(File),
    /// A FIFO or a pipe: takes up to `PIPE_BUF` bytes in one piece.
    Pipe(File),
    /// A socket, as systemd gives for standard error.
    Socket(OwnedFd),
    /// Standard error itself, where no descriptor for it could be had.
    Error,
}

impl LogFile {
    /// Opens a path for appending; a file that is not there is created with mode 0644. A FIFO needs no reader.
    /// `/dev/stdout`, `/dev/stderr` and their like stand for what the process was started with, whatever that is.
    ///
    /// # Errors
    /// The system's reason.
    pub fn open(path: &Path) -> io::Result<Self> {
        let stream = Stream::named(path);
        let opened = match stream {
            Some(stream) => Opened { output: stream.open()?, is_new: false },
            None => open_path(path)?,
        };
        let log = Self::new(path.to_owned(), stream, opened.output);
        log.is_new.store(opened.is_new, Ordering::Relaxed);
        Ok(log)
    }

    /// Removes the file if it was made for this log and holds nothing: for one that is not needed after all.
    pub fn withdraw(&self) {
        if self.is_new.swap(false, Ordering::Relaxed) && self.has_its_name() {
            remove_if_empty(&self.path, &self.output.load());
        }
    }

    /// Says that the log is in use: its file stays.
    pub fn settle(&self) {
        self.is_new.store(false, Ordering::Relaxed);
    }

    /// Standard error; nginx's name `stderr`.
    pub fn standard_error() -> Arc<Self> {
        static STANDARD_ERROR: LazyLock<Arc<LogFile>> = LazyLock::new(|| {
            let output = Stream::Error.open().unwrap_or(Output::Error);
            Arc::new(LogFile::new(PathBuf::from("stderr"), Some(Stream::Error), output))
        });
        Arc::clone(&STANDARD_ERROR)
    }

    fn new(path: PathBuf, stream: Option<Stream>, output: Output) -> Self {
        Self {
            path,
            stream,
            output: ArcSwap::from_pointee(output),
            lost: AtomicU64::new(0),
            lost_and_told: AtomicU64::new(0),
            told_at: AtomicU64::new(0),
            torn: AtomicBool::new(false),
            is_new: AtomicBool::new(false),
        }
    }

    /// The path as it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many lines were dropped because they could not be written.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Appends whole lines, each with its line feed, by one write where the file takes it. What cannot be written is
    /// dropped and counted.
    pub fn write_lines(&self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let output = self.output.load();
        if self.torn.swap(false, Ordering::Relaxed) && output.write(b"\n").is_err() {
            self.torn.store(true, Ordering::Relaxed);
        }
        let mut written = 0;
        for piece in output.pieces(lines) {
            let (count, result) = output.write_all(piece);
            written += count;
            if let Err(error) = result {
                self.torn.store(written > 0 && lines[written - 1] != b'\n', Ordering::Relaxed);
                return self.lose(&lines[written..], &error);
            }
        }
    }

    /// Opens the path anew and writes there from now on; lines being written by others go to the old file whole.
    /// Streams that the process was started with stay as they are.
    ///
    /// # Errors
    /// The system's reason; the old file stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        if self.stream.is_none() {
            self.take(open_path(&self.path)?);
        }
        Ok(())
    }

    /// Writes to what standard output or standard error is now, where this is one of them.
    ///
    /// # Errors
    /// The system's reason; the old one stays in use.
    pub fn follow_stream(&self) -> io::Result<()> {
        if let Some(stream) = self.stream {
            self.output.store(Arc::new(stream.open()?));
        }
        Ok(())
    }

    /// Opens the path anew, if it no longer leads to this file, for later: lines go on to this one until then.
    ///
    /// # Errors
    /// The system's reason.
    pub fn prepare_reopening(self: &Arc<Self>) -> io::Result<Option<Reopening>> {
        if self.has_its_name() {
            return Ok(None);
        }
        Ok(Some(Reopening { opened: Some(open_path(&self.path)?), log: Arc::clone(self) }))
    }

    fn take(&self, opened: Opened) {
        self.output.store(Arc::new(opened.output));
        self.torn.store(false, Ordering::Relaxed);
    }

    /// Whether the path still leads to this file: false once it was renamed or removed.
    pub fn has_its_name(&self) -> bool {
        let output = self.output.load();
        let file = match &**output {
            Output::File(file) | Output::Pipe(file) if self.stream.is_none() => file,
            _ => return true,
        };
        let same = |open: rustix::fs::Stat, named: rustix::fs::Stat| {
            (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino)
        };
        rustix::fs::fstat(file)
            .and_then(|open| rustix::fs::stat(&self.path).map(|named| same(open, named)))
            .unwrap_or(false)
    }

    /// Makes the file belong to a user and group, so that the process can open it anew after it has become that user.
    /// Leaves what is not a regular file, and the streams that the process was started with, alone.
    ///
    /// # Errors
    /// The system's reason.
    pub fn give_to(&self, user: u32, group: u32) -> io::Result<()> {
        let output = self.output.load();
        let (Output::File(file), None) = (&**output, self.stream) else { return Ok(()) };
        let status = rustix::fs::fstat(file)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile
            || (status.st_uid, status.st_gid) == (user, group)
        {
            return Ok(());
        }
        std::os::unix::fs::fchown(file, Some(user), Some(group))
    }

    /// Counts what is dropped, and tells standard error at most once a minute.
    fn lose(&self, lines: &[u8], error: &io::Error) {
        let count = memchr::memchr_iter(b'\n', lines).count() as u64;
        let lost = self.lost.fetch_add(count, Ordering::Relaxed) + count;
        let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        let told_at = self.told_at.load(Ordering::Relaxed);
        if told_at != 0 && now.saturating_sub(told_at) < TOLD_AGAIN_AFTER_SECONDS {
            return;
        }
        if self.told_at.compare_exchange(told_at, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let lost = lost.saturating_sub(self.lost_and_told.swap(lost, Ordering::Relaxed));
        tell(&format!(
            "webserv: [alert] lines lost that cannot be written to \"{}\": {lost} {}\n",
            self.path.display(),
            Reason(error)
        ));
    }
}

impl Output {
    /// The pieces that are each written by one call: everything at once, or as much as a pipe takes in one piece.
    fn pieces<'a>(&self, lines: &'a [u8]) -> Pieces<'a> {
        let length_max = match self {
            Self::File(_) => usize::MAX,
            Self::Pipe(_) | Self::Socket(_) | Self::Error => PIPE_BYTES_ATOMIC,
        };
        Pieces { rest: lines, length_max }
    }

    /// Writes until all is written; how much was, and why not the rest.
    fn write_all(&self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        while written < bytes.len() {
            match self.write(&bytes[written..]) {
                Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = match self {
            Self::File(file) | Self::Pipe(file) => retry_on_intr(|| rustix::io::write(file, bytes))?,
            Self::Socket(socket) => {
                retry_on_intr(|| rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL))?
            }
            Self::Error => return io::stderr().write(bytes),
        };
        Ok(count)
    }

    /// By what the descriptor turns out to be.
    fn of(descriptor: OwnedFd) -> io::Result<Self> {
        let status = rustix::fs::fstat(&descriptor)?;
        Ok(match FileType::from_raw_mode(status.st_mode) {
            FileType::Fifo => Self::Pipe(File::from(descriptor)),
            FileType::Socket => Self::Socket(descriptor),
            _ => Self::File(File::from(descriptor)),
        })
    }
}

impl Stream {
    /// The stream that a path stands for.
    fn named(path: &Path) -> Option<Self> {
        let path = path.as_os_str();
        let is = |names: [&str; 3]| names.iter().any(|name| path == OsStr::new(name));
        match () {
            () if is(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) => Some(Self::Output),
            () if is(["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"]) => Some(Self::Error),
            () => None,
        }
    }

    /// Opens it as a description of its own, so that it can be non-blocking without others noticing. A socket cannot be
    /// opened, and a terminal or pipe that another user made may refuse: those are shared as they are.
    fn open(self) -> io::Result<Output> {
        let shared = match self {
            Self::Output => io::stdout().as_fd().try_clone_to_owned()?,
            Self::Error => io::stderr().as_fd().try_clone_to_owned()?,
        };
        let path = match self {
            Self::Output => "/proc/self/fd/1",
            Self::Error => "/proc/self/fd/2",
        };
        if FileType::from_raw_mode(rustix::fs::fstat(&shared)?.st_mode) == FileType::RegularFile {
            // Never blocks; and who else writes to it (`> log 2>&1`) must go on where we end.
            return Ok(Output::File(File::from(shared)));
        }
        match Output::of(shared)? {
            socket @ Output::Socket(_) => Ok(socket),
            shared => match rustix::fs::openat(CWD, path, FLAGS.difference(OFlags::CREATE), Mode::empty()) {
                Ok(own) => Output::of(own),
                Err(_refused) => Ok(shared),
            },
        }
    }
}

impl Reopening {
    /// Lets lines go to it from now on; lines being written by others go to the old file whole.
    pub fn take_effect(mut self) {
        if let Some(opened) = self.opened.take() {
            self.log.take(opened);
        }
    }
}

impl Drop for Reopening {
    fn drop(&mut self) {
        if let Some(Opened { output, is_new: true }) = &self.opened {
            remove_if_empty(&self.log.path, output);
        }
    }
}

/// Opens what is there, or makes a file; a new one has room for some lines, or there is none.
fn open_path(path: &Path) -> io::Result<Opened> {
    let open = |flags| retry_on_intr(|| rustix::fs::openat(CWD, path, flags, Mode::from_raw_mode(0o644)));
    let is_there = match open(FLAGS.difference(OFlags::CREATE)) {
        Err(Errno::NOENT) => None,
        // A FIFO that nobody reads yet; whoever opens both ends need not wait for a reader.
        Err(Errno::NXIO) => Some(open(FLAGS.difference(OFlags::WRONLY).union(OFlags::RDWR))?),
        opened => Some(opened?),
    };
    if let Some(descriptor) = is_there {
        return Ok(Opened { output: Output::of(descriptor)?, is_new: false });
    }
    let descriptor = match open(FLAGS.union(OFlags::EXCL)) {
        // A link that leads nowhere yet, or somebody else was faster.
        Err(Errno::EXIST) => return Ok(Opened { output: Output::of(open(FLAGS)?)?, is_new: false }),
        made => made?,
    };
    let room = rustix::fs::fallocate(&descriptor, FallocateFlags::KEEP_SIZE, 0, FIRST_BYTES);
    let output = Output::of(descriptor)?;
    if let Err(error @ (Errno::NOSPC | Errno::DQUOT)) = room {
        remove_if_empty(path, &output);
        return Err(error.into());
    }
    Ok(Opened { output, is_new: true })
}

/// Removes a file that was just made, unless somebody has written to it since.
fn remove_if_empty(path: &Path, output: &Output) {
    let Output::File(file) = output else { return };
    if file.metadata().is_ok_and(|status| status.len() == 0) {
        // Who may make a file may nearly always remove it; where not, it stays as it is, empty.
        let _left_behind = std::fs::remove_file(path);
    }
}

/// Cuts lines into pieces that end with a line, as long as a line is not longer than a piece.
struct Pieces<'a> {
    rest: &'a [u8],
    length_max: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = match self.rest.get(..self.length_max) {
            None => self.rest.len(),
            Some(window) => match memchr::memrchr(b'\n', window) {
                Some(last) => last + 1,
                None => memchr::memchr(b'\n', self.rest).map_or(self.rest.len(), |first| first + 1),
            },
        };
        let (piece, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(piece)
    }
}

/// Tells whoever started the server, in one write; there is nobody to tell when that fails too.
pub(super) fn tell(line: &str) {
    let _nobody_is_left = io::stderr().write_all(line.as_bytes());
}

const FLAGS: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::CREATE)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// What a pipe takes whole or not at all (`PIPE_BUF` of Linux).
const PIPE_BYTES_ATOMIC: usize = 4096;

/// The room that a new file must have: what a file system gives at the least.
const FIRST_BYTES: u64 = 4096;

/// nginx tells of a full disk once a minute.
const TOLD_AGAIN_AFTER_SECONDS: u64 = 60;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;

    #[test]
    fn lines_are_appended_to_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "old\n").unwrap();
        let log = LogFile::open(&path).unwrap();
        log.write_lines(b"one\ntwo\n");
        log.write_lines(b"");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\none\ntwo\n");
    }

    #[test]
    fn a_rotated_file_keeps_its_lines_and_the_new_one_has_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("log"), folder.path().join("log.1"));
        let log = LogFile::open(&path).unwrap();
        log.write_lines(b"one\n");
        fs::rename(&path, &rotated).unwrap();
        log.write_lines(b"two\n");
        log.reopen().unwrap();
        log.write_lines(b"three\n");
        assert_eq!(fs::read_to_string(&rotated).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    }

    #[test]
    fn when_the_path_cannot_be_opened_anew_the_old_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, moved) = (folder.path().join("logs"), folder.path().join("gone"));
        fs::create_dir(&inner).unwrap();
        let log = LogFile::open(&inner.join("log")).unwrap();
        fs::rename(&inner, &moved).unwrap();
        assert_eq!(log.reopen().unwrap_err().kind(), io::ErrorKind::NotFound);
        log.write_lines(b"still here\n");
        assert_eq!(fs::read_to_string(moved.join("log")).unwrap(), "still here\n");
    }

    #[test]
    fn what_is_not_needed_after_all_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&old, "").unwrap();
        let logs = [&new, &old].map(|path| Arc::new(LogFile::open(path).unwrap()));
        logs.iter().for_each(|log| log.withdraw());
        assert!(!new.exists() && old.exists());

        fs::rename(&old, &new).unwrap();
        drop(logs[1].prepare_reopening().unwrap().unwrap());
        assert!(!old.exists());
        logs[1].write_lines(b"one\n");
        logs[1].prepare_reopening().unwrap().unwrap().take_effect();
        logs[1].write_lines(b"two\n");
        assert!(logs[1].prepare_reopening().unwrap().is_none());
        assert_eq!(
            (fs::read_to_string(&new).unwrap(), fs::read_to_string(&old).unwrap()),
            ("one\n".into(), "two\n".into())
        );
    }

    #[test]
    fn a_new_file_that_was_written_to_or_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (written, used) = (folder.path().join("written"), folder.path().join("used"));
        let logs = [&written, &used].map(|path| LogFile::open(path).unwrap());
        logs[0].write_lines(b"line\n");
        logs[1].settle();
        logs.iter().for_each(LogFile::withdraw);
        assert!(written.exists() && used.exists());
    }

    fn fifo(folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("fifo");
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        path
    }

    #[test]
    fn a_fifo_needs_no_reader_to_be_opened_and_keeps_what_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(&folder);
        let log = LogFile::open(&path).unwrap();
        log.write_lines(b"line\n");
        let mut reader = fs::OpenOptions::new().read(true).open(&path).unwrap();
        let mut line = [0; 5];
        reader.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"line\n");
    }

    #[test]
    fn a_full_fifo_loses_whole_lines_and_counts_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(&folder);
        let log = LogFile::open(&path).unwrap();
        let lines = "a line of thirty-two bytes here\n".repeat(64 * 1024 / 32);
        log.write_lines(lines.as_bytes());
        assert_eq!(log.lost(), 0);
        log.write_lines(b"one too many\nand another\n");
        assert_eq!(log.lost(), 2);
        let mut reader = fs::OpenOptions::new().read(true).open(&path).unwrap();
        let mut read = vec![0; lines.len()];
        reader.read_exact(&mut read).unwrap();
        log.write_lines(b"after\n");
        let mut after = [0; 6];
        reader.read_exact(&mut after).unwrap();
        assert_eq!(&after, b"after\n");
    }

    #[test]
    fn a_full_disk_loses_the_line_and_no_more() {
        let log = LogFile::open(Path::new("/dev/full")).unwrap();
        log.write_lines(b"lost\n");
        assert_eq!(log.lost(), 1);
    }

    #[test]
    fn standard_streams_can_be_opened_whatever_they_are() {
        for name in ["/dev/stdout", "/dev/stderr"] {
            let log = LogFile::open(Path::new(name)).unwrap();
            log.reopen().unwrap();
        }
    }

    #[test]
    fn pipes_are_given_whole_lines_in_pieces_they_take_at_once() {
        let pieces = |text: &'static str, length_max| {
            Pieces { rest: text.as_bytes(), length_max }
                .map(|piece| std::str::from_utf8(piece).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(pieces("a\nbb\nccc\n", 5), ["a\nbb\n", "ccc\n"]);
        assert_eq!(pieces("a\nbb\nccc\n", 4), ["a\n", "bb\n", "ccc\n"]);
        assert_eq!(pieces("longer\nb\n", 3), ["longer\n", "b\n"]);
        assert_eq!(pieces("a\nb\n", usize::MAX), ["a\nb\n"]);
    }
}

//! Log lines of one worker, collected and written together.
//!
//! A line lands in a buffer of its thread and file; the worker writes the buffers at the end of a turn, so that many
//! requests make one write. Lines of a log with `buffer=` stay until the buffer is full or `flush=` has passed. The
//! server layer calls [`flush_turn`] when a turn ends, [`flush_due`] at [`next_flush`], and [`flush_all`] before logs
//! are opened anew and when the worker ends. Reads no clock: the time is an argument.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::log_file::LogFile;

/// How long lines may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffering {
    /// `buffer=`: until so many bytes have come together; without it until the turn ends.
    pub bytes: Option<usize>,
    /// `flush=`: at most so long.
    pub time: Option<Duration>,
}

/// The lines of this thread for one file.
struct Buffer {
    /// Known again by its address. Without lines the buffer keeps no file open: threads that each wait for the other to
    /// let go of it would for ever.
    file: Weak<LogFile>,
    /// The file, while there are lines for it.
    held: Option<Arc<LogFile>>,
    buffering: Buffering,
    lines: Vec<u8>,
    /// When the lines are written at the latest.
    due: Option<Instant>,
}

thread_local! {
    static BUFFERS: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
    /// Whether a line has come since the end of the last turn.
    static TOUCHED: Cell<bool> = const { Cell::new(false) };
    static NEXT_FLUSH: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Adds a line. `write_line` appends it to what it is given, without its line feed; what is there before is not its
/// own. It must not add lines itself.
pub fn push(file: &Arc<LogFile>, buffering: Buffering, now: Instant, write_line: impl FnOnce(&mut Vec<u8>)) {
    TOUCHED.set(true);
    BUFFERS.with_borrow_mut(|buffers| {
        let known = buffers.iter().position(|buffer| buffer.is_for(file) && buffer.buffering == buffering);
        let place = known.unwrap_or_else(|| {
            let (weak, lines) = (Arc::downgrade(file), Vec::new());
            buffers.push(Buffer { file: weak, held: None, buffering, lines, due: None });
            buffers.len() - 1
        });
        buffers[place].push(file, now, write_line);
    });
}

/// Writes what need not wait longer than this turn.
pub fn flush_turn(now: Instant) {
    if TOUCHED.replace(false) {
        write(|buffer| buffer.buffering.bytes.is_none() || buffer.is_due(now));
    }
}

/// When [`flush_due`] has something to write; `None` while no line waits for a time.
pub fn next_flush() -> Option<Instant> {
    NEXT_FLUSH.get()
}

/// Writes lines whose time has come.
pub fn flush_due(now: Instant) {
    if NEXT_FLUSH.get().is_some_and(|due| due <= now) {
        write(|buffer| buffer.is_due(now));
    }
}

/// Writes everything, and so keeps no file open.
pub fn flush_all() {
    TOUCHED.set(false);
    write(|_| true);
}

/// Writes the buffers that `is_ripe`, and lets go of files that nobody else uses any more.
fn write(is_ripe: impl Fn(&Buffer) -> bool) {
    let next = BUFFERS.with_borrow_mut(|buffers| {
        for buffer in buffers.iter_mut().filter(|buffer| is_ripe(buffer)) {
            buffer.write();
        }
        buffers.retain(|buffer| buffer.file.strong_count() > 0);
        buffers.iter().filter_map(|buffer| buffer.due).min()
    });
    NEXT_FLUSH.set(next);
}

impl Buffer {
    fn is_for(&self, file: &Arc<LogFile>) -> bool {
        std::ptr::eq(self.file.as_ptr(), Arc::as_ptr(file))
    }

    fn push(&mut self, file: &Arc<LogFile>, now: Instant, write_line: impl FnOnce(&mut Vec<u8>)) {
        let start = self.lines.len();
        let mut line = Line { lines: &mut self.lines, start, is_whole: false };
        write_line(line.lines);
        line.lines.push(b'\n');
        line.is_whole = true;
        drop(line);
        let file = self.held.get_or_insert_with(|| Arc::clone(file));
        match self.buffering.bytes {
            None if self.lines.len() < TURN_BYTES_MAX => {}
            None => return self.write(),
            Some(bytes) if self.lines.len() <= bytes => {}
            // As in nginx, a line that does not fit makes those before it go; one that is larger than the buffer too.
            Some(bytes) => {
                file.write_lines(&self.lines[..start]);
                self.lines.drain(..start);
                self.due = None;
                if self.lines.len() > bytes {
                    return self.write();
                }
            }
        }
        if self.due.is_none() && self.buffering.bytes.is_some() {
            self.due = self.buffering.time.and_then(|time| now.checked_add(time));
            let next = NEXT_FLUSH.get();
            NEXT_FLUSH.set(self.due.map(|due| next.map_or(due, |next| next.min(due))).or(next));
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    fn write(&mut self) {
        if let Some(file) = self.held.take() {
            file.write_lines(&self.lines);
        }
        self.lines.clear();
        self.lines.shrink_to(TURN_BYTES_MAX.max(self.buffering.bytes.unwrap_or(0)));
        self.due = None;
    }
}

/// A line being written; taken back when writing it panics.
struct Line<'a> {
    lines: &'a mut Vec<u8>,
    start: usize,
    is_whole: bool,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            self.lines.truncate(self.start);
        }
    }
}

/// More lines than this are written before the turn ends: some hundred, so that the saving is had already.
const TURN_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::PathBuf;

    use super::*;

    struct Log {
        _folder: tempfile::TempDir,
        path: PathBuf,
        file: Arc<LogFile>,
        buffering: Buffering,
        now: Instant,
    }

    impl Log {
        fn new(bytes: Option<usize>, seconds: Option<u64>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            let file = Arc::new(LogFile::open(&path).unwrap());
            let buffering = Buffering { bytes, time: seconds.map(Duration::from_secs) };
            Self { _folder: folder, path, file, buffering, now: Instant::now() }
        }

        fn push(&self, line: &str) {
            push(&self.file, self.buffering, self.now, |out| out.extend_from_slice(line.as_bytes()));
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn written(&self) -> String {
            fs::read_to_string(&self.path).unwrap()
        }
    }

    #[test]
    fn lines_of_a_turn_are_written_at_its_end() {
        let log = Log::new(None, None);
        log.push("one");
        log.push("two");
        assert_eq!(log.written(), "");
        flush_turn(log.now);
        assert_eq!(log.written(), "one\ntwo\n");
        assert_eq!(next_flush(), None);
    }

    #[test]
    fn a_turn_with_very_many_lines_does_not_keep_them_all() {
        let log = Log::new(None, None);
        for _ in 0..1000 {
            log.push(&"x".repeat(99));
        }
        let written = log.written().len();
        assert!(written >= TURN_BYTES_MAX && written.is_multiple_of(100), "{written}");
    }

    #[test]
    fn a_buffer_stays_over_turns_until_a_line_does_not_fit() {
        let log = Log::new(Some(10), None);
        log.push("1234");
        log.push("6789");
        flush_turn(log.now);
        assert_eq!(log.written(), "");
        log.push("a");
        assert_eq!(log.written(), "1234\n6789\n");
        log.push("larger than the whole buffer");
        assert_eq!(log.written(), "1234\n6789\na\nlarger than the whole buffer\n");
    }

    #[test]
    fn a_buffer_is_written_when_its_time_has_come() {
        let mut log = Log::new(Some(1000), Some(5));
        log.push("one");
        let due = log.now + Duration::from_secs(5);
        log.pass(3);
        log.push("two");
        flush_turn(log.now);
        assert_eq!(next_flush(), Some(due));
        flush_due(log.now);
        assert_eq!(log.written(), "");
        log.pass(2);
        flush_due(log.now);
        assert_eq!(log.written(), "one\ntwo\n");
        assert_eq!(next_flush(), None);
        log.push("three");
        assert_eq!(next_flush(), Some(log.now + Duration::from_secs(5)));
    }

    #[test]
    fn at_the_end_everything_is_written() {
        let (log, other) = (Log::new(Some(1000), Some(60)), Log::new(None, None));
        log.push("one");
        other.push("two");
        flush_all();
        assert_eq!((log.written(), other.written()), ("one\n".into(), "two\n".into()));
        assert_eq!(next_flush(), None);
    }

    #[test]
    fn buffered_lines_survive_a_rotation() {
        let log = Log::new(Some(1000), None);
        let rotated = log.path.with_extension("1");
        log.push("before");
        fs::rename(&log.path, &rotated).unwrap();
        flush_all();
        log.file.reopen().unwrap();
        log.push("after");
        flush_all();
        assert_eq!(fs::read_to_string(rotated).unwrap(), "before\n");
        assert_eq!(log.written(), "after\n");
    }

    #[test]
    fn a_file_that_nobody_else_holds_is_let_go() {
        let log = Log::new(Some(1000), None);
        log.push("one");
        let file = Arc::downgrade(&log.file);
        let Log { file: held, path, _folder, .. } = log;
        drop(held);
        assert!(file.upgrade().is_some());
        flush_all();
        assert!(file.upgrade().is_none());
        assert_eq!(fs::read_to_string(path).unwrap(), "one\n");
    }

    #[test]
    fn a_line_that_fails_half_way_leaves_no_trace() {
        let log = Log::new(None, None);
        log.push("one");
        let failed = catch_unwind(AssertUnwindSafe(|| {
            push(&log.file, log.buffering, log.now, |out| {
                out.extend_from_slice(b"half");
                panic!("a broken variable");
            });
        }));
        assert!(failed.is_err());
        log.push("two");
        flush_turn(log.now);
        assert_eq!(log.written(), "one\ntwo\n");
    }

    #[test]
    fn a_file_that_nobody_writes_to_any_more_is_closed_however_many_threads_wrote_to_it() {
        let log = Log::new(Some(1000), None);
        let file = Arc::downgrade(&log.file);
        let write = || {
            log.push("one");
            flush_all();
        };
        std::thread::scope(|scope| {
            // The other thread's buffer is there as long as the thread is.
            let (wrote, written) = std::sync::mpsc::channel();
            let (closed, end) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || {
                write();
                wrote.send(()).unwrap();
                let _closed = end.recv();
            });
            written.recv().unwrap();
            write();
            let before = file.strong_count();
            drop(closed);
            assert_eq!(before, 1, "only the configuration has it");
        });
        assert_eq!(log.written(), "one\none\n");
    }
}

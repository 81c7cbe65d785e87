//! What a process writes, line by line as it comes.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

/// The lines that a process has written so far, read by a thread.
#[derive(Debug, Default)]
pub(super) struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Reads `source` to its end, beside the test.
    pub(super) fn follow(source: impl Read + Send + 'static) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let writer = Arc::clone(&log);
        thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while matches!(source.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                writer.state().lines.push(text);
                writer.changed.notify_all();
                line.clear();
            }
            writer.state().ended = true;
            writer.changed.notify_all();
        });
        log
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.state().lines.len()
    }

    /// All lines so far.
    pub(super) fn text(&self) -> String {
        self.state().lines.join("\n")
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.state().lines.clone()
    }

    /// Waits until `find` finds something in the lines from `mark` on.
    #[track_caller]
    pub(super) fn wait<T>(&self, mark: usize, what: &str, mut find: impl FnMut(&[String]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            if let Some(found) = find(&state.lines[mark..]) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                let why = if state.ended { "the process ended" } else { "time is up" };
                drop(state);
                panic!("waiting for {what}: {why}");
            }
            state = self.changed.wait_timeout(state, left).expect("no reader panics").0;
        }
    }

    /// Waits until the process has closed its end.
    #[track_caller]
    pub(super) fn wait_for_end(&self) {
        let state = self.state();
        let (_state, timeout) =
            self.changed.wait_timeout_while(state, PATIENCE, |state| !state.ended).expect("no reader panics");
        assert!(!timeout.timed_out(), "the process keeps its log open");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panics while it looks leaves the lines as they are.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

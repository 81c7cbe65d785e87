//! What a script writes to its standard error: lines for a log.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::settings::ErrorsTo;
use crate::base::log_file::LogFile;
use crate::base::report::Severity;
use crate::exchange::Shown;
use crate::exchange::reporter::Reporter;
use crate::runtime::{Handle, PipeReader};

/// How much of one line is kept; the rest of it goes on as a line of its own.
const LINE_BYTES_MAX: usize = 2048;

/// How much of a request's errors goes into the error log; what is beyond is counted. A file takes all of it.
const LOGGED_BYTES_MAX: usize = 64 * 1024;

/// How often a pipe is read before others have their turn.
const READS_PER_POLL: u32 = 4;

/// A script's standard error.
pub(super) struct Errors {
    pipe: Option<PipeReader>,
    to: To,
    /// A line that is not whole yet.
    line: Vec<u8>,
    logged: usize,
    left_out: u64,
}

enum To {
    Log { reporter: Reporter, script: Arc<str> },
    File(Arc<LogFile>),
    Nowhere,
}

impl Errors {
    pub(super) fn new(pipe: Option<PipeReader>, to: &ErrorsTo, reporter: &Reporter, script: &Arc<str>) -> Self {
        let to = match to {
            ErrorsTo::Log => To::Log { reporter: reporter.clone(), script: Arc::clone(script) },
            ErrorsTo::Open(file) => To::File(Arc::clone(file)),
            ErrorsTo::Off | ErrorsTo::File(_) => To::Nowhere,
        };
        Self { pipe, to, line: Vec::new(), logged: 0, left_out: 0 }
    }

    /// Whether nothing more comes.
    pub(super) fn ended(&self) -> bool {
        self.pipe.is_none()
    }

    /// Reads what there is; true when there was something.
    pub(super) fn pump(&mut self, handle: &Handle, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        for _ in 0..READS_PER_POLL {
            let Some(pipe) = self.pipe.take() else { return moved };
            let read = handle.with_scratch(|memory| match pipe.poll_read(memory) {
                Poll::Ready(Ok(count)) => {
                    self.take(&memory[..count]);
                    Some(count)
                }
                Poll::Ready(Err(_)) => Some(0),
                Poll::Pending => None,
            });
            match read {
                Some(0) => {
                    self.end();
                    return true;
                }
                Some(_) => {
                    self.pipe = Some(pipe);
                    moved = true;
                }
                None => {
                    self.pipe = Some(pipe);
                    return moved;
                }
            }
        }
        context.waker().wake_by_ref();
        moved
    }

    /// Takes what is there now, and no more.
    pub(super) fn finish(&mut self, handle: &Handle, context: &mut Context<'_>) {
        self.pump(handle, context);
        self.end();
    }

    /// Makes the task being polled the owner.
    pub(super) fn adopt(&self) -> std::io::Result<()> {
        self.pipe.as_ref().map_or(Ok(()), PipeReader::adopt)
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = LINE_BYTES_MAX - self.line.len();
            let end = memchr::memchr(b'\n', &bytes[..bytes.len().min(room)]);
            match end {
                Some(end) => {
                    self.line.extend_from_slice(&bytes[..end]);
                    bytes = &bytes[end + 1..];
                    self.flush();
                }
                None if bytes.len() < room => {
                    self.line.extend_from_slice(bytes);
                    return;
                }
                None => {
                    self.line.extend_from_slice(&bytes[..room]);
                    bytes = &bytes[room..];
                    self.flush();
                }
            }
        }
    }

    /// Writes the line.
    fn flush(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        match &self.to {
            To::Log { reporter, script } => {
                if self.logged + line.len() > LOGGED_BYTES_MAX {
                    self.left_out += line.len() as u64;
                } else if !line.is_empty() {
                    self.logged += line.len();
                    let text = Shown(&line);
                    reporter.report(Severity::Error, format_args!("CGI script \"{script}\" wrote: \"{text}\""));
                }
            }
            To::File(file) => {
                line.push(b'\n');
                file.write_lines(&line);
            }
            To::Nowhere => {}
        }
        line.clear();
        self.line = line;
    }

    fn end(&mut self) {
        self.pipe = None;
        if !self.line.is_empty() {
            self.flush();
        }
        if let To::Log { reporter, script } = &self.to
            && self.left_out > 0
        {
            let bytes = std::mem::take(&mut self.left_out);
            reporter.report(
                Severity::Error,
                format_args!("CGI script \"{script}\" wrote {bytes} bytes more, which are left out here"),
            );
        }
    }
}

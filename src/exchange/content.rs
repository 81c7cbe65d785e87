//! The content of a request, received: in memory, or in a file where it is too large for that.
//!
//! A handler that wants all of it awaits `Exchange::receive_content` and then reads `Exchange::content`, as often as it
//! likes; its length is known then, however it was sent. One that can do with pieces awaits `Exchange::next_content`
//! until there is none. Either way the client is told to go on (100) only then, is slowed by who reads slowly, and what
//! it may cost is bounded: `client_body_buffer_size` in memory, `client_max_body_size` in all.
//!
//! Whatever goes wrong is reported here, and comes as the outcome that the handler returns. What is not read is thrown
//! away by the connection, when the response is there.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use bytes::Bytes;

use super::body::InflowError;
use super::exchange::Exchange;
use super::plan::Outcome;
use super::settings::{BodyInFile, Settings};
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::http::h1::BodyFraming;
use crate::http::status::Status;
use crate::runtime::{self, Naming, TempFile, TempFileError};

/// The whole content of a request. Cloning shares it; a file is gone with the last clone.
#[derive(Clone, Debug, Default)]
pub enum Content {
    /// None, or none of it was received.
    #[default]
    Empty,
    /// In memory; empty where the last chunk was the first.
    Memory(Bytes),
    /// In a file; with `client_body_in_file_only` also if it is empty.
    File(Rc<TempFile>),
}

impl Content {
    /// Its length in bytes, without the framing of chunks.
    pub fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.length(),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length() == 0
    }

    /// Reads it from its beginning; readers do not disturb each other.
    pub fn reader(&self) -> Reader {
        Reader { content: self.clone(), offset: 0 }
    }
}

/// Reads content once. As [`Read`] it gives 0 at the end.
#[derive(Clone, Debug)]
pub struct Reader {
    content: Content,
    offset: u64,
}

impl Reader {
    /// How many bytes were not read so far.
    pub fn rest(&self) -> u64 {
        self.content.length() - self.offset
    }

    /// Writes as much of the rest as a pipe or socket takes, straight from where it is; says how many bytes, 0 only when
    /// there is no rest. For a pipe in the event loop: `io.try_io(Ready::WRITABLE, |pipe| reader.send_to(pipe.as_fd()))`.
    ///
    /// # Errors
    /// Those of write(2) and sendfile(2): `WouldBlock` when a non-blocking pipe is full, `BrokenPipe` when nobody reads
    /// it any more; `UnexpectedEof` when somebody has cut the file short.
    pub fn send_to(&mut self, to: BorrowedFd<'_>) -> io::Result<usize> {
        let rest = self.rest();
        let count = match &self.content {
            _ if rest == 0 => return Ok(0),
            Content::Empty => 0,
            Content::Memory(bytes) => rustix::io::write(to, &bytes[self.offset as usize..])?,
            Content::File(file) => {
                let mut offset = self.offset;
                rustix::fs::sendfile(to, file.as_fd(), Some(&mut offset), rest.min(SENDFILE_BYTES_MAX) as usize)?
            }
        };
        self.advance(count)
    }

    fn advance(&mut self, count: usize) -> io::Result<usize> {
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += count as u64;
        Ok(count)
    }
}

/// sendfile(2) takes no more at once.
const SENDFILE_BYTES_MAX: u64 = 0x7fff_f000;

impl Read for Reader {
    fn read(&mut self, memory: &mut [u8]) -> io::Result<usize> {
        let length = self.rest().min(memory.len() as u64) as usize;
        if length == 0 {
            return Ok(0);
        }
        let memory = &mut memory[..length];
        let count = match &self.content {
            Content::Empty => 0,
            Content::Memory(bytes) => {
                let start = self.offset as usize;
                memory.copy_from_slice(&bytes[start..start + length]);
                length
            }
            Content::File(file) => runtime::read_at(file.as_fd(), self.offset, memory)?,
        };
        self.advance(count)
    }
}

impl Exchange {
    /// The content that was received.
    pub fn content(&self) -> &Content {
        &self.request.content
    }

    /// Receives the content, all that is left of it, unless that was done before. Then `content` has it. After a failure
    /// there is none, and an error page does not meet it again. A subrequest has what its parent had received.
    ///
    /// # Errors
    /// How the exchange goes on instead: it was reported, and the handler returns it.
    pub async fn receive_content(&mut self) -> Result<(), Outcome> {
        let plan = self.plan.clone();
        let announced = match self.request.head.framing {
            BodyFraming::None => return Ok(()),
            BodyFraming::Length(length) => Some(length),
            BodyFraming::Chunked => None,
        };
        if self.request.body.is_none() && !self.wants_empty_file(&plan.settings) {
            return Ok(());
        }
        let mut spool = Spool { settings: &plan.settings, memory: Vec::new(), file: None };
        if plan.settings.client_body_in_file != BodyInFile::Off
            && let Err(error) = spool.open()
        {
            return Err(self.cannot_keep(&error));
        }
        while let Some(piece) = self.next_content().await? {
            if let Err(error) = spool.take(piece, announced) {
                return Err(self.cannot_keep(&error));
            }
        }
        match spool.finish() {
            Ok(content) => self.request.content = content,
            Err(error) => return Err(self.cannot_keep(&error)),
        }
        Ok(())
    }

    /// The next piece of the content, `None` at its end. A client that sends fast does not keep others from their turn.
    ///
    /// # Errors
    /// As `receive_content`.
    pub async fn next_content(&mut self) -> Result<Option<Bytes>, Outcome> {
        let Some(body) = &mut self.request.body else { return Ok(None) };
        match poll_fn(|context| body.poll_next(context)).await {
            Some(Ok(piece)) => Ok(Some(piece)),
            None => {
                self.request.body = None;
                Ok(None)
            }
            Some(Err(error)) => {
                self.request.body = None;
                Err(self.content_failed(&error))
            }
        }
    }

    /// What becomes of the exchange when its content does not come: reported, and to be returned by the handler. For
    /// those who have taken `request.body` to read it themselves.
    pub fn content_failed(&mut self, error: &InflowError) -> Outcome {
        // Nothing behind it can be found.
        self.error.close = true;
        match error {
            InflowError::TooLarge { .. } => {
                self.error.too_large = true;
                self.report(Severity::Error, format_args!("{error}"));
                Outcome::Fail(Status::CONTENT_TOO_LARGE)
            }
            InflowError::Malformed(malformed) => {
                self.report(Severity::Info, format_args!("{error}"));
                Outcome::Fail(malformed.status())
            }
            InflowError::TimedOut => {
                self.report(Severity::Info, format_args!("{error} while reading client request body"));
                match self.plan.settings.reset_timedout_connection {
                    true => self.close_with(Status::REQUEST_TIMEOUT),
                    false => Outcome::Fail(Status::REQUEST_TIMEOUT),
                }
            }
            InflowError::Closed => {
                self.report(Severity::Info, format_args!("{error}"));
                self.close_with(Status::BAD_REQUEST)
            }
            InflowError::Io(error) => {
                self.report(Severity::Info, format_args!("recv() failed {}", Reason(error)));
                self.close_with(Status::BAD_REQUEST)
            }
        }
    }

    /// Nobody is there to be answered; logs have a status all the same.
    fn close_with(&mut self, status: Status) -> Outcome {
        self.record.status = Some(status);
        Outcome::Close
    }

    fn cannot_keep(&mut self, error: &TempFileError) -> Outcome {
        self.request.body = None;
        self.report(Severity::Crit, format_args!("{error}"));
        Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
    }

    /// Whether other programs look for a file where there is no byte to write.
    fn wants_empty_file(&self, settings: &Settings) -> bool {
        settings.client_body_in_file != BodyInFile::Off
            && self.request.head.framing == BodyFraming::Length(0)
            && matches!(self.request.content, Content::Empty)
            && !self.is_subrequest()
            && self.trace.is_none()
    }
}

/// Content on its way into memory or a file.
struct Spool<'a> {
    settings: &'a Settings,
    /// What is not in the file, up to `client_body_buffer_size`.
    memory: Vec<u8>,
    file: Option<TempFile>,
}

impl Spool<'_> {
    fn take(&mut self, piece: Bytes, announced: Option<u64>) -> Result<(), TempFileError> {
        let buffer_bytes = self.settings.client_body_buffer_bytes;
        if self.memory.len() + piece.len() <= buffer_bytes {
            if self.memory.is_empty() {
                // It grows as content comes, whatever was announced: promises cost a client nothing.
                let length = announced.map_or(0, |length| length.min(FIRST_BYTES) as usize);
                self.memory.reserve(length.max(piece.len()).min(buffer_bytes));
            }
            self.memory.extend_from_slice(&piece);
            return Ok(());
        }
        if self.file.is_none() {
            self.open()?;
        }
        self.write(&piece)
    }

    fn open(&mut self) -> Result<(), TempFileError> {
        let folder = &self.settings.client_body_folder;
        let naming = |keep| Naming { levels: folder.levels, keep };
        self.file = Some(match self.settings.client_body_in_file {
            BodyInFile::Off => TempFile::unnamed(&folder.path)?,
            BodyInFile::Clean => TempFile::named(&folder.path, naming(false))?,
            BodyInFile::On => TempFile::named(&folder.path, naming(true))?,
        });
        Ok(())
    }

    /// Writes what is in memory, and this behind it.
    fn write(&mut self, piece: &[u8]) -> Result<(), TempFileError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.append(&mut [IoSlice::new(&self.memory), IoSlice::new(piece)]);
        self.memory.clear();
        written.map_err(|error| TempFileError {
            call: "write",
            path: file.path().unwrap_or(&self.settings.client_body_folder.path).to_owned(),
            error,
        })
    }

    fn finish(mut self) -> Result<Content, TempFileError> {
        if !self.memory.is_empty() {
            self.write(&[])?;
        }
        Ok(match self.file {
            Some(file) => Content::File(Rc::new(file)),
            None => Content::Memory(Bytes::from(self.memory)),
        })
    }
}

/// The most memory that is taken at the first byte of content.
const FIRST_BYTES: u64 = 16 * 1024;

#[cfg(test)]
mod tests;

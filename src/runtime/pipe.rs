//! Pipes to and from children: non-blocking, one end ours.
//!
//! Made by `child`, for the standard streams of what it starts. Owned by one task. Buffers nothing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Poll, ready};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::handle::Handle;
use super::io::{Io, Ready};

/// The end of a pipe that is read.
pub struct PipeReader(Io<OwnedFd>);

/// The end of a pipe that is written.
pub struct PipeWriter(Io<OwnedFd>);

impl PipeReader {
    /// Takes an end over for the task being polled. Nothing is supposed to be in it yet.
    ///
    /// # Errors
    /// As [`Io::new`]; those of fcntl(2).
    pub fn new(handle: &Handle, end: OwnedFd) -> io::Result<PipeReader> {
        set_nonblocking(end.as_fd())?;
        Ok(PipeReader(Io::new(handle, end, Ready::NONE)?))
    }

    /// Reads what there is; 0 is the end: nobody has the other end any more.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn poll_read(&self, memory: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = ready!(self.0.try_io(Ready::READABLE, |end| Ok(rustix::io::read(end, &mut *memory)?)))?;
        if count > 0 && count < memory.len() {
            self.0.ended_short(Ready::READABLE);
        }
        Poll::Ready(Ok(count))
    }

    /// Makes the task being polled the owner.
    ///
    /// # Errors
    /// As [`Io::adopt`].
    pub fn adopt(&self) -> io::Result<()> {
        self.0.adopt()
    }
}

impl PipeWriter {
    /// Takes an end over for the task being polled. There is supposed to be room in it.
    ///
    /// # Errors
    /// As [`Io::new`]; those of fcntl(2).
    pub fn new(handle: &Handle, end: OwnedFd) -> io::Result<PipeWriter> {
        set_nonblocking(end.as_fd())?;
        Ok(PipeWriter(Io::new(handle, end, Ready::WRITABLE)?))
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// Those of write(2): `BrokenPipe` when nobody has the other end any more, never a signal (the server ignores
    /// SIGPIPE, as every Rust program does).
    pub fn poll_write(&self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(self.0.try_io(Ready::WRITABLE, |end| Ok(rustix::io::write(end, bytes)?)))?;
        if count < bytes.len() {
            self.0.ended_short(Ready::WRITABLE);
        }
        Poll::Ready(Ok(count))
    }

    /// Makes the task being polled the owner.
    ///
    /// # Errors
    /// As [`Io::adopt`].
    pub fn adopt(&self) -> io::Result<()> {
        self.0.adopt()
    }
}

fn set_nonblocking(end: BorrowedFd<'_>) -> io::Result<()> {
    let flags = fcntl_getfl(end)?;
    Ok(fcntl_setfl(end, flags | OFlags::NONBLOCK)?)
}

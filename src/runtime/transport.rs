//! A stream connection to a peer, whatever carries it.
//!
//! Owned by one task; all methods take `&self`, so that reading and writing may be sibling futures. Frames nothing,
//! buffers nothing, and has no time-outs: those are the caller's (`Handle::timeout`).
//!
//! A response is sent as one `sendmsg`, or as a head with `more` (MSG_MORE) and a file by sendfile. TCP_CORK costs two
//! more system calls and was slower in every measurement.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, sockopt};

use super::handle::{Handle, SCRATCH_BYTES};
use super::io::{Io, Ready};
use super::listen::{Address, Peer, address_of};

/// A connection.
pub enum Transport {
    /// Over TCP, from another machine or this one.
    Tcp(Io<OwnedFd>),
    /// Over a unix socket.
    Unix(Io<OwnedFd>),
}

impl Transport {
    /// Takes over a connected, non-blocking socket just accepted, for the task being polled. It is taken to be readable,
    /// for a client speaks first, and writable.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn accepted(handle: &Handle, socket: OwnedFd, peer: &Peer) -> io::Result<Transport> {
        let io = Io::polled_when_waiting(handle, socket, Ready::READABLE | Ready::WRITABLE)?;
        Ok(match peer {
            Peer::Inet(_) => Transport::Tcp(io),
            Peer::Unix => Transport::Unix(io),
        })
    }

    /// Appends to `buffer` what has arrived, `at_most` bytes of it and no more than `SCRATCH_BYTES`; 0 is the end of
    /// the stream. The bytes go through the worker's scratch buffer, so `buffer` grows by what arrived alone, and an
    /// idle connection needs none.
    ///
    /// # Errors
    /// Those of read(2); `InvalidInput` when `at_most` is 0, which could not be told from the end.
    pub fn poll_read(&self, buffer: &mut BytesMut, at_most: usize) -> Poll<io::Result<usize>> {
        if at_most == 0 {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        let at_most = at_most.min(SCRATCH_BYTES);
        self.io().shared().with_scratch(|scratch| {
            let count = ready!(self.poll_read_into(&mut scratch[..at_most]))?;
            if buffer.is_empty() {
                // Of the right size at once.
                *buffer = BytesMut::from(&scratch[..count]);
            } else {
                buffer.extend_from_slice(&scratch[..count]);
            }
            Poll::Ready(Ok(count))
        })
    }

    /// Reads into memory of the caller; 0 is the end of the stream, or `memory` is empty.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn poll_read_into(&self, memory: &mut [u8]) -> Poll<io::Result<usize>> {
        let io = self.io();
        let count = ready!(
            io.try_io(Ready::READABLE, |socket| Ok(rustix::net::recv(socket, &mut *memory, RecvFlags::empty())?.0))
        )?;
        if count < memory.len() && count > 0 {
            io.ended_short(Ready::READABLE);
        }
        Poll::Ready(Ok(count))
    }

    /// Writes as much of `slices` as the socket takes, of the first `SLICES_MAX` that is; says how many bytes.
    /// With `more` the last packet may be held back until what follows.
    ///
    /// # Errors
    /// Those of sendmsg(2); a peer that is gone is `BrokenPipe` or `ConnectionReset`, never a signal.
    pub fn poll_write(&self, slices: &[IoSlice<'_>], more: bool) -> Poll<io::Result<usize>> {
        let io = self.io();
        let slices = &slices[..slices.len().min(SLICES_MAX)];
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        let count = ready!(io.try_io(Ready::WRITABLE, |socket| {
            Ok(rustix::net::sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
        }))?;
        if count < slices.iter().map(|slice| slice.len()).sum() {
            io.ended_short(Ready::WRITABLE);
        }
        Poll::Ready(Ok(count))
    }

    /// [`Transport::poll_write`] for one run of bytes, which costs the system less.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send(&self, bytes: &[u8], more: bool) -> Poll<io::Result<usize>> {
        let io = self.io();
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        let count = ready!(io.try_io(Ready::WRITABLE, |socket| Ok(rustix::net::send(socket, bytes, flags)?)))?;
        if count < bytes.len() {
            io.ended_short(Ready::WRITABLE);
        }
        Poll::Ready(Ok(count))
    }

    /// Sends up to `count` bytes of `file` from `offset`, moves `offset`, and says how many; 0 is the end of the file.
    /// It reads the disk when the bytes are not cached.
    ///
    /// # Errors
    /// Those of sendfile(2).
    pub fn poll_sendfile(&self, file: BorrowedFd<'_>, offset: &mut u64, count: usize) -> Poll<io::Result<usize>> {
        // A short count does not say the socket is full: since Linux 4.3 sendfile may end early for other reasons.
        self.io().try_io(Ready::WRITABLE, |socket| Ok(rustix::fs::sendfile(socket, file, Some(offset), count)?))
    }

    /// [`Transport::poll_read`], awaited.
    ///
    /// # Errors
    /// As there.
    pub async fn read(&self, buffer: &mut BytesMut, at_most: usize) -> io::Result<usize> {
        poll_fn(|_| self.poll_read(buffer, at_most)).await
    }

    /// [`Transport::poll_write`], awaited: may write a part.
    ///
    /// # Errors
    /// As there.
    pub async fn write(&self, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        poll_fn(|_| self.poll_write(slices, more)).await
    }

    /// Writes all of `slices`, which are used up on the way. Its turn with other tasks comes only when the socket is
    /// full, so what is given here is bounded by the caller.
    ///
    /// # Errors
    /// As [`Transport::poll_write`]; `WriteZero` when the socket takes nothing.
    pub async fn write_all(&self, mut slices: &mut [IoSlice<'_>], more: bool) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0); // drops empty ones in front
        while !slices.is_empty() {
            let more = more || slices.len() > SLICES_MAX;
            match self.write(slices, more).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => IoSlice::advance_slices(&mut slices, count),
            }
        }
        Ok(())
    }

    /// [`Transport::poll_sendfile`], awaited: may send a part.
    ///
    /// # Errors
    /// As there.
    pub async fn sendfile(&self, file: BorrowedFd<'_>, offset: &mut u64, count: usize) -> io::Result<usize> {
        poll_fn(|_| self.poll_sendfile(file, offset, count)).await
    }

    /// Ready when the peer hung up, shut its side down, or reset.
    pub async fn closed(&self) {
        self.io().closed().await;
    }

    /// Whether the peer was seen to hang up, shut its side down, or reset. Asks the system nothing.
    pub fn is_closed_by_peer(&self) -> bool {
        self.io().ready().intersects(Ready::READ_CLOSED | Ready::ERROR)
    }

    /// Whether a read may give bytes or the end. Asks the system nothing.
    pub fn is_readable(&self) -> bool {
        self.io().ready().contains(Ready::READABLE)
    }

    /// Whether a write may succeed. Asks the system nothing.
    pub fn is_writable(&self) -> bool {
        self.io().ready().contains(Ready::WRITABLE)
    }

    /// Tells the peer that nothing more comes; reading goes on.
    ///
    /// # Errors
    /// Those of shutdown(2): `NotConnected` when the peer has reset.
    pub fn shutdown_write(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self.as_fd(), Shutdown::Write)?)
    }

    /// Whether small packets are sent at once (TCP_NODELAY). Nothing to a unix socket.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self {
            Transport::Tcp(io) => Ok(sockopt::set_tcp_nodelay(io.get_ref(), nodelay)?),
            Transport::Unix(_) => Ok(()),
        }
    }

    /// Has the drop of this connection reset it (SO_LINGER 0): what was not sent is thrown away, and the kernel keeps
    /// nothing. nginx: `reset_timedout_connection`. Nothing to a unix socket.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn reset_on_close(&self) -> io::Result<()> {
        match self {
            Transport::Tcp(io) => Ok(sockopt::set_socket_linger(io.get_ref(), Some(Duration::ZERO))?),
            Transport::Unix(_) => Ok(()),
        }
    }

    /// The address the peer connected to. For a listener on a wildcard address it is the concrete one.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_address(&self) -> io::Result<Address> {
        address_of(rustix::net::getsockname(self.as_fd())?)
    }

    /// The descriptor's place in the map.
    pub fn io(&self) -> &Io<OwnedFd> {
        match self {
            Transport::Tcp(io) | Transport::Unix(io) => io,
        }
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io().get_ref().as_fd()
    }
}

/// The slices one sendmsg(2) takes: Linux' UIO_MAXIOV.
const SLICES_MAX: usize = 1024;

//! Polled descriptors: the map from a poll's token to the task that owns a descriptor, and what is known of its readiness.
//!
//! A descriptor is registered once, edge-triggered, for both directions. What the poll reports is remembered here until
//! an operation would block; futures look at it and store no waker. An event polls the owning task only when it brings
//! readiness that was not known.
//!
//! The entry leaves the map before the descriptor closes: `Io`'s registration is dropped before its descriptor, wherever
//! and however (an end, a panic, a cancellation) the task's future is dropped. A token carries a generation, so an event
//! that was fetched before and is looked at after finds nothing, even if the slot has a new owner.

use std::future::poll_fn;
use std::io;
use std::ops::BitOr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::task::Poll;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Token};
use slab::Slab;

use super::handle::{Handle, Shared};
use super::task::TaskId;

/// What is known of a descriptor, or asked of it: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready(u8);

impl Ready {
    /// Nothing.
    pub const NONE: Ready = Ready(0);
    /// A read may succeed; also when it would give the end of the stream or an error.
    pub const READABLE: Ready = Ready(1);
    /// A write may succeed; also when it would give an error.
    pub const WRITABLE: Ready = Ready(2);
    /// The peer sends no more: it shut its side down, closed or reset.
    pub const READ_CLOSED: Ready = Ready(4);
    /// The peer takes no more.
    pub const WRITE_CLOSED: Ready = Ready(8);
    /// An error is to be fetched: a reset, or a pipe whose reader is gone.
    pub const ERROR: Ready = Ready(16);

    /// Whether all of `other` is in here.
    pub const fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in here.
    pub const fn intersects(self, other: Ready) -> bool {
        self.0 & other.0 != 0
    }

    const fn or(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }

    const fn without(self, other: Ready) -> Ready {
        Ready(self.0 & !other.0)
    }

    /// An event as a set. What is closed or broken is readable and writable too: the next call tells how.
    fn of(event: &Event) -> Ready {
        let mut ready = Ready::NONE;
        if event.is_readable() {
            ready = ready.or(Ready::READABLE);
        }
        if event.is_writable() {
            ready = ready.or(Ready::WRITABLE);
        }
        if event.is_read_closed() {
            ready = ready.or(Ready::READ_CLOSED).or(Ready::READABLE);
        }
        if event.is_write_closed() {
            ready = ready.or(Ready::WRITE_CLOSED).or(Ready::WRITABLE);
        }
        if event.is_error() {
            ready = ready.or(Ready::ERROR).or(Ready::READABLE).or(Ready::WRITABLE);
        }
        ready
    }
}

impl BitOr for Ready {
    type Output = Ready;

    fn bitor(self, other: Ready) -> Ready {
        self.or(other)
    }
}

/// The descriptors of a worker.
#[derive(Default)]
pub(super) struct Sources {
    entries: Slab<Source>,
}

struct Source {
    generation: u32,
    owner: TaskId,
    ready: Ready,
    closing: Closing,
    /// Whether the poll knows it yet.
    polled: bool,
}

impl Sources {
    /// Takes in what the poll reported, and says which task it concerns: none when the token is stale or the event
    /// brings nothing new.
    pub(super) fn receive(&mut self, event: &Event) -> Option<TaskId> {
        let (key, generation) = split_token(event.token());
        let source = self.entries.get_mut(key as usize).filter(|source| source.generation == generation)?;
        let before = source.ready;
        source.ready = before.or(Ready::of(event));
        (source.ready != before).then_some(source.owner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// A descriptor in the worker's map, owned by the task that made it.
pub struct Io<S: AsFd> {
    registration: Registration, // dropped before the descriptor closes
    descriptor: S,
}

impl<S: AsFd> Io<S> {
    /// Puts a descriptor to which nothing else refers into the map, owned by the task being polled. `initial` is what
    /// the caller supposes of it: a new connection is writable, and readable if the peer speaks first; a wrong
    /// supposition costs one system call.
    ///
    /// # Errors
    /// Outside of a task, or when the descriptor cannot be polled (a regular file). The descriptor is dropped then.
    pub fn new(handle: &Handle, descriptor: S, initial: Ready) -> io::Result<Io<S>> {
        let io = Io::register(handle, descriptor, initial, Closing::Alone)?;
        io.registration.poll()?;
        Ok(io)
    }

    /// Like [`Io::new`], but the poll is told of the descriptor only when somebody must wait for it: a connection that
    /// brings its request at once, is answered and closed costs no system call for that. An error of the poll comes
    /// with the first operation that would wait.
    ///
    /// # Errors
    /// Outside of a task.
    pub fn polled_when_waiting(handle: &Handle, descriptor: S, initial: Ready) -> io::Result<Io<S>> {
        Io::register(handle, descriptor, initial, Closing::Alone)
    }

    /// Like [`Io::new`] for a descriptor that has duplicates, as a listening socket shared by workers: closing it would
    /// not take it out of the poll, so that is done explicitly.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn duplicated(handle: &Handle, descriptor: S, initial: Ready) -> io::Result<Io<S>> {
        let io = Io::register(handle, descriptor, initial, Closing::Deregister)?;
        io.registration.poll()?;
        Ok(io)
    }

    fn register(handle: &Handle, descriptor: S, initial: Ready, closing: Closing) -> io::Result<Io<S>> {
        let shared = &handle.shared;
        let owner =
            shared.current.get().ok_or_else(|| io::Error::other("a descriptor was registered outside of a task"))?;
        let generation = shared.next_generation();
        let raw = descriptor.as_fd().as_raw_fd();
        let key = {
            let mut sources = shared.sources.borrow_mut();
            let vacant = sources.entries.vacant_entry();
            let key = u32::try_from(vacant.key()).map_err(io::Error::other)?;
            vacant.insert(Source { generation, owner, ready: initial, closing, polled: false });
            key
        };
        let registration = Registration { shared: Rc::clone(shared), key, raw };
        Ok(Io { registration, descriptor })
    }

    /// What is known of the descriptor.
    pub fn ready(&self) -> Ready {
        self.registration.ready()
    }

    /// Calls `operation` if the descriptor is ready for any of `interest`. Pending when it is not, or when the
    /// operation would block, which ends that readiness. An interrupted call is made again.
    ///
    /// # Errors
    /// Those of `operation`, but never `WouldBlock` or `Interrupted`.
    pub fn try_io<R>(
        &self,
        interest: Ready,
        mut operation: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if !self.ready().intersects(interest) {
            self.registration.poll()?;
            return Poll::Pending;
        }
        loop {
            match operation(self.descriptor.as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.clear(interest);
                    self.registration.poll()?;
                    return Poll::Pending;
                }
                result => return Poll::Ready(result),
            }
        }
    }

    /// To be told when a read or write on a socket moved less than it was asked to: the socket is drained or full, so
    /// the next call would block, unless its end or an error is still to be fetched.
    pub fn ended_short(&self, interest: Ready) {
        let ready = self.ready();
        if interest == Ready::READABLE && ready.intersects(Ready::READ_CLOSED | Ready::ERROR) {
            return;
        }
        if interest == Ready::WRITABLE && ready.intersects(Ready::WRITE_CLOSED | Ready::ERROR) {
            return;
        }
        self.registration.clear(interest);
    }

    /// Ready when a read may succeed.
    pub async fn readable(&self) {
        self.wait_for(Ready::READABLE).await;
    }

    /// Ready when a write may succeed.
    pub async fn writable(&self) {
        self.wait_for(Ready::WRITABLE).await;
    }

    /// Ready when the peer hung up, shut its side down, or reset; bytes it sent before may still be unread.
    pub async fn closed(&self) {
        self.wait_for(Ready::READ_CLOSED | Ready::ERROR).await;
    }

    async fn wait_for(&self, interest: Ready) {
        poll_fn(|_| {
            // Where the poll refuses the descriptor, the operation that follows says so.
            if self.ready().intersects(interest) || self.registration.poll().is_err() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    /// Makes the task being polled the owner, for a descriptor handed from task to task (a pooled connection).
    ///
    /// # Errors
    /// Outside of a task.
    pub fn adopt(&self) -> io::Result<()> {
        let shared = &self.registration.shared;
        let owner =
            shared.current.get().ok_or_else(|| io::Error::other("a descriptor was adopted outside of a task"))?;
        self.registration.change(|source| source.owner = owner);
        Ok(())
    }

    /// Takes the descriptor out of the map and gives it back open.
    pub fn into_inner(self) -> S {
        self.registration.change(|source| source.closing = Closing::Deregister);
        self.descriptor
    }

    /// The descriptor itself.
    pub fn get_ref(&self) -> &S {
        &self.descriptor
    }

    /// The worker this belongs to.
    pub(super) fn shared(&self) -> &Shared {
        &self.registration.shared
    }
}

/// How a descriptor leaves the poll.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// Closing it does that: nothing else refers to it (but a child between fork and exec, whose stale events are
    /// ignored).
    Alone,
    /// A system call does.
    Deregister,
}

/// An entry in the map; its drop takes it out.
struct Registration {
    shared: Rc<Shared>,
    key: u32,
    raw: RawFd, // open as long as this lives, for `Io` drops it first
}

impl Registration {
    fn ready(&self) -> Ready {
        self.shared.sources.borrow().entries.get(self.key as usize).map_or(Ready::NONE, |source| source.ready)
    }

    fn change(&self, change: impl FnOnce(&mut Source)) {
        if let Some(source) = self.shared.sources.borrow_mut().entries.get_mut(self.key as usize) {
            change(source);
        }
    }

    /// Tells the poll of the descriptor, unless it knows; what is ready by then is reported in the next turn.
    fn poll(&self) -> io::Result<()> {
        let mut sources = self.shared.sources.borrow_mut();
        let Some(source) = sources.entries.get_mut(self.key as usize) else { return Ok(()) };
        if !source.polled {
            let token = make_token(self.key, source.generation);
            self.shared.registry.register(&mut SourceFd(&self.raw), token, Interest::READABLE | Interest::WRITABLE)?;
            source.polled = true;
        }
        Ok(())
    }

    fn clear(&self, what: Ready) {
        self.change(|source| source.ready = source.ready.without(what));
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let source = self.shared.sources.borrow_mut().entries.try_remove(self.key as usize);
        if source.is_some_and(|source| source.polled && source.closing == Closing::Deregister)
            && let Err(error) = self.shared.registry.deregister(&mut SourceFd(&self.raw))
        {
            log::error!("cannot take a descriptor out of the poll: {error}");
        }
    }
}

/// The token of the worker's mailbox: no descriptor's, for a slab of four billion entries does not fit in memory.
pub(super) const MAILBOX: Token = Token(usize::MAX);

const _: () = assert!(usize::BITS == 64, "a token holds a key and a generation of 32 bits each");

fn make_token(key: u32, generation: u32) -> Token {
    Token((generation as usize) << 32 | key as usize)
}

fn split_token(token: Token) -> (u32, u32) {
    (token.0 as u32, (token.0 >> 32) as u32)
}

/// What the map spends on a descriptor: the entry and the slab's mark.
#[cfg(test)]
pub(super) const BYTES_PER_SOURCE: usize = size_of::<Source>() + 8;

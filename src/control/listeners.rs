//! The addresses that are listened on, kept by their names across reloads.
//!
//! The control thread holds a descriptor of every listening socket and lends duplicates to workers. So a socket stays
//! open, with all who wait in its queue, whichever worker comes or goes, and its options can be changed while it
//! listens. An internet address has a socket for each worker where the system allows it, so that connections are spread
//! without a lock; a Unix domain socket is one, shared. Who has which is for `shares`. New ones are bound, or taken from
//! what was `passed` to the process, and all duplicates made, before anything changes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::passed::{Passed, PassedSocket, Source};
use super::shares::{self, Shares};
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::exchange::client::ListenerFacts;
use crate::route::tree::Tree;
use crate::runtime::listen;
use crate::runtime::{Address, ListenOptions};
use crate::server::worker::{NewListener, SocketId};

/// The number of a worker in this process.
pub(super) type WorkerNumber = usize;

/// What is listened on now.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    open: Vec<Open>,
    /// Sockets that were open before, until the first change is made.
    passed: Passed,
    /// The last number that a socket got.
    last_id: u64,
}

/// An address that is listened on.
#[derive(Debug)]
struct Open {
    /// As configured.
    address: Address,
    options: ListenOptions,
    facts: Arc<ListenerFacts>,
    source: Source,
    /// Whether this change bound it: only then is it undone with the change.
    is_new: bool,
    sockets: Vec<Socket>,
    /// The workers that each socket is lent to.
    shares: Shares,
}

#[derive(Debug)]
struct Socket {
    id: SocketId,
    descriptor: OwnedFd,
}

/// What a new tree, or other workers, change; nothing of it has happened for anybody yet.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Whole addresses that are new.
    added: Vec<Open>,
    /// Addresses that stay, with what is new about them.
    kept: Vec<Kept>,
    /// Duplicates on their way to workers.
    lent: Vec<(WorkerNumber, NewListener)>,
    /// What workers are to give up, for others have it.
    released: Vec<(WorkerNumber, SocketId)>,
    /// Addresses that go.
    removed: Vec<Address>,
    /// Addresses that the tree lacks, and that are kept for the time being.
    retained: Vec<Address>,
    last_id: u64,
}

/// What is new about an address that stays.
#[derive(Debug)]
struct Kept {
    address: Address,
    options: ListenOptions,
    more: Vec<Socket>,
    shares: Shares,
}

/// What is to be told to workers when a change has been made.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Sockets to listen on.
    pub(super) lent: Vec<(WorkerNumber, NewListener)>,
    /// Sockets to leave to others.
    pub(super) released: Vec<(WorkerNumber, SocketId)>,
    /// Addresses to close, for all workers.
    pub(super) closed: Vec<Address>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("bind() to {address} failed {} in {configured_at}", Reason(error))]
pub struct BindError {
    /// As configured.
    pub address: Address,
    /// Where the configuration names it.
    pub configured_at: Box<str>,
    /// Why.
    pub error: io::Error,
}

impl Listeners {
    /// None yet, but those that were passed to the process.
    pub(super) fn with(passed: Passed) -> Self {
        Self { passed, ..Self::default() }
    }

    /// Binds what a tree has new, and what `workers` lack. Addresses that the tree lacks are to be closed, unless there
    /// is a `fallback` that has them: then they are served as they were, for the time being.
    ///
    /// # Errors
    /// One for each address that cannot be bound; what was bound is closed again.
    pub(super) fn prepare(
        &self,
        tree: &Tree,
        workers: &[WorkerNumber],
        fallback: Option<&Tree>,
    ) -> Result<Change, Vec<BindError>> {
        let mut change = Change { last_id: self.last_id, ..Change::default() };
        let mut errors = Vec::new();
        for routes in &tree.addresses {
            let prepared = match self.find(&routes.address) {
                Some(open) => change.keep(open, &routes.options, workers),
                None => self.bind(&mut change, &routes.address, &routes.options, workers),
            };
            if let Err(error) = prepared {
                let (address, configured_at) = (routes.address.clone(), routes.configured_at.clone());
                errors.push(BindError { address, configured_at, error });
            }
        }
        for open in self.open.iter().filter(|open| tree.routes(&open.address).is_none()) {
            let address = open.address.clone();
            let Some(routes) = fallback.and_then(|tree| tree.routes(&address)) else {
                change.removed.push(address);
                continue;
            };
            match change.keep(open, &open.options, workers) {
                Ok(()) => change.retained.push(address),
                Err(error) => errors.push(BindError { address, configured_at: routes.configured_at.clone(), error }),
            }
        }
        if !errors.is_empty() {
            change.undo();
            return Err(errors);
        }
        Ok(change)
    }

    fn find(&self, address: &Address) -> Option<&Open> {
        self.open.iter().find(|open| open.address == *address)
    }

    fn bind(
        &self,
        change: &mut Change,
        address: &Address,
        options: &ListenOptions,
        workers: &[WorkerNumber],
    ) -> io::Result<()> {
        let passed = self.passed.for_address(address);
        let adopted = passed.iter().map(|socket| listen::adopt(&socket.descriptor, options));
        let mut descriptors: Vec<OwnedFd> = adopted.collect::<io::Result<_>>()?;
        let (is_new, source) = (passed.is_empty(), passed.first().map_or(Source::Server, |socket| socket.source));
        if is_new {
            // Our own sockets are in the way of the probe where one address contains the other.
            let own = self.open.iter().map(Open::bound).chain(self.passed.local_addresses().cloned());
            if !own.into_iter().any(|own| overlaps(&own, address)) {
                listen::probe(address, options)?;
            }
            descriptors.push(listen::bind(address, options)?);
        }
        let bound = descriptors.first().map_or(Ok(None), local_address)?;
        let shown = bound.map_or_else(|| address.to_string(), |bound| bound.to_string());
        let facts = Arc::new(ListenerFacts { address: shown.into(), inet: bound });
        let sockets = descriptors.into_iter().map(|descriptor| change.number(descriptor)).collect();
        let (address, options, shares) = (address.clone(), options.clone(), Shares::default());
        let mut open = Open { address, options, facts, source, is_new, sockets, shares };
        let options = &open.options.clone();
        open.sockets.extend(change.more_sockets(&open, options, workers.len()));
        let shares = shares::of(&open.shares, open.sockets.len(), workers);
        let lent = change.lend(&open, &[], &shares);
        open.shares = shares;
        change.added.push(open);
        lent
    }

    /// Takes the change, and says what workers are to be told.
    pub(super) fn commit(&mut self, change: Change) -> Orders {
        let Change { added, kept, lent, released, removed, last_id, .. } = change;
        self.last_id = last_id;
        self.open.iter().filter(|open| removed.contains(&open.address)).for_each(Open::remove_file);
        // The workers' duplicates are the last descriptors of these, and close them when the queues are empty.
        self.open.retain(|open| !removed.contains(&open.address));
        for kept in kept {
            if let Some(open) = self.open.iter_mut().find(|open| open.address == kept.address) {
                open.take(kept);
            }
        }
        self.open.extend(added);
        Orders { lent, released, closed: removed }
    }

    /// The addresses as they are bound.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        self.open.iter().map(|open| &*open.facts.address)
    }

    fn shown_of<'l>(&'l self, addresses: &'l [Address]) -> impl Iterator<Item = &'l str> {
        addresses.iter().filter_map(|address| self.find(address)).map(|open| &*open.facts.address)
    }

    /// Gives the sockets to a user, so that it may bind more of their addresses for more workers.
    pub(super) fn hand_over(change: &Change, user: u32, group: u32) {
        let (user, group) = (rustix::process::Uid::from_raw(user), rustix::process::Gid::from_raw(group));
        for socket in change.added.iter().flat_map(|open| &open.sockets) {
            // Without it, further workers share the sockets there are.
            let _shared_then = rustix::fs::fchown(&socket.descriptor, Some(user), Some(group));
        }
    }

    /// Closes the control thread's descriptors: nothing will be lent any more.
    pub(super) fn let_go(&mut self) {
        self.open.iter_mut().for_each(|open| open.sockets.clear());
    }

    /// Removes the files of Unix domain sockets, at the end.
    pub(super) fn remove_socket_files(&self) {
        self.open.iter().for_each(Open::remove_file);
    }

    /// Closes what was passed to the process and is on no address of the configuration.
    pub(super) fn close_unwanted(&mut self) {
        let configured: Vec<&Address> = self.open.iter().map(|open| &open.address).collect();
        self.passed.close_unwanted(&configured).iter().for_each(remove_socket_file);
        self.passed = Passed::default();
    }

    /// Descriptors of all sockets, for another process.
    ///
    /// # Errors
    /// When there are no more descriptors.
    pub(super) fn duplicates(&self) -> io::Result<Passed> {
        let mut passed = Passed::default();
        for open in &self.open {
            for socket in &open.sockets {
                let (descriptor, configured) = (socket.descriptor.try_clone()?, Some(open.address.clone()));
                passed.add(PassedSocket { source: open.source, name: None, configured, descriptor });
            }
        }
        Ok(passed)
    }
}

impl Open {
    /// Removes the file of a Unix domain socket, unless whoever made the socket goes on listening.
    fn remove_file(&self) {
        if self.source == Source::Server {
            remove_socket_file(&self.address);
        }
    }

    /// The address, with the port that the system chose where the configuration leaves it that.
    fn bound(&self) -> Address {
        self.facts.inet.map_or_else(|| self.address.clone(), Address::Inet)
    }

    /// Takes up what is new about it. An option that the system refuses is told, and the old one holds.
    fn take(&mut self, kept: Kept) {
        self.sockets.extend(kept.more);
        self.shares = kept.shares;
        if self.options == kept.options {
            return;
        }
        if self.options.ipv6only != kept.options.ipv6only {
            let address = &self.address;
            report(
                Severity::Warn,
                format_args!("the changed \"ipv6only\" of {address} takes effect at the next start"),
            );
        }
        for socket in &self.sockets {
            if let Err(error) = listen::apply(&socket.descriptor, &kept.options) {
                let (address, reason) = (&self.address, Reason(&error));
                report(Severity::Warn, format_args!("the options of {address} cannot be changed {reason}"));
            }
        }
        self.options = ListenOptions { ipv6only: self.options.ipv6only, ..kept.options };
    }
}

impl Change {
    /// An address that stays, perhaps for more or fewer workers.
    fn keep(&mut self, open: &Open, options: &ListenOptions, workers: &[WorkerNumber]) -> io::Result<()> {
        let more = self.more_sockets(open, options, workers.len());
        let shares = shares::of(&open.shares, open.sockets.len() + more.len(), workers);
        self.lend(open, &more, &shares)?;
        let sockets = open.sockets.iter().chain(&more).map(|socket| socket.id);
        let given_up = shares::given_up(&open.shares, &shares);
        let sockets: Vec<SocketId> = sockets.collect();
        self.released.extend(given_up.map(|(worker, socket)| (worker, sockets[socket])));
        self.kept.push(Kept { address: open.address.clone(), options: options.clone(), more, shares });
        Ok(())
    }

    /// The sockets that an address lacks for so many workers. Where the system gives none (the port was bound as another
    /// user), workers share those there are.
    fn more_sockets(&mut self, open: &Open, options: &ListenOptions, workers: usize) -> Vec<Socket> {
        let Some(bound) = open.facts.inet else { return Vec::new() };
        let lacking = workers.saturating_sub(open.sockets.len());
        let bind = || listen::bind(&Address::Inet(bound), options).ok();
        let bound: Vec<OwnedFd> = (0..lacking).map_while(|_| bind()).collect();
        bound.into_iter().map(|descriptor| self.number(descriptor)).collect()
    }

    /// Makes the duplicates that workers get in addition.
    fn lend(&mut self, open: &Open, more: &[Socket], shares: &Shares) -> io::Result<()> {
        let sockets: Vec<&Socket> = open.sockets.iter().chain(more).collect();
        for (worker, socket) in shares::given(&open.shares, shares) {
            let Socket { id, descriptor } = sockets[socket];
            let (address, facts) = (open.address.clone(), Arc::clone(&open.facts));
            let socket = descriptor.try_clone()?;
            self.lent.push((worker, NewListener { address, facts, id: *id, socket }));
        }
        Ok(())
    }

    fn number(&mut self, descriptor: OwnedFd) -> Socket {
        self.last_id += 1;
        Socket { id: SocketId(self.last_id), descriptor }
    }

    /// Leaves nothing behind of what was bound for a change that is refused.
    pub(super) fn undo(self) {
        for open in self.added.iter().filter(|open| open.is_new) {
            remove_socket_file(&open.address);
        }
    }

    /// The addresses that are new, as they are bound.
    pub(super) fn added(&self) -> impl Iterator<Item = &str> {
        self.added.iter().map(|open| &*open.facts.address)
    }

    /// The addresses that stay and whose options differ.
    pub(super) fn differing<'c>(&'c self, listeners: &'c Listeners) -> impl Iterator<Item = &'c str> {
        let changed = |kept: &Kept| listeners.find(&kept.address).filter(|open| open.options != kept.options);
        self.kept.iter().filter_map(changed).map(|open| &*open.facts.address)
    }

    /// The addresses that go, as they were bound.
    pub(super) fn removed<'c>(&'c self, listeners: &'c Listeners) -> impl Iterator<Item = &'c str> {
        listeners.shown_of(&self.removed)
    }

    /// The addresses that go later, if at all.
    pub(super) fn retained<'c>(&'c self, listeners: &'c Listeners) -> impl Iterator<Item = &'c str> {
        listeners.shown_of(&self.retained)
    }
}

fn local_address(socket: &OwnedFd) -> io::Result<Option<SocketAddr>> {
    Ok(socket2::SockRef::from(socket).local_addr()?.as_socket())
}

/// Whether a socket on one address is in the way of one on the other.
fn overlaps(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Inet(one), Address::Inet(other)) => {
            one.port() == other.port()
                && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
        }
        _ => one == other,
    }
}

/// A socket file is of no use without its socket. It may be gone already.
fn remove_socket_file(address: &Address) {
    if let Address::Unix(path) = address {
        let _may_be_gone = fs::remove_file(path);
    }
}

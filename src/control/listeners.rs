//! The addresses that are listened on, kept by their names across reloads.
//!
//! Each worker has a socket of its own for an internet address, so that the system spreads connections without a lock;
//! a Unix domain socket is one, shared. New ones are bound before anything changes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::base::reason::Reason;
use crate::exchange::client::ListenerFacts;
use crate::route::tree::Tree;
use crate::runtime::listen;
use crate::runtime::{Address, ListenOptions};
use crate::server::worker::NewListener;

/// What is listened on now.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    open: Vec<Open>,
}

#[derive(Clone, Debug)]
struct Open {
    /// As configured.
    address: Address,
    options: ListenOptions,
    facts: Arc<ListenerFacts>,
}

/// What a new tree changes; nothing of it has happened for anybody yet.
#[derive(Debug, Default)]
pub(super) struct Change {
    kept: Vec<Open>,
    added: Vec<(Open, Vec<OwnedFd>)>,
    removed: Vec<Open>,
    /// Addresses whose socket options differ from those that the open socket has.
    pub(super) differing: Vec<Address>,
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
    /// Binds what a tree has new, a socket for each of `workers`.
    ///
    /// # Errors
    /// One for each address that cannot be bound; what was bound is closed again.
    pub(super) fn prepare(&self, tree: &Tree, workers: usize) -> Result<Change, Vec<BindError>> {
        let mut change = Change::default();
        let mut errors = Vec::new();
        for routes in &tree.addresses {
            if let Some(open) = self.open.iter().find(|open| open.address == routes.address) {
                if open.options != routes.options {
                    change.differing.push(open.address.clone());
                }
                change.kept.push(open.clone());
                continue;
            }
            match self.bind(&routes.address, &routes.options, workers) {
                Ok(added) => change.added.push(added),
                Err(error) => {
                    let (address, configured_at) = (routes.address.clone(), routes.configured_at.clone());
                    errors.push(BindError { address, configured_at, error });
                }
            }
        }
        if !errors.is_empty() {
            for (open, _) in &change.added {
                remove_socket_file(&open.address);
            }
            return Err(errors);
        }
        let stays = |open: &&Open| change.kept.iter().any(|kept| kept.address == open.address);
        change.removed = self.open.iter().filter(|open| !stays(open)).cloned().collect();
        Ok(change)
    }

    fn bind(&self, address: &Address, options: &ListenOptions, workers: usize) -> io::Result<(Open, Vec<OwnedFd>)> {
        // Our own sockets are in the way of the probe where one address contains the other.
        if !self.open.iter().any(|open| overlaps(&open.address, address)) {
            listen::probe(address, options)?;
        }
        let first = listen::bind(address, options)?;
        let bound = match address {
            Address::Inet(_) => local_address(&first)?,
            Address::Unix(_) => None,
        };
        let mut sockets = vec![first];
        while sockets.len() < workers {
            sockets.push(match bound {
                Some(bound) => listen::bind(&Address::Inet(bound), options)?,
                None => sockets[0].try_clone()?,
            });
        }
        let shown = bound.map_or_else(|| address.to_string(), |bound| bound.to_string());
        let facts = Arc::new(ListenerFacts { address: shown.into(), inet: bound });
        Ok((Open { address: address.clone(), options: options.clone(), facts }, sockets))
    }

    /// Takes the change: says what each worker is to open (by worker, in order), and what all are to close.
    pub(super) fn commit(&mut self, change: Change, workers: usize) -> (Vec<Vec<NewListener>>, Vec<Address>) {
        let mut by_worker: Vec<Vec<NewListener>> = (0..workers).map(|_| Vec::new()).collect();
        self.open = change.kept;
        for (open, sockets) in change.added {
            for (worker, socket) in by_worker.iter_mut().zip(sockets) {
                let (address, facts) = (open.address.clone(), Arc::clone(&open.facts));
                worker.push(NewListener { address, facts, socket });
            }
            self.open.push(open);
        }
        for open in &change.removed {
            remove_socket_file(&open.address);
        }
        (by_worker, change.removed.into_iter().map(|open| open.address).collect())
    }

    /// The addresses as they are bound.
    pub(super) fn shown(&self) -> impl Iterator<Item = &str> {
        self.open.iter().map(|open| &*open.facts.address)
    }

    /// Removes the files of Unix domain sockets, at the end.
    pub(super) fn remove_socket_files(&self) {
        for open in &self.open {
            remove_socket_file(&open.address);
        }
    }
}

impl Change {
    /// The addresses that are new, as they are bound.
    pub(super) fn added(&self) -> impl Iterator<Item = &str> {
        self.added.iter().map(|(open, _)| &*open.facts.address)
    }

    /// The addresses that go, as they were bound.
    pub(super) fn removed(&self) -> impl Iterator<Item = &str> {
        self.removed.iter().map(|open| &*open.facts.address)
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

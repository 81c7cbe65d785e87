//! Listening sockets that were open before this process: those of a service manager (socket activation, sd_listen_fds(3))
//! and those of the server that this one replaces.
//!
//! An address of the configuration takes what was passed for it, by the manager's name (`listen fd:NAME`), by how the
//! server before had it configured, or by what it is bound to. What nobody wants is told and closed.

use std::env;
use std::os::fd::OwnedFd;

use listenfd::ListenFd;

use crate::base::report::{Severity, report};
use crate::runtime::Address;
use crate::runtime::listen::local_address;

/// Where a socket comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// This server, or the one that it replaces, bound it.
    Server,
    /// A service manager, whose it stays: the file of a Unix domain socket is not removed.
    Manager,
}

/// A socket that was passed.
#[derive(Debug)]
pub(super) struct PassedSocket {
    pub(super) source: Source,
    /// What the manager calls it.
    pub(super) name: Option<String>,
    /// As the server before had it configured.
    pub(super) configured: Option<Address>,
    pub(super) descriptor: OwnedFd,
}

/// The sockets that were passed to this process.
#[derive(Debug, Default)]
pub(super) struct Passed {
    sockets: Vec<(PassedSocket, Address)>,
    /// What was passed and is of no use.
    useless: Vec<String>,
}

impl Passed {
    /// What a service manager passes. To be called once, before there are other threads: the variables are taken out of
    /// the environment, so that no other program takes the descriptors for its own.
    pub(super) fn from_environment() -> Self {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut listed = ListenFd::from_env();
        let mut passed = Self::default();
        for index in 0..listed.len().min(SOCKETS_MAX) {
            let name = names.next().filter(|name| !name.is_empty()).map(str::to_owned);
            let stream = match listed.take_tcp_listener(index) {
                Ok(socket) => socket.map(OwnedFd::from),
                Err(_not_tcp) => listed.take_unix_listener(index).ok().flatten().map(OwnedFd::from),
            };
            match stream {
                Some(descriptor) => {
                    passed.add(PassedSocket { source: Source::Manager, name, configured: None, descriptor });
                }
                None => {
                    let (number, name) = (index + 3, name.unwrap_or_default());
                    passed
                        .useless
                        .push(format!("the descriptor {number} \"{name}\" that was passed is no stream socket"));
                }
            }
        }
        passed
    }

    /// Adds a socket.
    pub(super) fn add(&mut self, socket: PassedSocket) {
        match local_address(&socket.descriptor) {
            Ok(local) => self.sockets.push((socket, local)),
            Err(error) => self.useless.push(format!("a socket that was passed has no address: {error}")),
        }
    }

    /// Those for an address of the configuration.
    pub(super) fn for_address(&self, address: &Address) -> Vec<&PassedSocket> {
        let wanted = |fits: &dyn Fn(&PassedSocket, &Address) -> bool| -> Vec<&PassedSocket> {
            self.sockets.iter().filter(|(socket, local)| fits(socket, local)).map(|(socket, _)| socket).collect()
        };
        let before = wanted(&|socket, _| socket.configured.as_ref() == Some(address));
        if !before.is_empty() {
            return before;
        }
        match address {
            Address::Named(name) => wanted(&|socket, _| socket.name.as_ref() == Some(name)),
            _ => wanted(&|_, local| local == address),
        }
    }

    /// What they are bound to.
    pub(super) fn local_addresses(&self) -> impl Iterator<Item = &Address> {
        self.sockets.iter().map(|(_, local)| local)
    }

    /// All, for another process.
    pub(super) fn into_sockets(self) -> impl Iterator<Item = PassedSocket> {
        self.sockets.into_iter().map(|(socket, _)| socket)
    }

    /// Closes all that no address of the configuration has taken, and says so; the files of those that the server before
    /// had bound are to be removed, and returned.
    pub(super) fn close_unwanted(&mut self, configured: &[&Address]) -> Vec<Address> {
        for what in self.useless.drain(..) {
            report(Severity::Warn, format_args!("{what}, ignored"));
        }
        let taken: Vec<bool> = {
            let wanted: Vec<&PassedSocket> = configured.iter().flat_map(|address| self.for_address(address)).collect();
            self.sockets.iter().map(|(socket, _)| wanted.iter().any(|other| std::ptr::eq(*other, socket))).collect()
        };
        let mut files = Vec::new();
        for ((socket, local), _) in self.sockets.drain(..).zip(taken).filter(|(_, taken)| !taken) {
            match socket.source {
                Source::Server => {
                    report(Severity::Notice, format_args!("no longer listening on {local}"));
                    files.push(local);
                }
                Source::Manager => {
                    let name = socket.name.as_deref().unwrap_or("without a name");
                    report(
                        Severity::Warn,
                        format_args!("no \"listen\" has the socket {local} ({name}) that was passed, it is closed"),
                    );
                }
            }
        }
        files
    }
}

/// How many sockets can be passed: far more than a configuration has addresses.
const SOCKETS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn passed(sockets: impl IntoIterator<Item = (Option<&'static str>, Option<Address>)>) -> (Passed, Vec<Address>) {
        let mut passed = Passed::default();
        for (name, configured) in sockets {
            let descriptor = OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
            let source = if configured.is_some() { Source::Server } else { Source::Manager };
            passed.add(PassedSocket { source, name: name.map(str::to_owned), configured, descriptor });
        }
        let local = passed.local_addresses().cloned().collect();
        (passed, local)
    }

    #[test]
    fn a_socket_is_taken_by_its_name_or_by_its_address() {
        let (passed, local) = passed([(Some("web"), None), (Some("admin"), None), (Some("web"), None)]);
        assert_eq!(passed.for_address(&Address::Named("web".into())).len(), 2);
        assert_eq!(passed.for_address(&local[1]).len(), 1);
        assert!(passed.for_address(&Address::Named("other".into())).is_empty());
    }

    #[test]
    fn what_the_server_before_had_configured_goes_before_what_it_is_bound_to() {
        let any = Address::Inet("127.0.0.1:0".parse().unwrap());
        let (passed, local) = passed([(None, Some(any.clone())), (None, Some(any.clone()))]);
        assert_eq!(passed.for_address(&any).len(), 2);
        assert_eq!(passed.for_address(&local[0]).len(), 1);
    }

    #[test]
    fn only_the_servers_own_files_are_removed_for_nobody_wants_them() {
        let any = Address::Inet("127.0.0.1:0".parse().unwrap());
        let (mut passed, local) = passed([(Some("web"), None), (None, Some(any))]);
        assert_eq!(passed.close_unwanted(&[]), [local[1].clone()]);
        assert!(passed.for_address(&local[0]).is_empty());
    }
}

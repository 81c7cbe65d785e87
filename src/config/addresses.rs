//! Which virtual servers share an address: nginx's checks of `listen` and `server_name`.
//!
//! Collects the servers in their order; the first server of an address, or the one that says
//! `default_server`, has the names that no other has. Called by `assemble`.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::build::Listen;
use super::diagnostics::{Diagnostic, Place};
use super::lint;
use super::session::Session;
use crate::route::names::{Name, NameTableBuilder};
use crate::route::tree::{AddressRoutes, Named, Server, Slots};
use crate::runtime::listen::{Address, ListenOptions};

/// The addresses of a configuration, as far as they are known.
pub(super) struct Addresses<'s> {
    session: &'s Session,
    /// The port that servers without a `listen` get.
    default_port: u16,
    order: Vec<AddressDraft>,
    by_address: HashMap<Address, usize>,
}

/// One address.
struct AddressDraft {
    address: Address,
    options: ListenOptions,
    proxy_protocol: bool,
    /// The first `listen`.
    listened_at: Place,
    /// The `listen` that wrote options of the socket.
    options_at: Option<Place>,
    default: Arc<Server>,
    /// The `listen` that said `default_server`.
    default_at: Option<Place>,
    /// How many servers there are.
    servers: usize,
    /// The server that came last, and the `listen` that brought it.
    last: (Arc<Server>, Place),
    names: NameTableBuilder<Named>,
    /// Where each name stands, in the order of `names`, for the messages.
    places: Vec<Place>,
}

/// How an address is used, for lints.
#[derive(Clone, Debug)]
pub(super) struct AddressUse {
    pub(super) address: String,
    /// The first `listen`, or the server that has none.
    pub(super) first: Place,
    /// How many servers share it.
    pub(super) servers: usize,
    /// Whether one of them is said to be the default: by `default_server`, or by its place and the name `_`.
    pub(super) has_default: bool,
}

/// A server's name, where it stands, and the slots of its groups.
pub(super) type ServerName = (Name, Place, Slots);

impl<'s> Addresses<'s> {
    pub(super) fn new(session: &'s Session, as_root: bool) -> Self {
        let default_port = if as_root { DEFAULT_PORT_OF_ROOT } else { DEFAULT_PORT };
        Self { session, default_port, order: Vec::new(), by_address: HashMap::new() }
    }

    /// Adds a server to the addresses it listens on.
    pub(super) fn add(&mut self, server: &Arc<Server>, place: Place, listens: &[Listen], names: &[ServerName]) {
        let default = [self.default_listen(place)];
        let listens = if listens.is_empty() { &default } else { listens };
        for listen in listens {
            let Some(index) = self.listen(server, listen) else { continue };
            let address = &mut self.order[index];
            for (name, place, captures) in names {
                let named = Named { server: Arc::clone(server), captures: Arc::clone(captures) };
                if let Err(conflict) = address.names.insert(name.clone(), named) {
                    let message =
                        format!("conflicting server name \"{}\" on {}, ignored", conflict.name, address.address);
                    let mut warning = Diagnostic::warning(*place, message).lint(&lint::CONFLICTING_SERVER_NAME);
                    if let Some(first) = address.names.position(name) {
                        warning = warning.related(address.places[first], "this server has the name");
                    }
                    self.session.report(warning);
                } else {
                    address.places.push(*place);
                }
            }
        }
    }

    /// How each address is used.
    pub(super) fn uses(&self) -> Vec<AddressUse> {
        let uses = self.order.iter().map(|address| AddressUse {
            address: address.address.to_string(),
            first: address.listened_at,
            servers: address.servers,
            has_default: address.default_at.is_some() || *address.default.name == *b"_",
        });
        uses.collect()
    }

    pub(super) fn finish(self) -> Vec<Arc<AddressRoutes>> {
        let sources = &self.session.sources;
        let routes = self.order.into_iter().map(|address| {
            Arc::new(AddressRoutes {
                configured_at: sources.file_and_line(address.listened_at).into(),
                address: address.address,
                options: address.options,
                proxy_protocol: address.proxy_protocol,
                names: address.names.build(),
                default: address.default,
            })
        });
        routes.collect()
    }

    /// Notes one `listen`; the index of its address, unless it is a repetition.
    fn listen(&mut self, server: &Arc<Server>, listen: &Listen) -> Option<usize> {
        let Some(index) = self.by_address.get(&listen.address).copied() else {
            self.by_address.insert(listen.address.clone(), self.order.len());
            self.order.push(AddressDraft {
                address: listen.address.clone(),
                options: listen.options.clone(),
                proxy_protocol: listen.proxy_protocol,
                listened_at: listen.place,
                options_at: listen.options_written.then_some(listen.place),
                default: Arc::clone(server),
                default_at: listen.default_server.then_some(listen.place),
                servers: 1,
                last: (Arc::clone(server), listen.place),
                names: NameTableBuilder::new(),
                places: Vec::new(),
            });
            return Some(self.order.len() - 1);
        };
        let known = &mut self.order[index];
        let shown = &known.address;
        let error = |message: String, first: Place, text: &str| {
            self.session.report(Diagnostic::error(listen.place, message).related(first, text));
        };
        if Arc::ptr_eq(&known.last.0, server) {
            error(format!("a duplicate listen {shown}"), known.last.1, "the same address in the same server");
            return None;
        }
        known.proxy_protocol |= listen.proxy_protocol;
        if listen.options_written {
            match known.options_at {
                Some(first) => error(format!("duplicate listen options for {shown}"), first, "first here"),
                None => {
                    known.options = listen.options.clone();
                    known.options_at = Some(listen.place);
                }
            }
        }
        if listen.default_server {
            match known.default_at {
                Some(first) => error(format!("a duplicate default server for {shown}"), first, "first here"),
                None => {
                    known.default = Arc::clone(server);
                    known.default_at = Some(listen.place);
                }
            }
        }
        known.last = (Arc::clone(server), listen.place);
        known.servers += 1;
        Some(index)
    }

    /// Where a server with these `listen`s is asked first.
    pub(super) fn first_of(&self, listens: &[Listen]) -> Address {
        listens.first().map_or_else(|| self.default_address(), |listen| listen.address.clone())
    }

    fn default_address(&self) -> Address {
        Address::Inet(SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.default_port)))
    }

    /// What a server without a `listen` has.
    fn default_listen(&self, place: Place) -> Listen {
        Listen {
            address: self.default_address(),
            options: ListenOptions::default(),
            options_written: false,
            proxy_protocol: false,
            default_server: false,
            place,
        }
    }
}

/// nginx's `*:80`.
const DEFAULT_PORT_OF_ROOT: u16 = 80;
/// nginx's `*:8000`, for those who may not bind 80.
const DEFAULT_PORT: u16 = 8000;

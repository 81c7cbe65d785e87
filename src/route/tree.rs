//! The routing tree: address -> virtual server by name -> location. Immutable, shared by workers.
//!
//! Built whole by `config`, published whole by `control`. `server` selects the virtual server of a
//! request; from there an exchange sees it as a `Site`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::locations::{LocationTree, Matched, Outcome};
use super::names::NameTable;
use crate::base::regex::Captures;
use crate::exchange::Captured;
use crate::exchange::definitions::Definitions;
use crate::exchange::plan::Plan;
use crate::exchange::site::{Located, Site};
use crate::exchange::variables::Slot;
use crate::http::h1::Limits;
use crate::runtime::listen::{Address, ListenOptions};

/// Everything that requests are routed by.
#[derive(Debug, Default)]
pub struct Tree {
    /// The addresses that are listened on.
    pub addresses: Vec<Arc<AddressRoutes>>,
    by_address: HashMap<Address, usize>,
    servers: usize,
}

/// One listening address and its virtual servers.
#[derive(Debug)]
pub struct AddressRoutes {
    /// As configured; it is the key that a listener keeps across reloads.
    pub address: Address,
    /// How it is listened on.
    pub options: ListenOptions,
    /// Whether connections begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Where the configuration says so (`site.conf:3`), for messages.
    pub configured_at: Box<str>,
    /// Servers by name.
    pub names: NameTable<Named>,
    /// The server for names that no other has; how requests are read is decided by it, too.
    pub default: Arc<Server>,
}

/// What a server name leads to.
#[derive(Clone, Debug)]
pub struct Named {
    /// The server.
    pub server: Arc<Server>,
    /// Named groups of the name's regular expression, and their slots.
    pub captures: Slots,
}

/// A virtual server.
#[derive(Debug)]
pub struct Server {
    /// `$server_name`: the first name; empty when there is none.
    pub name: Bytes,
    /// The server's own plan: rewrites before a location is chosen, and all of it when none fits.
    pub plan: Arc<Plan>,
    /// Its locations.
    pub locations: LocationTree<Location>,
    /// Answers 500 when a regular expression took too many steps.
    pub failure: Arc<Plan>,
    /// `merge_slashes`.
    pub merge_slashes: bool,
    /// How requests are read, for the addresses whose default server this is.
    pub reading: Reading,
    /// How the variables are computed that the configuration defines; the same for all servers.
    pub definitions: Arc<Definitions>,
}

/// What a location leads to.
#[derive(Clone, Debug)]
pub struct Location {
    /// What it does.
    pub plan: Arc<Plan>,
    /// Named groups of its regular expression, and their slots.
    pub captures: Slots,
}

/// Named groups of a regular expression: number of the group, slot of the variable.
pub type Slots = Arc<[(usize, Slot)]>;

/// How requests are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Sizes and counts of a head.
    pub limits: Limits,
    /// `client_header_timeout`: for the whole head.
    pub header_timeout: Duration,
}

impl Tree {
    /// The tree of these addresses, which have so many servers in all.
    pub fn new(addresses: Vec<Arc<AddressRoutes>>, servers: usize) -> Self {
        let by_address = addresses.iter().enumerate().map(|(index, routes)| (routes.address.clone(), index));
        Self { by_address: by_address.collect(), addresses, servers }
    }

    /// The same with those addresses of another tree that it lacks, as they are there; none if it lacks none.
    pub fn with_addresses_of(&self, other: &Self) -> Option<Self> {
        let lacking = other.addresses.iter().filter(|routes| !self.by_address.contains_key(&routes.address));
        let lacking: Vec<_> = lacking.cloned().collect();
        let addresses = || self.addresses.iter().cloned().chain(lacking.iter().cloned()).collect();
        (!lacking.is_empty()).then(|| Self::new(addresses(), self.servers))
    }

    /// Where an address is among those that are listened on; a listener asks once for each configuration.
    pub fn position(&self, address: &Address) -> Option<usize> {
        self.by_address.get(address).copied()
    }

    /// The virtual servers of an address.
    pub fn routes(&self, address: &Address) -> Option<Arc<AddressRoutes>> {
        self.position(address).map(|index| Arc::clone(&self.addresses[index]))
    }

    /// Gives everything back, piece by piece: a tree of many servers has very many. Calls `pause` between the pieces.
    pub fn take_apart(self, pause: &mut dyn FnMut()) {
        for routes in self.addresses.into_iter().filter_map(Arc::into_inner) {
            routes.names.take_apart(pause);
        }
    }

    /// How many virtual servers there are.
    pub fn servers(&self) -> usize {
        self.servers
    }

    /// The virtual server for a request that came to an address; `host` is the name it asked for,
    /// without port. None if there is no such address.
    pub fn select(&self, address: &Address, host: Option<&[u8]>) -> Option<(Arc<Server>, Option<Captured>)> {
        Some(self.routes(address)?.select(host))
    }
}

impl AddressRoutes {
    /// All virtual servers, each once: the default one first.
    pub fn servers(&self) -> Vec<&Arc<Server>> {
        let mut servers = vec![&self.default];
        let mut seen = HashSet::from([Arc::as_ptr(&self.default)]);
        for named in self.names.values() {
            if seen.insert(Arc::as_ptr(&named.server)) {
                servers.push(&named.server);
            }
        }
        servers
    }

    /// The virtual server for the name that a request asked for (without port), and what the regular
    /// expression of its name captured.
    ///
    /// A name on which an expression takes too many steps belongs to nobody: the default server has
    /// it, where nginx answers 500.
    pub fn select(&self, host: Option<&[u8]>) -> (Arc<Server>, Option<Captured>) {
        let host = host.unwrap_or_default();
        let Ok(Some(found)) = self.names.find(host) else { return (Arc::clone(&self.default), None) };
        let named = found.value;
        let captured = found.captures.map(|captures| {
            let subject = Bytes::from(host.to_ascii_lowercase());
            captured(subject, &captures, &named.captures)
        });
        (Arc::clone(&named.server), captured)
    }
}

impl Site for Server {
    fn locate(&self, path: &[u8]) -> Located {
        match self.locations.find(path) {
            Ok(Outcome::Found(found)) => Located {
                plan: Arc::clone(&found.value.plan),
                captured: captured_by_all(path, &found.matched),
                redirect_to_slash: false,
            },
            Ok(Outcome::Redirect(location)) => Located::at(&location.plan, true),
            Ok(Outcome::None) => Located::at(&self.plan, false),
            Err(_) => Located::at(&self.failure, false),
        }
    }

    fn named(&self, name: &str) -> Option<Arc<Plan>> {
        self.locations.named(name).map(|location| Arc::clone(&location.plan))
    }

    fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn name(&self) -> &Bytes {
        &self.name
    }

    fn merge_slashes(&self) -> bool {
        self.merge_slashes
    }

    fn definitions(&self) -> &Definitions {
        &self.definitions
    }
}

impl Located {
    fn at(plan: &Arc<Plan>, redirect_to_slash: bool) -> Self {
        Self { plan: Arc::clone(plan), captured: None, redirect_to_slash }
    }
}

impl Default for Reading {
    /// nginx's defaults.
    fn default() -> Self {
        Self { limits: Limits::default(), header_timeout: Duration::from_secs(60) }
    }
}

/// What the regular expressions on the way to a location captured, the innermost being the last:
/// `$1` is of that one, the named groups of all are kept.
fn captured_by_all(path: &[u8], matched: &[Matched<'_, Location>]) -> Option<Captured> {
    let (last, before) = matched.split_last()?;
    let mut captured = captured(Bytes::copy_from_slice(path), &last.captures, &last.value.captures);
    let outer: Vec<(Range<usize>, Slot)> = before
        .iter()
        .flat_map(|outer| outer.value.captures.iter().map(|(group, slot)| (outer.captures.get(*group), *slot)))
        .filter_map(|(range, slot)| Some((range?, slot)))
        .collect();
    if !outer.is_empty() {
        // The groups of the outer expressions stand behind those that have a number.
        let mut names = Vec::with_capacity(outer.len() + captured.names.len());
        captured.groups.resize(captured.groups.len().max(NUMBERED_GROUPS), None);
        for (range, slot) in outer {
            names.push((captured.groups.len(), slot));
            captured.groups.push(Some(range));
        }
        names.extend_from_slice(&captured.names);
        captured.names = names.into();
    }
    Some(captured)
}

/// What one match captured, for an exchange: the groups that have a number, and the named ones.
pub fn captured(subject: Bytes, captures: &Captures, names: &Slots) -> Captured {
    let named = names.iter().map(|(group, _)| group + 1).max().unwrap_or(0);
    let mut groups: Vec<Option<Range<usize>>> =
        (0..NUMBERED_GROUPS.max(named)).map(|group| captures.get(group)).collect();
    while groups.last().is_some_and(Option::is_none) {
        groups.pop();
    }
    Captured { subject, groups, names: Arc::clone(names) }
}

/// `$1` to `$9`, and the whole match.
const NUMBERED_GROUPS: usize = 10;

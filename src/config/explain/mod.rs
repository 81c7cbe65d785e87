//! Why a request is answered as it is: `webserv explain`.
//!
//! The answer is a rehearsal by the routing tree; what is said about it comes from the tree as written: which servers
//! and locations might have answered and why they do not, and which directives hold, each with its place. Called by the
//! command line, which shows it.

mod directives;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostics::Place;
use super::expectations::condition;
use super::load::Configuration;
use super::schema::AnyModule;
use super::view::{Block, Kind, View};
use crate::exchange::plan::Plan;
use crate::exchange::trace::Step;
use crate::rehearsal::{self, Answer, Question, Unanswered};
use crate::route::locations::{Entry, LocationTreeBuilder, Outcome, Pattern};
use crate::route::names::{Name, NameTableBuilder};
use crate::route::tree::{AddressRoutes, Tree};
use crate::runtime::Address;

/// How a request is answered, and why.
#[derive(Debug)]
pub struct Explanation {
    /// The address it comes to.
    pub listener: Told,
    /// The virtual server, and why it is the one.
    pub server: Option<Told>,
    /// Other servers of the address, and why they are not.
    pub other_servers: Vec<Told>,
    /// How many more there are whose names do not fit.
    pub unfit_servers: usize,
    /// The location that answers in the end, and why; none when the server itself does.
    pub location: Option<Told>,
    /// Other locations of the server, and why they do not.
    pub other_locations: Vec<Told>,
    /// What happens on the way.
    pub steps: Vec<Told>,
    /// The directives that hold there.
    pub directives: Vec<Told>,
    /// The answer itself.
    pub answer: Answer,
}

/// Something, where the configuration says it, and why it is so.
#[derive(Debug)]
pub struct Told {
    /// What.
    pub what: String,
    /// `site.conf:3`; empty where no line says so.
    pub at: String,
    /// Why; may be empty.
    pub why: String,
}

/// Where a request is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A name or an address, and a port.
    Inet(String, u16),
    /// The socket with this path.
    Unix(PathBuf),
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// No address has the port that is asked for, or is that socket.
    #[error("nobody listens on {destination}; there is {}", .addresses.join(", "))]
    NobodyListens {
        /// Where.
        destination: Destination,
        /// The addresses that there are.
        addresses: Vec<String>,
    },
    /// There is no answer.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// Other servers and locations that are listed at the most.
const OTHERS_MAX: usize = 20;

/// Explains the answer to a question that comes to this host and port.
pub(super) fn explain(
    configuration: &Configuration,
    view: &View<'_>,
    modules: &[&'static dyn AnyModule],
    question: &Question,
    destination: &Destination,
) -> Result<Explanation, Unexplained> {
    let routes = listener(&configuration.tree, destination)?;
    let answer = rehearsal::ask(&routes, question)?;
    let teller = Teller { view, host: asked_name(&question.host) };
    let server = answer.server.as_ref().and_then(|server| teller.block_of(&server.plan));
    let (other_servers, unfit_servers) = teller.other_servers(&routes, server);
    let path = last_path(&answer);
    let location =
        answer.plan.as_ref().and_then(|plan| teller.block_of(plan)).filter(|block| block.kind != Kind::Server);
    let inner = location.and_then(|location| teller.inner_block(location, &answer)).or(location);
    let holds = inner.or(server);
    Ok(Explanation {
        listener: Told { what: routes.address.to_string(), at: routes.configured_at.to_string(), why: String::new() },
        server: server.map(|server| teller.server(&routes, server)),
        other_servers,
        unfit_servers,
        location: location.map(|location| teller.location(location, &path)),
        other_locations: server.map(|server| teller.other_locations(server, location, &path)).unwrap_or_default(),
        steps: teller.steps(&answer),
        directives: holds.map(|block| directives::that_hold(view, block, modules)).unwrap_or_default(),
        answer,
    })
}

/// The address that a connection to there comes to: the very one, a wildcard, or any with the port.
fn listener(tree: &Tree, destination: &Destination) -> Result<Arc<AddressRoutes>, Unexplained> {
    let fitness = |routes: &&Arc<AddressRoutes>| match (&routes.address, destination) {
        (Address::Unix(path), Destination::Unix(asked)) => (path == asked).then_some(0),
        (Address::Inet(inet), Destination::Inet(host, port)) if inet.port() == *port => fitness(inet, host),
        _ => None,
    };
    let best = tree.addresses.iter().filter_map(|routes| Some((fitness(&routes)?, routes))).min_by_key(|(fit, _)| *fit);
    best.map(|(_, routes)| Arc::clone(routes)).ok_or_else(|| Unexplained::NobodyListens {
        destination: destination.clone(),
        addresses: tree.addresses.iter().map(|routes| routes.address.to_string()).collect(),
    })
}

/// How well an address fits a name or an address that a client connects to; the least is the best.
fn fitness(listening: &SocketAddr, host: &str) -> Option<u8> {
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(host) if listening.ip() == host => Some(0),
        Ok(host) => is_wildcard_for(listening, host).then_some(1),
        Err(_) => Some(if listening.ip().is_unspecified() { 2 } else { 3 }),
    }
}

fn is_wildcard_for(listening: &SocketAddr, host: IpAddr) -> bool {
    listening.ip().is_unspecified() && (listening.is_ipv4() == host.is_ipv4() || listening.is_ipv6())
}

/// The path that the last location was chosen by.
fn last_path(answer: &Answer) -> String {
    let paths = answer.own_steps().filter_map(|step| match step {
        Step::Located { uri, .. } => Some(String::from_utf8_lossy(uri).into_owned()),
        _ => None,
    });
    paths.last().unwrap_or_default()
}

/// The name in a `Host` field, in small letters.
fn asked_name(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Says why, by the tree as written.
struct Teller<'v, 'a> {
    view: &'v View<'a>,
    /// The name that is asked for, in small letters and without port.
    host: String,
}

impl<'v, 'a> Teller<'v, 'a> {
    fn at(&self, place: Option<Place>) -> String {
        place.map(|place| self.view.session.sources.file_and_line(place)).unwrap_or_default()
    }

    /// The block that a plan was built of.
    fn block_of(&self, plan: &Plan) -> Option<&'v Block<'a>> {
        let at = plan.written_at?;
        self.view.blocks().find(|block| is_at(block, at))
    }

    /// The block in a location whose settings have taken the place of its own: the `limit_except`, or the last `if`
    /// whose condition holds.
    fn inner_block(&self, location: &Block<'a>, answer: &Answer) -> Option<&'v Block<'a>> {
        let mut inner = None;
        for step in answer.own_steps() {
            match step {
                Step::Located { plan, .. } => {
                    let except = plan.except.as_ref().map(|except| &except.plan);
                    let is_except = except.zip(answer.plan.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(a, b));
                    inner = is_except.then(|| self.view.children(location, Kind::LimitExcept).next()).flatten();
                }
                Step::Named { .. } => inner = None,
                Step::Condition { holds: true, written_at, .. } => {
                    let ifs = self.view.children(location, Kind::If);
                    inner = ifs.filter(|block| is_at(block, *written_at)).last().or(inner);
                }
                _ => {}
            }
        }
        inner
    }

    fn server(&self, routes: &AddressRoutes, server: &Block<'_>) -> Told {
        let why = match self.best_name(server) {
            Some((_, name)) if name.is_empty() => "has no name, as the request".to_owned(),
            Some((_, name)) => format!("its name `{name}` fits `{}`", self.host),
            None if self.is_default(routes, server) => {
                format!("no name fits `{}`, and it is the default server", self.host)
            }
            None => String::new(),
        };
        Told { what: title_of_server(server), at: self.at(server.place()), why }
    }

    fn is_default(&self, routes: &AddressRoutes, server: &Block<'_>) -> bool {
        is_at(server, routes.default.plan.written_at.unwrap_or_default())
    }

    /// The servers of the address that do not answer: those whose names fit, or that are the default, and how many more.
    fn other_servers(&self, routes: &AddressRoutes, chosen: Option<&Block<'_>>) -> (Vec<Told>, usize) {
        let chosen_at = chosen.and_then(Block::place);
        let chosen_rank = chosen.and_then(|server| self.best_name(server)).map(|(rank, _)| rank);
        let mut told = Vec::new();
        let mut unfit = 0;
        for server in routes.servers() {
            let Some(block) = self.block_of(&server.plan).filter(|block| block.place() != chosen_at) else { continue };
            let why = match self.best_name(block) {
                Some((rank, name)) if told.len() < OTHERS_MAX => {
                    format!("its name `{name}` fits, but {}", better(rank, chosen_rank))
                }
                None if self.is_default(routes, block) => "the default server, for names that no other has".to_owned(),
                _ => {
                    unfit += 1;
                    continue;
                }
            };
            told.push(Told { what: title_of_server(block), at: self.at(block.place()), why });
        }
        (told, unfit)
    }

    /// The best of a server's names that fit, and how good its kind is.
    fn best_name(&self, server: &Block<'_>) -> Option<(Rank, String)> {
        let words = server.all("server_name").flat_map(|line| line.words);
        let fits = |name: &Name| {
            let mut table = NameTableBuilder::new();
            let _first = table.insert(name.clone(), ());
            matches!(table.build().find(self.host.as_bytes()), Ok(Some(_)))
        };
        let names = words.filter_map(|word| Name::parse(&word.text).ok()).filter(fits);
        names.map(|name| (Rank::of(name.as_str(), &self.host), name.as_str().to_owned())).min()
    }

    fn location(&self, location: &Block<'_>, path: &str) -> Told {
        let why = match &location.pattern {
            Some(Pattern::Exact(_)) => format!("is `{path}` itself"),
            Some(Pattern::Regex(_)) => format!("the first regular expression that matches `{path}`"),
            Some(Pattern::PrefixWithoutRegex(_)) => {
                format!("the longest beginning of `{path}`; `^~` keeps regular expressions out")
            }
            Some(Pattern::Prefix(_)) => format!("the longest beginning of `{path}`, and no regular expression matches"),
            Some(Pattern::Named(_)) => "named by an internal redirect".to_owned(),
            None => String::new(),
        };
        Told { what: location.title(), at: self.at(location.place()), why }
    }

    /// The locations beside the one that answers, and those within the ones that were entered.
    fn other_locations(&self, server: &Block<'a>, chosen: Option<&Block<'a>>, path: &str) -> Vec<Told> {
        let mut told = Vec::new();
        self.add_others(server, chosen, path, &mut told);
        told
    }

    fn add_others(&self, block: &Block<'a>, chosen: Option<&Block<'a>>, path: &str, told: &mut Vec<Told>) {
        let chosen_at = chosen.and_then(Block::place);
        for location in self.view.children(block, Kind::Location) {
            if told.len() >= OTHERS_MAX {
                return;
            }
            let holds_chosen =
                chosen.is_some_and(|chosen| self.view.around(chosen).any(|around| around.place() == location.place()));
            let why = match &location.pattern {
                Some(pattern) if location.place() != chosen_at => self.why_not(pattern, chosen, holds_chosen, path),
                _ => None,
            };
            if let Some(why) = why {
                told.push(Told { what: location.title(), at: self.at(location.place()), why });
            }
            if holds_chosen {
                self.add_others(location, chosen, path, told);
            }
        }
    }

    fn why_not(&self, pattern: &Pattern, chosen: Option<&Block<'_>>, holds: bool, path: &str) -> Option<String> {
        if holds {
            return Some("fits, and a location within it is better".to_owned());
        }
        let by = chosen.and_then(|chosen| chosen.pattern.as_ref());
        Some(match (pattern, by) {
            (Pattern::Named(_), _) => return None,
            (Pattern::Exact(_), _) if !matches(pattern, path) => format!("is not `{path}`"),
            (Pattern::Prefix(_) | Pattern::PrefixWithoutRegex(_), _) if !matches(pattern, path) => {
                format!("`{path}` does not begin so")
            }
            (_, Some(Pattern::Exact(_))) => "not looked at, for an exact location ends the search".to_owned(),
            (Pattern::Regex(_), Some(Pattern::PrefixWithoutRegex(_))) => "not tried, for `^~` keeps it out".to_owned(),
            (Pattern::Regex(_), _) if !matches(pattern, path) => format!("does not match `{path}`"),
            (Pattern::Regex(_), _) => "matches too, but stands behind".to_owned(),
            (_, Some(Pattern::Regex(_))) => "fits, but a regular expression wins over it".to_owned(),
            _ => "fits, but a longer beginning wins".to_owned(),
        })
    }

    fn steps(&self, answer: &Answer) -> Vec<Told> {
        let mut depth = 0_usize;
        let steps = answer.steps.iter().map(|step| {
            depth = depth.saturating_sub(usize::from(matches!(step, Step::Answered { .. })));
            let told = self.step(step);
            let told = Told { what: format!("{}{}", "| ".repeat(depth), told.what), ..told };
            depth += usize::from(matches!(step, Step::Asks { .. }));
            told
        });
        steps.collect()
    }

    fn step(&self, step: &Step) -> Told {
        let told = |what: String, at: String| Told { what, at, why: String::new() };
        match step {
            Step::Located { uri, plan } => {
                let uri = String::from_utf8_lossy(uri);
                match self.block_of(plan).filter(|block| block.kind != Kind::Server) {
                    Some(block) => told(format!("{uri} goes to {}", block.title()), self.at(block.place())),
                    None => told(format!("{uri} is in no location"), String::new()),
                }
            }
            Step::Named { name } => told(format!("goes to location {name}"), String::new()),
            Step::Rerouted { uri, args } if args.is_empty() => {
                told(format!("the URI becomes {}", String::from_utf8_lossy(uri)), String::new())
            }
            Step::Rerouted { uri, args } => {
                let (uri, args) = (String::from_utf8_lossy(uri), String::from_utf8_lossy(args));
                told(format!("the URI becomes {uri}?{args}"), String::new())
            }
            Step::Failed { status } => told(format!("status {}", status.code()), String::new()),
            Step::Decided { module } => told(format!("{module} decides"), String::new()),
            Step::File { path } => told(format!("the file is {path}"), String::new()),
            Step::Note { text, at } => told(text.to_string(), at.as_deref().unwrap_or_default().to_owned()),
            Step::Condition { holds, at, .. } => told(condition(*holds).to_owned(), at.to_string()),
            Step::Asks { uri } => {
                told(format!("asks for {} in a subrequest", String::from_utf8_lossy(uri)), String::new())
            }
            Step::Answered { status: Some(status) } => {
                told(format!("the subrequest is answered with {}", status.code()), String::new())
            }
            Step::Answered { status: None } => told("the subrequest closes the connection".to_owned(), String::new()),
        }
    }
}

/// Whether a block is the one that is written there.
fn is_at(block: &Block<'_>, at: (u32, u32)) -> bool {
    block.place().is_some_and(|place| (place.file.0, place.span.start) == at)
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(_, port) => write!(formatter, "port {port}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// How good a name is that fits: an exact one before the longest wildcard at the start, that before one at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Exact,
    Leading,
    Trailing,
    Regex,
}

impl Rank {
    fn of(name: &str, host: &str) -> Self {
        match name {
            _ if name.starts_with('~') => Self::Regex,
            _ if name == host || name.strip_prefix('.') == Some(host) => Self::Exact,
            _ if name.ends_with(".*") => Self::Trailing,
            _ => Self::Leading,
        }
    }
}

fn better(rank: Rank, chosen: Option<Rank>) -> String {
    match (rank, chosen) {
        (_, Some(Rank::Exact)) => "an exact name wins",
        (Rank::Leading, _) => "a longer wildcard wins",
        (Rank::Trailing, Some(Rank::Leading)) => "a wildcard at the start wins",
        (Rank::Trailing, _) => "a longer wildcard wins",
        (Rank::Regex, Some(Rank::Regex)) => "an earlier regular expression wins",
        _ => "names are looked at before regular expressions",
    }
    .to_owned()
}

fn title_of_server(server: &Block<'_>) -> String {
    let names: Vec<&str> = server.all("server_name").flat_map(|line| line.words).map(|word| &*word.text).collect();
    match names.is_empty() {
        true => "server without a name".to_owned(),
        false => format!("server {}", names.join(" ")),
    }
}

/// Whether a location alone would take the path.
fn matches(pattern: &Pattern, path: &str) -> bool {
    let mut tree = LocationTreeBuilder::new();
    let _first = tree.insert(pattern.clone(), Entry::new(()));
    matches!(tree.build().find(path.as_bytes()), Ok(Outcome::Found(_)))
}

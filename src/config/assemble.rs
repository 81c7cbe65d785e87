//! From settings to finished objects: asks each module, in its order, to give what it was set to,
//! and puts the plans into a routing tree.
//!
//! Called by `load` with what the engine drafted. Settings of a module one of whose directives was
//! wrong are not asked for: what they would say is not what was meant.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::addresses::{Addresses, ServerName};
use super::build::{Build, ProcessBuilder, ServerBuilder};
use super::diagnostics::{Diagnostic, Place};
use super::engine::{Confs, Draft, DraftLocation, DraftServer};
use super::expectations::Foretold;
use super::named_regex;
use super::resources::Resources;
use super::schema::AnyModule;
use super::session::Session;
use crate::exchange::Exchange;
use crate::exchange::plan::{Except, Handler, Handling, Outcome, Plan, PlanBuilder, Stage};
use crate::http::status::Status;
use crate::route::locations::{Entry, LocationTree, LocationTreeBuilder, Pattern};
use crate::route::names::Name;
use crate::route::tree::{Location, Server, Slots, Tree};

/// Builds a configuration from its draft; what is wrong is reported to the session.
pub(super) struct Assembly<'a> {
    pub(super) session: &'a Session,
    pub(super) modules: &'static [&'static dyn AnyModule],
    pub(super) failed: &'a [bool],
    pub(super) resources: &'a mut Resources,
    /// Where errors go when no directive says.
    pub(super) error_log: Option<&'a Path>,
    /// What the servers expect of themselves.
    pub(super) foretold: Vec<Foretold>,
    /// Of the server that is being built.
    pub(super) server_names: Vec<Name>,
}

impl Assembly<'_> {
    /// Asks for everything; `as_root` decides the default port.
    pub(super) fn build(&mut self, draft: &Draft, as_root: bool) -> (ProcessBuilder, Tree) {
        let mut process = ProcessBuilder::default();
        self.each_module(&draft.main, |module, conf, build| module.process(conf, &mut process, build));
        let mut addresses = Addresses::new(self.session, as_root);
        let judge_addresses = !self.failed.contains(&true);
        let servers = draft.servers.len();
        for server in &draft.servers {
            let (built, given, names) = self.server(server);
            if judge_addresses {
                addresses.add(&built, server.place, &given.listens, &names);
                self.foretell(given, &addresses, names.first().map(|(name, ..)| name.as_variable()));
            }
        }
        (process, Tree::new(addresses.finish(), servers))
    }

    fn server(&mut self, draft: &DraftServer) -> (Arc<Server>, ServerBuilder, Vec<ServerName>) {
        let mut given = ServerBuilder::default();
        self.server_names.clear();
        self.each_module(&draft.confs, |module, conf, build| module.server(conf, &mut given, build));
        let names = self.names(&mut given, draft.place);
        self.server_names.extend(names.iter().map(|(name, ..)| name.clone()));
        let plan = Arc::new(self.plan("", &draft.confs).finish(None));
        let failure = match has_regex(&draft.locations) {
            true => Arc::new(self.failure_plan(&draft.confs)),
            false => Arc::clone(&plan),
        };
        let server = Server {
            name: names.first().map(|(name, ..)| Bytes::from(name.as_variable().to_owned())).unwrap_or_default(),
            plan,
            locations: self.locations(&draft.locations),
            failure,
            merge_slashes: given.merge_slashes,
            reading: given.reading.clone(),
        };
        (Arc::new(server), given, names)
    }

    /// Keeps what a server expects of itself until there is a tree to ask.
    fn foretell(&mut self, given: ServerBuilder, addresses: &Addresses<'_>, name: Option<&str>) {
        for expectation in given.expectations {
            match Foretold::new(expectation, addresses.first_of(&given.listens), name.unwrap_or_default()) {
                Ok(foretold) => self.foretold.push(foretold),
                Err(error) => self.session.report(error),
            }
        }
    }

    /// The names of a server; without any it has the empty one, as in nginx.
    fn names(&self, given: &mut ServerBuilder, place: Place) -> Vec<ServerName> {
        let mut names = std::mem::take(&mut given.names);
        if names.is_empty() {
            names.extend(Name::parse("").ok().map(|name| (name, place)));
        }
        let with_slots = names.into_iter().filter_map(|(name, place)| {
            let slots = name
                .regex()
                .map_or_else(|| Ok(Slots::default()), |regex| named_regex::slots(regex, self.session, place));
            match slots {
                Ok(slots) => Some((name, place, slots)),
                Err(error) => {
                    self.session.report(error);
                    None
                }
            }
        });
        with_slots.collect()
    }

    fn locations(&mut self, drafts: &[DraftLocation]) -> LocationTree<Location> {
        let mut tree = LocationTreeBuilder::new();
        let mut places = LocationTreeBuilder::new();
        for draft in drafts {
            let nested = self.locations(&draft.locations);
            let location = Location { plan: self.location(draft), captures: Arc::clone(&draft.captures) };
            let entry = Entry { value: location, auto_redirect: false, nested };
            if let Some(first) = places.existing(&draft.pattern) {
                let message = format!("duplicate location \"{}\"", draft.pattern.as_str());
                let finding = match draft.pattern {
                    // nginx takes the first without a word.
                    Pattern::Named(_) => Diagnostic::warning(draft.place, message + ", ignored"),
                    _ => Diagnostic::error(draft.place, message),
                };
                self.session.report(finding.related(*first, "first here"));
                continue;
            }
            // The two tables hold the same locations, so what `places` lacks `tree` lacks too.
            let _ = places.insert(draft.pattern.clone(), Entry::new(draft.place));
            let _ = tree.insert(draft.pattern.clone(), entry);
        }
        tree.build()
    }

    fn location(&mut self, draft: &DraftLocation) -> Arc<Plan> {
        let except = draft.except.as_ref().map(|except| Except {
            methods: except.methods.clone(),
            plan: Arc::new(self.plan(&draft.name, &except.confs).finish(None)),
        });
        Arc::new(self.plan(&draft.name, &draft.confs).finish(except))
    }

    /// What modules put into one plan.
    fn plan(&mut self, name: &str, confs: &Confs) -> PlanBuilder {
        let mut plan = PlanBuilder::new(name);
        self.each_module(confs, |module, conf, build| module.install(conf, &mut plan, build));
        plan
    }

    /// A server's plan for a request that cannot be routed: its settings, and the status 500.
    fn failure_plan(&mut self, confs: &Confs) -> Plan {
        let settings = self.plan("", confs).settings;
        let mut failing = PlanBuilder::new("");
        failing.settings = settings;
        failing.handler(Stage::Rewrite, Failing);
        // Counted as handlers of a location: those of a server would be passed over.
        failing.finish(None)
    }

    /// Asks all modules whose settings can be trusted.
    fn each_module(
        &mut self,
        confs: &Confs,
        mut ask: impl FnMut(&dyn AnyModule, &super::schema::Conf, &mut Build<'_>) -> Result<(), Diagnostic>,
    ) {
        let mut warnings = Vec::new();
        let mut build = Build {
            resources: self.resources,
            prefix: self.session.prefix_path(),
            error_log: self.error_log,
            warnings: &mut warnings,
            server_names: &self.server_names,
        };
        let asked = self.modules.iter().zip(confs).zip(self.failed).filter(|(_, failed)| !**failed);
        for ((module, conf), _) in asked {
            if let Err(error) = ask(*module, conf, &mut build) {
                self.session.report(error);
            }
        }
        for warning in warnings {
            self.session.report(warning);
        }
    }
}

/// Answers 500: a regular expression took too many steps, so no location could be chosen.
#[derive(Debug)]
struct Failing;

impl Handler for Failing {
    fn handle<'a>(&'a self, _exchange: &'a mut Exchange) -> Handling<'a> {
        Outcome::Fail(Status::INTERNAL_SERVER_ERROR).into()
    }
}

fn has_regex(locations: &[DraftLocation]) -> bool {
    locations.iter().any(|location| matches!(location.pattern, Pattern::Regex(_)) || has_regex(&location.locations))
}

//! From settings to finished objects: asks each module, in its order, to give what it was set to,
//! and puts the plans into a routing tree.
//!
//! Called by `load` with each part that the engine drafted. Settings of a module one of whose directives was
//! wrong are not asked for: what they would say is not what was meant.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::addresses::{AddressUse, Addresses, ServerName};
use super::build::{Build, ProcessBuilder, ServerBuilder};
use super::diagnostics::{Diagnostic, Place};
use super::engine::{Confs, Draft, DraftLocation, DraftServer, Failed};
use super::expectations::Foretold;
use super::lint;
use super::named_regex;
use super::resources::Resources;
use super::schema::AnyModule;
use super::session::Session;
use crate::base::pace;
use crate::exchange::Exchange;
use crate::exchange::known_settings::KnownSettings;
use crate::exchange::plan::{Except, Handler, Handling, Outcome, Plan, PlanBuilder, Stage};
use crate::exchange::settings::Settings;
use crate::http::status::Status;
use crate::route::locations::{Entry, LocationTree, LocationTreeBuilder, Pattern};
use crate::route::names::Name;
use crate::route::tree::{Location, Server, Slots, Tree};

/// Builds a configuration from its drafts; what is wrong is reported to the session.
pub(super) struct Assembly<'a> {
    session: &'a Session,
    modules: &'static [&'static dyn AnyModule],
    resources: &'a mut Resources,
    /// Where errors go when no directive says.
    error_log: Option<&'a Path>,
    /// What had failed when the last part was drafted.
    failed: Vec<bool>,
    /// Of the server that is being built.
    server_names: Vec<Name>,
    known_settings: KnownSettings,
    process: ProcessBuilder,
    /// Those that are built.
    servers: Vec<BuiltServer>,
}

/// A virtual server that nobody knows the addresses of yet.
struct BuiltServer {
    place: Place,
    given: ServerBuilder,
    names: Vec<ServerName>,
    plan: Arc<Plan>,
    locations: LocationTree<Location>,
    failure: Arc<Plan>,
}

/// What is built.
pub(super) struct Built {
    pub(super) process: ProcessBuilder,
    pub(super) tree: Tree,
    /// How addresses are used, for lints.
    pub(super) addresses: Vec<AddressUse>,
    /// What the servers expect of themselves.
    pub(super) foretold: Vec<Foretold>,
}

impl<'a> Assembly<'a> {
    /// With nothing built; `error_log` is where errors go when no directive says.
    pub(super) fn new(
        session: &'a Session,
        modules: &'static [&'static dyn AnyModule],
        resources: &'a mut Resources,
        error_log: Option<&'a Path>,
    ) -> Self {
        Self {
            session,
            modules,
            resources,
            error_log,
            failed: Vec::new(),
            server_names: Vec::new(),
            known_settings: KnownSettings::default(),
            process: ProcessBuilder::default(),
            servers: Vec::new(),
        }
    }

    /// Builds one part.
    pub(super) fn take(&mut self, draft: Draft<'_>, failed: &Failed) {
        failed.clone_into(&mut self.failed);
        match draft {
            Draft::Main(confs) => {
                let mut process = ProcessBuilder::default();
                self.each_module(confs, |module, conf, build| module.process(conf, &mut process, build));
                self.process = process;
            }
            Draft::Server(server) => {
                let built = self.server(&server);
                self.servers.push(built);
            }
        }
    }

    /// Puts all parts together; `as_root` decides the default port.
    pub(super) fn finish(self, failed: &Failed, as_root: bool) -> Built {
        let mut addresses = Addresses::new(self.session, as_root);
        let mut foretold = Vec::new();
        let judge_addresses = !failed.contains(&true);
        let servers = self.servers.len();
        let definitions = Arc::new(self.session.variables.borrow_mut().take_definitions());
        for BuiltServer { place, given, names, plan, locations, failure } in self.servers {
            pace::breathe();
            if !judge_addresses {
                continue;
            }
            let name = names.first().map(|(name, ..)| name.as_variable()).unwrap_or_default();
            let server = Server {
                name: Bytes::from(name.to_owned()),
                plan,
                locations,
                failure,
                merge_slashes: given.merge_slashes,
                reading: given.reading.clone(),
                definitions: Arc::clone(&definitions),
            };
            addresses.add(&Arc::new(server), place, &given.listens, &names);
            for expectation in given.expectations {
                match Foretold::new(expectation, addresses.first_of(&given.listens), name) {
                    Ok(expectation) => foretold.push(expectation),
                    Err(error) => self.session.report(error),
                }
            }
        }
        let uses = addresses.uses();
        Built { process: self.process, tree: Tree::new(addresses.finish(), servers), addresses: uses, foretold }
    }

    fn server(&mut self, draft: &DraftServer) -> BuiltServer {
        let mut given = ServerBuilder::default();
        self.server_names.clear();
        self.each_module(&draft.confs, |module, conf, build| module.server(conf, &mut given, build));
        let names = self.names(&mut given, draft.place);
        self.server_names.extend(names.iter().map(|(name, ..)| name.clone()));
        let plan = self.plan("", draft.place, &draft.confs);
        let plan = self.finished(plan, None);
        let failure = match has_regex(&draft.locations) {
            true => self.failure_plan(&plan.settings),
            false => Arc::clone(&plan),
        };
        let locations = self.locations(&draft.locations);
        BuiltServer { place: draft.place, given, names, plan, locations, failure }
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
        let mut places = Vec::new();
        for draft in drafts {
            let nested = self.locations(&draft.locations);
            let location = Location { plan: self.location(draft), captures: Arc::clone(&draft.captures) };
            let entry = Entry { value: location, auto_redirect: false, nested };
            if let Some(first) = tree.position(&draft.pattern) {
                let message = format!("duplicate location \"{}\"", draft.pattern.as_str());
                let finding = match draft.pattern {
                    // nginx takes the first without a word.
                    Pattern::Named(_) => {
                        Diagnostic::warning(draft.place, message + ", ignored").lint(&lint::DUPLICATE_NAMED_LOCATION)
                    }
                    _ => Diagnostic::error(draft.place, message),
                };
                self.session.report(finding.related(places[first], "first here"));
                continue;
            }
            // It is in nobody's way, as was just seen.
            let _ = tree.insert(draft.pattern.clone(), entry);
            places.push(draft.place);
        }
        tree.build()
    }

    fn location(&mut self, draft: &DraftLocation) -> Arc<Plan> {
        let except = draft.except.as_ref().map(|except| {
            let plan = self.plan(&draft.name, draft.place, &except.confs);
            Except { methods: except.methods.clone(), plan: self.finished(plan, None) }
        });
        let conditionals = self.conditionals(draft);
        let plan = self.plan_with(&draft.name, draft.place, &draft.confs, conditionals);
        self.finished(plan, except)
    }

    /// The plans of a location's `if` blocks; those that set nothing share one, of what an `if` inherits.
    fn conditionals(&mut self, draft: &DraftLocation) -> Vec<Arc<Plan>> {
        let mut bare = None;
        let plans = draft.conditionals.iter().map(|own| match own {
            Some(confs) => {
                let plan = self.plan(&draft.name, draft.place, confs);
                self.finished(plan, None)
            }
            None => Arc::clone(bare.get_or_insert_with(|| {
                let modules = self.modules.iter().zip(&draft.confs);
                let confs = modules.map(|(module, conf)| module.inherit_in_if(conf)).collect();
                let plan = self.plan(&draft.name, draft.place, &confs);
                self.finished(plan, None)
            })),
        });
        plans.collect()
    }

    /// What modules put into one plan.
    fn plan(&mut self, name: &str, place: Place, confs: &Confs) -> PlanBuilder {
        self.plan_with(name, place, confs, Vec::new())
    }

    /// As `plan`, for a location with `if` blocks.
    fn plan_with(&mut self, name: &str, place: Place, confs: &Confs, conditionals: Vec<Arc<Plan>>) -> PlanBuilder {
        let mut plan = PlanBuilder::new(name);
        plan.written_at = Some((place.file.0, place.span.start));
        plan.conditionals = conditionals;
        self.each_module(confs, |module, conf, build| module.install(conf, &mut plan, build));
        plan
    }

    fn finished(&mut self, plan: PlanBuilder, except: Option<Except>) -> Arc<Plan> {
        Arc::new(plan.finish(except, &mut self.known_settings))
    }

    /// A server's plan for a request that cannot be routed: its settings, and the status 500.
    fn failure_plan(&mut self, settings: &Settings) -> Arc<Plan> {
        let mut failing = PlanBuilder::new("");
        failing.settings = settings.clone();
        failing.handler(Stage::Rewrite, Failing);
        // Counted as handlers of a location: those of a server would be passed over.
        self.finished(failing, None)
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
            prefix: &self.session.prefix,
            error_log: self.error_log,
            warnings: &mut warnings,
            server_names: &self.server_names,
        };
        let asked = self.modules.iter().zip(confs).zip(&self.failed).filter(|(_, failed)| !**failed);
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

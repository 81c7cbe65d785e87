//! Loads a configuration: the one entry for serving, reloading and checking.
//!
//! Reads the texts, understands them, builds what runs, and says everything that is wrong. Nothing
//! of the running configuration is touched; only log files are opened. It does not bind addresses
//! and publishes nothing: that is for `control`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::assemble::Assembly;
pub use super::build::ProcessBuilder as Process;
use super::diagnostics::{Diagnostic, FileId, Level};
use super::engine::{Draft, Engine};
use super::expectations;
use super::explain::{Destination, Explanation, Unexplained, explain};
use super::includes::Reader;
use super::inventory::Inventory;
use super::lint::{self, Allowances};
use super::resources::Resources;
use super::schema::AnyModule;
use super::session::{Findings, Session};
use super::sources::Sources;
use super::variables::Variables;
use super::view::View;
use super::watched::Watched;
use crate::exchange::core_variables::CORE_VARIABLES;
use crate::rehearsal::Question;
use crate::route::tree::Tree;

/// What to load, and how.
#[derive(Clone)]
pub struct Request {
    /// Where the main text comes from.
    pub origin: Origin,
    /// What relative paths are taken from (`-p`); in UTF-8, for it becomes a part of values.
    pub prefix: PathBuf,
    /// Directives of the main context from the command line (`-g`), in order.
    pub globals: Vec<String>,
    /// Where errors go when no `error_log` of the main context says (`-e`).
    pub error_log: Option<PathBuf>,
    /// Whether the process was started by root, which decides the default port and whether `user` counts. It may have
    /// become another user since.
    pub as_root: bool,
    /// All modules, in their order.
    pub modules: &'static [&'static dyn AnyModule],
}

/// Where the main text comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file; relative includes are taken from its folder.
    File(PathBuf),
    /// This text; relative includes are taken from the prefix.
    BuiltIn(String),
}

/// What became of it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration, unless anything in the report is an error.
    pub result: Result<Configuration, ()>,
    /// What was understood of what concerns the process, whatever else is wrong: by it a command finds the server.
    pub process: Process,
    /// What was read and found.
    pub report: Report,
    /// What was read, to tell later whether it has changed.
    pub watched: Watched,
}

/// A finished configuration.
#[derive(Debug)]
pub struct Configuration {
    /// What concerns the whole process.
    pub process: Process,
    /// By what requests are routed.
    pub tree: Tree,
    /// What it has open, for the next load.
    pub resources: Resources,
    /// What it has, to tell what a reload changed.
    pub inventory: Inventory,
}

/// What was read, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The texts, for excerpts and for `-T`.
    pub sources: Sources,
    /// The findings, in the order of the texts.
    pub diagnostics: Vec<Diagnostic>,
    /// How many there are, those that are not listed as well.
    pub totals: Totals,
}

/// How many findings there are.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Errors.
    pub errors: usize,
    /// Warnings that no comment silences.
    pub warnings: usize,
    /// The codes of those warnings.
    pub codes: BTreeSet<&'static str>,
}

/// Loads a configuration; what `previous`, the running one, has open is taken over.
pub fn load(request: &Request, previous: Option<&Resources>) -> Loaded {
    read(request, previous, Purpose::TakeUp)
}

/// Loads a configuration to judge it: with all lints.
pub fn check(request: &Request) -> Loaded {
    read(request, None, Purpose::Judge)
}

/// Loads a configuration to explain by it how a question is answered that comes to this host and port; what it expects
/// of itself is not tried.
pub fn look(
    request: &Request,
    question: &Question,
    asked: &Destination,
) -> (Option<Result<Explanation, Unexplained>>, Report) {
    let mut explained = None;
    let mut explain = |configuration: &Configuration, view: &View<'_>| {
        explained = Some(explain(configuration, view, request.modules, question, asked));
    };
    let loaded = read(request, None, Purpose::Explain(&mut explain));
    (explained, loaded.report)
}

/// What a configuration says of the process, as far as it can be understood: no error is told.
pub fn look_for_process(request: &Request) -> Process {
    read(request, None, Purpose::FindProcess).process
}

/// What a configuration is loaded for.
enum Purpose<'p> {
    /// To run.
    TakeUp,
    /// To say what is wrong with it.
    Judge,
    /// To find the process that runs by it.
    FindProcess,
    /// To look at it.
    Explain(&'p mut dyn FnMut(&Configuration, &View<'_>)),
}

fn read(request: &Request, previous: Option<&Resources>, purpose: Purpose<'_>) -> Loaded {
    let folder = request.folder();
    let mut reader = Reader::new(folder);
    // nginx reads `-g` first.
    let mut texts: Vec<FileId> = Vec::new();
    texts.extend(request.globals.iter().map(|text| reader.text("command line (-g)", text)));
    match &request.origin {
        Origin::File(path) => texts.extend(reader.main_file(path)),
        Origin::BuiltIn(text) => texts.push(reader.text(BUILT_IN, text)),
    }
    let read = reader.finish();
    let watched = read.watched;
    let tables = request.modules.iter().flat_map(|module| module.variables());
    let session = Session {
        sources: read.sources,
        documents: read.documents,
        variables: RefCell::new(Variables::new(CORE_VARIABLES.iter().chain(tables))),
        prefix: request.prefix.to_string_lossy().into(),
        as_root: request.as_root,
        folder: folder.to_owned(),
        findings: Findings::default(),
    };
    read.findings.into_iter().for_each(|finding| session.report(finding));
    let says_nothing = |file: &FileId| {
        let document = session.documents.document(*file);
        document.is_none_or(|document| document.directives().next().is_none())
    };
    if texts.iter().all(says_nothing) && !session.findings.has_errors() {
        // A file that is being written is empty for a moment; taken up, it would end all service.
        session
            .report(Diagnostic::without_place(format!("no directives in configuration file \"{}\"", request.origin)));
    }
    if request.prefix.to_str().is_none() {
        session.report(Diagnostic::without_place(format!("the prefix \"{}\" is not UTF-8", session.prefix)));
    }
    let ends_soon = !matches!(purpose, Purpose::TakeUp);
    let (process, result) = understand(request, previous, &session, &texts, purpose);
    let allowances = Allowances::new(&session);
    let (diagnostics, totals) = session.findings.finish(|finding| allowances.silence(finding));
    match ends_soon {
        true => std::mem::forget(session.documents),
        false => session.documents.take_apart(),
    }
    Loaded { result, process, report: Report { sources: session.sources, diagnostics, totals }, watched }
}

fn understand(
    request: &Request,
    previous: Option<&Resources>,
    session: &Session,
    texts: &[FileId],
    purpose: Purpose<'_>,
) -> (Process, Result<Configuration, ()>) {
    let mut resources = Resources::after(previous);
    let mut assembly = Assembly::new(session, request.modules, &mut resources, request.error_log.as_deref());
    let engine = Engine::new(session, request.modules);
    let only_process = matches!(purpose, Purpose::FindProcess);
    // A mistake in one line of the process's must not hide where its server is.
    let as_if_right = vec![false; request.modules.len()];
    let failed = engine.read(texts, |part, failed| match part {
        Draft::Main(_) if only_process => assembly.take(part, &as_if_right),
        Draft::Server(_) if only_process => {}
        part => assembly.take(part, failed),
    });
    let built = assembly.finish(&failed, request.as_root);
    let process = built.process.clone();
    if only_process {
        return (process, Err(()));
    }
    judge_variables(session, failed.contains(&true));
    if !session.findings.has_errors() && !matches!(purpose, Purpose::Explain(_)) {
        expectations::check(session, &built.tree, &built.foretold);
    }
    if session.findings.has_errors() {
        return (process, Err(()));
    }
    resources.finish();
    let inventory = match purpose {
        Purpose::TakeUp => take_inventory(session, texts, &resources),
        _ => Inventory::default(),
    };
    let mut configuration = Configuration { process: built.process, tree: built.tree, resources, inventory };
    if matches!(purpose, Purpose::TakeUp) {
        return (process, Ok(configuration));
    }
    let view = View::new(session, texts, &built.addresses);
    match purpose {
        Purpose::TakeUp | Purpose::FindProcess => {}
        // Of what is refused anyway, only the errors are of interest.
        Purpose::Judge => lint::run(&view, |finding| session.report(finding)),
        Purpose::Explain(explain) => explain(&configuration, &view),
    }
    // A process that checks or explains ends soon, and need not give back what it has read.
    std::mem::forget(view);
    configuration.resources.withdraw();
    (process, Ok(configuration))
}

fn take_inventory(session: &Session, texts: &[FileId], resources: &Resources) -> Inventory {
    let mut inventory = Inventory::of(&session.documents, texts);
    inventory.zones = resources.zones.sizes().map(|(name, bytes)| (name.into(), bytes)).collect();
    inventory
}

/// Reports references to variables that nobody defines. Where a setter failed, the expression that
/// would have defined one may not have been read: then it is enough that some text has the group.
fn judge_variables(session: &Session, setters_failed: bool) {
    let variables = session.variables.borrow();
    if variables.too_many() {
        session.report(Diagnostic::without_place("more than 65535 variables"));
    }
    for (name, finding) in variables.unknown() {
        let group = format!("<{name}>");
        let may_be_meant =
            setters_failed && session.sources.iter().any(|(_, source)| source.text.to_lowercase().contains(&group));
        if !may_be_meant {
            session.report(finding);
        }
    }
}

impl Request {
    /// The folder that relative includes are taken from.
    pub fn folder(&self) -> &Path {
        match &self.origin {
            Origin::File(path) => path.parent().unwrap_or(Path::new("")),
            Origin::BuiltIn(_) => &self.prefix,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::BuiltIn(_) => formatter.write_str(BUILT_IN),
        }
    }
}

impl Report {
    /// Whether anything refuses the configuration.
    pub fn has_errors(&self) -> bool {
        self.totals.errors > 0
    }

    /// These findings, all of them.
    pub fn of(sources: Sources, diagnostics: Vec<Diagnostic>) -> Self {
        let mut totals = Totals::default();
        diagnostics.iter().for_each(|finding| totals.count(finding));
        Self { sources, diagnostics, totals }
    }

    /// How many findings there are that are not listed.
    pub fn left_out(&self) -> usize {
        (self.totals.errors + self.totals.warnings).saturating_sub(self.diagnostics.len())
    }
}

impl Totals {
    /// Counts one more.
    pub(super) fn count(&mut self, finding: &Diagnostic) {
        match finding.level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
        }
        self.codes.extend(finding.lint.map(|lint| lint.code));
    }
}

/// What messages call the text that no file holds.
const BUILT_IN: &str = "built-in configuration";

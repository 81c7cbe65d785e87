//! Loads a configuration: the one entry for serving, reloading and checking.
//!
//! Reads the texts, understands them, builds what runs, and says everything that is wrong. Nothing
//! of the running configuration is touched; only log files are opened. It does not bind addresses
//! and publishes nothing: that is for `control`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::assemble::Assembly;
use super::build::ProcessBuilder;
use super::diagnostics::{Diagnostic, FileId};
use super::engine::Engine;
use super::includes::Reader;
use super::resources::Resources;
use super::schema::AnyModule;
use super::session::{Findings, Session};
use super::sources::Sources;
use super::variables::Variables;
use crate::exchange::core_variables::CORE_VARIABLES;
use crate::route::tree::Tree;

/// What to load, and how.
pub struct Request<'a> {
    /// Where the main text comes from.
    pub origin: Origin<'a>,
    /// What relative paths are taken from (`-p`); UTF-8, as nginx needs it for `root`.
    pub prefix: &'a Path,
    /// Directives of the main context from the command line (`-g`); may be empty.
    pub globals: &'a str,
    /// All modules, in their order.
    pub modules: &'static [&'static dyn AnyModule],
    /// What the running configuration has open.
    pub previous: Option<&'a Resources>,
    /// Whether low ports can be bound: decides the address of a server without `listen`.
    pub as_root: bool,
}

/// Where the main text comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// A file; relative includes are taken from its folder.
    File(&'a Path),
    /// A text that is built in.
    Text {
        /// What messages call it.
        name: &'a str,
        /// The text.
        text: &'a str,
        /// The folder that relative includes are taken from.
        folder: &'a Path,
    },
}

/// What became of it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration, unless anything in the report is an error.
    pub result: Result<Configuration, Refused>,
    /// What was read and found.
    pub report: Report,
}

/// A configuration that is refused; the report says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is refused")]
pub struct Refused;

/// A finished configuration.
#[derive(Debug)]
pub struct Configuration {
    /// What concerns the whole process.
    pub process: ProcessBuilder,
    /// By what requests are routed.
    pub tree: Tree,
    /// What it has open, for the next load.
    pub resources: Resources,
}

/// What was read, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The texts, for excerpts, for `-T` and for watching the files.
    pub sources: Sources,
    /// The findings, in the order of the texts.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there are than are listed.
    pub left_out: usize,
}

/// Loads a configuration.
pub fn load(request: &Request<'_>) -> Loaded {
    let folder = request.origin.folder();
    let mut reader = Reader::new(&folder);
    // nginx reads `-g` first.
    let mut texts: Vec<FileId> = Vec::new();
    if !request.globals.trim().is_empty() {
        texts.push(reader.text("command line (-g)", request.globals));
    }
    match request.origin {
        Origin::File(path) => texts.extend(reader.main_file(path)),
        Origin::Text { name, text, .. } => texts.push(reader.text(name, text)),
    }
    let read = reader.finish();
    let tables = request.modules.iter().flat_map(|module| module.variables());
    let session = Session {
        sources: read.sources,
        documents: read.documents,
        variables: RefCell::new(Variables::new(CORE_VARIABLES.iter().chain(tables))),
        prefix: request.prefix.to_string_lossy().into_owned(),
        folder,
        findings: Findings::default(),
    };
    read.findings.into_iter().for_each(|finding| session.report(finding));
    if request.prefix.to_str().is_none() {
        session.report(Diagnostic::without_place(format!("the prefix \"{}\" is not UTF-8", session.prefix)));
    }
    let result = understand(request, &session, &texts);
    let (diagnostics, left_out) = session.findings.finish();
    Loaded { result, report: Report { sources: session.sources, diagnostics, left_out } }
}

fn understand(request: &Request<'_>, session: &Session, texts: &[FileId]) -> Result<Configuration, Refused> {
    let draft = Engine::new(session, request.modules).read(texts);
    let mut resources = Resources::after(request.previous);
    let assembly = Assembly { session, modules: request.modules, failed: &draft.failed, resources: &mut resources };
    let (process, tree) = assembly.build(&draft, request.as_root);
    judge_variables(session, draft.failed.contains(&true));
    if session.findings.has_errors() {
        return Err(Refused);
    }
    resources.finish();
    Ok(Configuration { process, tree, resources })
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

impl Origin<'_> {
    /// The folder that relative includes are taken from.
    fn folder(self) -> PathBuf {
        match self {
            Self::File(path) => path.parent().unwrap_or(Path::new("")).to_owned(),
            Self::Text { folder, .. } => folder.to_owned(),
        }
    }
}

impl Report {
    /// Whether anything refuses the configuration.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|finding| finding.level == super::diagnostics::Level::Error)
    }
}

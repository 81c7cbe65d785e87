//! Loads a configuration: the one entry for serving, reloading and checking.
//!
//! Reads the texts, understands them, builds what runs, and says everything that is wrong. Nothing
//! of the running configuration is touched; only log files are opened. It does not bind addresses
//! and publishes nothing: that is for `control`.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use super::assemble::Assembly;
pub use super::build::ProcessBuilder as Process;
use super::diagnostics::{Diagnostic, FileId, Level};
use super::engine::Engine;
use super::expectations;
use super::includes::Reader;
use super::resources::Resources;
use super::schema::AnyModule;
use super::session::{Findings, Session};
use super::sources::Sources;
use super::variables::Variables;
use crate::exchange::core_variables::CORE_VARIABLES;
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
    /// What was read and found.
    pub report: Report,
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

/// Loads a configuration; what `previous`, the running one, has open is taken over.
pub fn load(request: &Request, previous: Option<&Resources>) -> Loaded {
    let folder = match &request.origin {
        Origin::File(path) => path.parent().unwrap_or(Path::new("")),
        Origin::BuiltIn(_) => &request.prefix,
    };
    let mut reader = Reader::new(folder);
    // nginx reads `-g` first.
    let mut texts: Vec<FileId> = Vec::new();
    texts.extend(request.globals.iter().map(|text| reader.text("command line (-g)", text)));
    match &request.origin {
        Origin::File(path) => texts.extend(reader.main_file(path)),
        Origin::BuiltIn(text) => texts.push(reader.text(BUILT_IN, text)),
    }
    let read = reader.finish();
    let tables = request.modules.iter().flat_map(|module| module.variables());
    let session = Session {
        sources: read.sources,
        documents: read.documents,
        variables: RefCell::new(Variables::new(CORE_VARIABLES.iter().chain(tables))),
        prefix: request.prefix.to_string_lossy().into_owned(),
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
    let result = understand(request, previous, &session, &texts);
    let (diagnostics, left_out) = session.findings.finish();
    Loaded { result, report: Report { sources: session.sources, diagnostics, left_out } }
}

fn understand(
    request: &Request,
    previous: Option<&Resources>,
    session: &Session,
    texts: &[FileId],
) -> Result<Configuration, ()> {
    let draft = Engine::new(session, request.modules).read(texts);
    let mut resources = Resources::after(previous);
    let mut assembly = Assembly {
        session,
        modules: request.modules,
        failed: &draft.failed,
        resources: &mut resources,
        error_log: request.error_log.as_deref(),
        foretold: Vec::new(),
        server_names: Vec::new(),
    };
    let (process, tree) = assembly.build(&draft, rustix::process::geteuid().is_root());
    let foretold = assembly.foretold;
    judge_variables(session, draft.failed.contains(&true));
    if !session.findings.has_errors() {
        expectations::check(session, &tree, &foretold);
    }
    if session.findings.has_errors() {
        return Err(());
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
        self.diagnostics.iter().any(|finding| finding.level == Level::Error)
    }
}

/// What messages call the text that no file holds.
const BUILT_IN: &str = "built-in configuration";

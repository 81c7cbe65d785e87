//! What people write, and what they are told. The directives here are those of a small table of our
//! own, so that these tests stand whatever the modules do.

mod addresses;
mod any_text;
mod directives;
mod includes;
mod inheritance;
mod locations;
mod output;
mod semicolons;
mod table;
mod variables;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::diagnostics::{Diagnostic, FileId, Level, Place};
use super::includes::Reader;
use super::lint::{Found, Lint};
use super::load::{Configuration, Loaded, Origin, Request, load};
use super::render;
use super::session::{Findings, Session};
use super::view::View;
use crate::exchange::plan::Plan;
use crate::exchange::site::Site;

/// Loads a text; relative paths are taken from `/srv`.
fn loaded(text: &str) -> Loaded {
    load(&request(Origin::BuiltIn(text.to_owned()), "/srv"), None)
}

fn request(origin: Origin, prefix: impl AsRef<Path>) -> Request {
    Request {
        origin,
        prefix: prefix.as_ref().to_owned(),
        globals: Vec::new(),
        error_log: None,
        as_root: rustix::process::geteuid().is_root(),
        modules: table::MODULES,
    }
}

/// The configuration of a text without errors.
#[track_caller]
fn configuration(text: &str) -> Configuration {
    accepted(loaded(text))
}

#[track_caller]
fn accepted(loaded: Loaded) -> Configuration {
    let report = render::text(&loaded.report, render::Colour::Off);
    loaded.result.unwrap_or_else(|()| panic!("refused:\n{report}"))
}

/// What the location for a path of the first server was set to, as the table writes it.
#[track_caller]
fn set_at(configuration: &Configuration, path: &str) -> String {
    let server = &configuration.tree.addresses[0].default;
    set(&server.locate(path.as_bytes()).plan)
}

fn set(plan: &Plan) -> String {
    String::from_utf8(plan.settings.default_type.to_vec()).unwrap()
}

/// Checks that a text has exactly the findings that stand in it: in comments below a line, with
/// carets under the place, the message, and the label behind a semicolon. Dashes are for places
/// that belong to a finding.
#[track_caller]
fn check(text: &str) {
    let loaded = loaded(text);
    let mut found: Vec<String> = Vec::new();
    for finding in &loaded.report.diagnostics {
        found.extend(described(text, finding));
    }
    found.sort();
    let mut expected = expectations(text);
    expected.sort();
    let report = render::text(&loaded.report, render::Colour::Off);
    assert_eq!(expected, found, "\n{report}");
    assert_eq!(loaded.result.is_err(), loaded.report.has_errors());
}

/// Checks that a lint has exactly the findings that stand in lines of `http`, as [`check`] does. The directives need
/// not exist.
#[track_caller]
pub(in crate::config) fn lint(lint: &Lint, http: &str) {
    let text = format!("http {{\n{http}\n}}");
    let mut found: Vec<String> =
        lint_findings(lint, &text).iter().flat_map(|finding| described(&text, finding)).collect();
    let mut expected: Vec<String> =
        expectations(&text).into_iter().map(|line| line.replacen(" ^ ", " ^ warning: ", 1)).collect();
    found.sort();
    expected.sort();
    assert_eq!(expected, found);
}

/// The messages of a lint about lines of `http`.
pub(in crate::config) fn lint_messages(lint: &Lint, http: &str) -> Vec<String> {
    let findings = lint_findings(lint, &format!("http {{\n{http}\n}}"));
    findings.into_iter().map(|finding| finding.message).collect()
}

fn lint_findings(lint: &Lint, text: &str) -> Vec<Diagnostic> {
    let mut reader = Reader::new(Path::new("/srv"));
    let file = reader.text("test", text);
    let read = reader.finish();
    assert_eq!(read.findings, [], "{text}");
    let session = Session {
        sources: read.sources,
        documents: read.documents,
        variables: RefCell::default(),
        prefix: "/srv".into(),
        as_root: true,
        folder: "/srv".into(),
        findings: Findings::default(),
    };
    let view = View::new(&session, &[file], &[]);
    match lint.found {
        Found::Checking(check) => check(&view),
        Found::Loading => panic!("{lint:?} is found while loading"),
    }
}

/// [`check`] for lines of a server.
#[track_caller]
fn check_server(text: &str) {
    check(&format!("http {{ server {{\n{text}\n}} }}"));
}

fn described(text: &str, finding: &Diagnostic) -> Vec<String> {
    let level = if finding.level == Level::Error { "" } else { "warning: " };
    let label = if finding.label.is_empty() { String::new() } else { format!("; {}", finding.label) };
    let place = finding.place.unwrap_or_else(|| panic!("no place: {}", finding.message));
    let own = format!("{} ^ {level}{}{label}", shown(text, place), finding.message);
    let related = finding.related.iter().map(|(place, what)| format!("{} - {what}", shown(text, *place)));
    std::iter::once(own).chain(related).collect()
}

/// Line, column and width of a place; what is empty has the width of one caret.
fn shown(text: &str, place: Place) -> String {
    let (line, column) = webserv_grammar::position(text, place.span.start);
    let width = place.span.slice(text).chars().count().max(1);
    format!("{line:3}:{column:2}+{width:2}")
}

fn expectations(text: &str) -> Vec<String> {
    let mut expected = Vec::new();
    let mut line_about = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let marks = line.strip_prefix('#').map(str::trim_start).filter(|rest| rest.starts_with(['^', '-']));
        let Some(rest) = marks else {
            line_about = number;
            continue;
        };
        let mark = &rest[..1];
        let width = rest.len() - rest.trim_start_matches(mark).len();
        let column = line.len() - rest.len() + 1;
        expected.push(format!("{line_about:3}:{column:2}+{width:2} {mark} {}", rest[width..].trim()));
    }
    expected
}

/// A folder with files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = folder.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Loads a file of the folder.
    fn load(&self, name: &str) -> Loaded {
        load(&request(Origin::File(self.path(name)), self.0.path()), None)
    }

    /// All findings in one line each, the folder left out.
    fn findings(&self, name: &str) -> Vec<String> {
        let report = self.load(name).report;
        let folder = format!("{}/", self.0.path().display());
        let lines = report.diagnostics.iter().map(|finding| render::one_line(finding, &report.sources));
        lines.map(|line| line.replace(&folder, "")).collect()
    }
}

fn first_file() -> FileId {
    FileId(0)
}

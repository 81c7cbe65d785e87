//! Reads a configuration with all that it includes, before anything is understood.
//!
//! `include` may stand in every block, so it is found by its name alone. A file is read and parsed
//! once however often it is included. Relative names are taken from the folder of the main
//! configuration file. Called by `load`; the lines are walked in `lines`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use glob::Pattern;
use webserv_grammar::{Block, Directive, Document, Item, Span, SyntaxError, Word};

use super::diagnostics::{Diagnostic, FileId, Level, Place};
use super::lint;
use super::sources::Sources;
use super::watched::{self, Watched};
use crate::base::pace;
use crate::base::suggest::nearest;

/// The name of the directive that is found here.
pub(super) const INCLUDE: &str = "include";

/// What was read, parsed.
#[derive(Debug, Default)]
pub(super) struct Documents {
    documents: HashMap<FileId, Document>,
    /// The files that an `include` stands for, by where its name stands.
    includes: HashMap<(FileId, u32), Rc<[FileId]>>,
}

/// Everything that reading found.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) sources: Sources,
    pub(super) documents: Documents,
    pub(super) findings: Vec<Diagnostic>,
    pub(super) watched: Watched,
}

/// Reads texts, and the files they include.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    read: Read,
    /// Where relative names are taken from.
    folder: &'a Path,
    by_path: HashMap<PathBuf, FileId>,
    by_pattern: HashMap<String, Rc<[FileId]>>,
    extents: HashMap<FileId, Extent>,
    /// The files being read, outermost first, and the `include` of each.
    open: Vec<(PathBuf, Option<Place>)>,
}

/// How much a file is with all that it includes.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// How many files deep; 1 for one that includes nothing.
    depth: usize,
    /// How many files, each counted as often as it is included.
    files: usize,
}

impl Documents {
    pub(super) fn document(&self, file: FileId) -> Option<&Document> {
        self.documents.get(&file)
    }

    /// The files that stand for a directive with this name, if it is an `include` that was understood.
    pub(super) fn included(&self, file: FileId, name: &Word) -> Option<&[FileId]> {
        if name.text != INCLUDE {
            return None;
        }
        self.includes.get(&(file, name.span.start)).map(|files| &**files)
    }

    /// Gives everything back, at the pace of the thread: of a large file that takes long.
    pub(super) fn take_apart(self) {
        self.documents.into_values().for_each(|document| take_apart(document.items));
    }
}

impl Documents {
    /// Where each file is included: the names of the `include`s that stand for it.
    pub(super) fn include_sites(&self) -> HashMap<FileId, Vec<Place>> {
        let mut sites: HashMap<FileId, Vec<Place>> = HashMap::new();
        for ((file, at), included) in &self.includes {
            let place = Place { file: *file, span: Span::empty_at(*at) };
            for below in included.iter() {
                sites.entry(*below).or_default().push(place);
            }
        }
        sites
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self {
            read: Read::default(),
            folder,
            by_path: HashMap::new(),
            by_pattern: HashMap::new(),
            extents: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// Reads a text that is no file.
    pub(super) fn text(&mut self, name: &str, text: &str) -> FileId {
        let file = self.read.sources.add_text(name, text);
        self.open.push((PathBuf::new(), None));
        self.parse(file);
        self.open.pop();
        file
    }

    /// Reads the main file.
    pub(super) fn main_file(&mut self, path: &Path) -> Option<FileId> {
        self.file(path, None)
    }

    pub(super) fn finish(self) -> Read {
        self.read
    }

    fn file(&mut self, path: &Path, asked: Option<Place>) -> Option<FileId> {
        if self.open.iter().any(|(open, _)| open == path) {
            let finding = self.cycle(path, asked);
            self.read.findings.push(finding);
            return None;
        }
        let depth = self.open.len();
        if let Some(file) = self.by_path.get(path) {
            let file = *file;
            if depth + self.extents.get(&file).map_or(0, |extent| extent.depth) > DEPTH_MAX {
                self.too_deep(asked);
                return None;
            }
            return Some(file);
        }
        if depth >= DEPTH_MAX {
            self.too_deep(asked);
            return None;
        }
        let Read { sources, watched, .. } = &mut self.read;
        match sources.add_file(path, asked, watched) {
            Ok((file, finding)) => {
                self.read.findings.extend(finding);
                self.by_path.insert(path.to_owned(), file);
                self.open.push((path.to_owned(), asked));
                self.parse(file);
                self.open.pop();
                Some(file)
            }
            Err(finding) => {
                self.read.findings.push(suggest_file(finding, path));
                None
            }
        }
    }

    /// Parses a text that was just read, and reads what it includes.
    fn parse(&mut self, file: FileId) {
        let parsed = webserv_grammar::parse_shared(&self.read.sources.source(file).text, &mut pace::breathe);
        self.read.findings.extend(parsed.errors.into_iter().map(|error| syntax_finding(file, error)));
        let mut extent = Extent { depth: 1, files: 1 };
        for (name, pattern) in include_lines(&parsed.document) {
            let mut files = self.include(file, pattern);
            for below in files.iter().filter_map(|file| self.extents.get(file)) {
                extent.depth = extent.depth.max(1 + below.depth);
                extent.files += below.files;
            }
            if extent.files > EXPANSIONS_MAX {
                let place = Place { file, span: pattern.span };
                let message = format!("more than {EXPANSIONS_MAX} files in all, counted as often as they are included");
                self.read.findings.push(Diagnostic::error(place, message));
                extent.files = EXPANSIONS_MAX;
                files = Rc::default();
            }
            self.read.documents.includes.insert((file, name.span.start), files);
        }
        self.extents.insert(file, extent);
        self.read.documents.documents.insert(file, parsed.document);
    }

    /// Reads the files of one `include`.
    fn include(&mut self, file: FileId, word: &Word) -> Rc<[FileId]> {
        if let Some(files) = self.by_pattern.get(&*word.text) {
            let files = Rc::clone(files);
            let again = files.iter().map(|file| self.read.sources.source(*file).path.clone());
            // Walked again only for the limits: a cycle, or too deep from here.
            let paths: Vec<PathBuf> = again.flatten().collect();
            let asked = Some(Place { file, span: word.span });
            return paths.iter().filter_map(|path| self.file(path, asked)).collect();
        }
        let findings_before = self.read.findings.len();
        let asked = Place { file, span: word.span };
        let mut files = Vec::new();
        for path in self.paths(&word.text, asked) {
            files.extend(self.file(&path, Some(asked)));
        }
        let files: Rc<[FileId]> = files.into();
        if self.read.findings.len() == findings_before {
            self.by_pattern.insert(word.text.to_string(), Rc::clone(&files));
        }
        files
    }

    /// The paths that an `include` names, in alphabetical order.
    fn paths(&mut self, pattern: &str, asked: Place) -> Vec<PathBuf> {
        if !pattern.contains(['*', '?', '[']) {
            return vec![self.folder.join(pattern)];
        }
        let absolute = if Path::new(pattern).is_absolute() {
            pattern.to_owned()
        } else {
            format!("{}/{pattern}", Pattern::escape(&self.folder.to_string_lossy()))
        };
        // To nginx two stars are one twice; to the library they are all folders below.
        let absolute = absolute.replace("**", "*");
        let paths = match watched::expand(&absolute) {
            Ok(paths) => paths,
            Err(error) => {
                let message = format!("glob() \"{pattern}\" failed ({})", error.msg);
                self.read.findings.push(Diagnostic::error(asked, message));
                return Vec::new();
            }
        };
        self.read.watched.pattern(&absolute, &paths);
        let mut found = Vec::new();
        for path in paths {
            match path {
                Ok(path) => found.push(path),
                Err(error) => {
                    let message = format!("glob() cannot read \"{}\"", error.path().display());
                    let finding = Diagnostic::warning(asked, message).lint(&lint::UNREADABLE_INCLUDE);
                    self.read.findings.push(finding.label(error.error().to_string()));
                }
            }
        }
        found
    }

    /// An error that shows the way round.
    fn cycle(&self, path: &Path, asked: Option<Place>) -> Diagnostic {
        let message = format!("\"{}\" includes itself", path.display());
        let mut finding = Diagnostic { place: asked, ..Diagnostic::without_place(message) };
        let first = self.open.iter().position(|(open, _)| open == path).unwrap_or(0);
        for (through, place) in &self.open[first + 1..] {
            if let Some(place) = place {
                finding = finding.related(*place, format!("through \"{}\", included here", through.display()));
            }
        }
        finding.label("this closes the circle")
    }

    fn too_deep(&mut self, asked: Option<Place>) {
        let message = format!("files include each other more than {DEPTH_MAX} deep");
        self.read.findings.push(Diagnostic { place: asked, ..Diagnostic::without_place(message) });
    }
}

/// The name and the pattern of each `include` in a document, in all its blocks; also of one that a
/// directive without a semicolon has swallowed.
fn include_lines(document: &Document) -> Vec<(&Word, &Word)> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Directive> = document.directives().collect();
    while let Some(directive) = waiting.pop() {
        pace::breathe();
        found.extend(include_line(directive));
        waiting.extend(directive.body.iter().flat_map(Block::directives));
    }
    found.sort_by_key(|(name, _)| name.span.start);
    found
}

/// Drops lines, one at a time as far down as blocks hold them.
fn take_apart(items: Vec<Item>) {
    for item in items {
        if let Item::Directive(mut directive) = item
            && let Some(block) = directive.body.take()
        {
            take_apart(block.items);
        }
        pace::breathe();
    }
}

fn include_line(directive: &Directive) -> Option<(&Word, &Word)> {
    match &*directive.arguments {
        [pattern] if directive.name.text == INCLUDE => Some((&directive.name, pattern)),
        [.., name, pattern] if name.text == INCLUDE && name.starts_line => Some((name, pattern)),
        _ => None,
    }
}

/// What is wrong with the form of a text, as a finding.
pub(super) fn syntax_finding(file: FileId, error: SyntaxError) -> Diagnostic {
    let place = |span| Place { file, span };
    Diagnostic {
        level: Level::Error,
        lint: None,
        message: error.message,
        place: Some(place(error.span)),
        label: error.label,
        help: error.help.map(String::into_boxed_str),
        related: error.related.into_iter().map(|(span, text)| (place(span), text)).collect(),
    }
}

/// With the name of a file in the same folder that is nearly the one that is missing.
fn suggest_file(finding: Diagnostic, path: &Path) -> Diagnostic {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return finding };
    if path.exists() {
        return finding;
    }
    let Ok(entries) = std::fs::read_dir(folder) else {
        return finding.label(format!("there is no folder \"{}\"", folder.display()));
    };
    let names: Vec<String> =
        entries.take(FOLDER_ENTRIES_MAX).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    match nearest(&name.to_string_lossy(), names.iter().map(|name| &**name)) {
        Some(near) => finding.label(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// nginx has no such limit, but ends by running out of descriptors.
const DEPTH_MAX: usize = 32;
/// Ten snippets in each of ten thousand servers are a tenth of it; files that double each other at each
/// of a few levels are soon more.
const EXPANSIONS_MAX: usize = 1_000_000;
/// How many names are looked at for a suggestion.
const FOLDER_ENTRIES_MAX: usize = 1000;

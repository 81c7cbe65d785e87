//! Comments that silence warnings: `# webserv: allow CODE`.
//!
//! A comment concerns the directive it stands behind, the one below it, or, behind a `{`, the one whose block that is:
//! always with all of its block, and with the files that are included there. A file that is included more than once is
//! concerned if all of its `include`s are. Called by `load` for each warning that has a code.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use webserv_grammar::{Comment, Directive, Item, Span};

use super::super::diagnostics::{Diagnostic, FileId, Level, Place};
use super::super::session::Session;
use super::super::sources::span;
use super::{Found, Lint, find, nearest_code};
use crate::config::view::View;

/// A code in such a comment that no lint has.
pub static UNKNOWN_LINT: Lint = Lint {
    code: "unknown-lint",
    finds: "A comment `# webserv: allow CODE` names a code that does not exist.",
    matters: "It silences nothing.",
    instead: "Write the code as it stands behind the warning.",
    wrong: "server {\n    listen 8080;\n    default_type text/plain; # webserv: allow alias-slahs\n}",
    right: "server {\n    listen 8080;\n    default_type text/plain; # webserv: allow alias-slash\n}",
    found: Found::Checking(unknown_codes),
};

/// What the comments of a configuration silence.
pub(in super::super) struct Allowances<'s> {
    session: &'s Session,
    by_file: RefCell<HashMap<FileId, Rc<[Allowance]>>>,
    /// Where each file is included.
    sites: OnceCell<HashMap<FileId, Vec<Place>>>,
    /// Whether all places where a file is included are silenced.
    whole_files: RefCell<HashMap<(FileId, &'static str), bool>>,
}

/// One comment.
struct Allowance {
    /// Its codes, and where in the text each stands.
    codes: Vec<(Box<str>, Span)>,
    /// What it concerns; nothing where no directive is near.
    concerns: Vec<Span>,
}

impl<'s> Allowances<'s> {
    pub(in super::super) fn new(session: &'s Session) -> Self {
        Self { session, by_file: RefCell::default(), sites: OnceCell::new(), whole_files: RefCell::default() }
    }

    /// Whether a comment silences a finding.
    pub(in super::super) fn silence(&self, finding: &Diagnostic) -> bool {
        match (finding.level, finding.lint, finding.place) {
            (Level::Warning, Some(lint), Some(place)) => self.covers(place, lint.code),
            _ => false,
        }
    }

    fn covers(&self, place: Place, code: &'static str) -> bool {
        let covers = |span: &Span| span.start <= place.span.start && place.span.start <= span.end;
        let own = self.of_file(place.file);
        let allows = |allowance: &&Allowance| allowance.codes.iter().any(|(own, _)| **own == *code);
        own.iter().filter(allows).any(|allowance| allowance.concerns.iter().any(covers))
            || self.covers_file(place.file, code)
    }

    /// Files include each other in no circle and not deep, so this ends.
    fn covers_file(&self, file: FileId, code: &'static str) -> bool {
        if let Some(known) = self.whole_files.borrow().get(&(file, code)) {
            return *known;
        }
        let sites = self.sites.get_or_init(|| self.session.documents.include_sites());
        let covered = sites.get(&file).is_some_and(|sites| sites.iter().all(|site| self.covers(*site, code)));
        self.whole_files.borrow_mut().insert((file, code), covered);
        covered
    }

    fn of_file(&self, file: FileId) -> Rc<[Allowance]> {
        if let Some(known) = self.by_file.borrow().get(&file) {
            return Rc::clone(known);
        }
        let found: Rc<[Allowance]> = collect_file(self.session, file).into();
        self.by_file.borrow_mut().insert(file, Rc::clone(&found));
        found
    }
}

fn collect_file(session: &Session, file: FileId) -> Vec<Allowance> {
    let mut found = Vec::new();
    let text = &session.sources.source(file).text;
    if let Some(document) = session.documents.document(file).filter(|_| text.contains(MARK)) {
        collect(&document.items, None, text, &mut found);
    }
    found
}

/// Finds the comments among the items of a block; `around` is the directive that the block belongs to.
fn collect(items: &[Item], around: Option<Span>, text: &str, found: &mut Vec<Allowance>) {
    let mut waiting: Vec<usize> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::BlankLine => waiting.clear(),
            Item::Comment(comment) => {
                let codes = codes(comment);
                if codes.is_empty() {
                    continue;
                }
                let concerns = match comment.trailing {
                    false => {
                        waiting.push(found.len());
                        Vec::new()
                    }
                    true => match before(&items[..index], comment, text) {
                        directives if directives.is_empty() => around.into_iter().collect(),
                        directives => directives,
                    },
                };
                found.push(Allowance { codes, concerns });
            }
            Item::Directive(Directive { span, body, .. }) => {
                waiting.drain(..).for_each(|index| found[index].concerns.push(*span));
                if let Some(body) = body {
                    collect(&body.items, Some(*span), text, found);
                }
            }
        }
    }
}

/// The directives that end on the line of a comment.
fn before(items: &[Item], comment: &Comment, text: &str) -> Vec<Span> {
    let directives = items.iter().rev().map_while(|item| match item {
        Item::Directive(directive) => Some(directive.span),
        Item::Comment(_) | Item::BlankLine => None,
    });
    directives
        .take_while(|own| Span::new(own.end, comment.span.start.max(own.end)).slice(text).find('\n').is_none())
        .collect()
}

/// The codes that a comment allows, each with its place.
fn codes(comment: &Comment) -> Vec<(Box<str>, Span)> {
    let allowed = comment.text.trim_start_matches('#').trim_start().strip_prefix(MARK);
    let Some(list) = allowed.map(str::trim_start).and_then(|rest| rest.strip_prefix("allow")) else {
        return Vec::new();
    };
    if !list.starts_with(char::is_whitespace) {
        return Vec::new();
    }
    let words = list.split(|letter: char| letter.is_whitespace() || letter == ',').filter(|word| !word.is_empty());
    let codes = words.take_while(|word| !word.bytes().all(|byte| byte == b'-'));
    let start = comment.span.start as usize;
    codes
        .map(|word| {
            // The word is a part of the comment, so the distance of their addresses is its offset.
            let at = start + (word.as_ptr().addr() - comment.text.as_ptr().addr());
            (word.into(), span(at..at + word.len()))
        })
        .collect()
}

fn unknown_codes(view: &View<'_>) -> Vec<Diagnostic> {
    let session = view.session;
    let files = session.sources.iter().map(|(file, _)| file);
    let allowances = files.flat_map(|file| collect_file(session, file).into_iter().map(move |found| (file, found)));
    let codes = allowances.flat_map(|(file, found)| found.codes.into_iter().map(move |code| (file, code)));
    let unknown = codes.filter(|(_, (code, _))| find(code).is_none());
    unknown
        .map(|(file, (code, span))| {
            let warning = Diagnostic::warning(Place { file, span }, format!("there is no lint \"{code}\""));
            match nearest_code(&code) {
                Some(near) => warning.label(format!("did you mean `{near}`?")),
                None => warning.help("`webserv lint` lists all"),
            }
        })
        .collect()
}

/// What such a comment begins with.
const MARK: &str = "webserv:";

//! What one load of a configuration has in hand: the texts, the variables, and the findings.
//!
//! Setters reach it through their arguments, the engine and the assembly by reference. It is read
//! by many at a time, so what changes is in cells of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use webserv_grammar::Span;

use super::diagnostics::{Diagnostic, FileId, Level, Place};
use super::includes::Documents;
use super::load::Totals;
use super::sources::Sources;
use super::variables::Variables;

/// One load of a configuration.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) sources: Sources,
    pub(super) documents: Documents,
    pub(super) variables: RefCell<Variables>,
    /// What relative paths are taken from (`-p`).
    pub(super) prefix: Arc<str>,
    /// Whether the process was started by root.
    pub(super) as_root: bool,
    /// The folder of the main file.
    pub(super) folder: PathBuf,
    pub(super) findings: Findings,
}

impl Session {
    pub(super) fn report(&self, finding: Diagnostic) {
        self.findings.add(finding);
    }

    pub(super) fn prefix_path(&self) -> &Path {
        Path::new(&*self.prefix)
    }
}

/// What was found wrong, each thing once: a file that is included twice is read twice.
#[derive(Debug, Default)]
pub(super) struct Findings {
    known: RefCell<HashSet<(Option<Place>, String)>>,
    findings: RefCell<Vec<Diagnostic>>,
    errors: Cell<usize>,
    /// Of those that were not kept.
    beyond: RefCell<Totals>,
}

impl Findings {
    pub(super) fn add(&self, finding: Diagnostic) {
        if !self.known.borrow_mut().insert((finding.place, finding.message.clone())) {
            return;
        }
        if finding.level == Level::Error {
            self.errors.set(self.errors.get() + 1);
        }
        if self.findings.borrow().len() < FINDINGS_KEPT_MAX {
            self.findings.borrow_mut().push(finding);
        } else {
            self.beyond.borrow_mut().count(&finding);
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors.get() > 0
    }

    /// The findings in the order of the texts, without those that are silenced, and how many there are in all. Errors
    /// come first where there are too many.
    pub(super) fn finish(&self, is_silenced: impl Fn(&Diagnostic) -> bool) -> (Vec<Diagnostic>, Totals) {
        let mut findings = self.findings.take();
        findings.retain(|finding| !is_silenced(finding));
        let mut totals = self.beyond.take();
        findings.iter().for_each(|finding| totals.count(finding));
        if findings.len() > FINDINGS_REPORTED_MAX {
            findings.sort_by_key(|finding| (finding.level != Level::Error, order(finding)));
            findings.truncate(FINDINGS_REPORTED_MAX);
        }
        findings.sort_by_key(order);
        (findings, totals)
    }
}

/// By place; what has none comes first.
fn order(finding: &Diagnostic) -> Option<(FileId, Span)> {
    finding.place.map(|place| (place.file, place.span))
}

/// More than anybody corrects before trying again.
pub(super) const FINDINGS_REPORTED_MAX: usize = 50;
/// A text with a finding in each of its lines shall not fill the memory.
const FINDINGS_KEPT_MAX: usize = 10_000;

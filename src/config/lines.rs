//! A directive as it was written, and how the lines of a block are walked: what is included stands
//! where its `include` stands.

use webserv_grammar::{Block, Directive, Item, Word};

use super::diagnostics::{FileId, Place};
use super::includes::Documents;
use super::sources::span;
use crate::base::pace;

/// A directive as written; or a part of one, where a semicolon was forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// The file it stands in.
    pub(super) file: FileId,
    /// Its name.
    pub(super) name: &'a Word,
    /// What stands behind the name.
    pub(super) words: &'a [Word],
    /// Its block, if it has one.
    pub(super) block: Option<&'a Block>,
}

impl<'a> Line<'a> {
    pub(super) fn new(file: FileId, directive: &'a Directive) -> Self {
        Self { file, name: &directive.name, words: &directive.arguments, block: directive.body.as_ref() }
    }

    pub(super) fn place(&self, word: &Word) -> Place {
        Place { file: self.file, span: word.span }
    }

    /// From the name to the last word.
    pub(super) fn whole(&self) -> Place {
        Place { file: self.file, span: span(self.name.span.start as usize..self.end()) }
    }

    /// Behind the last word.
    pub(super) fn behind(&self) -> Place {
        Place { file: self.file, span: span(self.end()..self.end()) }
    }

    /// The words from `first` on.
    pub(super) fn words_from(&self, first: usize) -> Place {
        match self.words.get(first) {
            Some(word) => Place { file: self.file, span: span(word.span.start as usize..self.end()) },
            None => self.behind(),
        }
    }

    fn end(&self) -> usize {
        self.words.last().unwrap_or(self.name).span.end as usize
    }
}

impl Documents {
    /// Walks the lines of a block, what they include expanded.
    pub(super) fn each_line<'a>(&'a self, file: FileId, block: &'a Block, visit: &mut dyn FnMut(Line<'a>)) {
        self.each_item(file, &block.items, visit);
    }

    /// Walks the lines of a file, what they include expanded.
    pub(super) fn each_line_of_file<'a>(&'a self, file: FileId, visit: &mut dyn FnMut(Line<'a>)) {
        if let Some(document) = self.document(file) {
            self.each_item(file, &document.items, visit);
        }
    }

    fn each_item<'a>(&'a self, file: FileId, items: &'a [Item], visit: &mut dyn FnMut(Line<'a>)) {
        for item in items {
            let Item::Directive(directive) = item else { continue };
            pace::breathe();
            match self.included(file, &directive.name) {
                Some(files) => files.iter().for_each(|file| self.each_line_of_file(*file, visit)),
                None => visit(Line::new(file, directive)),
            }
        }
    }
}

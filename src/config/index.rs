//! All directives by name: those of the structure and of every module.

use std::cell::RefCell;
use std::collections::HashMap;

use super::schema::{AnyModule, Contexts, Entry, Shape};
use super::structure::{STRUCTURE, Structure};
use crate::base::suggest::nearest;

/// The directives that there are.
#[derive(Debug)]
pub(super) struct Index {
    known: Vec<Known>,
    by_name: HashMap<&'static str, Vec<usize>, foldhash::fast::RandomState>,
    /// What misspelt names were likely meant to be: a mistake that is made once is often made a thousand times.
    meant: RefCell<Meant>,
}

/// By the misspelt name and the block it stands in.
type Meant = HashMap<(Box<str>, Contexts), Option<&'static str>>;

/// More different misspellings than this are looked up anew each time.
const MEANT_MAX: usize = 1000;

/// One line of one table.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) entry: Entry,
    pub(super) meaning: Meaning,
}

/// Who understands a directive.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// The engine.
    Structure(Structure),
    /// Line `line` of module `module`.
    Module { module: usize, line: usize },
}

/// What a name is, seen from a block.
#[derive(Debug)]
pub(super) enum Found {
    /// It may stand there; its number.
    Here(usize),
    /// It may stand elsewhere: in these.
    Elsewhere(Contexts),
    /// No directive has this name.
    Nowhere,
}

impl Known {
    /// The module that understands it; none of the structure.
    pub(super) fn module(&self) -> Option<usize> {
        match self.meaning {
            Meaning::Module { module, .. } => Some(module),
            Meaning::Structure(_) => None,
        }
    }
}

impl Index {
    pub(super) fn new(modules: &[&'static dyn AnyModule]) -> Self {
        let structure =
            STRUCTURE.iter().map(|(what, entry)| Known { entry: *entry, meaning: Meaning::Structure(*what) });
        let of_modules = modules.iter().enumerate().flat_map(|(module, table)| {
            (0..table.directive_count())
                .map(move |line| Known { entry: table.directive(line), meaning: Meaning::Module { module, line } })
        });
        let known: Vec<Known> = structure.chain(of_modules).collect();
        let mut by_name: HashMap<_, Vec<_>, _> = HashMap::default();
        for (number, known) in known.iter().enumerate() {
            by_name.entry(known.entry.name).or_default().push(number);
        }
        Self { known, by_name, meant: RefCell::default() }
    }

    pub(super) fn known(&self, number: usize) -> &Known {
        &self.known[number]
    }

    pub(super) fn find(&self, name: &str, context: Contexts) -> Found {
        let Some(numbers) = self.by_name.get(name) else { return Found::Nowhere };
        let entries = || numbers.iter().map(|number| (*number, &self.known[*number].entry));
        match entries().find(|(_, entry)| entry.contexts.contains(context)) {
            Some((number, _)) => Found::Here(number),
            None => {
                let contexts = entries().map(|(_, entry)| entry.contexts);
                Found::Elsewhere(contexts.reduce(Contexts::or).unwrap_or(Contexts::ANY))
            }
        }
    }

    /// The name that was likely meant: one that may stand in the block, else any.
    pub(super) fn nearest(&self, name: &str, context: Contexts) -> Option<&'static str> {
        let key = (Box::from(name), context);
        if let Some(meant) = self.meant.borrow().get(&key) {
            return *meant;
        }
        let meant = self.look_for_nearest(name, context);
        let mut known = self.meant.borrow_mut();
        if known.len() < MEANT_MAX {
            known.insert(key, meant);
        }
        meant
    }

    fn look_for_nearest(&self, name: &str, context: Contexts) -> Option<&'static str> {
        let here = self.known.iter().filter(|known| known.entry.contexts.contains(context));
        nearest(name, here.map(|known| known.entry.name))
            .or_else(|| nearest(name, self.known.iter().map(|known| known.entry.name)))
    }
}

impl Entry {
    /// How the directive is written: `root PATH;`.
    pub fn usage(&self) -> String {
        let name = self.name;
        match self.args {
            Shape::Flag => format!("{name} on | off;"),
            Shape::Words { names: "", .. } => format!("{name};"),
            Shape::Words { names, .. } => format!("{name} {names};"),
            Shape::Block { names: "", .. } => format!("{name} {{ ... }}"),
            Shape::Conditional { names, .. } => format!("{name} {names} {{ ... }}"),
            // The lines of the block are the directive's own.
            Shape::Block { names, .. } if names.ends_with('}') => format!("{name} {names}"),
            Shape::Block { names, .. } => format!("{name} {names} {{ ... }}"),
        }
    }

    /// How many words may stand behind the name: at least, at most.
    pub fn word_count(&self) -> (usize, usize) {
        match self.args {
            Shape::Flag => (1, 1),
            Shape::Words { min, max, .. } | Shape::Block { min, max, .. } | Shape::Conditional { min, max, .. } => {
                (min, max)
            }
        }
    }

    /// Whether a block stands behind the words.
    pub fn has_block(&self) -> bool {
        matches!(self.args, Shape::Block { .. } | Shape::Conditional { .. })
    }
}

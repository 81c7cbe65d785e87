//! How a module tells the configuration what it understands: a table of directives, and what
//! becomes of them.
//!
//! The table is the truth: errors about unknown, misplaced, repeated and miscounted directives,
//! "did you mean", the manual and completion come from it alone. Setters check and store;
//! `install` builds what runs. The engine that reads tables is in `engine`.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use super::arguments::Arguments;
use super::build::{Build, ProcessBuilder, ServerBuilder};
use super::diagnostics::Diagnostic;
use crate::exchange::plan::PlanBuilder;
use crate::exchange::variables::Variable;

/// Where directives may stand: a set of block kinds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Contexts(u16);

impl Contexts {
    /// Outside of any block.
    pub const MAIN: Self = Self(1);
    /// In `events { }`.
    pub const EVENTS: Self = Self(1 << 1);
    /// In `http { }`.
    pub const HTTP: Self = Self(1 << 2);
    /// In `server { }`.
    pub const SERVER: Self = Self(1 << 3);
    /// In `location { }`.
    pub const LOCATION: Self = Self(1 << 4);
    /// In `limit_except { }`.
    pub const LIMIT_EXCEPT: Self = Self(1 << 5);
    /// In an `if { }` of a server.
    pub const SERVER_IF: Self = Self(1 << 6);
    /// In an `if { }` of a location.
    pub const LOCATION_IF: Self = Self(1 << 7);
    /// `http`, `server` and `location`: where most directives may stand.
    pub const HTTP_SERVER_LOCATION: Self = Self::HTTP.or(Self::SERVER).or(Self::LOCATION);
    /// `http`, `server`, `location` and `if` in a location.
    pub const HTTP_SERVER_LOCATION_IF: Self = Self::HTTP_SERVER_LOCATION.or(Self::LOCATION_IF);
    /// Everywhere.
    pub const ANY: Self = Self(u16::MAX);

    /// Either of the two.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the contexts in the set, as nginx writes them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(Contexts, &str); 8] = [
            (Contexts::MAIN, "main"),
            (Contexts::EVENTS, "events"),
            (Contexts::HTTP, "http"),
            (Contexts::SERVER, "server"),
            (Contexts::LOCATION, "location"),
            (Contexts::LIMIT_EXCEPT, "limit_except"),
            (Contexts::SERVER_IF, "if in server"),
            (Contexts::LOCATION_IF, "if in location"),
        ];
        NAMES.into_iter().filter(move |(context, _)| self.contains(*context)).map(|(_, name)| name)
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.names().collect::<Vec<_>>().join("|"))
    }
}

/// What stands behind a directive's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `on` or `off`.
    Flag,
    /// So many words and a semicolon.
    Words {
        /// At least.
        min: usize,
        /// At most.
        max: usize,
        /// What they are, for messages and the manual: `"FILE..."`, `"CODE... [=[RESPONSE]] URI"`.
        names: &'static str,
    },
    /// So many words and a block whose lines are the directive's own (`types { }`).
    Block {
        /// At least so many words before the block.
        min: usize,
        /// At most.
        max: usize,
        /// What the words and the block's lines are.
        names: &'static str,
    },
    /// So many words and a block of directives that apply while the words hold (`if`).
    Conditional {
        /// At least so many words before the block.
        min: usize,
        /// At most.
        max: usize,
        /// What the words are.
        names: &'static str,
    },
}

impl Shape {
    /// Exactly one word.
    pub const fn one(names: &'static str) -> Self {
        Self::Words { min: 1, max: 1, names }
    }

    /// Exactly `count` words.
    pub const fn exactly(count: usize, names: &'static str) -> Self {
        Self::Words { min: count, max: count, names }
    }

    /// So many words or more.
    pub const fn at_least(min: usize, names: &'static str) -> Self {
        Self::Words { min, max: usize::MAX, names }
    }

    /// From `min` to `max` words.
    pub const fn between(min: usize, max: usize, names: &'static str) -> Self {
        Self::Words { min, max, names }
    }

    /// No words at all.
    pub const NONE: Self = Self::Words { min: 0, max: 0, names: "" };
}

/// Whether a directive may stand more than once in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// A second one is an error.
    Once,
    /// Each adds something (`error_page`, `add_header`, `allow`). What the enclosing block had is
    /// replaced: the setter clears when `Arguments::first_in_block` says so.
    Many,
}

/// Whose directive it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// nginx has it, with this meaning.
    Nginx,
    /// nginx has it; here it is checked, accepted and does nothing.
    NginxNoEffect,
    /// It is webserv's own.
    Ours,
}

/// One line of a module's table.
pub struct Directive<C: 'static> {
    /// The name.
    pub name: &'static str,
    /// Where it may stand.
    pub contexts: Contexts,
    /// What stands behind the name.
    pub args: Shape,
    /// Whether it may be repeated in one block.
    pub repeat: Repeat,
    /// Checks the words and stores what they mean.
    pub set: fn(&mut C, &mut Arguments<'_>) -> Result<(), Diagnostic>,
    /// The value when it is not set, as it would be written; empty when there is none.
    pub default: &'static str,
    /// What it does, for the manual: plain sentences.
    pub doc: &'static str,
    /// A line that works.
    pub example: &'static str,
    /// Whose it is.
    pub origin: Origin,
}

/// Makes what a nested block starts with from what the enclosing block has set.
pub type Inherit<C> = fn(&C) -> C;

/// A feature: its directives, its variables, and what it puts into the server.
pub trait Module: 'static {
    /// What its directives set. The default is nginx's default for every directive; a nested
    /// block starts with a clone of the enclosing block's.
    type Conf: Clone + Default + 'static;

    /// Its name, for the manual.
    const NAME: &'static str;

    /// Its directives.
    const DIRECTIVES: &'static [Directive<Self::Conf>];

    /// Its variables.
    const VARIABLES: &'static [Variable] = &[];

    /// What a nested block starts with, where that is not the enclosing block's settings: for
    /// directives that are not inherited (`return`).
    const INHERIT: Option<Inherit<Self::Conf>> = None;

    /// Whether a nested block gets nothing of what a block sets, for `explain`: `INHERIT` gives the default then.
    const KEEPS_TO_ITS_BLOCK: bool = false;

    /// Whether `INHERIT` would make the same of these settings: then a nested block shares them, which costs nothing in
    /// a configuration of many blocks.
    const INHERITS_ALL: fn(&Self::Conf) -> bool = |_| false;

    /// What an `if` in a location starts with, where that is not what any nested block starts with:
    /// `None` for what answers a location (`empty_gif`), which an `if` in it keeps, as in nginx.
    const INHERIT_IN_IF: Option<Inherit<Self::Conf>> = Self::INHERIT;

    /// Whether the directives are the steps of one script: then those in an `if` belong to the block
    /// around it, in the order of the text. [`Arguments::conditional`] tells which `if` one is in.
    const IS_SCRIPT: bool = false;

    /// Gives what was set for the whole process.
    ///
    /// # Errors
    /// What is wrong with the settings as a whole, or cannot be opened.
    fn process(_conf: &Self::Conf, _process: &mut ProcessBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// Gives what was set for one virtual server: addresses, names, how requests are read.
    ///
    /// # Errors
    /// What is wrong with the settings as a whole, or cannot be opened.
    fn server(_conf: &Self::Conf, _server: &mut ServerBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// Puts finished objects into the plan of one location (and of the server itself).
    ///
    /// # Errors
    /// What is wrong with the settings as a whole, or cannot be opened.
    fn install(_conf: &Self::Conf, _plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        Ok(())
    }
}

/// A directive without its setter: what messages and manuals need.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are those of Directive")]
pub struct Entry {
    pub name: &'static str,
    pub contexts: Contexts,
    pub args: Shape,
    pub repeat: Repeat,
    pub default: &'static str,
    pub doc: &'static str,
    pub example: &'static str,
    pub origin: Origin,
}

/// A block's settings of one module; shared with the enclosing block until something is set.
pub type Conf = Rc<dyn Any>;

/// A module whose settings' type is hidden, so that all fit into one list.
pub trait AnyModule: Sync {
    /// `Module::NAME`.
    fn name(&self) -> &'static str;
    /// How many directives it has.
    fn directive_count(&self) -> usize;
    /// Line `index` of its table.
    fn directive(&self, index: usize) -> Entry;
    /// `Module::VARIABLES`.
    fn variables(&self) -> &'static [Variable];
    /// The settings of the outermost block.
    fn default_conf(&self) -> Conf;
    /// What a nested block starts with.
    fn inherit(&self, enclosing: &Conf) -> Conf;
    /// What an `if` in a location starts with.
    fn inherit_in_if(&self, enclosing: &Conf) -> Conf;
    /// `Module::IS_SCRIPT`.
    fn is_script(&self) -> bool;
    /// `Module::KEEPS_TO_ITS_BLOCK`.
    fn keeps_to_its_block(&self) -> bool;
    /// Calls the setter of line `index`, on a copy of its own if the settings are shared.
    ///
    /// # Errors
    /// What the setter found wrong.
    fn set(&self, index: usize, conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic>;
    /// `Module::process`.
    ///
    /// # Errors
    /// As there.
    fn process(&self, conf: &Conf, process: &mut ProcessBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic>;
    /// `Module::server`.
    ///
    /// # Errors
    /// As there.
    fn server(&self, conf: &Conf, server: &mut ServerBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic>;
    /// `Module::install`.
    ///
    /// # Errors
    /// As there.
    fn install(&self, conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic>;
}

/// Makes a [`Module`] an [`AnyModule`].
pub struct Erased<M>(PhantomData<fn() -> M>);

impl<M: Module> Erased<M> {
    /// The module, for the list in `modules/mod.rs`.
    pub const NEW: Self = Self(PhantomData);

    fn conf(conf: &Conf) -> &M::Conf {
        conf.downcast_ref().expect("the engine keeps settings at the index of their module")
    }

    fn inherit_by(inherit: Option<Inherit<M::Conf>>, enclosing: &Conf) -> Conf {
        match inherit {
            None => Rc::clone(enclosing),
            Some(_) if (M::INHERITS_ALL)(Self::conf(enclosing)) => Rc::clone(enclosing),
            Some(inherit) => Rc::new(inherit(Self::conf(enclosing))),
        }
    }
}

impl<M: Module> AnyModule for Erased<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn directive_count(&self) -> usize {
        M::DIRECTIVES.len()
    }

    fn directive(&self, index: usize) -> Entry {
        let &Directive { name, contexts, args, repeat, default, doc, example, origin, .. } = &M::DIRECTIVES[index];
        Entry { name, contexts, args, repeat, default, doc, example, origin }
    }

    fn variables(&self) -> &'static [Variable] {
        M::VARIABLES
    }

    fn default_conf(&self) -> Conf {
        Rc::new(M::Conf::default())
    }

    fn inherit(&self, enclosing: &Conf) -> Conf {
        Self::inherit_by(M::INHERIT, enclosing)
    }

    fn inherit_in_if(&self, enclosing: &Conf) -> Conf {
        Self::inherit_by(M::INHERIT_IN_IF, enclosing)
    }

    fn is_script(&self) -> bool {
        M::IS_SCRIPT
    }
    fn keeps_to_its_block(&self) -> bool {
        M::KEEPS_TO_ITS_BLOCK
    }

    fn set(&self, index: usize, conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
        if Rc::get_mut(conf).is_none() {
            *conf = Rc::new(Self::conf(conf).clone());
        }
        let own = Rc::get_mut(conf).and_then(|conf| conf.downcast_mut::<M::Conf>());
        let own = own.expect("just made unique, and of this module's type");
        (M::DIRECTIVES[index].set)(own, arguments)
    }

    fn process(&self, conf: &Conf, process: &mut ProcessBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        M::process(Self::conf(conf), process, build)
    }

    fn server(&self, conf: &Conf, server: &mut ServerBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        M::server(Self::conf(conf), server, build)
    }

    fn install(&self, conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        M::install(Self::conf(conf), plan, build)
    }
}

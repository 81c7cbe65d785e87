//! What a `$name` in a configured value refers to.
//!
//! A reference is resolved once, at load, and computed when it is read. The table of the core's
//! variables is in `core_variables`; modules bring tables of their own. Variables that a
//! configuration defines itself (named captures of regular expressions, `set`, `map` and its like) have a
//! slot. So have those of webserv's own that may be given another value for the rest of a request.

use bytes::Bytes;

use super::exchange::Exchange;

/// A variable that webserv defines.
#[derive(Debug)]
pub struct Variable {
    /// The name without `$`; for a family (`arg_`, `http_`) the part before the member's name.
    pub name: &'static str,
    /// Whether it is one variable or a family.
    pub kind: VariableKind,
    /// Writes the value, or says that there is none.
    pub get: Getter,
    /// One sentence for the manual.
    pub doc: &'static str,
}

/// Whether a table entry is one variable or many.
#[derive(Clone, Copy, Debug)]
pub enum VariableKind {
    /// One variable.
    Single,
    /// All variables that begin with the name (`$arg_page`). `set` may give one another value.
    Family,
    /// One variable, to which `set` may give another value for the rest of the request.
    Assignable,
    /// One variable; to `set` it changes the exchange itself (`$args`).
    Assigned(Setter),
}

/// Takes the value that `set` gives to a variable of webserv.
pub type Setter = fn(exchange: &mut Exchange, value: Bytes);

/// Writes a variable's value behind what `out` holds; `member` is the rest of a family's name, in
/// lower case. Returns false, and writes nothing, when the variable has no value (a log shows `-`).
pub type Getter = fn(exchange: &Exchange, member: &str, out: &mut Vec<u8>) -> bool;

/// A variable's value by what a configuration sets: by a location's settings (`Plan::value`), or by a block that
/// defines the variable.
pub trait Computed: Send + Sync + std::fmt::Debug {
    /// Writes the value behind what `out` holds. Returns false, and writes nothing, when there is none.
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool;

    /// The value to keep; who has it at hand need not copy it.
    fn value(&self, exchange: &Exchange) -> Option<Bytes> {
        let mut out = Vec::new();
        self.compute(exchange, &mut out).then(|| Bytes::from(out))
    }
}

/// A number for a variable that the configuration defines; the same in all templates of one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u16);

/// A resolved reference.
#[derive(Clone, Debug)]
pub enum Reference {
    /// A variable of webserv.
    BuiltIn {
        /// How it is computed.
        get: Getter,
        /// The member's name, for a family; else empty.
        member: Box<str>,
        /// The whole name.
        name: Box<str>,
    },
    /// A variable of webserv that may have been given another value.
    Assignable {
        /// Where that value would be.
        slot: Slot,
        /// How it is computed.
        get: Getter,
        /// The member's name, for a family; else empty.
        member: Box<str>,
        /// The whole name.
        name: Box<str>,
    },
    /// `$1` to `$9`: a group of the regular expression that matched last.
    Capture(u8),
    /// A variable that the configuration defines.
    Slot(Slot),
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::BuiltIn { name: a, .. } | Self::Assignable { name: a, .. },
                Self::BuiltIn { name: b, .. } | Self::Assignable { name: b, .. },
            ) => a == b,
            (Self::Capture(a), Self::Capture(b)) => a == b,
            (Self::Slot(a), Self::Slot(b)) => a == b,
            _ => false,
        }
    }
}

impl Reference {
    /// Writes the value; false when there is none.
    pub fn write(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        match self {
            Self::BuiltIn { get, member, .. } => get(exchange, member, out),
            Self::Assignable { slot, get, member, .. } => {
                append(exchange.slot(*slot).as_deref(), out) || get(exchange, member, out)
            }
            Self::Capture(group) => append(exchange.captures.group(usize::from(*group)).as_deref(), out),
            Self::Slot(slot) => append(exchange.slot(*slot).as_deref(), out),
        }
    }
}

/// A variable that a directive gives a value (`set`).
#[derive(Clone, Copy, Debug)]
pub enum Assignee {
    /// One that the configuration defines, or one of webserv's own that takes another value.
    Slot(Slot),
    /// One of webserv's own that changes the exchange.
    BuiltIn(Setter),
}

impl Assignee {
    /// Gives the value, for the rest of the request.
    pub fn assign(self, exchange: &mut Exchange, value: Bytes) {
        match self {
            Self::Slot(slot) => exchange.set_slot(slot, value),
            Self::BuiltIn(set) => set(exchange, value),
        }
    }
}

/// Writes a value that may be missing.
pub fn append(value: Option<&[u8]>, out: &mut Vec<u8>) -> bool {
    let Some(value) = value else { return false };
    out.extend_from_slice(value);
    true
}

//! The variables that a configuration defines by a rule (`map`, `geo`, `split_clients`): how each is computed.
//!
//! `config` collects them while a configuration is read, and gives all of them to each virtual server; an exchange
//! reaches them through its `Site` when a variable is read that has no value yet. What was computed is kept by
//! `values`.

use std::fmt;

use super::exchange::Exchange;
use super::variables::{Computed, Slot};
use crate::base::report::Severity;

/// All definitions of one load, by slot. Immutable, shared by all workers.
#[derive(Default)]
pub struct Definitions {
    by_slot: Vec<Option<Definition>>,
}

/// How one variable is computed.
#[derive(Debug)]
pub struct Definition {
    /// Its name, in lower case, for messages.
    pub name: Box<str>,
    /// The rule.
    pub value: Box<dyn Computed>,
    /// Computed each time it is read, not once for a request (`volatile`).
    pub volatile: bool,
}

impl Definitions {
    /// How the variable with this slot is computed; none when it only has the values it is given.
    pub fn get(&self, slot: Slot) -> Option<&Definition> {
        self.by_slot.get(usize::from(slot.0))?.as_ref()
    }
}

/// A variable of `set`, by its name, that is read before it was set: empty, and the error log says so once.
#[derive(Debug)]
pub struct Unset(pub Box<str>);

impl Computed for Unset {
    fn compute(&self, exchange: &Exchange, _out: &mut Vec<u8>) -> bool {
        if exchange.plan.settings.uninitialized_variable_warn {
            exchange.report(Severity::Warn, format_args!("using uninitialized \"{}\" variable", self.0));
        }
        true
    }
}

/// No definitions: those of a server that no configuration made.
pub static NONE: Definitions = Definitions { by_slot: Vec::new() };

impl FromIterator<(Slot, Definition)> for Definitions {
    fn from_iter<I: IntoIterator<Item = (Slot, Definition)>>(definitions: I) -> Self {
        let mut by_slot = Vec::new();
        for (slot, definition) in definitions {
            let slot = usize::from(slot.0);
            if by_slot.len() <= slot {
                by_slot.resize_with(slot + 1, || None);
            }
            by_slot[slot] = Some(definition);
        }
        Self { by_slot }
    }
}

/// The names alone: each virtual server shows them.
impl fmt::Debug for Definitions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.by_slot.iter().flatten().map(|definition| &definition.name)).finish()
    }
}

//! Names of variables: which there are, and what each refers to.
//!
//! The core and the modules have tables; the configuration defines its own (named groups of regular
//! expressions, `map` and its like). A reference may come before the definition, so names that nobody knows get a slot
//! like those that are defined, and are judged at the end of the run. Names are told apart without
//! regard to case, as in nginx.

use std::collections::HashMap;

use super::diagnostics::{Diagnostic, Place};
use super::nginx_variables;
use crate::base::suggest::nearest;
use crate::exchange::definitions::{Definition, Definitions, Unset};
use crate::exchange::variables::{Assignee, Reference, Slot, Variable, VariableKind};

/// The variables of one load.
#[derive(Debug, Default)]
pub(super) struct Variables {
    singles: HashMap<&'static str, &'static Variable>,
    families: Vec<&'static Variable>,
    slots: HashMap<Box<str>, Slot>,
    /// Whether the slot with this number has been defined, not only referred to.
    defined: Vec<Defined>,
    unjudged: Vec<(Box<str>, Slot, Place)>,
    /// How variables are computed, and where that is said.
    definitions: HashMap<Slot, (Definition, Place)>,
}

/// Whether a variable of the configuration's own is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defined {
    /// It was only referred to.
    No,
    /// By `set` alone: to read it before it is set is a mistake.
    BySet,
    /// By what may leave it without a value.
    Otherwise,
}

impl Variables {
    pub(super) fn new(variables: impl IntoIterator<Item = &'static Variable>) -> Self {
        let mut known = Self::default();
        for variable in variables {
            match variable.kind {
                VariableKind::Single | VariableKind::Assignable | VariableKind::Assigned(_) => {
                    known.singles.insert(variable.name, variable);
                }
                VariableKind::Family => known.families.push(variable),
            }
        }
        // `sent_http_` before `http_` would not matter, they begin differently; a longer name with
        // the same beginning would.
        known.families.sort_by_key(|family| std::cmp::Reverse(family.name.len()));
        known
    }

    /// What a name refers to; `place` is where, asked only if it must be judged later.
    pub(super) fn resolve(&mut self, name: &str, place: impl FnOnce() -> Place) -> Reference {
        if let [digit @ b'1'..=b'9'] = name.as_bytes() {
            return Reference::Capture(digit - b'0');
        }
        let name = name.to_ascii_lowercase();
        if let Some(&Variable { get, kind, .. }) = self.singles.get(&*name).copied() {
            let (member, name) = (Box::default(), name.into_boxed_str());
            return match kind {
                VariableKind::Assignable => Reference::Assignable { slot: self.slot(&name), get, member, name },
                _ => Reference::BuiltIn { get, member, name },
            };
        }
        if let Some((&Variable { get, .. }, member)) = self.family(&name) {
            // A slot in any case: what gives it a value may come later in the text.
            let slot = self.slot(&name);
            return Reference::Assignable { slot, get, member: member.into(), name: name.into() };
        }
        let slot = self.slot(&name);
        if self.defined[usize::from(slot.0)] != Defined::No {
            return Reference::Slot(slot);
        }
        if self.unjudged.len() < UNJUDGED_MAX {
            self.unjudged.push((name.into(), slot, place()));
        }
        Reference::Slot(slot)
    }

    /// Defines a variable of the configuration's own; the same name is the same slot.
    pub(super) fn define(&mut self, name: &str) -> Slot {
        let slot = self.slot(&name.to_ascii_lowercase());
        self.defined[usize::from(slot.0)] = Defined::Otherwise;
        slot
    }

    /// What gives a variable its value by `set`; none for one of webserv's own that takes no other.
    pub(super) fn assignee(&mut self, name: &str) -> Option<Assignee> {
        let name = name.to_ascii_lowercase();
        match self.singles.get(&*name).map(|variable| variable.kind) {
            Some(VariableKind::Assigned(set)) => return Some(Assignee::BuiltIn(set)),
            Some(VariableKind::Single | VariableKind::Family) => return None,
            Some(VariableKind::Assignable) | None => {}
        }
        let slot = self.slot(&name);
        let is_ours = self.singles.contains_key(&*name) || self.family(&name).is_some();
        let defined = &mut self.defined[usize::from(slot.0)];
        if *defined == Defined::No {
            *defined = if is_ours { Defined::Otherwise } else { Defined::BySet };
        }
        Some(Assignee::Slot(slot))
    }

    /// Says how a variable is computed. As in nginx the last to say so counts; where it was said before is returned.
    pub(super) fn compute_by(&mut self, definition: Definition, place: Place) -> Option<Place> {
        let slot = self.define(&definition.name);
        self.definitions.insert(slot, (definition, place)).map(|(_, place)| place)
    }

    /// How variables are computed, for those who compute them.
    pub(super) fn take_definitions(&mut self) -> Definitions {
        let definitions = std::mem::take(&mut self.definitions);
        let by_set = self.slots.iter().filter(|(_, slot)| self.defined[usize::from(slot.0)] == Defined::BySet);
        let unset = by_set.map(|(name, slot)| {
            let value = Box::new(Unset(name.clone()));
            (*slot, Definition { name: name.clone(), value, volatile: false })
        });
        let computed = definitions.into_iter().map(|(slot, (definition, _))| (slot, definition));
        unset.chain(computed).collect()
    }

    /// Whether webserv itself defines this variable, so that the configuration may not.
    pub(super) fn is_built_in(&self, name: &str) -> bool {
        self.singles.contains_key(&*name.to_ascii_lowercase())
    }

    /// An error for each reference to a name that nobody has defined.
    pub(super) fn unknown(&self) -> Vec<(&str, Diagnostic)> {
        let unknown = self.unjudged.iter().filter(|(_, slot, _)| self.defined[usize::from(slot.0)] == Defined::No);
        unknown
            .map(|(name, _, place)| {
                let error = Diagnostic::error(*place, format!("unknown \"{name}\" variable"));
                if let Some(hint) = nginx_variables::find(name) {
                    let error = error.label("nginx has this variable, webserv does not support it yet");
                    return (&**name, if hint.is_empty() { error } else { error.help(hint) });
                }
                let error = match nearest(name, self.names()) {
                    Some(near) => error.label(format!("did you mean `${near}`?")),
                    None if &**name == "0" => error.label("expected a group from `$1` to `$9`"),
                    None => error.label("neither webserv nor this configuration defines it"),
                };
                (&**name, error)
            })
            .collect()
    }

    /// The names that a reference can have, families aside.
    fn names(&self) -> impl Iterator<Item = &str> {
        let defined = self.slots.iter().filter(|(_, slot)| self.defined[usize::from(slot.0)] != Defined::No);
        let mut names: Vec<&str> = self.singles.keys().copied().chain(defined.map(|(name, _)| &**name)).collect();
        names.sort_unstable();
        names.into_iter()
    }

    fn family<'n>(&self, name: &'n str) -> Option<(&'static Variable, &'n str)> {
        self.families.iter().find_map(|family| {
            let member = name.strip_prefix(family.name)?;
            (!member.is_empty()).then_some((*family, member))
        })
    }

    fn slot(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        // Beyond the limit names share the last slot; `too_many` refuses the configuration.
        let number = self.defined.len().min(usize::from(u16::MAX));
        if number == self.defined.len() {
            self.defined.push(Defined::No);
        }
        let slot = Slot(u16::try_from(number).unwrap_or(u16::MAX));
        self.slots.insert(name.into(), slot);
        slot
    }

    /// Whether more variables were named than there are slots.
    pub(super) fn too_many(&self) -> bool {
        self.slots.len() > self.defined.len()
    }
}

/// References to unknown names that are remembered; more are not reported anyway.
const UNJUDGED_MAX: usize = 100_000;

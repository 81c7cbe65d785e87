//! Named zones (`zone=NAME:SIZE`): how directives define and use them, and how a reload takes them over.
//!
//! A zone is known by its name; the directive that defines it is its kind. The same name, kind and key at a reload is
//! the same object, so what it counts goes on; a changed size takes effect when the configuration is published, not
//! before. What modules need of this is in `Arguments` and `Build`.

use std::any::Any;
use std::collections::{HashMap, TryReserveError};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arguments::Arguments;
use super::diagnostics::{Diagnostic, Place};
use crate::base::size::{format_size, parse_size};
use crate::base::suggest::nearest;
use crate::base::zone::{Resize, Resized, Zone};

/// A zone as a directive defines it.
#[derive(Clone, Debug)]
pub struct ZoneDefinition {
    /// The directive, which is what kind of zone it is.
    pub kind: &'static str,
    /// Its name.
    pub name: Box<str>,
    /// How much memory it takes at the most.
    pub bytes: u64,
    /// By what its entries are told apart, as it was written.
    pub key: Box<str>,
    /// Where its name stands.
    pub place: Place,
}

impl ZoneDefinition {
    /// Reads `NAME:SIZE`: the bytes of word `index` behind `zone=`.
    ///
    /// # Errors
    /// No name, no size, or one that is too small.
    pub fn parse(
        arguments: &Arguments<'_>,
        index: usize,
        kind: &'static str,
        key: impl Into<Box<str>>,
    ) -> Result<Self, Diagnostic> {
        let word = arguments.word(index);
        let value = word.split_once('=').map_or(word, |(_, value)| value);
        let start = word.len() - value.len();
        let invalid = |part: Range<usize>, label: String| {
            arguments.error_in(index, part, format!("invalid zone size \"{word}\"")).label(label)
        };
        let Some((name, size)) = value.split_once(':') else {
            return Err(invalid(start..word.len(), format!("expected a size behind the name, such as `{value}:10m`")));
        };
        if name.is_empty() {
            let message = format!("\"{}\" must have a zone with a name", arguments.name());
            return Err(arguments.error(index, message).label(format!("expected a name, such as `zone=one:{size}`")));
        }
        let size_at = word.len() - size.len()..word.len();
        let bytes = parse_size(size).map_err(|error| invalid(size_at.clone(), error.to_string()))?;
        if bytes < ZONE_BYTES_MIN {
            let error = arguments.error_in(index, size_at, format!("zone \"{name}\" is too small"));
            return Err(error.label(format!("expected {} or more", format_size(ZONE_BYTES_MIN))));
        }
        let place = arguments.place_in(index, start..start + name.len());
        Ok(Self { kind, name: name.into(), bytes, key: key.into(), place })
    }

    /// The error for a second zone of this name and kind.
    #[must_use]
    pub fn defined_again(&self, again: &Self) -> Diagnostic {
        let message = format!("{} \"{}\" is already bound to key \"{}\"", self.kind, self.name, self.key);
        Diagnostic::error(again.place, message).related(self.place, "first here")
    }
}

/// The zones of one load.
#[derive(Debug, Default)]
pub(super) struct Zones {
    open: HashMap<Box<str>, Open>,
    /// What was open before; taken over when it is named again.
    previous: HashMap<Box<str>, Open>,
    /// What is to be done when this configuration is published.
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
struct Open {
    definition: ZoneDefinition,
    zone: Arc<dyn Zone>,
    /// How large the zone is now, whichever configurations have it.
    size: Arc<AtomicU64>,
}

/// A change of size that waits to be made.
struct Change {
    name: Box<str>,
    size: Arc<AtomicU64>,
    after: u64,
    resize: Resize,
}

/// What became of a zone whose size changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneResized {
    /// The zone.
    pub name: Box<str>,
    /// Its size before, in bytes.
    pub before: u64,
    /// Its size now.
    pub after: u64,
    /// What became of its entries.
    pub entries: Resized,
}

impl Zones {
    pub(super) fn after(previous: &Self) -> Self {
        Self { previous: previous.open.clone(), ..Self::default() }
    }

    /// The zone of a definition; a warning where it could not go on from what was before.
    pub(super) fn open<Z: Zone>(
        &mut self,
        definition: &ZoneDefinition,
        make: impl FnOnce(u64) -> Result<Z, TryReserveError>,
    ) -> Result<(Arc<Z>, Option<Diagnostic>), Diagnostic> {
        if let Some(open) = self.open.get(&definition.name) {
            return open.zone::<Z>(definition).map(|zone| (zone, None)).ok_or_else(|| {
                let message = format!("zone \"{}\" is of another kind already", definition.name);
                let what = format!("a zone of `{}`", open.definition.kind);
                Diagnostic::error(definition.place, message).related(open.definition.place, what)
            });
        }
        let failed = |error: TryReserveError| {
            let size = format_size(definition.bytes);
            let message = format!("{size} of memory for zone \"{}\" cannot be had", definition.name);
            Diagnostic::error(definition.place, message).label(error.to_string())
        };
        let previous = self.previous.remove(&definition.name);
        let warning = previous.as_ref().and_then(|previous| previous.begins_anew(definition));
        let taken_over = previous.and_then(|previous| {
            let zone = previous.zone::<Z>(definition)?;
            (previous.definition.key == definition.key).then_some((zone, previous.size))
        });
        let (zone, size) = match taken_over {
            Some(taken_over) => taken_over,
            None => (Arc::new(make(definition.bytes).map_err(failed)?), Arc::new(AtomicU64::new(definition.bytes))),
        };
        let open = Open { definition: definition.clone(), zone: Arc::clone(&zone) as Arc<dyn Zone>, size };
        self.changes.extend(open.prepare_size().map_err(failed)?);
        self.open.insert(definition.name.clone(), open);
        Ok((zone, warning))
    }

    /// The error for a zone that is used and that nobody defines; `definition` is a line that would.
    pub(super) fn unknown(&self, kind: &str, name: &str, place: Place, definition: &str) -> Diagnostic {
        if let Some(open) = self.open.get(name) {
            let error = Diagnostic::error(place, format!("zone \"{name}\" is not one of \"{kind}\""));
            return error.related(open.definition.place, format!("a zone of `{}`", open.definition.kind));
        }
        let error = Diagnostic::error(place, format!("unknown zone \"{name}\""));
        let mut alike: Vec<&str> =
            self.open.values().filter(|open| open.definition.kind == kind).map(|open| &*open.definition.name).collect();
        alike.sort_unstable();
        match nearest(name, alike) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error.label(format!("no `{kind}` defines it")).help(format!("write `{definition}` in `http`")),
        }
    }

    /// All zones by name, with their sizes in bytes.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.open.iter().map(|(name, open)| (&**name, open.definition.bytes))
    }

    /// Lets go of what was open before and was not named again.
    pub(super) fn finish(&mut self) {
        self.previous = HashMap::new();
    }

    /// Makes the changes that waited for the configuration to be published, and says what became of the zones.
    pub(super) fn take_effect(&mut self) -> Vec<ZoneResized> {
        let changes = self.changes.drain(..);
        changes
            .map(|Change { name, size, after, resize }| {
                let entries = resize();
                ZoneResized { name, before: size.swap(after, Ordering::Relaxed), after, entries }
            })
            .collect()
    }

    /// Prepares to give zones the sizes again that they had here, as far as there is memory; the names of the others.
    pub(super) fn prepare_return(&mut self) -> Vec<Box<str>> {
        let mut without = Vec::new();
        for open in self.open.values() {
            match open.prepare_size() {
                Ok(change) => self.changes.extend(change),
                Err(_no_memory) => without.push(open.definition.name.clone()),
            }
        }
        without
    }
}

impl Open {
    /// The change to the size that it is defined with, if it has another.
    fn prepare_size(&self) -> Result<Option<Change>, TryReserveError> {
        let after = self.definition.bytes;
        if self.size.load(Ordering::Relaxed) == after {
            return Ok(None);
        }
        let resize = Arc::clone(&self.zone).prepare_resize(after)?;
        Ok(Some(Change { name: self.definition.name.clone(), size: Arc::clone(&self.size), after, resize }))
    }

    /// The zone itself, if it is of this definition's kind.
    fn zone<Z: Zone>(&self, definition: &ZoneDefinition) -> Option<Arc<Z>> {
        let any: Arc<dyn Any + Send + Sync> = Arc::clone(&self.zone) as Arc<dyn Any + Send + Sync>;
        if self.definition.kind == definition.kind { any.downcast().ok() } else { None }
    }

    /// What is said when a zone cannot go on from what had its name before.
    fn begins_anew(&self, now: &ZoneDefinition) -> Option<Diagnostic> {
        let before = &self.definition;
        let why = if before.kind != now.kind {
            format!("\"{}\" was a zone of \"{}\"", now.name, before.kind)
        } else if before.key != now.key {
            format!("\"{}\" used the key \"{}\"", now.name, before.key)
        } else {
            return None;
        };
        let warning = Diagnostic::warning(now.place, format!("{} {why} before the reload", now.kind));
        Some(warning.label("it begins anew, with nothing counted"))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Change({} to {})", self.name, self.after)
    }
}

/// nginx's least: eight pages.
const ZONE_BYTES_MIN: u64 = 32 * 1024;

//! Expressions that are in use on this thread: the same pattern is compiled once.
//!
//! Ten thousand servers that all have `location ~ \\.php$` share one expression. Nothing is kept alive by this: an
//! expression is gone with its last user, and its entry when the table is next tidied.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::Compiled;

/// What makes two expressions the same.
type Key = (Box<str>, bool);

#[derive(Default)]
struct Known {
    entries: HashMap<Key, Weak<Compiled>, foldhash::fast::RandomState>,
    /// How many entries there may be before those without a user are thrown away.
    tidied_at: usize,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Fewer entries than this are never worth tidying.
const ENTRIES_MIN: usize = 64;

/// The expression of this pattern, if one is in use.
pub(super) fn find(pattern: &str, case_insensitive: bool) -> Option<Arc<Compiled>> {
    KNOWN.with_borrow(|known| known.entries.get(&(Box::from(pattern), case_insensitive))?.upgrade())
}

/// Keeps an expression in mind for as long as it is used.
pub(super) fn keep(compiled: &Arc<Compiled>) {
    KNOWN.with_borrow_mut(|known| {
        if known.entries.len() >= known.tidied_at.max(ENTRIES_MIN) {
            known.entries.retain(|_, compiled| compiled.strong_count() > 0);
            known.tidied_at = 2 * known.entries.len();
        }
        let key = (Box::from(&*compiled.pattern), compiled.case_insensitive);
        known.entries.insert(key, Arc::downgrade(compiled));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::regex::Regex;

    fn regex(pattern: &str, case_insensitive: bool) -> Regex {
        Regex::new(pattern, case_insensitive).unwrap()
    }

    fn entries() -> usize {
        KNOWN.with_borrow(|known| known.entries.len())
    }

    #[test]
    fn the_same_pattern_is_the_same_expression() {
        let (one, two, other) = (regex("known a", false), regex("known a", false), regex("known a", true));
        assert!(Arc::ptr_eq(&one.compiled, &two.compiled));
        assert!(!Arc::ptr_eq(&one.compiled, &other.compiled));
        assert!(other.is_match(b"KNOWN A").unwrap() && !one.is_match(b"KNOWN A").unwrap());
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        for number in 0..10 * ENTRIES_MIN {
            drop(regex(&format!("known {number}"), false));
        }
        assert!(entries() <= ENTRIES_MIN + 1, "{}", entries());
        assert!(find("known 0", false).is_none());
    }
}

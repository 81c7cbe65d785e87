//! Named zones: state that outlives a reload and is shared by all workers.
//!
//! [`Zone`] is what the configuration needs of one to keep it; [`SharedTable`] is what limits keep in theirs: a table
//! behind a mutex that is held for a look-up and a few numbers, by the requests of locations that use it and by no
//! other. Reads no clock, and knows neither names nor directives.

use std::any::Any;
use std::collections::TryReserveError;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::lru_table::LruTable;

/// State under a name, of a size that a reload may change.
pub trait Zone: Any + Send + Sync + fmt::Debug {
    /// Gets what a change to `bytes` needs. Nothing has changed until it is called, and then it cannot fail.
    ///
    /// # Errors
    /// The system does not give so much memory.
    fn prepare_resize(self: Arc<Self>, bytes: u64) -> Result<Resize, TryReserveError>;
}

/// A change of size, ready to be made.
pub type Resize = Box<dyn FnOnce() -> Resized + Send>;

/// What became of a zone's entries when its size changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resized {
    /// How many were kept.
    pub kept: usize,
    /// How many did not fit, the least recently used.
    pub dropped: usize,
}

/// A table that all workers use.
pub struct SharedTable<S> {
    /// Seeded, so that no client can choose keys whose hashes are alike.
    hasher: RandomState,
    table: Mutex<LruTable<S>>,
}

impl<S: Copy + Send + 'static> SharedTable<S> {
    /// An empty table that takes `bytes` of memory at the most.
    ///
    /// # Errors
    /// The system does not give so much.
    pub fn with_bytes(bytes: u64) -> Result<Self, TryReserveError> {
        Ok(Self { hasher: RandomState::default(), table: Mutex::new(LruTable::with_bytes(bytes)?) })
    }

    /// The hash of a key, for this table; made before the table is locked.
    pub fn hash(&self, key: &[u8]) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// The table, for this caller alone: to be held for nanoseconds, and never over an `await`.
    pub fn lock(&self) -> MutexGuard<'_, LruTable<S>> {
        // Whoever panicked with it has left entries that are whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `empty` in the table's place, with the entries that fit.
    pub fn replace(&self, mut empty: LruTable<S>) -> Resized {
        let mut table = self.lock();
        let dropped = empty.take_over(&table);
        let kept = empty.len();
        let old = std::mem::replace(&mut *table, empty);
        drop(table);
        drop(old);
        Resized { kept, dropped }
    }
}

impl<S: Copy + Send + 'static> fmt::Debug for SharedTable<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SharedTable({} entries)", self.lock().len())
    }
}

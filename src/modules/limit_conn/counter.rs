//! The counters of a zone: how many requests each key has under way.
//!
//! A key has an entry as long as it has a request under way. A [`Place`] is one such request; its drop gives it back,
//! however the request ends.

use std::collections::TryReserveError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::base::lru_table::LruTable;
use crate::base::zone::{Resize, SharedTable, Zone};

/// How many requests a key has under way.
#[derive(Clone, Copy, Debug)]
struct Count {
    under_way: u32,
    /// Tells the entry from one that the same key had before: a zone that was made smaller may have lost that.
    number: u32,
}

/// The counters of all keys of a zone.
#[derive(Debug)]
pub(super) struct Counters {
    table: SharedTable<Count>,
    /// The number of the next entry.
    next: AtomicU32,
}

/// One request that is counted.
#[derive(Debug)]
pub(super) struct Place {
    counters: Arc<Counters>,
    key: Box<[u8]>,
    hash: u32,
    number: u32,
}

/// Why a request has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its key has as many as it may.
    Limit,
    /// There is no room in the zone for one more key.
    NoRoom,
}

impl Counters {
    /// No counters, in `bytes` of memory at the most.
    pub(super) fn with_bytes(bytes: u64) -> Result<Self, TryReserveError> {
        Ok(Self { table: SharedTable::with_bytes(bytes)?, next: AtomicU32::new(0) })
    }

    /// Counts a request, if its key has fewer than `max` under way.
    pub(super) fn enter(self: &Arc<Self>, key: &[u8], max: u32) -> Result<Place, Refused> {
        let hash = self.table.hash(key);
        let number = self.count(key, hash, max)?;
        Ok(Place { counters: Arc::clone(self), key: key.into(), hash, number })
    }

    /// The number of the key's entry.
    fn count(&self, key: &[u8], hash: u32, max: u32) -> Result<u32, Refused> {
        let mut table = self.table.lock();
        let Some(entry) = table.find(hash, key) else {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let entry = table.insert(hash, key, Count { under_way: 1, number });
            return entry.map(|_| number).ok_or(Refused::NoRoom);
        };
        let count = table.state_mut(entry);
        if count.under_way >= max {
            return Err(Refused::Limit);
        }
        count.under_way += 1;
        let number = count.number;
        table.touch(entry);
        Ok(number)
    }

    fn leave(&self, key: &[u8], hash: u32, number: u32) {
        let mut table = self.table.lock();
        let Some(entry) = table.find(hash, key) else { return };
        let count = table.state_mut(entry);
        if count.number != number {
            return;
        }
        count.under_way -= 1;
        if count.under_way == 0 {
            table.remove(entry);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counters.leave(&self.key, self.hash, self.number);
    }
}

impl Zone for Counters {
    fn prepare_resize(self: Arc<Self>, bytes: u64) -> Result<Resize, TryReserveError> {
        let empty = LruTable::with_bytes(bytes)?;
        Ok(Box::new(move || self.table.replace(empty)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counters() -> Arc<Counters> {
        Arc::new(Counters::with_bytes(32 * 1024).unwrap())
    }

    fn entries(counters: &Counters) -> Vec<(Vec<u8>, u32)> {
        let mut entries: Vec<_> = counters.table.lock().entries().map(|(key, count)| (key, count.under_way)).collect();
        entries.sort();
        entries
    }

    #[test]
    fn a_key_may_have_so_many_and_one_more_when_one_is_over() {
        let counters = counters();
        let first = counters.enter(b"a", 2).unwrap();
        let _second = counters.enter(b"a", 2).unwrap();
        assert_eq!(counters.enter(b"a", 2).unwrap_err(), Refused::Limit);
        assert!(counters.enter(b"b", 2).is_ok());
        drop(first);
        assert!(counters.enter(b"a", 2).is_ok());
    }

    #[test]
    fn nothing_is_left_of_what_is_over() {
        let counters = counters();
        let places = [counters.enter(b"a", 2), counters.enter(b"a", 2), counters.enter(b"b", 2)];
        assert_eq!(entries(&counters), [(b"a".to_vec(), 2), (b"b".to_vec(), 1)]);
        drop(places);
        assert_eq!(entries(&counters), []);
    }

    #[test]
    fn a_full_zone_has_no_room_for_another_key() {
        let counters = counters();
        let enter = |number: u32| counters.enter(&number.to_be_bytes(), 9);
        let mut places: Vec<Place> = (0..10_000).map_while(|number| enter(number).ok()).collect();
        assert!(places.len() > 496, "{}", places.len());
        assert_eq!(enter(10_000).unwrap_err(), Refused::NoRoom);
        assert!(enter(0).is_ok());
        places.pop();
        assert!(enter(10_000).is_ok());
    }

    #[test]
    fn what_a_smaller_zone_lost_is_not_given_back_in_anothers_name() {
        let counters = counters();
        let lost = counters.enter(b"a", 1).unwrap();
        let _kept = counters.enter(b"b", 1).unwrap();
        counters.table.replace(LruTable::with_bytes(1).unwrap());
        assert_eq!(entries(&counters), [(b"b".to_vec(), 1)]);
        counters.table.replace(LruTable::with_bytes(32 * 1024).unwrap());
        let _again = counters.enter(b"a", 1).unwrap();
        drop(lost);
        assert_eq!(counters.enter(b"a", 1).unwrap_err(), Refused::Limit);
    }

    #[test]
    fn workers_together_let_no_more_in_than_one() {
        let counters = counters();
        let enter = || (0..100).filter_map(|_| counters.enter(b"a", 37).ok()).collect::<Vec<_>>();
        let places: Vec<_> = std::thread::scope(|scope| {
            let workers = [(); 4].map(|()| scope.spawn(enter));
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(places.iter().map(Vec::len).sum::<usize>(), 37);
    }

    proptest! {
        #[test]
        fn a_zone_counts_what_is_under_way(steps in proptest::collection::vec((0_u8..4, any::<bool>()), 0..100)) {
            let counters = counters();
            let mut held: Vec<(u8, Place)> = Vec::new();
            for (key, enters) in steps {
                let under_way = held.iter().filter(|(other, _)| *other == key).count();
                if enters {
                    let entered = counters.enter(&[key], 3);
                    prop_assert_eq!(entered.is_ok(), under_way < 3);
                    held.extend(entered.ok().map(|place| (key, place)));
                } else if let Some(at) = held.iter().position(|(other, _)| *other == key) {
                    held.remove(at);
                }
                let count = |key: u8| held.iter().filter(|(other, _)| *other == key).count() as u32;
                let expected: Vec<_> = (0..4).map(|key| (vec![key], count(key))).filter(|(_, count)| *count > 0).collect();
                prop_assert_eq!(entries(&counters), expected);
            }
        }
    }
}

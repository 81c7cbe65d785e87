//! A table of small states by key, in a fixed amount of memory, that knows which was used least recently.
//!
//! What the named zones of limits are made of. All of it lies in cells of one size: an entry takes one, and one more
//! for each further piece of a key that does not fit into the first. So the bytes a table was given are what it takes
//! at the most: there is no allocation behind an entry, no fragmentation, and no growing that would have to move
//! entries. The memory is asked for at once and touched as it is used.
//!
//! Decides nothing: who must go, and when, is for the caller. Hashes nothing and knows no lock and no time.

use std::collections::TryReserveError;

/// States of type `S` by key, the most recently used first.
#[derive(Debug)]
pub struct LruTable<S> {
    /// Never more than its capacity, which was reserved at the start.
    cells: Vec<Cell<S>>,
    cells_max: usize,
    /// The first entry of each chain of entries whose hashes end alike; their number is a power of two.
    chains: Box<[Link]>,
    /// The first of the cells that were used and are not, linked by `more`.
    free: Link,
    free_count: usize,
    newest: Link,
    oldest: Link,
    len: usize,
}

/// A piece of memory: the first of an entry, or the continuation of a key.
#[derive(Debug)]
struct Cell<S> {
    /// The neighbours in the order of use.
    newer: Link,
    older: Link,
    /// The next entry whose hash ends alike.
    next: Link,
    /// Where the key goes on; among free cells, the next free one.
    more: Link,
    hash: u32,
    /// The length of the whole key.
    key_len: u16,
    /// A piece of the key.
    piece: [u8; PIECE_BYTES],
    state: S,
}

/// The number of a cell, from 1 on; [`NONE`] ends a list. Zero is none, so that a new array of links is memory that
/// the system has not had to give yet.
type Link = u32;

const NONE: Link = 0;

/// How much of a key a cell holds: with a state of 16 bytes a cell has 64. A textual IPv4 address, and the 16 bytes of
/// a binary IPv6 address, need one cell.
const PIECE_BYTES: usize = 26;

/// The longest key.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// Names an entry until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryId(Link);

impl<S: Copy> LruTable<S> {
    /// An empty table that takes `bytes` of memory at the most, and has room for one cell at least.
    ///
    /// # Errors
    /// The system does not give so much.
    pub fn with_bytes(bytes: u64) -> Result<Self, TryReserveError> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let chains = 1 << (bytes / (Self::CELL_BYTES + size_of::<Link>())).clamp(1, CHAINS_MAX).ilog2();
        let cells_max = ((bytes.saturating_sub(chains * size_of::<Link>())) / Self::CELL_BYTES).clamp(1, CELLS_MAX);
        let mut cells = Vec::new();
        cells.try_reserve_exact(cells_max)?;
        Ok(Self {
            cells,
            cells_max,
            chains: vec![NONE; chains].into_boxed_slice(),
            free: NONE,
            free_count: 0,
            newest: NONE,
            oldest: NONE,
            len: 0,
        })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a key of this length would fit if the table were empty.
    pub fn can_hold(&self, key_len: usize) -> bool {
        key_len <= KEY_BYTES_MAX && cells_of(key_len) <= self.cells_max
    }

    /// Whether a key of this length fits now.
    pub fn has_room_for(&self, key_len: usize) -> bool {
        key_len <= KEY_BYTES_MAX && cells_of(key_len) <= self.free_count + (self.cells_max - self.cells.len())
    }

    /// The entry of a key.
    pub fn find(&self, hash: u32, key: &[u8]) -> Option<EntryId> {
        let mut link = self.chains[self.chain_of(hash)];
        while link != NONE {
            let cell = self.cell(link);
            if cell.hash == hash && self.has_key(link, key) {
                return Some(EntryId(link));
            }
            link = cell.next;
        }
        None
    }

    /// Adds an entry, as the most recently used, for a key that has none. None if there is no room for it.
    pub fn insert(&mut self, hash: u32, key: &[u8], state: S) -> Option<EntryId> {
        debug_assert!(self.find(hash, key).is_none(), "a key has one entry");
        if !self.has_room_for(key.len()) {
            return None;
        }
        // Written from its end, so that each piece knows where the key goes on.
        let mut link = NONE;
        for at in (0..cells_of(key.len())).rev() {
            let start = at * PIECE_BYTES;
            let piece = &key[start..key.len().min(start + PIECE_BYTES)];
            link = self.take_cell(piece, link, state);
        }
        let chain = self.chain_of(hash);
        let next = std::mem::replace(&mut self.chains[chain], link);
        let cell = self.cell_mut(link);
        cell.hash = hash;
        // `has_room_for` has looked at it.
        cell.key_len = u16::try_from(key.len()).unwrap_or(u16::MAX);
        cell.next = next;
        self.link_newest(link);
        self.len += 1;
        Some(EntryId(link))
    }

    /// Makes an entry the most recently used.
    pub fn touch(&mut self, entry: EntryId) {
        if self.newest != entry.0 {
            self.unlink(entry.0);
            self.link_newest(entry.0);
        }
    }

    /// The entry that was used least recently.
    pub fn oldest(&self) -> Option<EntryId> {
        (self.oldest != NONE).then_some(EntryId(self.oldest))
    }

    /// The state of an entry.
    pub fn state(&self, entry: EntryId) -> S {
        self.cell(entry.0).state
    }

    /// The state of an entry, to be changed.
    pub fn state_mut(&mut self, entry: EntryId) -> &mut S {
        &mut self.cell_mut(entry.0).state
    }

    /// Removes an entry; its memory is free for others.
    pub fn remove(&mut self, entry: EntryId) {
        self.unlink(entry.0);
        self.unchain(entry.0);
        self.len -= 1;
        let mut link = entry.0;
        while link != NONE {
            let free = self.free;
            let more = std::mem::replace(&mut self.cell_mut(link).more, free);
            self.free = link;
            self.free_count += 1;
            link = more;
        }
    }

    /// Takes the entries of another table whose hashes were made alike into this empty one, in their order, as far as
    /// they fit: those that were used most recently. Says how many did not.
    pub fn take_over(&mut self, other: &Self) -> usize {
        debug_assert!(self.is_empty(), "only a new table takes over another");
        let mut room = self.cells_max;
        let mut first = NONE;
        let mut link = other.newest;
        while link != NONE {
            let cell = other.cell(link);
            let Some(rest) = room.checked_sub(cells_of(cell.key_len.into())) else { break };
            room = rest;
            first = link;
            link = cell.older;
        }
        let mut key = Vec::new();
        while first != NONE {
            other.read_key(first, &mut key);
            let cell = other.cell(first);
            self.insert(cell.hash, &key, cell.state);
            first = cell.newer;
        }
        other.len - self.len
    }

    /// All entries, the most recently used first: for tests and tables that are shown.
    pub fn entries(&self) -> impl Iterator<Item = (Vec<u8>, S)> {
        let mut link = self.newest;
        std::iter::from_fn(move || {
            if link == NONE {
                return None;
            }
            let mut key = Vec::new();
            self.read_key(link, &mut key);
            let cell = self.cell(link);
            link = cell.older;
            Some((key, cell.state))
        })
    }

    const CELL_BYTES: usize = size_of::<Cell<S>>();

    fn cell(&self, link: Link) -> &Cell<S> {
        &self.cells[link as usize - 1]
    }

    fn cell_mut(&mut self, link: Link) -> &mut Cell<S> {
        &mut self.cells[link as usize - 1]
    }

    fn chain_of(&self, hash: u32) -> usize {
        hash as usize & (self.chains.len() - 1)
    }

    fn has_key(&self, first: Link, key: &[u8]) -> bool {
        if usize::from(self.cell(first).key_len) != key.len() {
            return false;
        }
        let mut link = first;
        key.chunks(PIECE_BYTES).all(|piece| {
            let cell = self.cell(link);
            link = cell.more;
            cell.piece[..piece.len()] == *piece
        })
    }

    fn read_key(&self, first: Link, key: &mut Vec<u8>) {
        key.clear();
        let key_len = usize::from(self.cell(first).key_len);
        let mut link = first;
        while key.len() < key_len {
            let cell = self.cell(link);
            key.extend_from_slice(&cell.piece[..PIECE_BYTES.min(key_len - key.len())]);
            link = cell.more;
        }
    }

    /// A cell that holds this piece of a key; there is one, for the caller has counted.
    fn take_cell(&mut self, piece: &[u8], more: Link, state: S) -> Link {
        let mut bytes = [0; PIECE_BYTES];
        bytes[..piece.len()].copy_from_slice(piece);
        let cell = Cell { newer: NONE, older: NONE, next: NONE, more, hash: 0, key_len: 0, piece: bytes, state };
        if self.free == NONE {
            self.cells.push(cell);
            return self.cells.len() as Link; // at most CELLS_MAX
        }
        let link = self.free;
        let old = std::mem::replace(self.cell_mut(link), cell);
        self.free = old.more;
        self.free_count -= 1;
        link
    }

    fn link_newest(&mut self, link: Link) {
        let before = std::mem::replace(&mut self.newest, link);
        let cell = self.cell_mut(link);
        cell.older = before;
        cell.newer = NONE;
        match before {
            NONE => self.oldest = link,
            before => self.cell_mut(before).newer = link,
        }
    }

    fn unlink(&mut self, link: Link) {
        let &Cell { newer, older, .. } = self.cell(link);
        match newer {
            NONE => self.newest = older,
            newer => self.cell_mut(newer).older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.cell_mut(older).newer = newer,
        }
    }

    fn unchain(&mut self, gone: Link) {
        let &Cell { hash, next, .. } = self.cell(gone);
        let chain = self.chain_of(hash);
        if self.chains[chain] == gone {
            self.chains[chain] = next;
            return;
        }
        let mut link = self.chains[chain];
        while link != NONE {
            let cell = self.cell_mut(link);
            if cell.next == gone {
                cell.next = next;
                return;
            }
            link = cell.next;
        }
    }
}

/// How many cells an entry takes.
const fn cells_of(key_len: usize) -> usize {
    if key_len == 0 { 1 } else { key_len.div_ceil(PIECE_BYTES) }
}

/// All that a link can name.
const CELLS_MAX: usize = Link::MAX as usize;

/// More would only cost memory: chains of two entries are short.
const CHAINS_MAX: usize = 1 << 31;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(cells: u64) -> LruTable<u64> {
        let with_chains = LruTable::<u64>::CELL_BYTES as u64 + 4;
        LruTable::with_bytes(cells * with_chains).unwrap()
    }

    /// Few hashes, so that keys meet in a chain.
    fn hash(key: &[u8]) -> u32 {
        key.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 7
    }

    fn insert(table: &mut LruTable<u64>, key: &[u8], state: u64) -> bool {
        table.insert(hash(key), key, state).is_some()
    }

    fn keys(table: &LruTable<u64>) -> Vec<String> {
        table.entries().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    }

    #[test]
    fn a_megabyte_holds_about_sixteen_thousand_states_with_short_keys() {
        let mut table = LruTable::<[u64; 2]>::with_bytes(1 << 20).unwrap();
        assert_eq!(LruTable::<[u64; 2]>::CELL_BYTES, 64);
        let fitted = (0_u32..20_000).take_while(|key| table.insert(*key, &key.to_be_bytes(), [0, 0]).is_some()).count();
        assert_eq!(fitted, 15_872);
        assert!(table.cells.capacity() * 64 + table.chains.len() * 4 <= 1 << 20);
    }

    #[test]
    fn an_entry_is_found_by_its_key_and_by_no_other() {
        let mut table = table(10);
        assert!(insert(&mut table, b"ab", 1) && insert(&mut table, b"ba", 2));
        let found = |key: &[u8]| table.find(hash(key), key).map(|entry| table.state(entry));
        assert_eq!(
            [found(b"ab"), found(b"ba"), found(b"a"), found(b"abc"), found(b"")],
            [Some(1), Some(2), None, None, None]
        );
    }

    #[test]
    fn the_oldest_is_the_one_that_was_not_touched() {
        let mut table = table(10);
        for key in ["a", "b", "c"] {
            insert(&mut table, key.as_bytes(), 0);
        }
        let a = table.find(hash(b"a"), b"a").unwrap();
        table.touch(a);
        assert_eq!(keys(&table), ["a", "c", "b"]);
        let oldest = table.oldest().unwrap();
        table.remove(oldest);
        assert_eq!(keys(&table), ["a", "c"]);
    }

    #[test]
    fn a_long_key_takes_more_cells() {
        let mut table = table(4);
        assert!(insert(&mut table, &[b'x'; 3 * PIECE_BYTES], 1));
        assert!(table.has_room_for(PIECE_BYTES) && !table.has_room_for(PIECE_BYTES + 1));
        assert!(table.can_hold(4 * PIECE_BYTES) && !table.can_hold(4 * PIECE_BYTES + 1));
        assert!(!table.can_hold(KEY_BYTES_MAX + 1));
        let entry = table.oldest().unwrap();
        table.remove(entry);
        assert!(insert(&mut table, &[b'y'; 4 * PIECE_BYTES], 2));
        assert!(!insert(&mut table, b"z", 3));
    }

    #[test]
    fn a_smaller_table_takes_over_what_was_used_most_recently() {
        let mut old = table(10);
        for key in ["a", "b", "c", "d"] {
            insert(&mut old, key.as_bytes(), 7);
        }
        let mut new = table(2);
        assert_eq!(new.take_over(&old), 2);
        assert_eq!(keys(&new), ["d", "c"]);
        let mut larger = table(100);
        assert_eq!(larger.take_over(&old), 0);
        assert_eq!(keys(&larger), keys(&old));
    }

    /// What a table is, said simply: keys with their states, the most recently used first.
    #[derive(Debug, Default)]
    struct Model {
        entries: Vec<(Vec<u8>, u64)>,
        cells: usize,
    }

    impl Model {
        fn used(&self) -> usize {
            self.entries.iter().map(|(key, _)| cells_of(key.len())).sum()
        }

        fn at(&self, key: &[u8]) -> Option<usize> {
            self.entries.iter().position(|(known, _)| known == key)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Vec<u8>, u64),
        Touch(Vec<u8>),
        Change(Vec<u8>, u64),
        Remove(Vec<u8>),
        RemoveOldest,
        Resize(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = || {
            let long = (0_u8..4).prop_map(|letter| vec![letter; 40 + usize::from(letter) * 20]);
            prop_oneof![4 => proptest::collection::vec(0_u8..4, 0..3), 1 => long]
        };
        prop_oneof![
            4 => (key(), any::<u64>()).prop_map(|(key, state)| Step::Insert(key, state)),
            2 => key().prop_map(Step::Touch),
            1 => (key(), any::<u64>()).prop_map(|(key, state)| Step::Change(key, state)),
            1 => key().prop_map(Step::Remove),
            1 => Just(Step::RemoveOldest),
            1 => (1_u64..24).prop_map(Step::Resize),
        ]
    }

    fn apply(step: Step, table: &mut LruTable<u64>, model: &mut Model) {
        match step {
            Step::Insert(key, state) => {
                if model.at(&key).is_none() {
                    let fits = model.used() + cells_of(key.len()) <= model.cells;
                    assert_eq!(insert(table, &key, state), fits);
                    if fits {
                        model.entries.insert(0, (key, state));
                    }
                }
            }
            Step::Touch(key) => {
                let found = table.find(hash(&key), &key);
                assert_eq!(found.is_some(), model.at(&key).is_some());
                if let (Some(entry), Some(at)) = (found, model.at(&key)) {
                    table.touch(entry);
                    let known = model.entries.remove(at);
                    model.entries.insert(0, known);
                }
            }
            Step::Change(key, state) => {
                if let (Some(entry), Some(at)) = (table.find(hash(&key), &key), model.at(&key)) {
                    *table.state_mut(entry) = state;
                    model.entries[at].1 = state;
                }
            }
            Step::Remove(key) => {
                if let (Some(entry), Some(at)) = (table.find(hash(&key), &key), model.at(&key)) {
                    table.remove(entry);
                    model.entries.remove(at);
                }
            }
            Step::RemoveOldest => {
                assert_eq!(table.oldest().is_some(), !model.entries.is_empty());
                if let Some(entry) = table.oldest() {
                    table.remove(entry);
                    model.entries.pop();
                }
            }
            Step::Resize(cells) => resize(cells, table, model),
        }
    }

    fn resize(cells: u64, table: &mut LruTable<u64>, model: &mut Model) {
        let mut new = super::tests::table(cells);
        let dropped = new.take_over(table);
        model.cells = new.cells_max;
        let before = model.entries.len();
        let mut used = 0;
        let fitting = model.entries.iter().take_while(|(key, _)| {
            used += cells_of(key.len());
            used <= new.cells_max
        });
        let fitting = fitting.count();
        model.entries.truncate(fitting);
        assert_eq!(dropped, before - fitting);
        *table = new;
    }

    proptest! {
        #[test]
        fn a_table_does_what_a_list_would(steps in proptest::collection::vec(step(), 0..200)) {
            let mut table = table(12);
            let mut model = Model { cells: table.cells_max, ..Model::default() };
            for step in steps {
                apply(step, &mut table, &mut model);
                prop_assert_eq!(table.entries().collect::<Vec<_>>(), model.entries.clone());
                prop_assert_eq!(table.len(), model.entries.len());
            }
        }
    }
}

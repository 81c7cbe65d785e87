//! A hierarchical timing wheel: which deadlines are due.
//!
//! Each worker of `runtime` has one, with an entry per connection. Inserting costs the same however many entries
//! there are. There is no cancelling: an owner whose deadline moved later only remembers the new one and, when the
//! entry comes out, inserts it again. Reads no clock: the time is an argument.
//!
//! Time is counted in ticks from the start. Eleven levels of 64 slots span all of a `u64`: level 0 has a slot for each
//! tick of the present run of 64, level 1 a slot for each run of 64 ticks in the present run of 4096, and so on. An
//! entry lies at the level of the highest six bits in which its tick differs from the present one; when the present
//! reaches the start of its slot, it moves to a lower level or, at its own tick, comes out. So all entries of a level
//! are due before any entry of the next level.

use std::time::{Duration, Instant};

/// Keys with the instants at which they are due.
///
/// Rounds deadlines up to the next tick: a key never comes out before its deadline, and it does come out of an
/// [`expire`](Wheel::expire) that is told a time at least one tick after it.
#[derive(Debug)]
pub struct Wheel<K> {
    start: Instant,
    tick_nanos: u64,
    /// The tick up to which everything has come out.
    present: u64,
    levels: [Level; LEVELS],
    nodes: Vec<Node<K>>,
    free: Link,
    len: usize,
}

/// The heads of the slots' lists, and a bit for each slot that has entries.
#[derive(Clone, Copy, Debug)]
struct Level {
    occupied: u64,
    heads: [Link; SLOTS],
}

/// An entry in the arena; linked into a slot, or into the free list.
#[derive(Debug)]
struct Node<K> {
    key: K,
    due: u64,
    next: Link,
}

/// The index of a node; [`NONE`] ends a list.
type Link = u32;

impl<K: Copy> Wheel<K> {
    /// An empty wheel whose ticks are counted from `start`. A tick of 1 to 10 ms suits a server; a shorter one than
    /// 1 µs is taken as 1 µs.
    #[must_use]
    pub fn new(start: Instant, tick: Duration) -> Self {
        let tick_nanos = u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX);
        Wheel {
            start,
            tick_nanos: tick_nanos.max(TICK_NANOS_MIN),
            present: 0,
            levels: [Level { occupied: 0, heads: [NONE; SLOTS] }; LEVELS],
            nodes: Vec::new(),
            free: NONE,
            len: 0,
        }
    }

    /// How many entries have been inserted and have not come out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry. A deadline in the past comes out of the next [`expire`](Wheel::expire).
    ///
    /// The number of entries is the caller's to bound; it bounds the memory (the arena keeps the peak until the wheel
    /// is empty).
    ///
    /// # Panics
    /// With 2³² - 1 entries at once.
    pub fn insert(&mut self, deadline: Instant, key: K) {
        let due = self.ticks_until(deadline, true).max(self.present);
        let node = Node { key, due, next: NONE };
        let index = match self.free {
            NONE => {
                let index = Link::try_from(self.nodes.len())
                    .ok()
                    .filter(|&index| index != NONE)
                    .expect("a worker has far fewer connections than 2^32 - 1");
                self.nodes.push(node);
                index
            }
            index => {
                let reused = &mut self.nodes[index as usize];
                self.free = reused.next;
                *reused = node;
                index
            }
        };
        self.len += 1;
        self.place(index);
    }

    /// When to call [`expire`](Wheel::expire) next: no entry is due before it. Early for entries far ahead (they only
    /// move nearer then), never late. None: there is no entry, or none within the range of `Instant`.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let (_, _, tick) = self.next_slot()?;
        let nanos = u128::from(tick) * u128::from(self.tick_nanos);
        let seconds = u64::try_from(nanos / NANOS_PER_SECOND).ok()?;
        let rest = (nanos % NANOS_PER_SECOND) as u32; // below 10^9
        self.start.checked_add(Duration::new(seconds, rest))
    }

    /// Moves every key that is due at `now` to the end of `out`: earlier ticks first, in no set order within a tick.
    pub fn expire(&mut self, now: Instant, out: &mut Vec<K>) {
        let target = self.ticks_until(now, false).max(self.present);
        while let Some((level, slot, tick)) = self.next_slot() {
            if tick > target {
                break;
            }
            self.present = tick;
            self.empty_slot(level, slot, out);
        }
        self.present = target;
        if self.len == 0 && self.nodes.capacity() > NODES_KEPT {
            self.nodes = Vec::new();
            self.free = NONE;
        }
    }

    /// Takes all entries out of a slot that the present has reached: what is due to `out`, the rest nearer.
    fn empty_slot(&mut self, level: usize, slot: usize, out: &mut Vec<K>) {
        self.levels[level].occupied &= !(1 << slot);
        let mut next = std::mem::replace(&mut self.levels[level].heads[slot], NONE);
        while next != NONE {
            let index = next;
            let node = &mut self.nodes[index as usize];
            next = node.next;
            if node.due > self.present {
                self.place(index);
                continue;
            }
            out.push(node.key);
            node.next = self.free;
            self.free = index;
            self.len -= 1;
        }
    }

    /// Links a node into the slot for its tick, seen from the present.
    fn place(&mut self, index: Link) {
        let node = &mut self.nodes[index as usize];
        let highest_bit = 63 - ((node.due ^ self.present) | 1).leading_zeros();
        let level = (highest_bit / SLOT_BITS) as usize;
        let slot = slot_at(node.due, level);
        node.next = self.levels[level].heads[slot];
        self.levels[level].heads[slot] = index;
        self.levels[level].occupied |= 1 << slot;
    }

    /// The occupied slot which the present reaches first, and the tick at which it does.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.levels.iter().position(|level| level.occupied != 0)?;
        // Slots behind the present are empty, so the lowest bit is the next in time.
        let slot = self.levels[level].occupied.trailing_zeros();
        let shift = level as u32 * SLOT_BITS;
        let above = self.present.checked_shr(shift + SLOT_BITS).unwrap_or(0);
        let start = above.checked_shl(shift + SLOT_BITS).unwrap_or(0) | u64::from(slot) << shift;
        Some((level, slot as usize, start))
    }

    /// Whole ticks from the start to `instant`, rounded up or down; 0 before the start.
    fn ticks_until(&self, instant: Instant, up: bool) -> u64 {
        let elapsed = instant.saturating_duration_since(self.start).as_nanos();
        match u64::try_from(elapsed) {
            Ok(nanos) if up => nanos.div_ceil(self.tick_nanos),
            Ok(nanos) => nanos / self.tick_nanos,
            // More than 584 years: divided in 128 bits, which is slow.
            Err(_) => {
                u64::try_from(elapsed / u128::from(self.tick_nanos)).unwrap_or(u64::MAX).saturating_add(u64::from(up))
            }
        }
    }
}

/// The slot of `level` in which `tick` lies.
fn slot_at(tick: u64, level: usize) -> usize {
    (tick >> (level as u32 * SLOT_BITS)) as usize % SLOTS
}

/// The end of a list.
const NONE: Link = Link::MAX;
/// Bits of a tick per level: as many slots as a `u64` has bits.
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Enough for every bit of a tick.
const LEVELS: usize = 11;
/// Entries for which an empty wheel keeps memory.
const NODES_KEPT: usize = 1024;
const TICK_NANOS_MIN: u64 = 1_000;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

const _: () = assert!(LEVELS as u32 * SLOT_BITS >= u64::BITS);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const TICK: Duration = Duration::from_millis(4);

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn expired(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
        let mut out = Vec::new();
        wheel.expire(now, &mut out);
        out
    }

    #[test]
    fn a_key_comes_out_at_its_deadline_and_once() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, TICK);
        wheel.insert(start + millis(100), 7);
        assert_eq!(wheel.next_deadline().map(|at| at <= start + millis(100)), Some(true));
        assert_eq!(expired(&mut wheel, start + millis(99)), []);
        assert_eq!(expired(&mut wheel, start + millis(100)), [7]);
        assert_eq!(expired(&mut wheel, start + millis(1000)), []);
        assert!(wheel.is_empty());
        assert_eq!(wheel.next_deadline(), None);
    }

    #[test]
    fn a_deadline_between_ticks_is_rounded_up() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, TICK);
        wheel.insert(start + millis(5), 1);
        assert_eq!(expired(&mut wheel, start + millis(7)), []);
        assert_eq!(expired(&mut wheel, start + millis(8)), [1]);
    }

    #[test]
    fn a_past_deadline_comes_out_at_once() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, TICK);
        assert_eq!(expired(&mut wheel, start + millis(403)), []);
        wheel.insert(start, 1);
        wheel.insert(start + millis(400), 2);
        let mut out = expired(&mut wheel, start + millis(403));
        out.sort_unstable();
        assert_eq!(out, [1, 2]);
    }

    #[test]
    fn earlier_deadlines_come_out_first() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, TICK);
        let deadlines = [86_400_000u64, 30_000, 12, 5_000, 300_000, 256, 60_000];
        for deadline in deadlines {
            wheel.insert(start + millis(deadline), deadline as u32);
        }
        let mut sorted = deadlines.map(|deadline| deadline as u32);
        sorted.sort_unstable();
        assert_eq!(expired(&mut wheel, start + millis(90_000_000)), sorted);
    }

    #[test]
    fn deadlines_of_days_and_centuries_are_fine() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, millis(1));
        let day = Duration::from_secs(86_400);
        wheel.insert(start + day * 30, 1);
        wheel.insert(start + day * 365_000, 2);
        assert_eq!(expired(&mut wheel, start + day * 30 - millis(1)), []);
        assert_eq!(expired(&mut wheel, start + day * 30), [1]);
        assert!(wheel.next_deadline().is_some());
        assert_eq!(expired(&mut wheel, start + day * 365_000), []);
        assert_eq!(expired(&mut wheel, start + day * 365_000 + millis(1)), [2]);
    }

    #[test]
    fn entries_reuse_the_memory_of_those_that_came_out() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, TICK);
        for round in 1..1_000 {
            for key in 0..8 {
                wheel.insert(start + millis(round * 10), key);
            }
            assert_eq!(expired(&mut wheel, start + millis(round * 10 + 4)).len(), 8);
        }
        assert_eq!(wheel.nodes.len(), 8);
    }

    #[test]
    fn waiting_for_next_deadline_alone_brings_everything_out_in_few_turns() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, TICK);
        wheel.insert(start + Duration::from_secs(75), 1);
        let mut turns = 0;
        let mut out = Vec::new();
        while let Some(at) = wheel.next_deadline() {
            assert!(at <= start + Duration::from_secs(75) + TICK);
            wheel.expire(at, &mut out);
            turns += 1;
        }
        assert_eq!(out, [1]);
        assert!(turns <= 3, "{turns} turns");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Advance(u64),
    }

    /// Microseconds from a tick to months, each magnitude equally likely.
    fn spans() -> impl Strategy<Value = u64> {
        (0u32..43).prop_flat_map(|bits| 0..(1u64 << bits))
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![spans().prop_map(Step::Insert), spans().prop_map(Step::Advance)];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_sorted_map(steps in steps(), tick in 1u64..11) {
            let start = Instant::now();
            let tick = millis(tick);
            let mut wheel = Wheel::new(start, tick);
            let mut model: BTreeMap<(Instant, u32), ()> = BTreeMap::new();
            let mut deadlines = Vec::new();
            let mut now = start;
            for step in steps {
                match step {
                    Step::Insert(micros) => {
                        let key = deadlines.len() as u32;
                        let deadline = now + Duration::from_micros(micros);
                        deadlines.push(deadline);
                        wheel.insert(deadline, key);
                        model.insert((deadline, key), ());
                    }
                    Step::Advance(micros) => {
                        now += Duration::from_micros(micros);
                        for key in expired(&mut wheel, now) {
                            let deadline = deadlines[key as usize];
                            prop_assert!(deadline <= now, "before its deadline");
                            prop_assert!(model.remove(&(deadline, key)).is_some(), "came out twice");
                        }
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
                if let Some((&(first, _), ())) = model.first_key_value() {
                    prop_assert!(first + tick > now, "more than a tick after its deadline");
                    let next = wheel.next_deadline().expect("there is an entry");
                    prop_assert!(next < first.max(now) + tick, "next_deadline is late");
                }
            }
        }
    }
}

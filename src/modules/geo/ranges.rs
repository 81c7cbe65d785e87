//! Ranges of IPv4 addresses, and what each leads to: `geo` with `ranges`.
//!
//! nginx keeps ranges apart by the first 16 bits of their addresses, and its rules for ranges that meet show it: within
//! such a piece a range may lie in another, end where it ends, or be the same, but not overlap it otherwise. The
//! rules are the same here; when all ranges are known, the pieces are joined into one list for a binary search.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Range to `T`, while ranges are added. No range crosses the border of a piece.
#[derive(Clone, Debug)]
pub(super) struct RangesBuilder<T> {
    /// First address to last address and value.
    ranges: BTreeMap<u32, (u32, T)>,
}

/// Range to `T`.
#[derive(Clone, Debug)]
pub(super) struct Ranges<T> {
    /// First address, last address and value, in order.
    ranges: Box<[(u32, u32, T)]>,
}

/// A range that an added one overlaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    /// Its first address.
    pub(super) first: Ipv4Addr,
    /// Its last address.
    pub(super) last: Ipv4Addr,
}

impl<T: Copy + PartialEq> RangesBuilder<T> {
    /// Adds a range; what the same range led to before is given back.
    ///
    /// # Errors
    /// The range overlaps another in a way that nginx refuses.
    pub(super) fn insert(&mut self, first: Ipv4Addr, last: Ipv4Addr, value: T) -> Result<Option<T>, Overlap> {
        let mut replaced = None;
        for (first, last) in pieces(first, last) {
            replaced = self.insert_piece(first, last, value)?.or(replaced);
        }
        Ok(replaced)
    }

    fn insert_piece(&mut self, first: u32, last: u32, value: T) -> Result<Option<T>, Overlap> {
        let met = self.ranges.range(..=last).next_back().map(|(met, &(end, old))| (*met, end, old));
        let Some((met, end, old)) = met.filter(|(_, end, _)| *end >= first) else {
            self.ranges.insert(first, (last, value));
            return Ok(None);
        };
        if met > first || end < last {
            return Err(Overlap { first: Ipv4Addr::from_bits(met), last: Ipv4Addr::from_bits(end) });
        }
        if (met, end) == (first, last) {
            self.ranges.insert(first, (last, value));
            return Ok(Some(old));
        }
        if met < first {
            self.ranges.insert(met, (first - 1, old));
        }
        if last < end {
            self.ranges.insert(last + 1, (end, old));
        }
        self.ranges.insert(first, (last, value));
        Ok(None)
    }

    /// Takes away this very range; false where it, or a piece of it, is not there.
    pub(super) fn remove(&mut self, first: Ipv4Addr, last: Ipv4Addr) -> bool {
        let mut all = true;
        for (first, last) in pieces(first, last) {
            let is_there = self.ranges.get(&first).is_some_and(|(end, _)| *end == last);
            if is_there {
                self.ranges.remove(&first);
            }
            all &= is_there;
        }
        all
    }

    /// The finished table.
    pub(super) fn build(self) -> Ranges<T> {
        let mut ranges: Vec<(u32, u32, T)> = Vec::with_capacity(self.ranges.len());
        for (first, (last, value)) in self.ranges {
            match ranges.last_mut() {
                Some((_, end, same)) if end.checked_add(1) == Some(first) && *same == value => *end = last,
                _ => ranges.push((first, last, value)),
            }
        }
        Ranges { ranges: ranges.into_boxed_slice() }
    }
}

impl<T> Ranges<T> {
    /// What the range with this address leads to.
    pub(super) fn find(&self, address: Ipv4Addr) -> Option<&T> {
        let address = address.to_bits();
        let behind = self.ranges.partition_point(|(first, ..)| *first <= address);
        let (_, last, value) = self.ranges[..behind].last()?;
        (address <= *last).then_some(value)
    }
}

impl<T> Default for RangesBuilder<T> {
    fn default() -> Self {
        Self { ranges: BTreeMap::new() }
    }
}

/// A range, cut where the first 16 bits of its addresses change.
fn pieces(first: Ipv4Addr, last: Ipv4Addr) -> impl Iterator<Item = (u32, u32)> {
    let (first, last) = (first.to_bits(), last.to_bits());
    (first >> 16..=last >> 16).map(move |piece| (first.max(piece << 16), last.min(piece << 16 | 0xffff)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(text: &str) -> (Ipv4Addr, Ipv4Addr) {
        let (first, last) = text.split_once('-').unwrap();
        (first.parse().unwrap(), last.parse().unwrap())
    }

    /// Ranges that lead to their number.
    fn builder(texts: &[&str]) -> RangesBuilder<usize> {
        let mut builder = RangesBuilder::default();
        for (number, text) in texts.iter().enumerate() {
            let (first, last) = addresses(text);
            builder.insert(first, last, number).unwrap();
        }
        builder
    }

    /// What adding the last of these ranges comes to.
    fn added(texts: &[&str]) -> Result<Option<usize>, String> {
        let (text, before) = texts.split_last().unwrap();
        let (first, last) = addresses(text);
        let added = builder(before).insert(first, last, 9);
        added.map_err(|overlap| format!("{}-{}", overlap.first, overlap.last))
    }

    fn found(texts: &[&str], address: &str) -> Option<usize> {
        builder(texts).build().find(address.parse().unwrap()).copied()
    }

    #[test]
    fn an_address_belongs_to_the_range_around_it() {
        let texts = ["1.0.0.0-1.0.0.9", "1.0.0.20-1.0.0.20", "1.1.0.0-3.0.0.0", "255.0.0.0-255.255.255.255"];
        let cases = [
            ("0.255.255.255", None),
            ("1.0.0.0", Some(0)),
            ("1.0.0.9", Some(0)),
            ("1.0.0.10", None),
            ("1.0.0.20", Some(1)),
            ("2.9.9.9", Some(2)),
            ("3.0.0.1", None),
            ("255.255.255.255", Some(3)),
        ];
        for (address, expected) in cases {
            assert_eq!(found(&texts, address), expected, "{address}");
        }
    }

    #[test]
    fn a_range_within_another_goes_before_it() {
        let texts = ["1.0.0.0-1.0.0.99", "1.0.0.0-1.0.0.9", "1.0.0.90-1.0.0.99", "1.0.0.50-1.0.0.50"];
        let values = ["1.0.0.5", "1.0.0.10", "1.0.0.50", "1.0.0.51", "1.0.0.95"].map(|address| found(&texts, address));
        assert_eq!(values, [Some(1), Some(0), Some(3), Some(0), Some(2)]);
    }

    #[test]
    fn ranges_that_overlap_are_refused() {
        let range = "1.0.0.10-1.0.0.20";
        for other in ["1.0.0.0-1.0.0.10", "1.0.0.20-1.0.0.30", "1.0.0.0-1.0.0.30", "1.0.0.5-1.0.0.20"] {
            assert_eq!(added(&[range, other]), Err(range.to_owned()), "{other}");
        }
        assert_eq!(added(&["1.1.0.0-1.3.0.0", "1.3.0.0-1.3.0.5"]), Err("1.3.0.0-1.3.0.0".to_owned()));
    }

    #[test]
    fn the_same_range_is_replaced_in_each_of_its_pieces() {
        assert_eq!(added(&["1.0.0.0-1.0.0.9", "1.0.0.0-1.0.0.9"]), Ok(Some(0)));
        assert_eq!(added(&["1.2.0.0-1.2.255.255", "1.1.0.0-1.3.255.255"]), Ok(Some(0)));
        assert_eq!(added(&["1.2.0.0-1.2.255.255", "1.2.128.0-1.3.255.255"]), Ok(None));
    }

    #[test]
    fn only_a_whole_range_can_be_taken_away() {
        let mut builder = builder(&["1.0.0.0-1.0.0.9", "1.1.0.0-1.3.255.255"]);
        let mut removed = |text| {
            let (first, last) = addresses(text);
            builder.remove(first, last)
        };
        assert!(!removed("1.0.0.0-1.0.0.8"));
        assert!(removed("1.0.0.0-1.0.0.9"));
        assert!(!removed("1.0.0.0-1.0.0.9"));
        assert!(removed("1.1.0.0-1.3.255.255"));
        assert_eq!(builder.build().ranges.len(), 0);
    }

    #[test]
    fn pieces_are_joined_again() {
        assert_eq!(builder(&["0.0.0.0-255.255.255.255"]).build().ranges.len(), 1);
    }

    proptest! {
        #[test]
        fn the_range_that_was_added_last_decides(
            steps in prop::collection::vec((0..64_u32, 0..64_u32), 0..24),
            address in 0..64_u32,
        ) {
            // Around the border of a piece.
            let at = |number: u32| Ipv4Addr::from_bits(0x0001_0000 - 32 + number);
            let mut builder = RangesBuilder::default();
            let mut expected = None;
            for (number, (one, other)) in steps.into_iter().enumerate() {
                let (first, last) = (one.min(other), one.max(other));
                let before = builder.clone();
                match builder.insert(at(first), at(last), number) {
                    Ok(_) if (first..=last).contains(&address) => expected = Some(number),
                    Ok(_) => {}
                    Err(_) => builder = before,
                }
            }
            prop_assert_eq!(builder.build().find(at(address)).copied(), expected);
        }
    }
}

//! The entries of a folder in the order in which they are shown, within a limit.

use std::collections::BTreeMap;
use std::io;
use std::time::UNIX_EPOCH;

use crate::runtime::{FileStatus, Kind};

/// How many entries are read, or written, before other connections have a turn: about a millisecond.
pub(super) const PORTION: usize = 512;

/// How many entries a listing may have. A page of so many is some 15 MB; nobody reads it.
pub(super) const ENTRIES_MAX: usize = 100_000;

/// How many bytes the names may have together, so that one listing holds at most some 30 MB.
pub(super) const NAMES_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a listing tells of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) bytes: u64,
    /// The last change, in seconds since 1970, which may be negative.
    pub(super) changed: i64,
}

impl Entry {
    pub(super) fn of(status: &FileStatus) -> Self {
        let changed = match status.mtime.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => {
                let before = before.duration();
                let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                whole.saturating_neg() - i64::from(before.subsec_nanos() > 0)
            }
        };
        Self { kind: status.kind, bytes: status.len, changed }
    }
}

/// Folders first, then by the bytes of the names. Sorted as it grows: sorting it all in the end would
/// hold up other connections.
#[derive(Debug, Default)]
pub(super) struct Listing {
    entries: BTreeMap<(bool, Vec<u8>), Entry>,
    names_bytes: usize,
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListingError {
    /// The folder cannot be read.
    #[error(transparent)]
    Read(io::Error),
    /// Something in it cannot be looked at, which has been reported.
    #[error("an entry cannot be looked at")]
    Entry,
    /// There are too many entries, or their names are too long.
    #[error("too many entries to list, at most {ENTRIES_MAX}")]
    TooLarge,
}

impl Listing {
    pub(super) fn insert(&mut self, name: Vec<u8>, entry: Entry) -> Result<(), ListingError> {
        self.names_bytes += name.len();
        if self.entries.len() >= ENTRIES_MAX || self.names_bytes > NAMES_BYTES_MAX {
            return Err(ListingError::TooLarge);
        }
        self.entries.insert((entry.kind != Kind::Directory, name), entry);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.entries.iter().map(|((_, name), entry)| (&name[..], entry))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(kind: Kind) -> Entry {
        Entry { kind, bytes: 0, changed: 0 }
    }

    #[test]
    fn folders_come_first_and_names_are_ordered_by_their_bytes() {
        let mut listing = Listing::default();
        let names = [("b", Kind::Regular), ("Z", Kind::Regular), ("a", Kind::Other), ("z", Kind::Directory)];
        for (name, kind) in names {
            listing.insert(name.into(), entry(kind)).unwrap();
        }
        let order: Vec<&[u8]> = listing.iter().map(|(name, _)| name).collect();
        assert_eq!(order, [b"z", b"Z", b"a", b"b"]);
    }

    #[test]
    fn a_listing_has_a_limit() {
        let mut listing = Listing::default();
        for number in 0..ENTRIES_MAX {
            listing.insert(number.to_string().into_bytes(), entry(Kind::Regular)).unwrap();
        }
        assert!(matches!(listing.insert(b"x".to_vec(), entry(Kind::Regular)), Err(ListingError::TooLarge)));
        let mut listing = Listing::default();
        listing.insert(vec![b'x'; NAMES_BYTES_MAX], entry(Kind::Regular)).unwrap();
        assert!(matches!(listing.insert(b"x".to_vec(), entry(Kind::Regular)), Err(ListingError::TooLarge)));
    }

    #[test]
    fn a_change_is_told_in_whole_seconds_also_before_1970() {
        let changed = |mtime| {
            let status =
                FileStatus { kind: Kind::Regular, len: 1, mtime, device: 0, inode: 0, owner: 0, executable: false };
            Entry::of(&status).changed
        };
        assert_eq!(changed(UNIX_EPOCH + Duration::from_millis(1500)), 1);
        assert_eq!(changed(UNIX_EPOCH - Duration::from_millis(1500)), -2);
        assert_eq!(changed(UNIX_EPOCH - Duration::from_secs(1)), -1);
    }
}

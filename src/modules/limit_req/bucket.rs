//! The leaky buckets of a zone: how far each key is ahead of its rate, and what that means for a request.
//!
//! nginx's arithmetic: time in milliseconds, requests in thousandths. The time is an argument. A request that several
//! zones limit is judged by all of them at once, under all their locks: it counts in each of them or in none, and no
//! two workers let more pass than one would.

use std::collections::TryReserveError;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use crate::base::lru_table::{EntryId, LruTable};
use crate::base::zone::{Resize, SharedTable, Zone};

/// One request, in the unit of excesses and rates.
pub(super) const REQUEST: u64 = 1000;

/// How far a key is ahead of its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// In thousandths of a request.
    excess: u64,
    /// When that was so.
    at_ms: u64,
}

/// The buckets of all keys of a zone.
#[derive(Debug)]
pub(super) struct Buckets {
    /// What milliseconds are counted from.
    epoch: Instant,
    table: SharedTable<Bucket>,
}

/// What one `limit_req` says of one request: whose bucket it goes into, and how much that may hold.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) buckets: &'a Arc<Buckets>,
    pub(super) key: &'a [u8],
    /// Thousandths of a request in a second; not zero.
    pub(super) rate: u64,
    /// How much excess is allowed.
    pub(super) burst: u64,
    /// How much excess is not delayed.
    pub(super) delay: u64,
}

/// What becomes of a request. Claims are named by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It goes on.
    Pass,
    /// It goes on after this time; the claim wants the longest delay, with this excess.
    Delay { claim: usize, excess: u64, by: Duration },
    /// It is beyond the burst of this claim, with this excess.
    Refuse { claim: usize, excess: u64 },
    /// Not even an empty zone could hold the key of this claim.
    NoRoom { claim: usize },
}

impl Bucket {
    /// The excess that a request would make now.
    fn with_request(self, rate: u64, now_ms: u64) -> u64 {
        (self.excess + REQUEST).saturating_sub(self.leaked(rate, now_ms))
    }

    fn leaked(self, rate: u64, now_ms: u64) -> u64 {
        // The clocks of two workers may differ by a turn.
        rate.saturating_mul(now_ms.saturating_sub(self.at_ms)) / 1000
    }

    /// Whether it says no more than a new one would, and has not been used for a while.
    fn is_dry(self, rate: u64, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) >= DRY_AFTER_MS && self.excess <= self.leaked(rate, now_ms)
    }
}

impl Buckets {
    /// No buckets, in `bytes` of memory at the most.
    pub(super) fn with_bytes(bytes: u64, epoch: Instant) -> Result<Self, TryReserveError> {
        Ok(Self { epoch, table: SharedTable::with_bytes(bytes)? })
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Zone for Buckets {
    fn prepare_resize(self: Arc<Self>, bytes: u64) -> Result<Resize, TryReserveError> {
        let empty = LruTable::with_bytes(bytes)?;
        Ok(Box::new(move || self.table.replace(empty)))
    }
}

/// A claim while its table is locked.
struct Locked<'a> {
    index: usize,
    claim: &'a Claim<'a>,
    hash: u32,
    now_ms: u64,
    table: MutexGuard<'a, LruTable<Bucket>>,
    found: Option<EntryId>,
    excess: u64,
}

/// Judges a request by all claims, and counts it unless it is refused. A zone stands in one claim at the most.
pub(super) fn judge(claims: &[Claim<'_>], now: Instant) -> Decision {
    let mut locked = lock(claims, now);
    for locked in &mut locked {
        if !locked.look() {
            return Decision::NoRoom { claim: locked.index };
        }
        if locked.excess > locked.claim.burst {
            return Decision::Refuse { claim: locked.index, excess: locked.excess };
        }
    }
    let mut decision = Decision::Pass;
    let mut longest_ms = 0;
    // As in nginx the last of equal ones is named.
    for locked in locked.iter_mut().rev() {
        locked.count();
        let excess = locked.excess;
        let delay_ms = excess.saturating_sub(locked.claim.delay) * 1000 / locked.claim.rate;
        if delay_ms > longest_ms {
            longest_ms = delay_ms;
            decision = Decision::Delay { claim: locked.index, excess, by: Duration::from_millis(delay_ms) };
        }
    }
    decision
}

/// Locks the tables of all claims, always in the same order, so that no two workers wait for each other; gives them in
/// the order of the claims.
fn lock<'a>(claims: &'a [Claim<'a>], now: Instant) -> Vec<Locked<'a>> {
    let mut order: Vec<(usize, &Claim<'_>)> = claims.iter().enumerate().collect();
    order.sort_by_key(|(_, claim)| Arc::as_ptr(claim.buckets).addr());
    let lock = |(index, claim): (usize, &'a Claim<'a>)| {
        let hash = claim.buckets.table.hash(claim.key);
        let now_ms = claim.buckets.milliseconds(now);
        Locked { index, claim, hash, now_ms, table: claim.buckets.table.lock(), found: None, excess: 0 }
    };
    let mut locked: Vec<Locked<'a>> = order.into_iter().map(lock).collect();
    locked.sort_by_key(|locked| locked.index);
    locked
}

impl Locked<'_> {
    /// Finds the bucket and the excess that the request would make; false if there can be no bucket.
    fn look(&mut self) -> bool {
        self.found = self.table.find(self.hash, self.claim.key);
        match self.found {
            Some(entry) => {
                self.table.touch(entry);
                self.excess = self.table.state(entry).with_request(self.claim.rate, self.now_ms);
                true
            }
            None => self.table.can_hold(self.claim.key.len()),
        }
    }

    /// Counts the request.
    fn count(&mut self) {
        let counted = Bucket { excess: self.excess, at_ms: self.now_ms };
        match self.found {
            Some(entry) => {
                let bucket = self.table.state_mut(entry);
                *bucket = Bucket { at_ms: counted.at_ms.max(bucket.at_ms), ..counted };
            }
            None => {
                self.make_room();
                // `look` has seen that there can be room.
                let _entry = self.table.insert(self.hash, self.claim.key, counted);
            }
        }
    }

    /// Before a new bucket one or two that have run dry go, as in nginx; where there is no room, those that were used
    /// least recently.
    fn make_room(&mut self) {
        for _ in 0..2 {
            let Some(oldest) = self.table.oldest() else { return };
            if !self.table.state(oldest).is_dry(self.claim.rate, self.now_ms) {
                break;
            }
            self.table.remove(oldest);
        }
        while !self.table.has_room_for(self.claim.key.len()) {
            let Some(oldest) = self.table.oldest() else { return };
            self.table.remove(oldest);
        }
    }
}

/// A bucket is kept for a minute after its last request, as in nginx.
const DRY_AFTER_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: u64 = 32 * 1024;

    fn buckets() -> Arc<Buckets> {
        Arc::new(Buckets::with_bytes(SMALL, Instant::now()).unwrap())
    }

    fn claim<'a>(buckets: &'a Arc<Buckets>, rate: u64, burst: u64, delay: u64) -> Claim<'a> {
        Claim { buckets, key: b"client", rate, burst: burst * REQUEST, delay: delay * REQUEST }
    }

    /// The decisions on requests at these milliseconds: `ok`, the delay in milliseconds, or `-` and the excess.
    fn decisions(claim: Claim<'_>, times: &[u64]) -> Vec<String> {
        let epoch = claim.buckets.epoch;
        let claims = [claim];
        let at = |ms: &u64| match judge(&claims, epoch + Duration::from_millis(*ms)) {
            Decision::Pass => "ok".to_owned(),
            Decision::Delay { by, .. } => by.as_millis().to_string(),
            Decision::Refuse { excess, .. } => format!("-{excess}"),
            Decision::NoRoom { .. } => "no room".to_owned(),
        };
        times.iter().map(at).collect()
    }

    #[test]
    fn without_a_burst_one_request_passes_in_the_time_of_one() {
        let zone = buckets();
        assert_eq!(
            decisions(claim(&zone, 1000, 0, 0), &[0, 0, 999, 1000, 1999, 2000]),
            ["ok", "-1000", "-1", "ok", "-1", "ok"]
        );
    }

    #[test]
    fn a_burst_is_delayed_to_the_rate() {
        let zone = buckets();
        assert_eq!(
            decisions(claim(&zone, 2000, 3, 0), &[0, 0, 0, 0, 0, 250, 500]),
            ["ok", "500", "1000", "1500", "-4000", "-3500", "1500"]
        );
    }

    #[test]
    fn what_delay_allows_is_not_delayed() {
        let zone = buckets();
        assert_eq!(decisions(claim(&zone, 1000, 4, 2), &[0; 6]), ["ok", "ok", "ok", "1000", "2000", "-5000"]);
    }

    #[test]
    fn a_clock_that_lags_takes_nothing_back() {
        let zone = buckets();
        assert_eq!(
            decisions(claim(&zone, 1000, 1, 1), &[5000, 5000, 4000, 6000, 5500]),
            ["ok", "ok", "-2000", "ok", "-2000"]
        );
    }

    #[test]
    fn the_longest_delay_of_several_counts_and_the_later_of_equal_ones() {
        let zones = [buckets(), buckets(), buckets()];
        let claims = [claim(&zones[0], 1000, 9, 0), claim(&zones[1], 500, 9, 0), claim(&zones[2], 500, 9, 0)];
        let now = zones[0].epoch;
        assert_eq!(judge(&claims, now), Decision::Pass);
        assert_eq!(judge(&claims, now), Decision::Delay { claim: 2, excess: 1000, by: Duration::from_secs(2) });
    }

    #[test]
    fn what_one_of_several_refuses_counts_in_none() {
        let zones = [buckets(), buckets()];
        let now = zones[0].epoch;
        let narrow = [claim(&zones[0], 1000, 5, 5), claim(&zones[1], 1000, 0, 0)];
        assert_eq!(judge(&narrow, now), Decision::Pass);
        for _ in 0..3 {
            assert_eq!(judge(&narrow, now), Decision::Refuse { claim: 1, excess: 1000 });
        }
        assert_eq!(decisions(claim(&zones[0], 1000, 5, 0), &[0]), ["1000"]);
    }

    fn fill(zone: &Arc<Buckets>, count: u32, at_ms: u64) {
        for number in 0..count {
            let key = number.to_be_bytes();
            let claims = [Claim { key: &key, ..claim(zone, 1000, 0, 0) }];
            assert_eq!(judge(&claims, zone.epoch + Duration::from_millis(at_ms)), Decision::Pass);
        }
    }

    fn len(zone: &Arc<Buckets>) -> usize {
        zone.table.lock().len()
    }

    #[test]
    fn a_full_zone_forgets_the_least_recently_used() {
        let zone = buckets();
        fill(&zone, 496, 0);
        assert_eq!((len(&zone), decisions(claim(&zone, 1000, 0, 0), &[0])), (496, vec!["ok".to_owned()]));
        let passes = |number: u32| {
            let key = number.to_be_bytes();
            judge(&[Claim { key: &key, ..claim(&zone, 1000, 0, 0) }], zone.epoch) == Decision::Pass
        };
        assert_eq!([passes(495), passes(1), passes(0)], [false, false, true]);
        assert_eq!(len(&zone), 496);
    }

    #[test]
    fn a_new_bucket_takes_two_that_have_run_dry_with_it() {
        let zone = buckets();
        fill(&zone, 10, 0);
        assert_eq!(decisions(claim(&zone, 1000, 0, 0), &[59_999]), ["ok"]);
        assert_eq!(len(&zone), 11);
        let other = [Claim { key: b"other", ..claim(&zone, 1000, 0, 0) }];
        assert_eq!(judge(&other, zone.epoch + Duration::from_millis(60_000)), Decision::Pass);
        assert_eq!(len(&zone), 10);
    }

    #[test]
    fn a_key_that_no_room_can_be_made_for_is_refused() {
        let zone = buckets();
        let key = [b'x'; 40_000];
        assert_eq!(
            judge(&[Claim { key: &key, ..claim(&zone, 1000, 0, 0) }], zone.epoch),
            Decision::NoRoom { claim: 0 }
        );
        fill(&zone, 496, 0);
        assert_eq!(judge(&[Claim { key: &key[..8000], ..claim(&zone, 1000, 0, 0) }], zone.epoch), Decision::Pass);
        assert_eq!(len(&zone), 496 - 308 + 1);
    }

    #[test]
    fn two_workers_with_two_zones_in_either_order_let_no_more_pass_than_one() {
        let zones = [buckets(), buckets()];
        let now = zones[0].epoch;
        let passed = |order: [usize; 2]| {
            let claims = order.map(|index| claim(&zones[index], 16, 99, 99));
            (0..200).filter(|_| judge(&claims, now) == Decision::Pass).count()
        };
        let total: usize = std::thread::scope(|scope| {
            let workers = [[0, 1], [1, 0], [0, 1], [1, 0]].map(|order| scope.spawn(move || passed(order)));
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(total, 100);
    }

    /// nginx's arithmetic in exact fractions, for one key: thousandths of thousandths.
    fn model(rate: i128, burst: i128, times: &[u64]) -> Vec<bool> {
        let mut state: Option<(i128, i128)> = None;
        let judge = |ms: &u64| {
            let now = i128::from(*ms);
            let excess = match state {
                None => 0,
                Some((excess, last)) => (excess - rate * (now - last) / 1000 + 1000).max(0),
            };
            let passes = excess <= burst * 1000;
            if passes {
                state = Some((excess, now));
            }
            passes
        };
        times.iter().map(judge).collect()
    }

    proptest! {
        #[test]
        fn a_key_passes_when_nginx_lets_it(
            rate in 1_u64..3_000_000,
            burst in 0_u64..5,
            steps in proptest::collection::vec(prop_oneof![Just(0_u64), 1..20_u64, 1..100_000_u64], 1..60),
        ) {
            let times: Vec<u64> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
            let zone = buckets();
            let passed = decisions(claim(&zone, rate, burst, burst), &times);
            let passed: Vec<bool> = passed.iter().map(|decision| decision == "ok").collect();
            prop_assert_eq!(passed, model(rate.into(), burst.into(), &times));
        }
    }
}

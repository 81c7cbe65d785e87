//! What a request and all its subrequests have in common, as they have in nginx: the variables that the configuration
//! defines, the request's id, and how many subrequests are at work.
//!
//! Made when something is first put into it, so that a request without variables of its own pays nothing. Who puts
//! what into it is in `exchange` and `subrequest`.

use std::cell::{Cell, OnceCell};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;

use super::limits::Limits;
use super::values::Values;

/// What the exchanges of one client request share.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// Of the variables that the configuration defines.
    pub(super) values: Values,
    id: OnceCell<Box<str>>,
    subrequests: Cell<u16>,
    /// What limits have made of them.
    pub(super) limits: Limits,
}

/// One of the subrequests that may be at work at once; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat(Rc<Family>);

impl Family {
    /// `$request_id`.
    pub(super) fn id(&self) -> &str {
        self.id.get_or_init(|| {
            let number = (u128::from(random_u64()) << 64) | u128::from(random_u64());
            format!("{number:032x}").into_boxed_str()
        })
    }

    /// A seat for one more subrequest, if so few are at work.
    pub(super) fn take_seat(self: &Rc<Self>, seats: u16) -> Option<Seat> {
        let taken = self.subrequests.get();
        (taken < seats).then(|| {
            self.subrequests.set(taken + 1);
            Seat(Rc::clone(self))
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.subrequests.set(self.0.subrequests.get() - 1);
    }
}

/// Random bits from the seed that the standard library draws from the system for each hasher.
fn random_u64() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_it_is_dropped() {
        let family = Rc::new(Family::default());
        let first = family.take_seat(2).unwrap();
        let _second = family.take_seat(2).unwrap();
        assert!(family.take_seat(2).is_none());
        drop(first);
        assert!(family.take_seat(2).is_some());
    }

    #[test]
    fn the_id_stays() {
        let family = Family::default();
        assert_eq!(family.id(), family.id());
        assert_eq!(family.id().len(), 32);
        assert_ne!(family.id(), Family::default().id());
    }
}

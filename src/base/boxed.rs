//! Large values that are made where they stay.
//!
//! `Box::new(make())` makes a value on the stack and copies it into its memory; for what every request needs (its head,
//! its exchange, the future that answers it) the copies cost more than the memory does.

use std::pin::Pin;

/// A box with what `make` makes, in its memory from the beginning wherever the compiler can do that.
#[inline(always)]
pub fn boxed<T>(make: impl FnOnce() -> T) -> Box<T> {
    let place = Box::new_uninit();
    Box::write(place, make())
}

/// As [`boxed`], pinned: for a future, which is nearly all room for what it will hold later.
#[inline(always)]
pub fn pinned<T>(make: impl FnOnce() -> T) -> Pin<Box<T>> {
    Box::into_pin(boxed(make))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_in_the_box() {
        assert_eq!(*boxed(|| [7_u8; 2000]), [7; 2000]);
        assert_eq!(*pinned(|| 7), 7);
    }
}

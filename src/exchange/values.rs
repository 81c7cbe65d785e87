//! The values of the variables that a configuration defines, for one request and its subrequests: what was set, what
//! was captured, and what was computed.
//!
//! A variable is computed when it is first read, by its definition, and keeps the value. Reading is possible while the
//! exchange is only looked at (by a template, by a log), so what changes is in cells. A definition may read other
//! variables; one that needs itself has no value, and the error log says so, as in nginx. Used by `exchange` alone; `family` holds them.

use std::cell::{Cell, RefCell};

use bytes::Bytes;

use super::definitions::Definition;
use super::exchange::Exchange;
use super::variables::Slot;
use crate::base::report::Severity;

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Values {
    known: RefCell<Vec<(Slot, Option<Bytes>)>>,
    /// The variables that are being computed, each for the one before it.
    open: RefCell<Vec<Slot>>,
    /// How many were computed since none was open.
    computed: Cell<u32>,
}

impl Values {
    /// The value of a variable, as far as it is known.
    pub(super) fn known(&self, slot: Slot) -> Option<Option<Bytes>> {
        self.known.borrow().iter().find(|(known, _)| *known == slot).map(|(_, value)| value.clone())
    }

    /// Gives a variable a value, for the rest of the request.
    pub(super) fn set(&self, slot: Slot, value: Option<Bytes>) {
        let mut known = self.known.borrow_mut();
        match known.iter_mut().find(|(known, _)| *known == slot) {
            Some((_, old)) => *old = value,
            None => known.push((slot, value)),
        }
    }

    /// Computes a variable that has no value yet, and keeps the value unless it is volatile.
    pub(super) fn compute(&self, slot: Slot, definition: &Definition, exchange: &Exchange) -> Option<Bytes> {
        let name = &definition.name;
        let _open = match self.open(slot) {
            Ok(open) => open,
            Err(Refusal::Cycle) => {
                exchange.report(Severity::Error, format_args!("cycle while evaluating variable \"{name}\""));
                return None;
            }
            Err(Refusal::TooMany) => {
                // Said once: all that is still open ends here.
                if self.computed.get() == COMPUTED_MAX + 1 {
                    let message = "variables were evaluated for one that was asked for, the last";
                    exchange.report(Severity::Error, format_args!("{COMPUTED_MAX} {message} \"{name}\""));
                }
                return None;
            }
        };
        let value = definition.value.value(exchange).filter(|value| {
            let fits = value.len() <= VALUE_BYTES_MAX;
            if !fits {
                let length = value.len();
                exchange.report(Severity::Error, format_args!("variable \"{name}\" is too long: {length} bytes"));
            }
            fits
        });
        if !definition.volatile {
            self.set(slot, value.clone());
        }
        value
    }

    /// Notes that a variable is being computed.
    fn open(&self, slot: Slot) -> Result<Open<'_>, Refusal> {
        let mut open = self.open.borrow_mut();
        if open.is_empty() {
            self.computed.set(0);
        }
        if open.contains(&slot) || open.len() >= DEPTH_MAX {
            return Err(Refusal::Cycle);
        }
        self.computed.set(self.computed.get().saturating_add(1));
        if self.computed.get() > COMPUTED_MAX {
            return Err(Refusal::TooMany);
        }
        open.push(slot);
        Ok(Open(&self.open))
    }
}

/// Why a variable is not computed.
enum Refusal {
    /// It needs itself, or too many others one for the other.
    Cycle,
    /// Too many were computed for what was asked for.
    TooMany,
}

/// A variable that is being computed, until it is dropped: a rule that panics costs one connection, and shall not leave
/// a variable open for whoever catches that.
struct Open<'a>(&'a RefCell<Vec<Slot>>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().pop();
    }
}

/// How deep variables may need each other; nginx's limit, beyond which it speaks of a cycle.
const DEPTH_MAX: usize = 100;
/// How many variables may be computed for one: volatile ones that need each other twice double with each level.
const COMPUTED_MAX: u32 = 10_000;
/// Of a computed value: more than any field or path may have; values that contain each other twice double with each level.
const VALUE_BYTES_MAX: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::exchange::definitions::Definitions;
    use crate::exchange::test_support::Bench;
    use crate::exchange::variables::Computed;

    thread_local! {
        static COMPUTED: Cell<usize> = const { Cell::new(0) };
    }

    /// A text, and the variables behind it.
    #[derive(Debug)]
    struct Rule(&'static str, Vec<Slot>);

    impl Computed for Rule {
        fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
            COMPUTED.set(COMPUTED.get() + 1);
            out.extend_from_slice(self.0.as_bytes());
            for slot in &self.1 {
                out.extend_from_slice(&exchange.slot(*slot).unwrap_or_default());
            }
            true
        }
    }

    fn definition(text: &'static str, slots: &[u16], volatile: bool) -> Definition {
        let value = Box::new(Rule(text, slots.iter().copied().map(Slot).collect()));
        Definition { name: "x".into(), value, volatile }
    }

    /// An exchange at a server that defines the variables with the slots from 0 on.
    fn exchange(definitions: Vec<Definition>) -> Exchange {
        COMPUTED.set(0);
        let definitions: Definitions = (0..).map(Slot).zip(definitions).collect();
        Bench::new().exchange_defining(definitions, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    fn read(exchange: &Exchange, slot: u16) -> Option<String> {
        exchange.slot(Slot(slot)).map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    #[test]
    fn a_value_is_computed_when_it_is_first_read() {
        let exchange = exchange(vec![definition("a", &[1], false), definition("b", &[], false)]);
        assert_eq!(COMPUTED.get(), 0);
        assert_eq!(read(&exchange, 0).unwrap(), "ab");
        assert_eq!(read(&exchange, 0).unwrap(), "ab");
        assert_eq!(COMPUTED.get(), 2);
        assert_eq!(read(&exchange, 7), None);
    }

    #[test]
    fn a_volatile_value_is_computed_each_time() {
        let mut exchange = exchange(vec![definition("a", &[1], true)]);
        assert_eq!(read(&exchange, 0).unwrap(), "a");
        exchange.set_slot(Slot(1), Bytes::from_static(b"b"));
        assert_eq!(read(&exchange, 0).unwrap(), "ab");
    }

    #[test]
    fn a_value_that_was_set_stands_before_the_definition() {
        for volatile in [false, true] {
            let mut exchange = exchange(vec![definition("a", &[], volatile)]);
            assert_eq!(read(&exchange, 0).unwrap(), "a");
            exchange.set_slot(Slot(0), Bytes::from_static(b"set"));
            assert_eq!(read(&exchange, 0).unwrap(), "set");
        }
    }

    #[test]
    fn what_needs_itself_is_empty_there() {
        let exchange = exchange(vec![definition("a", &[1], false), definition("b", &[0, 0], false)]);
        assert_eq!(read(&exchange, 0).unwrap(), "ab");
        assert_eq!(COMPUTED.get(), 2);
        // The end of the circle was computed without its beginning, and keeps that value.
        assert_eq!(read(&exchange, 1).unwrap(), "b");
    }

    #[test]
    fn a_long_chain_ends_before_the_stack_does() {
        let chain = |length: u16| (0..length).map(|slot| definition("a", &[slot + 1], false)).collect();
        assert_eq!(read(&exchange(chain(100)), 0).unwrap(), "a".repeat(100));
        assert_eq!(read(&exchange(chain(60_000)), 0).unwrap(), "a".repeat(100));
    }

    #[test]
    fn values_that_double_do_not_fill_memory_nor_time() {
        let doubling = |volatile| (0..60).map(|slot| definition("a", &[slot + 1, slot + 1], volatile)).collect();
        let kept = exchange(doubling(false));
        let longest = (0..60).rev().filter_map(|slot| read(&kept, slot)).map(|value| value.len()).max();
        assert!(
            longest.is_some_and(|longest| (VALUE_BYTES_MAX / 4..=VALUE_BYTES_MAX).contains(&longest)),
            "{longest:?}"
        );
        read(&exchange(doubling(true)), 0);
        assert!(COMPUTED.get() <= COMPUTED_MAX as usize);
    }
}

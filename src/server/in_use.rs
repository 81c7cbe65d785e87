//! The virtual servers of an address, as one worker uses them: while a listener or a request has them, the whole tree
//! they belong to stays.
//!
//! The last user of a tree that was replaced is a worker. Taking a tree of ten thousand servers apart takes long, and
//! all connections of the worker would wait for it; so it is done elsewhere.

use std::ops::Deref;
use std::sync::Arc;
use std::thread;

use crate::base::pace;
use crate::base::reason::Reason;
use crate::base::report::{Severity, report};
use crate::route::tree::{AddressRoutes, Tree};
use crate::runtime::Address;

/// Held by a listener for new requests, and by each request to its end.
#[derive(Debug)]
pub(super) struct InUse {
    tree: Arc<Tree>,
    /// Of the address, in the tree.
    index: usize,
}

impl InUse {
    /// The servers of an address; none if the tree has not got it.
    pub(super) fn new(tree: &Arc<Tree>, address: &Address) -> Option<Self> {
        Some(Self { index: tree.position(address)?, tree: Arc::clone(tree) })
    }
}

impl Deref for InUse {
    type Target = AddressRoutes;

    fn deref(&self) -> &AddressRoutes {
        &self.tree.addresses[self.index]
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        take_apart(std::mem::take(&mut self.tree));
    }
}

/// Gives a tree back; who has it last leaves it to a thread.
fn take_apart(tree: Arc<Tree>) {
    let Some(tree) = Arc::into_inner(tree) else { return };
    let thread = thread::Builder::new().name(THREAD_NAME.to_owned());
    if let Err(error) = thread.spawn(move || take_apart_here(tree)) {
        // It is gone all the same, only not elsewhere.
        let reason = Reason(&error);
        report(Severity::Warn, format_args!("a worker frees an old configuration, no thread can be started {reason}"));
    }
}

/// Takes a tree apart at a pace that lets workers run.
fn take_apart_here(tree: Tree) {
    pace::paced(|| tree.take_apart(&mut pace::breathe));
}

/// What the system calls the thread.
const THREAD_NAME: &str = "old tree";

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use super::*;
    use crate::exchange::Exchange;
    use crate::exchange::known_settings::KnownSettings;
    use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
    use crate::route::locations::LocationTree;
    use crate::route::names::NameTable;
    use crate::route::tree::{Reading, Server};
    use crate::runtime::listen::ListenOptions;

    /// Tells where it is dropped.
    #[derive(Debug)]
    struct Witness(Sender<Option<String>>);

    impl Handler for Witness {
        fn handle<'a>(&'a self, _exchange: &'a mut Exchange) -> Handling<'a> {
            Outcome::Next.into()
        }
    }

    impl Drop for Witness {
        fn drop(&mut self) {
            let _nobody_may_listen = self.0.send(thread::current().name().map(str::to_owned));
        }
    }

    fn address() -> Address {
        Address::Inet(([127, 0, 0, 1], 80).into())
    }

    fn tree() -> (Arc<Tree>, Receiver<Option<String>>) {
        let (sender, dropped) = mpsc::channel();
        let mut plan = PlanBuilder::new("");
        plan.handler(Stage::Content, Witness(sender));
        let plan = Arc::new(plan.finish(None, &mut KnownSettings::default()));
        let server = Server {
            name: "".into(),
            failure: Arc::clone(&plan),
            plan,
            locations: LocationTree::default(),
            merge_slashes: true,
            reading: Reading::default(),
            definitions: Arc::default(),
        };
        let routes = AddressRoutes {
            address: address(),
            options: ListenOptions::default(),
            proxy_protocol: false,
            configured_at: "".into(),
            names: NameTable::default(),
            default: Arc::new(server),
        };
        (Arc::new(Tree::new(vec![Arc::new(routes)], 1)), dropped)
    }

    #[test]
    fn a_replaced_tree_goes_with_its_last_request_and_not_on_its_thread() {
        let (tree, dropped) = tree();
        let listener = InUse::new(&tree, &address()).unwrap();
        let request = InUse::new(&tree, &address()).unwrap();
        assert_eq!(request.default.name, "");
        drop(tree);
        drop(listener);
        assert!(dropped.try_recv().is_err(), "a request still has it");
        drop(request);
        assert_eq!(dropped.recv_timeout(Duration::from_secs(20)).unwrap().as_deref(), Some(THREAD_NAME));
    }

    #[test]
    fn a_tree_that_is_still_published_stays() {
        let (tree, dropped) = tree();
        drop(InUse::new(&tree, &address()));
        assert!(dropped.try_recv().is_err());
        drop(tree);
        assert!(dropped.try_recv().is_ok());
    }

    #[test]
    fn an_address_that_a_tree_has_not_got_has_no_servers() {
        let other = Address::Inet(([127, 0, 0, 1], 81).into());
        assert!(InUse::new(&tree().0, &other).is_none());
    }
}

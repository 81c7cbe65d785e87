//! The routing tree that requests are answered by now, as the control thread publishes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::route::tree::Tree;

/// The current routing tree, and its number. One is shared by the control thread, which replaces the tree, and all
/// workers, which look at the number once a turn.
#[derive(Debug)]
pub struct Published {
    tree: ArcSwap<Tree>,
    generation: AtomicU64,
}

impl Published {
    /// With the tree of the first configuration: generation 1.
    pub fn new(tree: Arc<Tree>) -> Self {
        Self { tree: ArcSwap::new(tree), generation: AtomicU64::new(1) }
    }

    /// Replaces the tree: requests whose head is complete from now on are routed by it.
    pub fn publish(&self, tree: Arc<Tree>) {
        self.tree.store(tree);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The number of the current tree; it grows with each one published.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The current tree.
    pub fn tree(&self) -> Arc<Tree> {
        self.tree.load_full()
    }
}

//! A configuration that runs, ran, or is about to: all that is kept of it as long as it may be needed.

use std::sync::Arc;

use crate::base::pace;
use crate::config::inventory::Inventory;
use crate::config::load::{Configuration, Process};
use crate::config::resources::Resources;
use crate::route::tree::Tree;

/// What control keeps of a configuration.
#[derive(Debug)]
pub(super) struct Generation {
    /// Its number: that of the first is 1.
    pub(super) number: u64,
    pub(super) process: Process,
    /// By what requests are routed.
    pub(super) tree: Arc<Tree>,
    /// What it keeps open.
    pub(super) resources: Resources,
    /// What it has, to tell what the next one changes.
    pub(super) inventory: Inventory,
}

impl Generation {
    pub(super) fn new(configuration: Configuration, number: u64) -> Self {
        let Configuration { process, tree, resources, inventory } = configuration;
        Self { number, process, tree: Arc::new(tree), resources, inventory }
    }
}

impl Drop for Generation {
    /// At a pace that lets workers run; the tree only if no request needs it.
    fn drop(&mut self) {
        let (tree, inventory) = (std::mem::take(&mut self.tree), std::mem::take(&mut self.inventory));
        pace::paced(|| {
            if let Some(tree) = Arc::into_inner(tree) {
                tree.take_apart(&mut pace::breathe);
            }
            inventory.take_apart();
        });
    }
}

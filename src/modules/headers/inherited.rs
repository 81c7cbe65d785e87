//! What a block has of a list that several directives make together (`add_header`, `add_trailer`): its own, and by a
//! rule that of the blocks around it.

use std::sync::Arc;

/// A list while its block is being read.
#[derive(Clone, Debug)]
pub(super) struct Inherited<T> {
    own: Vec<T>,
    /// Whether the block has a list of its own, which may be empty.
    begun: bool,
    outer: Arc<[T]>,
    rule: Rule,
}

/// `add_header_inherit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rule {
    /// What is around the block counts if it has nothing of its own.
    #[default]
    On,
    /// It comes behind the block's own.
    Merge,
    /// It does not count.
    Off,
}

impl<T> Default for Inherited<T> {
    fn default() -> Self {
        Self { own: Vec::new(), begun: false, outer: Arc::from([]), rule: Rule::On }
    }
}

impl<T: Clone> Inherited<T> {
    /// Gives the block one more of its own.
    pub(super) fn push(&mut self, item: T) {
        self.begun = true;
        self.own.push(item);
    }

    /// Gives the block a list of its own, as `push` does, without anything in it.
    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    pub(super) fn set_rule(&mut self, rule: Rule) {
        self.rule = rule;
    }

    /// All that the block has; its own first, as in nginx.
    pub(super) fn all(&self) -> Arc<[T]> {
        match self.rule {
            Rule::On if self.begun => self.own.clone().into(),
            Rule::On => Arc::clone(&self.outer),
            Rule::Merge if !self.begun => Arc::clone(&self.outer),
            Rule::Merge => self.own.iter().chain(self.outer.iter()).cloned().collect(),
            Rule::Off => self.own.clone().into(),
        }
    }

    /// Whether `nested` gives the same.
    pub(super) fn is_as_nested(&self) -> bool {
        !self.begun && (self.rule != Rule::Off || self.outer.is_empty())
    }

    /// What a nested block starts with.
    pub(super) fn nested(&self) -> Self {
        Self { own: Vec::new(), begun: false, outer: self.all(), rule: self.rule }
    }
}

//! Backtracking with every step counted, over bytes.
//!
//! `fancy-regex` limits how often it goes back, and each time it may look at the whole text again: a text of some
//! kilobytes holds a worker for seconds. This matcher counts each byte it looks at, so a search ends within a known
//! time whatever the expression and the text are. It takes the tree that `fancy-regex` parses; of what it leaves out
//! `compile` makes nothing, and the parent module falls back. Called by the parent module alone.

mod program;
mod run;

#[cfg(test)]
mod tests;

use std::ops::Range;

use self::program::Program;
pub(super) use self::run::TooManySteps;

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Metered(Program);

impl Metered {
    /// Compiles an expression in the syntax of `fancy-regex`; none where it holds something that is left out, or is too
    /// long.
    pub(super) fn compile(text: &str, case_insensitive: bool, steps_max: usize) -> Option<Self> {
        program::compile(text, case_insensitive, steps_max).map(Self)
    }

    /// The leftmost match with its groups.
    ///
    /// # Errors
    /// The search took too many steps.
    pub(super) fn captures(&self, text: &[u8]) -> Result<Option<Vec<Option<Range<usize>>>>, TooManySteps> {
        run::search(&self.0, text)
    }
}

//! Scripts: `rewrite`, `if`, `set`, `break`, `return`, alone and in their order.

mod answers;
mod conditions;
mod order;
mod refusals;
mod rewriting;
mod scopes;
mod variables;

//! nginx's configuration language: text to a spanned tree with every error, and back.
//!
//! [`parse`] reads a file as nginx reads it and never fails: it gives the tree of what could be read
//! and, in order of place, everything that is wrong. [`print()`] writes a tree in the one canonical
//! layout. Called by `config` (loading and checking) and by the formatter.
//! Knows no directive, does no I/O, follows no `include`, expands no variable.
//!
//! # The way of a file
//!
//! text -> `lexer` (tokens; quotes repaired) -> `braces` (only when braces do not balance: decides
//! by indentation where one is missing or too many, so that the next stage sees them balanced) ->
//! `parser` (the tree; missing `;` and the like). The texts of all errors stand in `error`.
//!
//! The grammar itself is written down in `webserv.ebnf`.
//!
//! # Example
//!
//! ```
//! let parsed = webserv_grammar::parse("server { listen 80 }");
//! assert_eq!(parsed.errors[0].message, "missing `;` after `80`");
//! assert_eq!(webserv_grammar::print(&parsed.document), "server {\n    listen 80;\n}\n");
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))] // in a test a panic is the report

mod braces;
mod error;
mod lexer;
mod loosen;
mod parser;
mod position;
mod printer;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;
mod text;
mod tree;

pub use error::{ErrorKind, SyntaxError};
pub use parser::{Parsed, parse, parse_shared};
pub use position::{Lines, position, starts_line};
pub use printer::print;
pub use text::Text;
pub use tree::{Block, Comment, Directive, Document, Item, Quote, Span, Word};

/// How deep blocks may stand in one another; keeps every walk over a tree within the stack.
/// Real configurations stay below ten.
pub const NESTING_MAX: usize = 64;

/// The longest word, in bytes as written. nginx allows 4096, the size of its read buffer.
pub const WORD_BYTES_MAX: usize = 64 * 1024;

/// The largest source, in bytes: about 700,000 servers. Offsets are 32 bits wide.
pub const SOURCE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How many errors of one source are reported; nobody reads more.
pub const ERRORS_MAX: usize = 1000;

const _: () = assert!(SOURCE_BYTES_MAX < u32::MAX as usize);
const _: () = assert!(WORD_BYTES_MAX >= 4096, "what nginx takes is taken");

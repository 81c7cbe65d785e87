//! The words of one directive, typed: what a setter is given.
//!
//! Every getter that can fail says what is wrong, where, and what was expected; a setter only
//! passes the error on. Counting words was done before the setter is called.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use webserv_grammar::{Block, Directive, Word};

use super::diagnostics::{Diagnostic, FileId, Place};
use super::engine::Session;
use super::schema::Contexts;
use crate::base::regex::Regex;
use crate::exchange::template::Template;
use crate::exchange::variables::Slot;

/// One directive as a setter sees it. Word 0 is the first behind the name.
pub struct Arguments<'a> {
    pub(super) session: &'a mut Session,
    pub(super) file: FileId,
    pub(super) directive: &'a Directive,
    pub(super) context: Contexts,
    pub(super) first_in_block: bool,
}

// What is here (signatures are settled; the engine's author fills in the rest):
//   name() -> &'a str                      the directive's name
//   len(), is_empty()                      number of words
//   word(i) -> &'a str                     text of word i ("" if there is none)
//   words() -> impl Iterator<Item=&'a str>
//   place(i) -> Place, place_of_name() -> Place, whole() -> Place
//   context() -> Contexts                  the block it stands in
//   first_in_block() -> bool               no directive of this name came before in this block
//   flag(i) -> Result<bool, Diagnostic>    on/off
//   size(i) -> Result<u64, _>              nginx's sizes
//   duration(i) -> Result<Duration, _>     nginx's times
//   number::<T>(i) -> Result<T, _>
//   choice(i, &[(&str, T)]) -> Result<T, _>   one of these words; lists them and did-you-mean otherwise
//   template(i) -> Result<Template, _>     with variables resolved; unknown ones are reported at the end
//                                          of the run (captures may be defined later) with nearest name
//   template_of(text, place) -> ...        for a part of a word
//   regex(i, case_insensitive) -> Result<Named regex..> compiles word i from `from` bytes on and defines its named groups as variables
//   path(i) -> PathBuf                     relative to the prefix
//   path_beside_configuration(i) -> PathBuf  relative to the main file's folder
//   prefix() -> &str
//   entries() -> Vec<Arguments>-like       lines of a raw block (includes expanded), each with the same getters
//   error(i, message) -> Diagnostic        at word i; error_here(message) at the name
//   warn(Diagnostic)                       a warning that refuses nothing
//   define(name) -> Slot                   defines a configuration variable

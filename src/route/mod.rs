//! Which server and which location answer a request: the matching structures, as nginx chooses.
//!
//! `names` finds a virtual server by host name, `locations` a location by path. Both are generic over what they lead
//! to, are built once when a configuration is read, and are then only read, by all workers at once. Nothing here does
//! I/O, reads a clock or knows a request.

#![deny(clippy::disallowed_methods)]

pub mod locations;
pub mod names;
mod prefixes;
pub mod tree;

//! Connections: from an accepted socket to the last byte of the last response.
//!
//! A listener (`listener`) makes connections (`connection`), each a task of its worker (`station`). A connection reads
//! requests (`inbound`; before them `preface`), has them answered by `exchange`, sends the responses (`outbound`, `head`), and ends as the
//! client needs it (`linger`). `counters` says how much of that there is. This layer knows HTTP/1 and sockets; it knows no directive and no module.

mod connection;
mod counters;
mod cut;
mod head;
mod in_use;
mod inbound;
mod linger;
mod listener;
mod outbound;
mod pace;
mod preface;
mod published;
mod station;
pub mod worker;

pub use counters::{Counters, Counts};
pub use published::Published;

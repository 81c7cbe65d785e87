//! The connection: requests as bytes, pipelining, framing, limits, clients that behave badly.

mod arrival;
mod bodies;
mod departures;
mod exhaustion;
mod locations;
mod malformed;
mod methods;
mod persistence;
mod proxy_protocol;
mod slow_clients;
mod special_files;
mod targets;
mod traversal;

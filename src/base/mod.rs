//! base

pub mod wheel;

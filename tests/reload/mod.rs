//! Reloads and signals, seen by clients that are connected meanwhile.

//! The access log and the error log: forms, destinations, conditions.

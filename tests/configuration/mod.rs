//! The command line: checking, starting, signalling, listening.

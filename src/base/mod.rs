//! What every other layer may use: numbers and times as nginx writes them, regular expressions, suggestions for
//! misspelt words, the timing wheel. Nothing of ours lies below it; nothing here does I/O or reads a clock.

pub mod duration;
pub mod log_file;
pub mod regex;
pub mod report;
pub mod size;
pub mod suggest;
pub mod syslog;
pub mod wheel;

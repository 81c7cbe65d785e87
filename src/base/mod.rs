//! What every other layer may use: numbers and times as nginx writes them, regular expressions, suggestions for
//! misspelt words, the forms of stored passwords, the timing wheel, tables of fixed size and the zones made of them, the
//! pace of long work, the logs' files and severities, why a system call failed. Nothing of ours lies below it.

pub mod base64;
pub mod boxed;
pub mod crypt;
pub mod duration;
pub mod json;
pub mod local_time;
pub mod log_buffer;
pub mod log_file;
pub mod lru_table;
pub mod murmur;
pub mod networks;
pub mod pace;
pub mod reason;
pub mod regex;
pub mod replace;
pub mod report;
pub mod size;
pub mod suggest;
pub mod syslog;
pub mod wheel;
pub mod zone;

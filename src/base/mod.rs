//! Small things everybody uses; nothing of ours is below.

pub mod duration;
pub mod log_file;
pub mod regex;
pub mod report;
pub mod size;
pub mod suggest;
pub mod syslog;
pub mod wheel;

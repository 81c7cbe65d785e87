//! What the black-box tests share: a server of their own in a folder of their own, clients, and waiting for events.
//!
//! Nothing here sleeps. Whatever is waited for has [`PATIENCE`], which is far more than it needs: it only turns a hang
//! into a failure that shows the log.

mod answer;
mod client;
mod command;
mod credentials;
mod crowd;
mod files;
mod log;
mod process;
mod running;
mod site;

use std::time::Duration;

pub(crate) use answer::Answer;
pub(crate) use client::Client;
pub(crate) use command::{PROGRAM, check_config, webserv, webserv_in};
pub(crate) use credentials::basic;
pub(crate) use crowd::{CROWD, Crowd, crowd_files};
pub(crate) use files::{pattern, wait_for_file};
pub(crate) use process::Process;
pub(crate) use running::Running;
pub(crate) use site::{Folder, Site};

/// How long a test waits for something that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

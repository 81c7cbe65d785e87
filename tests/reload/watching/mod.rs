//! `watch`: a reload by itself when what the configuration was read from has changed, and only then.

mod editing;
mod folders;
mod hardship;
mod links;
mod settings;

use std::fs;
use std::path::Path;

use super::configuration;
use crate::support::{Running, Site};

/// A watched configuration with these lines in its server; it tells of each look at its files.
fn watching(server: &str) -> String {
    format!("watch 20ms;\nerror_log stderr debug;\n{}", configuration(server))
}

/// A site that answers what `answer.conf` in `{root}` says: `one`.
fn site() -> Running {
    Site::new().file("answer.conf", says("one")).config(&watching("include {root}/answer.conf;")).start()
}

/// The text of a file to be included.
fn says(answer: &str) -> String {
    format!("return 200 {answer};\n")
}

/// Puts a file in the place of another at one stroke.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).expect("the folder can be written to");
    fs::rename(&beside, path).expect("the folder can be written to");
}

/// Waits until a change has been taken up and is answered by. Returns the line by which the log tells of it.
#[track_caller]
fn taken(site: &Running, change: impl FnOnce(), answer: &str) -> String {
    let mut mark = site.log_mark();
    change();
    let line = site.wait_for_log_after(mark, "configuration files changed: ");
    loop {
        site.wait_for_log_after(mark, "configuration reloaded");
        mark = site.log_mark();
        // It may have been half of the change, if somebody else kept the machine busy in the middle.
        if site.get("/").text() == answer {
            return line;
        }
    }
}

/// Waits for the refusal of a change.
#[track_caller]
fn refused(site: &Running, change: impl FnOnce()) {
    let mark = site.log_mark();
    change();
    site.wait_for_log_after(mark, "configuration files changed: ");
    site.wait_for_log_after(mark, "configuration not changed");
}

/// Waits until the files were looked at after something was done, and found to be as they were.
#[track_caller]
fn ignored(site: &Running, act: impl FnOnce()) {
    let mark = site.log_mark();
    act();
    site.wait_for_log_after(mark, "configuration files are as they were");
}

/// How many reloads have been tried.
fn reloads(site: &Running) -> usize {
    site.error_log().matches("configuration files changed: ").count()
}

//! What is shipped is served and checked: examples, the default configuration, the pages.

mod cgi;
mod default_configuration;
mod error_pages;
mod example;
mod readme;
mod uploads;
mod welcome;

use std::fs;
use std::path::{Path, PathBuf};

/// A shipped file or folder.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[track_caller]
fn read(name: &str) -> String {
    fs::read_to_string(shipped(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Copies a shipped folder with all that is in it.
#[track_caller]
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be written to");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("the tree can be read");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("the folder can be written to");
        }
    }
}

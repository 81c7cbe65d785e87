//! What is said of wrong configurations, word for word: `wrong/NAME.conf` is checked, `wrong/NAME.txt` is the report.
//!
//! After a change of texts run `WEBSERV_RENEW=1 cargo test --test behaviour mistakes` and read the difference as the
//! person who made the mistake would. A new mistake is a new `.conf` in that folder, and a run of the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::webserv_in;

/// With this in the environment the reports are written anew instead of compared.
const RENEW: &str = "WEBSERV_RENEW";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configuration/wrong")
}

/// The names of the files in the folder that end so, without their ending.
fn names(ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

/// What `-t` says of a configuration, with file names as they are in the folder.
fn report(name: &str) -> String {
    let output = webserv_in(&folder(), &["-t", "-c", &format!("{name}.conf")]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(&*output.stdout, b"", "{name}");
    text.replace(&format!("{}/", folder().display()), "").replace(&*folder().to_string_lossy(), ".")
}

#[test]
fn each_mistake_is_shown_where_it_is_with_what_to_write_instead() {
    let renew = std::env::var_os(RENEW).is_some();
    let mut changed = Vec::new();
    for name in names(".conf") {
        let (path, said) = (folder().join(&name).with_extension("txt"), report(&name));
        let found = ["error: ", "warning: "].iter().any(|kind| said.starts_with(kind));
        assert!(found && said.contains(" --> ") && said.contains('^'), "nothing is found in {name}.conf: {said}");
        if renew {
            fs::write(&path, &said).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != said {
            changed.push(said);
        }
    }
    assert!(changed.is_empty(), "not as in the .txt beside it; see the head of this file:\n\n{}", changed.join("\n"));
    assert_eq!(names(".txt"), names(".conf"), "each report has its configuration");
}

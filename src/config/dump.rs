//! What `-T` prints: all texts of a configuration, as nginx prints them.

use super::sources::Sources;

/// Each text under a line with its name, files in nginx's form.
pub fn dump(sources: &Sources) -> String {
    let mut dumped = String::new();
    for (_, source) in sources.iter() {
        let what = if source.path.is_some() { "configuration file " } else { "" };
        dumped.extend(["# ", what, &source.name, ":\n", &source.text, "\n"]);
    }
    dumped
}

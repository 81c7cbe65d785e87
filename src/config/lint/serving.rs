//! What becomes of a request in a block, as far as lints ask: who may come, which file it stands for.
//!
//! Told from the configuration as written; where variables or conditions decide, nothing is told.

use std::path::PathBuf;

use super::super::lines::Line;
use crate::config::view::{Block, View};
use crate::route::locations::Pattern;

/// Whether a block answers without looking for a file of its own.
pub(super) fn answers(block: &Block<'_>) -> bool {
    block.lines.iter().any(|line| {
        let name = &*line.name.text;
        ANSWERING.contains(&name) || name.ends_with("_pass")
    })
}

/// The rules of access that hold in a block, in their order.
pub(super) fn rules<'v, 'a>(view: &'v View<'a>, block: &'v Block<'a>) -> Vec<&'v Line<'a>> {
    let owner = view.around(block).find(|block| block.has("allow") || block.has("deny"));
    let is_rule = |line: &&Line<'_>| matches!(&*line.name.text, "allow" | "deny");
    owner.map(|owner| owner.lines.iter().filter(is_rule).collect()).unwrap_or_default()
}

/// Whether a rule is about everybody.
pub(super) fn is_for_all(line: &Line<'_>) -> bool {
    line.words.first().is_some_and(|word| word.text == "all")
}

/// The `deny all` that refuses all who come to a block and are not allowed by name before it.
pub(super) fn denied<'v, 'a>(view: &'v View<'a>, block: &'v Block<'a>) -> Option<&'v Line<'a>> {
    rules(view, block).into_iter().find(|line| is_for_all(line)).filter(|line| line.name.text == "deny")
}

/// The file that a path stands for in a block.
pub(super) fn file(view: &View<'_>, block: &Block<'_>, path: &str) -> Option<PathBuf> {
    let (root, is_alias) = view.root(block)?;
    if !is_alias {
        return Some(root.join(path.trim_start_matches('/')));
    }
    let owner = view.owner(block, "alias")?;
    match owner.pattern.as_ref()? {
        Pattern::Prefix(own) | Pattern::PrefixWithoutRegex(own) => {
            Some(root.join(path.strip_prefix(&**own)?.trim_start_matches('/')))
        }
        Pattern::Exact(_) => Some(root),
        Pattern::Regex(_) | Pattern::Named(_) => None,
    }
}

/// The file that a path stands for, if it ought to be there and is not: files of other machines are not judged, so the
/// folder that it is taken from must exist.
pub(super) fn missing_file(view: &View<'_>, block: &Block<'_>, path: &str) -> Option<PathBuf> {
    if path.ends_with('/') || answers(block) {
        return None;
    }
    let (root, is_alias) = view.root(block)?;
    let file = file(view, block, path)?;
    let is_judged = if is_alias { root.exists() } else { root.is_dir() };
    (is_judged && !file.exists()).then_some(file)
}

/// Directives after which no file is looked for, or elsewhere.
const ANSWERING: [&str; 5] = ["return", "rewrite", "empty_gif", "stub_status", "cgi"];

//! What becomes of a request in a block, as far as lints ask: who may come, which file it stands for.
//!
//! Told from the configuration as written; where variables or conditions decide, nothing is told.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::lines::Line;
use crate::config::view::{Block, Kind, View};
use crate::route::locations::Pattern;

/// Whether a block answers without looking for a file to send.
pub(super) fn answers(view: &View<'_>, block: &Block<'_>) -> bool {
    let answering = |line: &Line<'_>| ANSWERING.contains(&&*line.name.text) || line.name.text.ends_with("_pass");
    block.lines.iter().any(answering) || runs_all(view, block)
}

/// Whether a block runs whatever file it finds.
fn runs_all(view: &View<'_>, block: &Block<'_>) -> bool {
    let says = |name, is: fn(&str) -> bool| {
        view.effective(block, name).is_some_and(|line| line.words.first().is_some_and(|word| is(&word.text)))
    };
    says("cgi", |word| word == "on") || says("cgi_script", |word| word != "off")
}

/// Whether a block runs a file whose name ends so.
pub(super) fn runs(view: &View<'_>, block: &Block<'_>, ending: &str) -> bool {
    let named = |line: &Line<'_>| line.words.iter().any(|word| word.text == ending);
    runs_all(view, block) || view.effective(block, "cgi").is_some_and(named)
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
    if path.ends_with('/') || answers(view, block) {
        return None;
    }
    let (root, is_alias) = view.root(block)?;
    let file = file(view, block, path)?;
    let is_judged = if is_alias { root.exists() } else { root.is_dir() };
    (is_judged && !file.exists()).then_some(file)
}

/// The folders that files are served from, and the blocks that set them.
pub(super) fn folders<'v, 'a>(view: &'v View<'a>) -> HashMap<PathBuf, Vec<&'v Block<'a>>> {
    let mut folders: HashMap<PathBuf, Vec<&'v Block<'a>>> = HashMap::new();
    for block in view.blocks().filter(|block| matches!(block.kind, Kind::Server | Kind::Location)) {
        if let Some((folder, _)) = view.root(block) {
            folders.entry(folder).or_default().push(block);
        }
    }
    folders
}

/// The path by which a file can be fetched that lies below the folder of a block, and who answers it.
pub(super) fn served<'v, 'a>(view: &'v View<'a>, block: &'v Block<'a>, path: &Path) -> Option<(String, &'v Block<'a>)> {
    let (root, is_alias) = view.root(block)?;
    let below = path.strip_prefix(&root).ok()?.to_str()?;
    let uri = match (is_alias, &block.pattern) {
        (false, _) => format!("/{below}"),
        (true, Some(Pattern::Prefix(own) | Pattern::PrefixWithoutRegex(own))) => {
            format!("{}/{below}", own.trim_end_matches('/'))
        }
        (true, _) => return None,
    };
    let server = view.server_of(block)?;
    let answering = view.answering(server, &view.locations(server), &uri)?;
    let refused = denied(view, answering).is_some()
        || answering.has("internal")
        || answers(view, answering)
        || answers(view, server);
    (!refused && file(view, answering, &uri)? == path).then_some((uri, answering))
}

/// Directives after which no file is looked for, or elsewhere.
const ANSWERING: [&str; 4] = ["return", "rewrite", "empty_gif", "stub_status"];

//! The directives that hold where a request is answered, each with the line that set it.
//!
//! By the tree as written: which of the enclosing blocks' lines are inherited, by the tables' contexts and the modules'
//! own rules.

use super::super::index::{Found, Index};
use super::super::schema::{AnyModule, Contexts, Entry};
use super::super::view::{Block, Kind, View};
use super::Told;

/// The directives that hold in a block: its own, and of those around it what they hand down.
pub(super) fn that_hold<'a>(view: &View<'a>, block: &Block<'a>, modules: &[&'static dyn AnyModule]) -> Vec<Told> {
    let index = Index::new(modules);
    let mut told = Vec::new();
    let around: Vec<&Block<'a>> = view.around(block).collect();
    for (depth, outer) in around.iter().enumerate() {
        for line in &outer.lines {
            let Found::Here(number) = index.find(&line.name.text, outer.kind.context()) else { continue };
            let known = index.known(number);
            let Some(module) = known.module().map(|module| modules[module]) else { continue };
            let hidden = !module.is_script() && is_hidden(view, &line.name.text, &around[..depth]);
            if hidden || !holds(&known.entry, module, block.kind, outer.kind, depth) {
                continue;
            }
            let name = &*line.name.text;
            let words = line.words.iter().map(|word| quoted(&word.text));
            let what = std::iter::once(name.to_owned()).chain(words).collect::<Vec<_>>().join(" ");
            let what = if line.block.is_some() { format!("{what} {{ ... }}") } else { format!("{what};") };
            told.push(Told { what, at: view.session.sources.file_and_line(line.place(line.name)), why: String::new() });
        }
    }
    told.sort_by_key(|told| told.what.split([' ', ';']).next().map(str::to_owned));
    told
}

/// Whether blocks within say something that takes the place of a directive.
fn is_hidden<'a>(view: &View<'a>, name: &str, within: &[&Block<'a>]) -> bool {
    let rule = match name {
        "add_header" => "add_header_inherit",
        "add_trailer" => "add_trailer_inherit",
        _ => {
            let replaces = |other: &str| {
                other == name || ONE_SETTING.iter().any(|names| names.contains(&name) && names.contains(&other))
            };
            return within.iter().flat_map(|inner| &inner.lines).any(|inner| replaces(&inner.name.text));
        }
    };
    within.iter().any(|inner| {
        let rule = view.effective(inner, rule).and_then(|line| line.words.first());
        match rule.map(|word| &*word.text) {
            Some("merge") => false,
            Some("off") => true,
            _ => inner.lines.iter().any(|line| line.name.text == name),
        }
    })
}

/// Directives that are one setting: one of them within a block takes the place of all of them around it.
const ONE_SETTING: [[&str; 2]; 4] = [
    ["root", "alias"],
    ["allow", "deny"],
    ["secure_link", "secure_link_secret"],
    ["secure_link_md5", "secure_link_secret"],
];

/// Whether a directive of the block `outer` holds in a block of the kind `inner` that lies so many blocks within it.
fn holds(entry: &Entry, module: &dyn AnyModule, inner: Kind, outer: Kind, depth: usize) -> bool {
    let within_location = matches!(inner, Kind::If | Kind::LimitExcept);
    // An `if` is a part of its location, but for `try_files`, which it leaves out.
    if depth == 0 || depth == 1 && inner == Kind::If {
        return depth == 0 || entry.name != "try_files";
    }
    // What a server says of itself holds for all of its locations.
    let of_server = outer == Kind::Server && !entry.contexts.contains(Contexts::LOCATION);
    let context = if within_location { Contexts::LOCATION } else { inner.context() };
    of_server || entry.contexts.contains(context) && !module.keeps_to_its_block()
}

/// A word as it could stand in a configuration.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && !word.contains([' ', '\t', '\n', ';', '{', '}', '"', '\'', '\\', '#']);
    if plain { word.to_owned() } else { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) }
}

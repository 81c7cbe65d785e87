//! Header fields that are set around a block and lost in it.

use super::super::diagnostics::Diagnostic;
use super::{Found, Lint};
use crate::config::view::{Block, View};

/// An `add_header` that takes away those of the block around it.
pub(super) static ADD_HEADER_LOST: Lint = Lint {
    code: "add-header-lost",
    finds: "A block with an `add_header` (or `add_trailer`) of its own loses those of the block around it, and does not \
            repeat them.",
    matters: "The directive is inherited only by blocks that have none. What is lost is often what was to protect the \
              whole site: Strict-Transport-Security, X-Frame-Options.",
    instead: "Repeat the fields, best by an `include` of one file in both blocks; or say `add_header_inherit merge` where \
              it is supported; or silence the warning where the loss is meant.",
    wrong: "server {\n    listen 8080;\n    add_header X-Frame-Options DENY;\n    \
            location /a/ { add_header Cache-Control no-cache; }\n}",
    right: "server {\n    listen 8080;\n    add_header X-Frame-Options DENY;\n    \
            location /a/ { add_header X-Frame-Options DENY; add_header Cache-Control no-cache; }\n}",
    found: Found::Checking(add_header_lost),
};

/// The directives that add fields, and those that say how they are inherited.
const ADDING: [(&str, &str); 2] = [("add_header", "add_header_inherit"), ("add_trailer", "add_trailer_inherit")];

fn add_header_lost(view: &View<'_>) -> Vec<Diagnostic> {
    let blocks = || view.blocks().filter(|block| block.line.is_some());
    ADDING.iter().flat_map(|(name, inherit)| blocks().filter_map(|block| lost(view, block, name, inherit))).collect()
}

fn lost(view: &View<'_>, block: &Block<'_>, name: &'static str, inherit: &'static str) -> Option<Diagnostic> {
    let first = block.all(name).next()?;
    let inherits_otherwise = |word: &str| word == "merge" || word == "off";
    if view.effective(block, inherit).is_some_and(|line| line.words.iter().any(|word| inherits_otherwise(&word.text))) {
        return None;
    }
    let outer = view.owner(view.parent(block)?, name)?;
    let field = |words: &[webserv_grammar::Word]| words.first().map_or("", |word| &*word.text).to_ascii_lowercase();
    let own: Vec<String> = block.all(name).map(|line| field(line.words)).collect();
    let mut lost: Vec<_> = outer.all(name).filter(|line| !own.contains(&field(line.words))).collect();
    lost.truncate(SHOWN_MAX);
    let names: Vec<&str> = lost.iter().filter_map(|line| Some(&*line.words.first()?.text)).collect();
    if names.is_empty() {
        return None;
    }
    let message = format!("\"{name}\" in \"{}\" takes away those around it", block.title());
    let mut finding =
        Diagnostic::warning(first.place(first.name), message).label(format!("lost: {}", names.join(", ")));
    for line in lost {
        finding = finding.related(line.place(line.name), "not sent from here");
    }
    Some(finding)
}

/// How many lost fields are shown.
const SHOWN_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn what_is_not_repeated_is_lost() {
        check(
            &ADD_HEADER_LOST,
            "server {
    add_header A 1;
#   ---------- not sent from here
#   ---------- not sent from here
    location /a { add_header B 2; add_header C 3; }
#                 ^^^^^^^^^^ \"add_header\" in \"location /a\" takes away those around it; lost: A
    location /b { add_header a 2; add_header C 3; }
    location /c { }
    location /d { if ($x) { add_header D 1; } }
#                           ^^^^^^^^^^ \"add_header\" in \"if ($x)\" takes away those around it; lost: A
}",
        );
    }

    #[test]
    fn merging_loses_nothing_and_off_means_it() {
        check(
            &ADD_HEADER_LOST,
            "add_header A 1;
server { add_header_inherit merge; location /a { add_header B 2; } }
server { location /a { add_header_inherit off; add_header B 2; } }
server { add_header A 1; add_trailer B 1; location /a { add_header A 2; } }",
        );
    }
}

//! Links with checksums that no request can have, or that nobody asks for.

use super::super::diagnostics::Diagnostic;
use super::{Found, Lint};
use crate::config::view::{Block, Kind, View, variables};

/// `secure_link` without what makes it work.
pub(super) static SECURE_LINK_INCOMPLETE: Lint = Lint {
    code: "secure-link-incomplete",
    finds: "One of `secure_link` and `secure_link_md5` holds where the other does not; or links have checksums, and \
            nothing asks for `$secure_link`.",
    matters: "Without the other of the two `$secure_link` is always empty, so that each link is bad. And the directives \
              refuse nothing by themselves: where `$secure_link` is not looked at, everybody may come in.",
    instead: "Write both, and refuse what is not good: `if ($secure_link != 1) { return 403; }`; or with \
              `secure_link_secret`: `if ($secure_link = \"\") { return 403; }`.",
    wrong: "server {\n    listen 8080;\n    location /files/ {\n        secure_link $arg_md5;\n        \
            if ($secure_link != 1) { return 403; }\n    }\n}",
    right: "server {\n    listen 8080;\n    location /files/ {\n        secure_link $arg_md5;\n        \
            secure_link_md5 \"$uri a secret\";\n        if ($secure_link != 1) { return 403; }\n    }\n}",
    found: Found::Checking(incomplete_secure_links),
};

fn incomplete_secure_links(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut is_asked = None;
    for block in view.blocks() {
        for (name, other) in [(LINK, MD5), (MD5, LINK), (SECRET, "")] {
            let Some(line) = block.all(name).last() else { continue };
            let place = line.place(line.name);
            if !other.is_empty() && view.owner(block, other).is_none() && !is_within(view, block, other) {
                let message = format!("\"{name}\" without \"{other}\"");
                findings.push(Diagnostic::warning(place, message).label("`$secure_link` is always empty"));
            } else if name != MD5 && !*is_asked.get_or_insert_with(|| asks(view)) {
                let message = format!("\"{name}\" alone refuses nothing");
                let finding = Diagnostic::warning(place, message).label("nothing looks at `$secure_link`");
                let bad = if name == SECRET { "= \"\"" } else { "!= 1" };
                findings.push(finding.help(format!("write `if ($secure_link {bad}) {{ return 403; }}`")));
            }
        }
    }
    findings
}

/// Whether a block within has a directive.
fn is_within(view: &View<'_>, block: &Block<'_>, name: &'static str) -> bool {
    let kinds = [Kind::Server, Kind::Location];
    kinds
        .into_iter()
        .flat_map(|kind| view.children(block, kind))
        .any(|inner| inner.has(name) || is_within(view, inner, name))
}

/// Whether any word of the configuration names `$secure_link`.
fn asks(view: &View<'_>) -> bool {
    let words = view.blocks().flat_map(|block| &block.lines).flat_map(|line| line.words);
    let mut texts = words.map(|word| &*word.text).filter(|text| text.contains("secure_link"));
    // A condition begins with a parenthesis, which is no part of the name.
    texts.any(|text| variables(text).iter().any(|named| named.name == "secure_link"))
}

const LINK: &str = "secure_link";
const MD5: &str = "secure_link_md5";
const SECRET: &str = "secure_link_secret";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn one_half_of_a_secure_link_makes_every_link_bad() {
        check(
            &SECURE_LINK_INCOMPLETE,
            "server {
    location /a { secure_link $arg_a; if ($secure_link = 0) { return 410; } }
#                 ^^^^^^^^^^^ \"secure_link\" without \"secure_link_md5\"; `$secure_link` is always empty
    location /b { secure_link_md5 $uri; }
#                 ^^^^^^^^^^^^^^^ \"secure_link_md5\" without \"secure_link\"; `$secure_link` is always empty
    location /c { secure_link $arg_a; location /c/d { secure_link_md5 $uri; } }
    location /e { secure_link_secret a; }
}
server { secure_link_md5 $uri; location /a { secure_link $arg_a; } }",
        );
    }

    #[test]
    fn a_link_that_nobody_looks_at_keeps_nobody_out() {
        check(
            &SECURE_LINK_INCOMPLETE,
            "server {
    location /a { secure_link $arg_a; secure_link_md5 $uri; return 200 $secure_link_expires; }
#                 ^^^^^^^^^^^ \"secure_link\" alone refuses nothing; nothing looks at `$secure_link`
    location /e { secure_link_secret a; }
#                 ^^^^^^^^^^^^^^^^^^ \"secure_link_secret\" alone refuses nothing; nothing looks at `$secure_link`
}",
        );
        check(&SECURE_LINK_INCOMPLETE, "map $secure_link $a { 1 2; } server { location /e { secure_link_secret a; } }");
    }
}

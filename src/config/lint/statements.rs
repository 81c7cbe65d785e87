//! Directives of the rewrite module behind one that ends their block.

use super::super::diagnostics::Diagnostic;
use super::{Found, Lint};
use crate::config::view::View;

/// A `return`, `rewrite`, `set` or `if` behind a `return` of the same block.
pub static UNREACHABLE_REWRITE: Lint = Lint {
    code: "unreachable-rewrite",
    finds: "A `return`, `rewrite`, `set`, `if` or `break` stands behind a `return` or `break` of the same block.",
    matters: "These directives are carried out in their order, and the first `return` or `break` ends them: what follows \
              is never carried out.",
    instead: "Put what is to be done before the `return`, or the `return` into an `if`.",
    wrong: "server { listen 8080; return 404; return 301 https://example.org$request_uri; }",
    right: "server { listen 8080; return 301 https://example.org$request_uri; }",
    found: Found::Checking(unreachable_rewrites),
};

fn unreachable_rewrites(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for block in view.blocks().filter(|block| block.may_have_any(&ENDING)) {
        let mut ended = None;
        for line in block.lines.iter().filter(|line| IN_ORDER.contains(&&*line.name.text)) {
            let name = &*line.name.text;
            match ended {
                Some(end) => {
                    let message = format!("a \"{name}\" that is never reached");
                    let finding = Diagnostic::warning(line.place(line.name), message);
                    findings.push(finding.label("what stands before it ends the block").related(end, "this ends it"));
                }
                None if ENDING.contains(&name) => ended = Some(line.place(line.name)),
                None => {}
            }
        }
    }
    findings
}

/// What ends the others.
const ENDING: [&str; 2] = ["return", "break"];

/// What is carried out in the order in which it stands.
const IN_ORDER: [&str; 5] = ["return", "rewrite", "set", "if", "break"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn what_stands_behind_a_return_is_never_reached() {
        check(
            &UNREACHABLE_REWRITE,
            "server {
    location /a {
        return 403;
#       ------ this ends it
        set $b 1;
#       ^^^ a \"set\" that is never reached; what stands before it ends the block
    }
    location /c { set $b 1; rewrite ^ /d; if ($b) { return 403; } return 404; expires 1d; }
}",
        );
    }
}

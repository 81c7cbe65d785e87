//! Lines of `types` that give no file a type.

use super::super::diagnostics::Diagnostic;
use super::{Found, Lint};
use crate::config::view::View;

/// `html text/html`, or `text/html .html`.
pub(super) static SWAPPED_MIME_TYPE: Lint = Lint {
    code: "swapped-mime-type",
    finds: "A line of `types` whose first word is no content type, or that gives one to an extension with a dot or a \
            slash; or a `default_type` that is none.",
    matters: "The content type stands first, and the extension of a file is what follows its last dot. A line that has it \
              otherwise gives no file a type, and browsers get `default_type`, or a word that they do not know.",
    instead: "Write the type, and behind it the extensions without dots.",
    wrong: "types { html text/html; }\nserver { listen 8080; }",
    right: "types { text/html html; }\nserver { listen 8080; }",
    found: Found::Checking(swapped_mime_types),
};

fn swapped_mime_types(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for line in view.blocks().flat_map(|block| block.all("default_type")) {
        let Some(word) = line.words.first().filter(|word| !word.text.is_empty() && !word.text.contains('/')) else {
            continue;
        };
        let finding = Diagnostic::warning(line.place(word), format!("\"{}\" is no content type", word.text));
        findings.push(finding.label("expected one such as text/plain"));
    }
    for types in view.blocks().flat_map(|block| block.all("types")) {
        let Some(block) = types.block else { continue };
        view.session.documents.each_line(types.file, block, &mut |line| {
            let name = &*line.name.text;
            // In nginx the words of an `include` are no extensions.
            if name == "include" {
                return;
            }
            let swapped = line.words.iter().find(|word| word.text.contains('/'));
            if !name.contains('/') {
                let finding = Diagnostic::warning(line.place(line.name), format!("\"{name}\" is no content type"));
                findings.push(match swapped {
                    Some(word) => finding.label("the type stands first").help(format!("write `{} {name};`", word.text)),
                    None => finding.label("expected one such as text/html"),
                });
                return;
            }
            for word in line.words.iter().filter(|word| word.text.contains(['/', '.'])) {
                let message = format!("no file has the extension \"{}\"", word.text);
                let finding = Diagnostic::warning(line.place(word), message);
                let last = word.text.rsplit(['.', '/']).next().filter(|last| !last.is_empty());
                findings.push(match last {
                    Some(last) => finding.label(format!("write `{last}`, what follows the last dot")),
                    None => finding.label("an extension is what follows the last dot"),
                });
            }
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn a_line_that_gives_no_file_a_type_is_told() {
        check(
            &SWAPPED_MIME_TYPE,
            "types {
    text/html html htm;
    css text/css;
#   ^^^ \"css\" is no content type; the type stands first
    plain;
#   ^^^^^ \"plain\" is no content type; expected one such as text/html
    image/png .png;
#             ^^^^ no file has the extension \".png\"; write `png`, what follows the last dot
    application/gzip tar.gz;
#                    ^^^^^^ no file has the extension \"tar.gz\"; write `gz`, what follows the last dot
}
default_type html;
#            ^^^^ \"html\" is no content type; expected one such as text/plain
server { default_type ''; location / { default_type text/plain; types { } } }",
        );
    }
}

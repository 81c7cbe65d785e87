//! Scripts whose text clients can fetch.

use std::path::PathBuf;

use super::super::diagnostics::Diagnostic;
use super::super::lines::Line;
use super::serving::{folders, runs, served};
use super::{Found, Lint};
use crate::config::view::{Block, Kind, View};
use crate::route::locations::Pattern;

/// A folder of scripts that is also served by a location that does not run them.
pub(super) static CGI_SOURCE_SERVABLE: Lint = Lint {
    code: "cgi-source-servable",
    finds: "A folder whose files `cgi` runs can also be reached by a path where they are not run.",
    matters: "There clients get the text of the scripts, with whatever passwords stand in it.",
    instead: "Keep scripts in a folder that is served nowhere else; or run or refuse them at the other path as well.",
    wrong: "server {\n    listen 8080;\n    root www;\n    location /run/ { cgi on; alias www/scripts/; }\n}",
    right: "server {\n    listen 8080;\n    root www;\n    location /run/ { cgi on; alias scripts/; }\n}",
    found: Found::Checking(servable_sources),
};

fn servable_sources(view: &View<'_>) -> Vec<Diagnostic> {
    let mut by_folder = None;
    let mut findings = Vec::new();
    for block in view.blocks().filter(|block| matches!(block.kind, Kind::Server | Kind::Location)) {
        let Some(line) = block.all("cgi").next() else { continue };
        let Some((script, ending)) = script(view, block, line) else { continue };
        let folders = by_folder.get_or_insert_with(|| folders(view));
        let around = script.ancestors().filter_map(|folder| folders.get(folder)).flatten();
        let mut ways = around.copied().filter_map(|block| served(view, block, &script));
        let Some((uri, by)) = ways.find(|(_, by)| !runs(view, by, &ending)) else { continue };
        let message = "scripts that are run here can be fetched as text elsewhere";
        let finding = Diagnostic::warning(line.place(line.name), message).label(format!("such as \"{uri}\""));
        findings.push(match by.place() {
            Some(place) => finding.related(place, "where it is not run"),
            None => finding,
        });
    }
    findings
}

/// A script that might be in the folder of a block, and how its name ends.
fn script(view: &View<'_>, block: &Block<'_>, line: &Line<'_>) -> Option<(PathBuf, String)> {
    let (root, is_alias) = view.root(block)?;
    let folder = match &block.pattern {
        Some(Pattern::Prefix(path) | Pattern::PrefixWithoutRegex(path)) if !is_alias => {
            root.join(path.trim_start_matches('/'))
        }
        Some(Pattern::Exact(_) | Pattern::Named(_)) => return None,
        _ => root,
    };
    let ending = match (&*line.words.first()?.text, &block.pattern) {
        ("off", _) => return None,
        ("on", Some(Pattern::Regex(regex))) => ending_of(regex.pattern())?,
        ("on", _) => ".cgi".to_owned(),
        (ending, _) => ending.to_owned(),
    };
    Some((folder.join(format!("script{ending}")), ending))
}

/// How names end that an expression like `\.php$` or `\.(cgi|pl)$` matches.
fn ending_of(pattern: &str) -> Option<String> {
    let (_, behind) = pattern.strip_suffix('$')?.rsplit_once("\\.")?;
    let first = behind.trim_start_matches("(?:").trim_matches(['(', ')']).split('|').next()?;
    let is_plain = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| format!(".{first}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn scripts_are_run_wherever_they_can_be_reached() {
        check(
            &CGI_SOURCE_SERVABLE,
            "server {
    root /srv/www;
    location /run/ { cgi on; alias /srv/www/scripts/; }
#                    ^^^ scripts that are run here can be fetched as text elsewhere; such as \"/script.cgi\"
    location /cgi-bin/ { cgi on; }
    location ~ \\.php$ { cgi on; }
}
  server { root /srv/www/scripts; }
# ------ where it is not run
server { root /srv/app; cgi .php; location /a/ { } }
server { root /srv/other; location /run/ { cgi on; alias /srv/other/scripts/; } location /scripts/ { deny all; } }",
        );
    }

    #[test]
    fn an_ending_is_read_from_an_expression() {
        assert_eq!(ending_of(r"\.php$").as_deref(), Some(".php"));
        assert_eq!(ending_of(r"^/a/.*\.(?:cgi|pl)$").as_deref(), Some(".cgi"));
        assert_eq!([r"\.php", r"\.[a-z]+$", "x$"].map(ending_of), [None, None, None]);
    }
}

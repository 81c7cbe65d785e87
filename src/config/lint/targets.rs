//! Where requests go when something is missing, and cannot be answered there: `error_page`, `try_files`.

use std::collections::HashSet;

use webserv_grammar::Word;

use super::super::diagnostics::{Diagnostic, Place};
use super::super::lines::Line;
use super::serving::{denied, is_for_all, missing_file, rules};
use super::{Found, Lint};
use crate::config::view::{Block, Kind, View};
use crate::route::locations::LocationTree;

/// An `error_page` that leads to an error.
pub(super) static ERROR_PAGE_UNANSWERABLE: Lint = Lint {
    code: "error-page-unanswerable",
    finds: "The page of an `error_page` cannot be had: its location is denied, or answers with an error itself; there is \
            no such named location; or the folder is there, and the file is not.",
    matters: "A page is answered by an internal redirect, to which all rules apply once more. What fails there gets the \
              server's own page instead.",
    instead: "Give the page a location that answers: `location = /403.html { internal; allow all; }`.",
    wrong: "server { listen 8080; root www; deny all; error_page 403 /403.html; }",
    right: "server { listen 8080; root www; deny all; error_page 403 /403.html; \
            location = /403.html { internal; allow all; } }",
    found: Found::Checking(unanswerable_pages),
};

/// A `try_files` whose last word is no way out.
pub(super) static TRY_FILES_FALLBACK: Lint = Lint {
    code: "try-files-fallback",
    finds: "The last word of `try_files` leads nowhere: a path without its slash, a code without its `=`, `$uri` once \
            more, a named location that does not exist, or a file that is not there.",
    matters: "The last word is not looked for: requests for which nothing else was found are sent there. Where it leads \
              back to the same location they go round until they fail with 500.",
    instead: "End with `=404`, with a named location, or with a path that is always answered.",
    wrong: "server { listen 8080; root www; location / { try_files $uri $uri/; } }",
    right: "server { listen 8080; root www; location / { try_files $uri $uri/ =404; } }",
    found: Found::Checking(lost_fallbacks),
};

/// The locations of a server, by path.
type Locations = LocationTree<usize>;

fn unanswerable_pages(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut told: HashSet<Place> = HashSet::new();
    for server in view.of_kind(Kind::Server) {
        let mut locations = None;
        for block in below(view, server) {
            // What a server inherits is looked at in each server, for its locations decide.
            let owner = if block.kind == Kind::Server { view.owner(block, "error_page") } else { Some(block) };
            for line in owner.into_iter().flat_map(|owner| owner.all("error_page")) {
                let locations = locations.get_or_insert_with(|| view.locations(server));
                let finding = unanswerable(view, server, locations, line);
                findings.extend(finding.filter(|_| told.insert(line.place(line.name))));
            }
        }
    }
    findings
}

/// A server, its locations and theirs.
fn below<'v, 'a>(view: &'v View<'a>, server: &'v Block<'a>) -> Vec<&'v Block<'a>> {
    let mut found = vec![server];
    let mut next = 0;
    while let Some(block) = found.get(next).copied() {
        found.extend(view.children(block, Kind::Location));
        next += 1;
    }
    found
}

fn unanswerable(view: &View<'_>, server: &Block<'_>, locations: &Locations, line: &Line<'_>) -> Option<Diagnostic> {
    let [codes @ .., page] = line.words else { return None };
    let target = Target { view, server, locations, line, word: page };
    if page.text.starts_with('@') {
        return target.missing_name();
    }
    let (path, block) = target.block()?;
    let page_is = |label: &str, rule: &Line<'_>, what: &str| {
        Some(target.warning("the error page cannot be answered").label(label).related(rule.place(rule.name), what))
    };
    let of_server = server.all("return").next().filter(|_| block.kind == Kind::Location);
    if let Some(answer) = of_server {
        return page_is("the server answers before it looks for a location", answer, "by this");
    }
    if let Some(answer) = block.all("return").next() {
        let fails = answer.words.first().is_some_and(|code| code.text.starts_with(['4', '5']) && code.text.len() == 3);
        return if fails { page_is("its location answers with an error itself", answer, "by this") } else { None };
    }
    if let Some(rule) = denied(view, block) {
        let some_may = rules(view, block).iter().any(|line| line.name.text == "allow" && !is_for_all(line));
        if !some_may || codes.iter().any(|code| code.text == "403") {
            return page_is("its location is denied as well", rule, "by this");
        }
    }
    let file = missing_file(view, block, path)?;
    // Then the file need not be the page's own.
    if view.owner(block, "try_files").is_some() {
        return None;
    }
    Some(target.warning("the error page cannot be answered").label(format!("there is no file {}", file.display())))
}

fn lost_fallbacks(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for server in view.of_kind(Kind::Server) {
        let mut locations = None;
        for block in below(view, server) {
            for line in block.all("try_files") {
                let Some(word) = line.words.last() else { continue };
                let locations = locations.get_or_insert_with(|| view.locations(server));
                let target = Target { view, server, locations, line, word };
                findings.extend(lost_fallback(&target));
            }
        }
    }
    findings
}

fn lost_fallback(target: &Target<'_, '_>) -> Option<Diagnostic> {
    let text = &*target.word.text;
    let warning = || target.warning("what \"try_files\" ends with leads nowhere");
    let bare = text.replace(['{', '}'], "");
    if matches!(bare.trim_end_matches('/'), "$uri" | "$document_uri") {
        return Some(warning().label("leads back here, until the request fails with 500").help("end with `=404`"));
    }
    if text.starts_with('@') {
        return target.missing_name();
    }
    if text.starts_with(['=', '$']) {
        return None;
    }
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(warning().label("is taken for a path").help(format!("write `={text}`")));
    }
    if !text.starts_with('/') {
        return Some(
            warning().label("no location answers it, for paths begin with `/`").help(format!("write `/{text}`")),
        );
    }
    let (path, block) = target.block()?;
    let file = missing_file(target.view, block, path)?;
    let goes_on = block.has("try_files") && !block.all("try_files").any(|line| std::ptr::eq(line, target.line));
    (!goes_on).then(|| warning().label(format!("there is no file {}", file.display())))
}

/// A word that names where a request goes next.
struct Target<'v, 'a> {
    view: &'v View<'a>,
    server: &'v Block<'a>,
    locations: &'v Locations,
    line: &'v Line<'a>,
    word: &'v Word,
}

impl<'v, 'a> Target<'v, 'a> {
    fn warning(&self, message: &str) -> Diagnostic {
        Diagnostic::warning(self.line.place(self.word), message)
    }

    /// A finding, if the word is a named location that the server has not.
    fn missing_name(&self) -> Option<Diagnostic> {
        let name = &*self.word.text;
        if name.contains('$') || self.view.named(self.locations, name).is_some() {
            return None;
        }
        let finding = self.warning(&format!("there is no location \"{name}\"")).label("not in this server");
        Some(finding.related(self.server.place()?, "the server"))
    }

    /// The path, without a query, and the block that answers it; none if variables decide.
    fn block(&self) -> Option<(&'v str, &'v Block<'a>)> {
        let text = &*self.word.text;
        if !text.starts_with('/') || text.contains('$') {
            return None;
        }
        let path = text.split('?').next().unwrap_or(text);
        Some((path, self.view.answering(self.server, self.locations, path)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{lint as check, lint_messages};

    #[test]
    fn a_page_that_is_denied_cannot_be_answered() {
        check(
            &ERROR_PAGE_UNANSWERABLE,
            "server {
    deny all;
#   ---- by this
    error_page 403 /403.html;
#                  ^^^^^^^^^ the error page cannot be answered; its location is denied as well
}
server { deny all; error_page 403 /403.html; location = /403.html { allow all; } }
server { allow ::1; deny all; error_page 404 /404.html; }",
        );
    }

    #[test]
    fn a_page_that_is_an_error_cannot_be_answered() {
        check(
            &ERROR_PAGE_UNANSWERABLE,
            "error_page 500 /500.html;
  server {
# ------ the server
    error_page 404 /404.html;
#                  ^^^^^^^^^ the error page cannot be answered; its location answers with an error itself
    error_page 502 @none;
#                  ^^^^^ there is no location \"@none\"; not in this server
    error_page 503 @some;
    error_page 504 $uri;
    error_page 403 https://a.example/;
    location = /404.html { return 404; }
#                          ------ by this
    location @some { return 200 sorry; }
}",
        );
    }

    #[test]
    fn a_server_that_answers_itself_answers_its_pages_too() {
        check(
            &ERROR_PAGE_UNANSWERABLE,
            "server {
    error_page 404 /404.html;
#                  ^^^^^^^^^ the error page cannot be answered; the server answers before it looks for a location
    return 404;
#   ------ by this
    location = /404.html { }
}",
        );
    }

    #[test]
    fn a_page_that_is_not_there_cannot_be_answered_where_its_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there.html"), "").unwrap();
        let root = folder.path().display();
        let found = |page: &str| {
            let text = format!("server {{ root {root}; error_page 404 {page}; location /sub/ {{ root /nowhere; }} }}");
            lint_messages(&ERROR_PAGE_UNANSWERABLE, &text).len()
        };
        assert_eq!(["/there.html", "/none.html", "/sub/none.html", "/there.html?a=b"].map(found), [0, 1, 0, 0]);
    }

    #[test]
    fn what_try_files_ends_with_is_answered() {
        check(
            &TRY_FILES_FALLBACK,
            "  server {
# ------ the server
    location /a { try_files $uri $uri/; }
#                                ^^^^^ what \"try_files\" ends with leads nowhere; leads back here, until the request fails with 500
    location /b { try_files $uri 404; }
#                                ^^^ what \"try_files\" ends with leads nowhere; is taken for a path
    location /c { try_files $uri index.html; }
#                                ^^^^^^^^^^ what \"try_files\" ends with leads nowhere; no location answers it, for paths begin with `/`
    location /d { try_files $uri @none; }
#                                ^^^^^ there is no location \"@none\"; not in this server
    location /e { try_files $uri @some; }
    location /f { try_files $uri =404; }
    location /g { try_files $uri /answered; }
    location /answered { return 200; }
    location @some { return 200; }
}",
        );
    }

    #[test]
    fn the_file_that_try_files_ends_with_is_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), "").unwrap();
        let root = folder.path().display();
        let found = |last: &str| {
            let text = format!("server {{ root {root}; location / {{ try_files $uri {last}; }} }}");
            lint_messages(&TRY_FILES_FALLBACK, &text).len()
        };
        assert_eq!(["/index.html", "/app.html", "/index.html?q=$uri"].map(found), [0, 1, 0]);
    }
}

//! Locations that no request reaches, and aliases that do not fit theirs.

use super::super::diagnostics::Diagnostic;
use super::super::lines::Line;
use super::shape::{Rest, Shape};
use super::{Found, Lint};
use crate::base::regex::Regex;
use crate::config::view::{Block, Kind, View};
use crate::route::locations::Pattern;

/// An alias that ends with a slash where its location does not, or the other way round.
pub(super) static ALIAS_SLASH: Lint = Lint {
    code: "alias-slash",
    finds: "Of a `location` and its `alias` one ends with a slash, and the other does not.",
    matters: "nginx takes what is behind the location's text and puts it behind the alias as it stands: \
              `/srv/imagesa.png`, or with `/images../secret` a file beside the folder. webserv joins them as paths, so \
              nothing leaks, but one of the two says something else than was meant.",
    instead: "End both with a slash.",
    wrong: "server { listen 8080; location /images/ { alias /srv/pictures; } }",
    right: "server { listen 8080; location /images/ { alias /srv/pictures/; } }",
    found: Found::Checking(alias_slash),
};

/// A location that no path leads to.
pub static UNREACHABLE_LOCATION: Lint = Lint {
    code: "unreachable-location",
    finds: "A location that no request reaches: its text is none that a path can begin with, a regular expression \
            beside it matches every path, or the server answers every request before.",
    matters: "What stands in it has no effect, and may be what was to protect something. Paths are compared decoded, \
              without the query, without `.` and `..`, and with one slash in a row.",
    instead: "Write the path as it looks then, or remove what stands in front of the location.",
    wrong: "server { listen 8080; location /a%20b/ { return 403; } }\n\
            server { listen 8081; return 301 https://example.org$request_uri; location /private/ { deny all; } }",
    right: "server { listen 8080; location \"/a b/\" { return 403; } }\n\
            server { listen 8081; location / { return 301 https://example.org$request_uri; } \
            location /private/ { deny all; } }",
    found: Found::Checking(unreachable),
};

/// A regular expression whose location no path reaches.
pub(super) static UNREACHABLE_REGEX: Lint = Lint {
    code: "unreachable-regex",
    finds: "A `location ~` whose regular expression can never decide: it asks for what no path has, or another location \
            answers all that it matches.",
    matters: "Regular expressions are tried in the order of the file, and only where the longest fitting prefix was not \
              written with `^~` and no `=` fits. What stands in this location has no effect.",
    instead: "Put the more special expression first, or remove what stands in its way. The query is in `$args`, not in \
              the path.",
    wrong: "server { listen 8080; location ~ ^/a/ { return 403; } location ~ ^/a/b/ { return 404; } }",
    right: "server { listen 8080; location ~ ^/a/b/ { return 404; } location ~ ^/a/ { return 403; } }",
    found: Found::Checking(unreachable_regexes),
};

fn alias_slash(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for location in view.of_kind(Kind::Location) {
        let Some(Pattern::Prefix(path) | Pattern::PrefixWithoutRegex(path)) = &location.pattern else { continue };
        let Some((line, alias)) = location.all("alias").find_map(|line| Some((line, line.words.first()?))) else {
            continue;
        };
        if alias.text.is_empty() || alias.text.contains('$') || path.ends_with('/') == alias.text.ends_with('/') {
            continue;
        }
        let message = format!("of location \"{path}\" and alias \"{}\" only one ends with a slash", alias.text);
        let (label, help) = match path.ends_with('/') {
            true => ("lacks its slash", format!("write `alias {}/;`", alias.text)),
            false => ("ends with a slash", format!("write `location {path}/`")),
        };
        let finding = Diagnostic::warning(line.place(alias), message).label(label).help(help);
        findings.push(related(finding, location, "its location"));
    }
    findings
}

fn unreachable(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings: Vec<Diagnostic> =
        view.of_kind(Kind::Server).filter_map(|server| answered(view, server)).collect();
    for level in view.blocks().filter(|block| matches!(block.kind, Kind::Server | Kind::Location)) {
        let everything = view.children(level, Kind::Location).find(|location| {
            matches!(&location.pattern, Some(Pattern::Regex(regex)) if Shape::of(regex.pattern()).everything)
        });
        for location in view.children(level, Kind::Location) {
            findings.extend(impossible(view, location));
            let Some(winner) = everything else { continue };
            // A location nested in it may still be exact, or a regular expression.
            let is_plain = matches!(location.pattern, Some(Pattern::Prefix(_)));
            if let (true, None, Some(place)) =
                (is_plain, view.children(location, Kind::Location).next(), location.place())
            {
                let message = format!("\"{}\" is never reached", location.title());
                let finding =
                    Diagnostic::warning(place, message).label("a regular expression beside it matches every path");
                findings.push(related(finding, winner, "this one answers"));
            }
        }
    }
    findings
}

/// A `return` in the server itself answers before any location is looked for.
fn answered(view: &View<'_>, server: &Block<'_>) -> Option<Diagnostic> {
    if !server.has("return") {
        return None;
    }
    let first = server.lines.iter().find(|line| matches!(&*line.name.text, "return" | "rewrite" | "if" | "break"))?;
    let location = view.children(server, Kind::Location).next()?;
    if first.name.text != "return" {
        return None;
    }
    let finding = Diagnostic::warning(location.place()?, format!("\"{}\" is never reached", location.title()))
        .label("its server answers every request before it looks for a location");
    Some(finding.related(first.place(first.name), "by this").help("write the `return` into a `location /`"))
}

/// A path that is not what paths look like when they are compared.
fn impossible(view: &View<'_>, location: &Block<'_>) -> Option<Diagnostic> {
    let (Pattern::Exact(path) | Pattern::Prefix(path) | Pattern::PrefixWithoutRegex(path)) =
        location.pattern.as_ref()?
    else {
        return None;
    };
    let merges =
        view.effective(location, "merge_slashes").is_none_or(|line| !word(line, 0).eq_ignore_ascii_case("off"));
    let is_escape = |at: usize| path[at + 1..].bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let (label, help) = if path.contains('?') {
        ("paths are compared without their query", "compare the query in `$args`, or the parameter in `$arg_NAME`")
    } else if path.match_indices('%').any(|(at, _)| is_escape(at)) {
        ("paths are compared decoded", "write the character that it stands for, in quotes if need be")
    } else if path.contains("/../") || path.contains("/./") || path.ends_with("/..") || path.ends_with("/.") {
        ("`.` and `..` are resolved before paths are compared", "write the path without them")
    } else if merges && path.contains("//") {
        ("slashes in a row are made one before paths are compared", "write one slash, or set `merge_slashes off`")
    } else {
        return None;
    };
    let line = location.line?;
    let place = line.place(line.words.last()?);
    Some(Diagnostic::warning(place, format!("\"{}\" is never reached", location.title())).label(label).help(help))
}

fn unreachable_regexes(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for level in view.blocks().filter(|block| matches!(block.kind, Kind::Server | Kind::Location)) {
        let siblings: Vec<&Block<'_>> = view.children(level, Kind::Location).collect();
        let mut earlier: Vec<(&Block<'_>, &Regex, Shape)> = Vec::new();
        for location in &siblings {
            let Some(Pattern::Regex(regex)) = &location.pattern else { continue };
            let shape = Shape::of(regex.pattern());
            findings.extend(never_matches(location, &shape));
            let winner = earlier
                .iter()
                .find(|(_, other, of_other)| covers(other, of_other, regex, &shape))
                .map(|(winner, ..)| *winner)
                .or_else(|| shadow(&siblings, regex, &shape));
            findings.extend(winner.and_then(|winner| beaten(location, winner)));
            earlier.push((location, regex, shape));
        }
    }
    findings
}

/// An expression that asks for what no path has.
fn never_matches(location: &Block<'_>, shape: &Shape) -> Option<Diagnostic> {
    let line = location.line?;
    let place = line.place(line.words.last()?);
    let finding = Diagnostic::warning(place, format!("\"{}\" never matches", location.title()));
    let lacks_slash = shape.beginning.as_ref().is_some_and(|text| !text.is_empty() && !text.starts_with('/'));
    if lacks_slash {
        return Some(finding.label("a path begins with a slash, so `/` belongs behind `^`"));
    }
    let finding = finding.label("paths are compared without their query");
    shape.needs_query.then(|| finding.help("compare the query in `$args`, or the parameter in `$arg_NAME`"))
}

/// Whether an expression that is tried before matches whatever this one matches.
fn covers(earlier: &Regex, of_earlier: &Shape, regex: &Regex, shape: &Shape) -> bool {
    let case_fits = earlier.ignores_case() || !regex.ignores_case();
    if of_earlier.everything || case_fits && earlier.pattern() == regex.pattern() {
        return true;
    }
    let begins = |text: &String| shape.beginning.as_ref().is_some_and(|own| own.starts_with(text));
    case_fits && of_earlier.rest == Rest::Anything && of_earlier.beginning.as_ref().is_some_and(begins)
}

/// The location beside it, exact or with `^~`, that answers whatever the expression matches.
fn shadow<'v, 'a>(siblings: &[&'v Block<'a>], regex: &Regex, shape: &Shape) -> Option<&'v Block<'a>> {
    let text = shape.beginning.as_deref().filter(|_| !regex.ignores_case())?;
    let mut prefixes = Vec::new();
    for sibling in siblings {
        match sibling.pattern.as_ref()? {
            Pattern::Exact(path) if shape.rest == Rest::Nothing && path == text => return Some(sibling),
            Pattern::Prefix(path) => prefixes.push((&**path, false, *sibling)),
            Pattern::PrefixWithoutRegex(path) => prefixes.push((&**path, true, *sibling)),
            _ => {}
        }
    }
    let fitting = prefixes.iter().filter(|(path, ..)| text.starts_with(path));
    let (path, forbids, winner) = fitting.max_by_key(|(path, ..)| path.len())?;
    // A longer prefix may fit some of the paths that the expression matches.
    let longer = |(other, forbids, _): &(&str, bool, &Block<'_>)| {
        !forbids && other.len() > path.len() && other.starts_with(text) && shape.rest != Rest::Nothing
    };
    (*forbids && !prefixes.iter().any(longer)).then_some(*winner)
}

fn beaten(location: &Block<'_>, winner: &Block<'_>) -> Option<Diagnostic> {
    let finding = Diagnostic::warning(location.place()?, format!("\"{}\" is never reached", location.title()))
        .label("another location answers whatever it matches");
    Some(related(finding, winner, "this one answers"))
}

/// With a location that belongs to it.
fn related(finding: Diagnostic, location: &Block<'_>, text: &str) -> Diagnostic {
    match location.place() {
        Some(place) => finding.related(place, text),
        None => finding,
    }
}

fn word<'a>(line: &Line<'a>, index: usize) -> &'a str {
    line.words.get(index).map_or("", |word| &word.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn an_alias_and_its_location_end_alike() {
        check(
            &ALIAS_SLASH,
            "server {
    location /a/ { alias /srv/a; }
#                        ^^^^^^ of location \"/a/\" and alias \"/srv/a\" only one ends with a slash; lacks its slash
#   -------- its location
    location ^~ /b { alias /srv/b/; }
#                          ^^^^^^^ of location \"/b\" and alias \"/srv/b/\" only one ends with a slash; ends with a slash
#   -------- its location
    location /c/ { alias /srv/c/; }
    location /d { alias /srv/d; }
    location /e/ { alias $e; }
    location = /f/ { alias /srv/f; }
    location ~ ^/g/ { alias /srv/g; }
}",
        );
    }

    #[test]
    fn a_path_is_written_as_it_is_compared() {
        check(
            &UNREACHABLE_LOCATION,
            "server {
    location /a?b=c { }
#            ^^^^^^ \"location /a?b=c\" is never reached; paths are compared without their query
    location = /a%20b { }
#              ^^^^^^ \"location = /a%20b\" is never reached; paths are compared decoded
    location /a/../b { }
#            ^^^^^^^ \"location /a/../b\" is never reached; `.` and `..` are resolved before paths are compared
    location //a { }
#            ^^^ \"location //a\" is never reached; slashes in a row are made one before paths are compared
    location /100%/ { }
    location /a../ { }
    location '/a b' { }
}
server { merge_slashes off; location //a { } }",
        );
    }

    #[test]
    fn a_server_that_answers_itself_reaches_no_location() {
        check(
            &UNREACHABLE_LOCATION,
            "server {
    location / { }
#   ^^^^^^^^ \"location /\" is never reached; its server answers every request before it looks for a location
    return 404;
#   ------ by this
}
server { if ($a) { return 403; } location / { } }
server { rewrite ^/a /b last; return 404; location /b { } }
server { return 404; }",
        );
    }

    #[test]
    fn a_regular_expression_that_matches_everything_shadows_prefixes() {
        check(
            &UNREACHABLE_LOCATION,
            "server {
    location ^~ /a { }
    location = /b { }
    location /c { }
#   ^^^^^^^^ \"location /c\" is never reached; a regular expression beside it matches every path
    location /d { location ~ x { } }
    location ~ ^/(.*)$ { }
#   -------- this one answers
}",
        );
    }

    #[test]
    fn an_expression_behind_one_that_matches_more_is_never_reached() {
        check(
            &UNREACHABLE_REGEX,
            "server {
    location ~ ^/a/ { }
#   -------- this one answers
    location ~ ^/a/b { }
#   ^^^^^^^^ \"location ~ ^/a/b\" is never reached; another location answers whatever it matches
    location ~* ^/a/c { }
    location ~* \\.php$ { }
#   -------- this one answers
    location ~ \\.php$ { }
#   ^^^^^^^^ \"location ~ \\.php$\" is never reached; another location answers whatever it matches
    location ~ ^/b/x$ { }
    location ~ ^/b/ { }
}",
        );
    }

    #[test]
    fn an_expression_behind_a_prefix_that_forbids_it_is_never_reached() {
        check(
            &UNREACHABLE_REGEX,
            "server {
    location ^~ /a/ { }
#   -------- this one answers
    location ~ ^/a/.*\\.png$ { }
#   ^^^^^^^^ \"location ~ ^/a/.*\\.png$\" is never reached; another location answers whatever it matches
    location ~* ^/a/.*\\.png$ { }
    location ^~ /b/ { }
    location /b/c/ { }
    location ~ ^/b/.*\\.png$ { }
    location = /d { }
#   -------- this one answers
    location ~ ^/d$ { }
#   ^^^^^^^^ \"location ~ ^/d$\" is never reached; another location answers whatever it matches
}",
        );
    }

    #[test]
    fn an_expression_that_no_path_fits_is_told() {
        check(
            &UNREACHABLE_REGEX,
            "server {
    location ~ ^images/ { }
#              ^^^^^^^^ \"location ~ ^images/\" never matches; a path begins with a slash, so `/` belongs behind `^`
    location ~ \\.php\\?id=1 { }
#              ^^^^^^^^^^^ \"location ~ \\.php\\?id=1\" never matches; paths are compared without their query
}",
        );
    }
}

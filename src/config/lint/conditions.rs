//! Conditions that hold in more cases than they seem to: `if` in locations, expressions on hosts, `valid_referers`.

use super::super::diagnostics::{Diagnostic, Place};
use super::super::lines::Line;
use super::{Found, Lint};
use crate::config::view::{Block, Kind, View};

/// Anything but rewriting in an `if` of a location.
pub(super) static SURPRISING_IF: Lint = Lint {
    code: "surprising-if",
    finds: "An `if` in a location holds something else than `return`, `rewrite`, `set` and `break`, and does not answer \
            by a `return` of its own.",
    matters: "Such an `if` does not add to its location: it is a location of its own that takes the other one's place. \
              Of several that are true the last one alone counts, `try_files` of the location is not tried, and \
              `add_header` replaces those outside.",
    instead: "Let the `if` only `return`, `rewrite` or `set` a variable, and use the variable outside of it; or choose \
              the value with a `map`.",
    wrong: "server { listen 8080; location / { if ($arg_a) { add_header X-A 1; } } }",
    right: "map $arg_a $x_a { default ''; ~. 1; }\nserver { listen 8080; location / { add_header X-A $x_a; } }",
    found: Found::Checking(surprising_ifs),
};

/// An expression on a host that others can satisfy.
pub(super) static UNANCHORED_HOST_REGEX: Lint = Lint {
    code: "unanchored-host-regex",
    finds: "A regular expression for a host name, in `server_name` or in an `if` or a `map` on `$host`, `$http_host` \
            or `$http_origin`, does not fix the beginning and the end of the name.",
    matters: "`example.org` without anchors also fits `example.org.evil.net` and `not-example.org`.",
    instead: "Begin with `^`, or with `\\.` where all hosts below a domain are meant, and end with `$`.",
    wrong: "server { listen 8080; server_name ~example\\.org; }",
    right: "server { listen 8080; server_name ~^(www\\.)?example\\.org$; }",
    found: Found::Checking(unanchored_host_regexes),
};

/// `valid_referers none`.
pub(super) static VALID_REFERERS_NONE: Lint = Lint {
    code: "valid-referers-none",
    finds: "`valid_referers` takes requests without a `Referer` (`none`).",
    matters: "Each page can make browsers leave the field out, so the check keeps nobody out who wants to come in.",
    instead: "Leave `none` out where the check is to protect something; or silence the warning where it is only to keep \
              pictures from being embedded elsewhere.",
    wrong: "server { listen 8080; location /a/ { valid_referers none server_names; if ($invalid_referer) { return 403; } } }",
    right: "server { listen 8080; location /a/ { valid_referers server_names; if ($invalid_referer) { return 403; } } }",
    found: Found::Checking(valid_referers_none),
};

fn surprising_ifs(view: &View<'_>) -> Vec<Diagnostic> {
    let in_location = |block: &&Block<'_>| view.parent(block).is_some_and(|outer| outer.kind == Kind::Location);
    let ifs = view.of_kind(Kind::If).filter(in_location);
    let found = ifs.filter_map(|block| {
        // One that answers by itself does what it seems to: its fields are those of its own answer.
        if block.has("return") {
            return None;
        }
        let line = block.lines.iter().find(|line| !HARMLESS.contains(&&*line.name.text))?;
        let message = format!("\"{}\" in an \"if\" of a location", line.name.text);
        let finding = Diagnostic::warning(line.place(line.name), message);
        let finding = finding.label("where it is true, this block takes the place of the location");
        Some(finding.related(block.place()?, "the `if`").help("use `set` here and the variable outside, or a `map`"))
    });
    found.collect()
}

fn unanchored_host_regexes(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for line in view.of_kind(Kind::Server).flat_map(|server| server.all("server_name")) {
        for word in line.words {
            let Some(pattern) = word.text.strip_prefix('~') else { continue };
            findings.extend(loose(pattern).map(|what| finding(line.place(word), pattern, what)));
        }
    }
    for block in view.of_kind(Kind::If) {
        let Some((pattern, place)) = block.line.and_then(host_condition) else { continue };
        findings.extend(loose(pattern).map(|what| finding(place, pattern, what)));
    }
    for map in view.of_kind(Kind::Http).flat_map(|http| http.all("map")) {
        let on_host = map.words.first().is_some_and(|word| HOSTS.contains(&&*word.text));
        let Some(block) = map.block.filter(|_| on_host) else { continue };
        view.session.documents.each_line(map.file, block, &mut |line| {
            let Some(pattern) = line.name.text.strip_prefix('~') else { return };
            let pattern = pattern.strip_prefix('*').unwrap_or(pattern);
            findings.extend(loose(pattern).map(|what| finding(line.place(line.name), pattern, what)));
        });
    }
    findings
}

/// The expression that an `if` compares a host with: `if ($host ~* pattern)`.
fn host_condition(line: Line<'_>) -> Option<(&str, Place)> {
    let [variable, operator, pattern, ..] = line.words else { return None };
    let variable = variable.text.strip_prefix('(').unwrap_or(&variable.text);
    if !HOSTS.contains(&variable) || !matches!(&*operator.text, "~" | "~*") {
        return None;
    }
    // The parenthesis that ends the condition is a part of the last word, unless that is in quotes.
    let is_last = line.words.len() == 3;
    let text = if is_last { pattern.text.strip_suffix(')').unwrap_or(&pattern.text) } else { &pattern.text };
    Some((text, line.place(pattern)))
}

/// Which end of a name an expression leaves open, if it names a domain at all.
fn loose(pattern: &str) -> Option<&'static str> {
    let names_domain =
        pattern.contains("\\.") || pattern.contains('.') && !pattern.contains(".*") && !pattern.contains(".+");
    let open_start = !pattern.starts_with('^') && !pattern.starts_with("\\.") && !pattern.starts_with("(^|");
    let last = pattern.trim_end_matches(')');
    let open_end = !["$", "\\.", ".*", ".+"].iter().any(|end| last.ends_with(end));
    match (names_domain, open_start, open_end) {
        (true, true, true) => Some("lacks `^` and `$`"),
        (true, true, false) => Some("lacks `^`"),
        (true, false, true) => Some("lacks `$`"),
        _ => None,
    }
}

fn finding(place: Place, pattern: &str, what: &str) -> Diagnostic {
    Diagnostic::warning(place, format!("the expression \"{pattern}\" fits hosts that only contain it")).label(what)
}

fn valid_referers_none(view: &View<'_>) -> Vec<Diagnostic> {
    let lines = view.blocks().flat_map(|block| block.all("valid_referers"));
    let found = lines.filter_map(|line| {
        let none = line.words.iter().find(|word| word.text == "none")?;
        let finding = Diagnostic::warning(line.place(none), "requests without a \"Referer\" are taken as valid");
        Some(finding.label("each page can make browsers leave it out"))
    });
    found.collect()
}

/// Variables that hold the name of a host, or the beginning of a URL.
const HOSTS: [&str; 3] = ["$host", "$http_host", "$http_origin"];

/// What an `if` does as it seems to.
const HARMLESS: [&str; 4] = ["return", "rewrite", "set", "break"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn an_if_in_a_location_is_for_rewriting() {
        check(
            &SURPRISING_IF,
            "server {
    if ($a) { return 403; }
    location /a { if ($b) { set $c 1; break; } }
    location /o { if ($b) { add_header Allow GET; return 204; } }
    location /b { if ($b) { set $c 1; root /x; expires 1d; } }
#                 -- the `if`
#                                     ^^^^ \"root\" in an \"if\" of a location; where it is true, this block takes the place of the location
}",
        );
    }

    #[test]
    fn a_host_has_two_ends() {
        check(
            &UNANCHORED_HOST_REGEX,
            "server {
    server_name ~example\\.org ~^a\\.example\\.org$ ~\\.example\\.org$ ~^www\\. b.example;
#               ^^^^^^^^^^^^^ the expression \"example\\.org\" fits hosts that only contain it; lacks `^` and `$`
    server_name ~^example\\.org ~example\\.org$ ~^(?<user>.+)$ ~^\\d+$;
#               ^^^^^^^^^^^^^^ the expression \"^example\\.org\" fits hosts that only contain it; lacks `$`
#                              ^^^^^^^^^^^^^^ the expression \"example\\.org$\" fits hosts that only contain it; lacks `^`
    if ($host ~* example\\.org) { return 403; }
#                ^^^^^^^^^^^^^ the expression \"example\\.org\" fits hosts that only contain it; lacks `^` and `$`
    if ($http_origin ~ '^https://a\\.example(/|$)') { return 403; }
    if ($host ~ \"example.org\") { return 403; }
#               ^^^^^^^^^^^^^ the expression \"example.org\" fits hosts that only contain it; lacks `^` and `$`
    if ($uri ~ example\\.org) { return 403; }
    if ($host ~* ^www\\.(.*)) { return 301 https://$1; }
}
map $http_origin $allowed {
    default '';
    ~^https://a\\.example$ 1;
    ~*^https://b\\.example 1;
#   ^^^^^^^^^^^^^^^^^^^^^ the expression \"^https://b\\.example\" fits hosts that only contain it; lacks `$`
}
map $uri $other { ~a\\.example 1; }",
        );
    }

    #[test]
    fn none_lets_everybody_in() {
        check(
            &VALID_REFERERS_NONE,
            "server { location /a {
    valid_referers server_names none *.example.org;
#                               ^^^^ requests without a \"Referer\" are taken as valid; each page can make browsers leave it out
    valid_referers server_names blocked;
} }",
        );
    }
}

//! Groups of regular expressions that are asked for and do not exist: `$2` where there is one pair of parentheses.

use webserv_grammar::Word;

use super::super::diagnostics::Diagnostic;
use super::super::lines::Line;
use super::{Found, Lint};
use crate::config::view::{Block, Kind, View};
use crate::exchange::template::Template;
use crate::exchange::variables::Reference;
use crate::route::locations::Pattern;

/// `$2` without a second group.
pub(super) static MISSING_GROUP: Lint = Lint {
    code: "missing-group",
    finds: "A value holds a group of a regular expression (`$1` to `$9`) that the expression has not, or that no \
            expression can have set.",
    matters: "Such a group is always empty, so a path or a redirect lacks a part, and nothing says so.",
    instead: "Count the opening parentheses, without those of `(?:`; or give the group a name.",
    wrong: "server { listen 8080; rewrite ^/users/(.*)$ /show?user=$1&page=$2 last; }",
    right: "server { listen 8080; rewrite ^/users/(.*)/(.*)$ /show?user=$1&page=$2 last; }",
    found: Found::Checking(missing_groups),
};

fn missing_groups(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for line in view.blocks().flat_map(|block| block.all("rewrite")) {
        if let [pattern, replacement, ..] = line.words {
            findings.extend(beyond(view, line, replacement, groups(&pattern.text), "the expression"));
        }
    }
    for map in view.of_kind(Kind::Http).flat_map(|http| http.all("map")) {
        let Some(block) = map.block else { continue };
        view.session.documents.each_line(map.file, block, &mut |line| {
            if let (Some(pattern), [value]) = (line.name.text.strip_prefix('~'), line.words) {
                findings.extend(beyond(view, &line, value, groups(pattern), "the expression"));
            }
        });
    }
    let maps_match = view.of_kind(Kind::Http).flat_map(|http| http.all("map")).any(|map| has_regex_key(view, map));
    for server in view.of_kind(Kind::Server) {
        let names_match = server.all("server_name").flat_map(|line| line.words).any(|word| word.text.starts_with('~'));
        let matches_elsewhere = maps_match || names_match || tests(server) || any_regex_within(view, server);
        in_block(view, server, (!matches_elsewhere).then_some(0), maps_match, &mut findings);
    }
    findings
}

/// Looks at the lines of a block and of those in it, where at most `known` groups are set; none if nobody knows.
fn in_block(
    view: &View<'_>,
    block: &Block<'_>,
    known: Option<usize>,
    maps_match: bool,
    findings: &mut Vec<Diagnostic>,
) {
    let known = match &block.pattern {
        Some(Pattern::Regex(regex)) if !maps_match && !tests(block) && !ifs_test(view, block) => {
            groups(regex.pattern())
        }
        Some(Pattern::Regex(_)) => None,
        _ => known,
    };
    let of = if known == Some(0) { "no expression is matched here, so" } else { "the location's expression" };
    for line in block.lines.iter().filter(|line| VALUES.contains(&&*line.name.text)) {
        let words = line.words.iter().filter_map(|word| beyond(view, line, word, known, of));
        findings.extend(words);
    }
    for kind in [Kind::If, Kind::Location, Kind::LimitExcept] {
        for inner in view.children(block, kind) {
            in_block(view, inner, known, maps_match, findings);
        }
    }
}

/// The first group in a word that is beyond those that there are.
fn beyond(view: &View<'_>, line: &Line<'_>, word: &Word, known: Option<usize>, of: &str) -> Option<Diagnostic> {
    let known = known?;
    let (number, at) = groups_in(&word.text).into_iter().find(|(number, _)| *number > known)?;
    let place = view.session.sources.place_in_word(line.file, word, at..at + 2);
    let finding = Diagnostic::warning(place, format!("the group ${number} does not exist, and is always empty"));
    Some(match known {
        0 if of.ends_with("so") => finding.label("no regular expression is matched before this"),
        0 => finding.label(format!("{of} has no groups")),
        1 => finding.label(format!("{of} has one group")),
        _ => finding.label(format!("{of} has {known} groups")),
    })
}

/// The groups that a value names, with where.
fn groups_in(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let _compiled = Template::compile(text, |name| {
        let at = name.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len());
        if let [digit @ b'1'..=b'9'] = name.as_bytes() {
            found.push((usize::from(digit - b'0'), text[..at].rfind('$').unwrap_or(at)));
        }
        Some(Reference::Capture(0))
    });
    found
}

/// Whether a block itself matches expressions on the way to its lines.
fn tests(block: &Block<'_>) -> bool {
    block.has("rewrite") || block.all("if").any(|line| line.words.iter().any(|word| word.text.contains('~')))
}

fn ifs_test(view: &View<'_>, block: &Block<'_>) -> bool {
    view.children(block, Kind::If).any(tests)
        || view.around(block).any(|around| around.kind == Kind::If && view.parent(around).is_some_and(tests))
}

fn any_regex_within(view: &View<'_>, block: &Block<'_>) -> bool {
    [Kind::Location, Kind::If]
        .into_iter()
        .flat_map(|kind| view.children(block, kind))
        .any(|inner| matches!(inner.pattern, Some(Pattern::Regex(_))) || tests(inner) || any_regex_within(view, inner))
}

fn has_regex_key(view: &View<'_>, map: &Line<'_>) -> bool {
    let mut found = false;
    if let Some(block) = map.block {
        view.session.documents.each_line(map.file, block, &mut |line| found |= line.name.text.starts_with('~'));
    }
    found
}

/// How many groups an expression has; none where its spelling does not tell.
fn groups(pattern: &str) -> Option<usize> {
    if ["\\Q", "(?#", "(?|", "(?x", "(?(", "(*"].iter().any(|hard| pattern.contains(hard)) {
        return None;
    }
    let mut count = 0;
    let mut letters = pattern.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '[' => {
                letters.next_if(|(_, next)| *next == '^');
                letters.next_if(|(_, next)| *next == ']');
                while let Some((_, inside)) = letters.next() {
                    match inside {
                        '\\' => drop(letters.next()),
                        // `[[:alpha:]]`
                        '[' if letters.next_if(|(_, next)| *next == ':').is_some() => {
                            letters.find(|(_, inner)| *inner == ']');
                        }
                        ']' => break,
                        _ => {}
                    }
                }
            }
            '(' => {
                let rest = &pattern[at + 1..];
                let is_named = ["?<", "?P<", "?'"].iter().any(|start| rest.starts_with(start));
                let looks_behind = rest.starts_with("?<=") || rest.starts_with("?<!");
                count += usize::from(!rest.starts_with('?') || is_named && !looks_behind);
            }
            _ => {}
        }
    }
    Some(count)
}

/// Directives whose values groups are used in.
const VALUES: [&str; 11] = [
    "return",
    "alias",
    "root",
    "set",
    "try_files",
    "add_header",
    "cgi_script",
    "secure_link_md5",
    "expires",
    "add_trailer",
    "auth_basic_user_file",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn groups_are_counted() {
        for (pattern, count) in [
            ("^/a", 0),
            ("^/(a)/(b)", 2),
            ("^/(?:a)(b)", 1),
            (r"^/\(a\)(b)", 1),
            ("[(](a)", 1),
            ("[]()](a)", 1),
            ("[[:alpha:](]+(a)", 1),
            ("(?<name>a)(?P<other>b)(?'third'c)", 3),
            ("(?<=a)(?<!b)(?=c)(?!d)(e)", 1),
            ("((a)(b))", 3),
        ] {
            assert_eq!(groups(pattern), Some(count), "{pattern}");
        }
        assert_eq!(groups(r"\Q(\E"), None);
    }

    #[test]
    fn a_group_that_an_expression_has_not_is_told() {
        check(
            &MISSING_GROUP,
            "map $uri $a {
    ~^/(.*)$ $1;
    ~^/b \"x$1\";
#          ^^ the group $1 does not exist, and is always empty; the expression has no groups
    default $1;
}
server {
    rewrite ^/(a)/(b)$ /$2/$1 last;
    rewrite ^/(a)/b$ /$1/$2/${2};
#                        ^^ the group $2 does not exist, and is always empty; the expression has one group
    if ($uri ~ ^/(.)) { return 301 /$1$2; }
    location ~ ^/c/(.*)$ { alias /srv/$1; }
    location /d { return 301 /$1; }
}",
        );
        check(
            &MISSING_GROUP,
            "server {
    location ~ ^/c/(.*)$ { alias /srv/$2; }
#                                     ^^ the group $2 does not exist, and is always empty; the location's expression has one group
    location ~ ^/d/(.*)$ { if ($uri ~ (.)(.)) { return 301 /$2; } }
    location /d { return 301 /$1; }
}
server {
    location /d { return 301 /new/$1; }
#                                 ^^ the group $1 does not exist, and is always empty; no regular expression is matched before this
}
server { server_name ~^(.*)$; root /srv/$1; }",
        );
    }
}

//! Warnings with names: what is accepted and yet hardly meant.
//!
//! Owns the table of them, whose texts are the chapter `Lints` of the manual. Some are found while a configuration is
//! loaded, by the modules and the engine, which name them here. The others are functions over a `View` of the whole
//! configuration, and run when it is checked (`-t`), not when it is taken up: a server that reloads has no time for
//! advice. What comments silence is in `allow`. It refuses nothing.

mod access;
mod allow;
mod conditions;
mod groups;
mod headers;
mod links;
mod loading;
mod locations;
mod redirects;
mod roots;
mod scripts;
mod servers;
mod serving;
mod shape;
mod statements;
mod targets;
mod types;

use std::fmt::{self, Write};

pub(super) use self::allow::Allowances;
pub use self::allow::UNKNOWN_LINT;
pub use self::loading::*;
pub use self::locations::UNREACHABLE_LOCATION;
pub use self::statements::UNREACHABLE_REWRITE;

use super::diagnostics::Diagnostic;
use super::manual::wrap;
use super::view::View;
use crate::base::suggest::nearest;

/// A kind of warning.
pub struct Lint {
    /// Its name, for comments, programs and the manual; it never changes.
    pub code: &'static str,
    /// What it finds: sentences.
    pub finds: &'static str,
    /// Why that matters: sentences.
    pub matters: &'static str,
    /// What to write instead: sentences.
    pub instead: &'static str,
    /// Lines of `http` that it warns of.
    pub wrong: &'static str,
    /// Lines of `http` that do the same and that it does not warn of.
    pub right: &'static str,
    /// Who finds it.
    pub(super) found: Found,
}

/// Who finds a kind of warning.
pub(super) enum Found {
    /// Whoever loads the configuration.
    Loading,
    /// This function, when the configuration is checked.
    Checking(fn(&View<'_>) -> Vec<Diagnostic>),
}

/// All kinds, by name.
pub static LINTS: &[&Lint] = &[
    &headers::ADD_HEADER_LOST,
    &locations::ALIAS_SLASH,
    &access::ALLOW_WITHOUT_DENY,
    &AUTH_BASIC_WITHOUT_FILE,
    &scripts::CGI_SOURCE_SERVABLE,
    &CONFLICTING_SERVER_NAME,
    &DUPLICATE_MIME_TYPE,
    &DUPLICATE_NAMED_LOCATION,
    &DUPLICATE_VALUE,
    &EMPTY_REDIRECT,
    &ERROR_LOG_OFF,
    &targets::ERROR_PAGE_UNANSWERABLE,
    &ERROR_PAGE_WITHOUT_SLASH,
    &GEO_DUPLICATE,
    &GEO_NOTHING_TO_DELETE,
    &INDEX_AFTER_ABSOLUTE,
    &LITERAL_SIGN,
    &MAP_LATE_HOSTNAMES,
    &groups::MISSING_GROUP,
    &NETWORK_HOST_BITS,
    &servers::NO_DEFAULT_SERVER,
    &redirects::OPEN_REDIRECT,
    &access::PASSWORD_FILE_READABLE,
    &access::PASSWORD_FILE_SERVABLE,
    &REFERER_MATCHES_NOTHING,
    &roots::ROOT_IN_LOCATION,
    &SECOND_HEADER,
    &links::SECURE_LINK_INCOMPLETE,
    &conditions::SURPRISING_IF,
    &SUSPICIOUS_SERVER_NAME,
    &types::SWAPPED_MIME_TYPE,
    &targets::TRY_FILES_FALLBACK,
    &conditions::UNANCHORED_HOST_REGEX,
    &redirects::UNESCAPED_URI,
    &UNKNOWN_LINT,
    &UNREACHABLE_LOCATION,
    &locations::UNREACHABLE_REGEX,
    &UNREACHABLE_REWRITE,
    &UNREACHABLE_SHARE,
    &UNREADABLE_INCLUDE,
    &USER_IGNORED,
    &conditions::VALID_REFERERS_NONE,
    &VARIABLE_DEFINED_AGAIN,
];

/// The kind with this code.
pub fn find(code: &str) -> Option<&'static Lint> {
    LINTS.iter().copied().find(|lint| lint.code == code)
}

/// The code that is nearest to one that does not exist.
pub fn nearest_code(code: &str) -> Option<&'static str> {
    nearest(code, LINTS.iter().map(|lint| lint.code))
}

/// Looks for everything that is found by looking at the whole.
pub(super) fn run(view: &View<'_>, report: impl Fn(Diagnostic)) {
    for lint in LINTS {
        if let Found::Checking(check) = lint.found {
            check(view).into_iter().for_each(|finding| report(finding.lint(lint)));
        }
    }
}

/// All codes, each with the beginning of what it finds.
pub fn list() -> String {
    let width = LINTS.iter().map(|lint| lint.code.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Lint { code, finds, .. } in LINTS {
        let sentence = finds.split_inclusive(". ").next().unwrap_or(finds);
        let _ = writeln!(text, "{code:width$}  {}", sentence.trim_end()); // writing to a String cannot fail
    }
    text
}

impl Lint {
    /// What the manual says of it, as plain text.
    pub fn page(&self) -> String {
        let indented = |example: &str| example.lines().map(|line| format!("        {line}\n")).collect::<String>();
        let Self { code, finds, matters, instead, wrong, right, .. } = self;
        let [finds, matters, instead] = [finds, matters, instead].map(|text| wrap(text, "    "));
        let (wrong, right) = (indented(wrong), indented(right));
        format!("{code}\n\n{finds}\n{matters}\n{wrong}\n{instead}\n{right}")
    }
}

/// The chapter of the manual, as Markdown.
pub fn markdown() -> String {
    let mut text = String::from(MARKDOWN_HEAD);
    for lint in LINTS {
        let Lint { code, finds, matters, instead, wrong, right, .. } = lint;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n### {code}\n\n{finds}\n\n{matters}\n\n```nginx\n{wrong}\n```\n\n{instead}\n\n```nginx\n{right}\n```\n"
        );
    }
    text
}

impl PartialEq for Lint {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Lint {}

impl fmt::Debug for Lint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code)
    }
}

const MARKDOWN_HEAD: &str = "
## Lints

Warnings of what is accepted and yet hardly meant. `webserv -t` shows them, with their code behind the message;
`webserv lint CODE` explains one. They never refuse a configuration, unless `webserv -t --deny warnings` (or
`--deny CODE`) asks for it.

A comment silences those that are not wanted, by their codes; what stands behind two hyphens is a reason, for people:

```nginx
alias /srv/images;    # webserv: allow alias-slash -- joined as meant
```

Behind a directive, behind the `{` of its block, or on the lines directly above it, such a comment concerns this
directive with all of its block, and with all files that are included there.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint_messages;

    #[test]
    fn codes_are_in_order_and_each_lint_is_explained() {
        assert!(LINTS.windows(2).all(|pair| pair[0].code < pair[1].code), "{LINTS:?}");
        for Lint { code, finds, matters, instead, wrong, right, .. } in LINTS {
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code}");
            assert!([finds, matters, instead].iter().all(|text| text.ends_with('.')), "{code}");
            assert!(!wrong.is_empty() && !right.is_empty(), "{code}");
        }
    }

    /// Also where no module has the directives yet.
    #[test]
    fn the_examples_say_what_the_texts_say() {
        for lint in LINTS.iter().filter(|lint| matches!(lint.found, Found::Checking(_))) {
            let finds = !NEEDS_MORE.contains(&lint.code);
            assert_eq!(!lint_messages(lint, lint.wrong).is_empty(), finds, "{lint:?}");
            assert_eq!(lint_messages(lint, lint.right), [""; 0], "{lint:?}");
        }
    }

    /// What finds its example only with the files or the addresses that it speaks of.
    const NEEDS_MORE: [&str; 2] = ["no-default-server", "password-file-readable"];

    #[test]
    fn a_code_is_found_and_the_nearest_to_one_that_does_not_exist() {
        assert_eq!(find("alias-slash").map(|lint| lint.code), Some("alias-slash"));
        assert!(find("alias").is_none());
        assert_eq!(nearest_code("alias-slahs"), Some("alias-slash"));
    }
}

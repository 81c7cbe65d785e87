//! Where a request says that it comes from: `valid_referers` and `$invalid_referer` (nginx's referer module).
//!
//! Gives a variable and refuses nothing by itself. The field `Referer` is what a client says; it keeps browsers from
//! showing one's pictures elsewhere, and nobody who lies.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::regex::Regex;
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::PlanBuilder;
use crate::exchange::variables::{Computed, Variable, VariableKind, append};
use crate::http::headers::names;
use crate::route::names::{Name, NameTable, NameTableBuilder};

/// The module.
#[derive(Debug)]
pub struct Referer;

/// What its directives set; none without `valid_referers`.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    valid: Option<Arc<Valid>>,
}

/// The words of a block's `valid_referers`.
#[derive(Clone, Debug, Default)]
struct Valid {
    none: bool,
    blocked: bool,
    server_names: bool,
    names: NameTableBuilder<Option<Bytes>>,
    regexes: Vec<Regex>,
}

const IGNORED_TABLE: &str = "nginx's tables must be given a size; those of webserv have the size they need.";

impl Module for Referer {
    type Conf = Conf;

    const NAME: &'static str = "referer";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "valid_referers",
            contexts: Contexts::SERVER.or(Contexts::LOCATION),
            args: Shape::at_least(1, "none | blocked | server_names | NAME[PATH] | ~REGEX ..."),
            repeat: Repeat::Many,
            set: add_words,
            default: "",
            doc: "The values of the field `Referer` with which `$invalid_referer` is empty; with all others it is 1. `none`: \
                  the field is missing. `blocked`: it is there, but does not begin with `http://` or `https://`. \
                  `server_names`: its host is one of the server's names. A name, perhaps with `*` at its start or end, \
                  and perhaps with the beginning of a path: its host, and what stands behind it; the port does not count. \
                  A regular expression behind `~`, without regard to case: what stands behind `http://` or `https://`. A \
                  block that has a `valid_referers` of its own takes nothing from the blocks around it.",
            example: "valid_referers none blocked server_names *.example.com ~\\.google\\.;",
            origin: Origin::Nginx,
        },
        table_size("referer_hash_max_size", "2048", "referer_hash_max_size 4096;"),
        table_size("referer_hash_bucket_size", "64", "referer_hash_bucket_size 128;"),
    ];

    const VARIABLES: &'static [Variable] = &[Variable {
        name: INVALID_REFERER,
        kind: VariableKind::Single,
        // Where nothing says what is valid, everything is.
        get: |exchange, _, out| append(Some(&exchange.location_value(INVALID_REFERER).unwrap_or_default()), out),
        doc: "Empty if the field Referer has a value that valid_referers names, else 1.",
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if let Some(valid) = &conf.valid {
            plan.value(INVALID_REFERER, valid.judge(build.server_names()));
        }
        Ok(())
    }
}

const fn table_size(name: &'static str, default: &'static str, example: &'static str) -> Directive<Conf> {
    Directive {
        name,
        contexts: Contexts::SERVER.or(Contexts::LOCATION),
        args: Shape::one("SIZE"),
        repeat: Repeat::Once,
        set: |_, arguments| arguments.number::<u32>(0).map(drop),
        default,
        doc: IGNORED_TABLE,
        example,
        origin: Origin::NginxNoEffect,
    }
}

fn add_words(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let before = conf.valid.take().filter(|_| !arguments.first_in_block());
    let mut valid = before.map(Arc::unwrap_or_clone).unwrap_or_default();
    for index in 0..arguments.len() {
        valid.add(index, arguments)?;
    }
    conf.valid = Some(Arc::new(valid));
    Ok(())
}

impl Valid {
    fn add(&mut self, index: usize, arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
        let word = arguments.word(index);
        match word {
            "none" => self.none = true,
            "blocked" => self.blocked = true,
            "server_names" => self.server_names = true,
            "~" => return Err(arguments.error(index, "empty regex in \"~\"").label("expected a pattern behind `~`")),
            "" => return Err(arguments.error(index, "invalid referer \"\"")),
            _ if word.starts_with('~') => self.regexes.push(arguments.regex(index, 1, true)?.regex),
            _ => self.add_name(index, arguments)?,
        }
        Ok(())
    }

    fn add_name(&mut self, index: usize, arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
        let word = arguments.word(index);
        let (host, path) = word.split_at(word.find('/').unwrap_or(word.len()));
        if host.contains(':') || host.is_empty() {
            // nginx says nothing, and compares hosts without their port.
            let warning = Diagnostic::warning(arguments.place(index), format!("referer \"{word}\" matches nothing"));
            let warning = warning.label("expected a name without `http://` and without a port");
            arguments.warn(warning.lint(&lint::REFERER_MATCHES_NOTHING));
            return Ok(());
        }
        let name = Name::parse(host).map_err(|_| {
            let error = arguments.error(index, format!("invalid hostname or wildcard \"{host}\""));
            error.label("a star stands for whole labels at the start or at the end of a name")
        })?;
        let path = (!path.is_empty()).then(|| Bytes::copy_from_slice(path.as_bytes()));
        self.names.insert(name, path).map_err(|conflict| {
            let error = arguments.error(index, format!("conflicting parameter \"{}\"", conflict.name));
            error.label("the name stands there already")
        })
    }

    /// With the names of the server that the block belongs to.
    fn judge(&self, server_names: &[Name]) -> Judge {
        let mut names = self.names.clone();
        for name in server_names.iter().filter(|name| self.server_names && !name.as_str().is_empty()) {
            // A name that was given with a path keeps that path.
            let _known = names.insert(name.clone(), None);
        }
        Judge { none: self.none, blocked: self.blocked, names: names.build(), regexes: self.regexes.clone() }
    }
}

/// Judges the field `Referer`.
#[derive(Debug)]
struct Judge {
    none: bool,
    blocked: bool,
    /// Names, and the beginning of the path if it matters.
    names: NameTable<Option<Bytes>>,
    regexes: Vec<Regex>,
}

impl Computed for Judge {
    fn compute(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        let referer = exchange.request.header(names::REFERER);
        append(Some(if self.is_valid(exchange, referer.map(|value| &**value)) { b"" } else { b"1" }), out)
    }
}

impl Judge {
    fn is_valid(&self, exchange: &Exchange, referer: Option<&[u8]>) -> bool {
        let Some(referer) = referer else { return self.none };
        let Some(rest) = behind_scheme(referer) else { return self.blocked };
        let host_length = rest.iter().position(|byte| matches!(byte, b'/' | b':')).unwrap_or(rest.len());
        let (host, behind) = rest.split_at(host_length);
        if host.len() > HOST_BYTES_MAX {
            return false;
        }
        let gave_up = |error| {
            exchange.report(Severity::Alert, format_args!("{error}"));
            false
        };
        match self.names.find(host) {
            Ok(Some(found)) => return found.value.as_ref().is_none_or(|path| path_of(behind).starts_with(path)),
            Ok(None) => {}
            Err(error) => return gave_up(error),
        }
        for regex in &self.regexes {
            match regex.is_match(rest) {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => return gave_up(error),
            }
        }
        false
    }
}

/// What stands behind `http://` or `https://`; none where that is not the beginning of a URL.
fn behind_scheme(referer: &[u8]) -> Option<&[u8]> {
    if referer.len() < URL_BYTES_MIN {
        return None;
    }
    [&b"http://"[..], b"https://"].into_iter().find_map(|scheme| {
        let (start, rest) = referer.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// From the first slash on, what a port is left out of.
fn path_of(behind_host: &[u8]) -> &[u8] {
    let start = memchr::memchr(b'/', behind_host).unwrap_or(behind_host.len());
    &behind_host[start..]
}

const INVALID_REFERER: &str = "invalid_referer";

/// nginx's limit, and what a name of the DNS has at most.
const HOST_BYTES_MAX: usize = 256;

/// nginx takes nothing shorter than `http://i.ru` for a URL.
const URL_BYTES_MIN: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused, warned};
    use crate::exchange::test_support::Bench;

    /// What `$invalid_referer` is for a field, in a server of its own.
    fn invalid(words: &str, referer: Option<&str>) -> String {
        invalid_at(&format!("server {{ valid_referers {words}; }}"), "/", referer)
    }

    fn invalid_at(text: &str, path: &str, referer: Option<&str>) -> String {
        let plan = plan_at::<Referer>(text, path);
        let field = referer.map(|referer| format!("Referer: {referer}\r\n")).unwrap_or_default();
        let mut exchange = Bench::new().exchange(&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
        exchange.plan = plan;
        let mut out = Vec::new();
        assert!((Referer::VARIABLES[0].get)(&exchange, "", &mut out));
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(words: &str, valid: &[&str], others: &[&str]) {
        for referer in valid {
            assert_eq!(invalid(words, Some(referer)), "", "{referer}");
        }
        for referer in others {
            assert_eq!(invalid(words, Some(referer)), "1", "{referer}");
        }
    }

    #[test]
    fn a_name_is_the_host_in_any_case_and_with_any_port() {
        check(
            "a.example *.b.example x.*",
            &["http://a.example", "HTTPS://A.Example:8080/x", "http://q.b.example/", "http://x.org/?a.example"],
            &["http://b.example/", "http://c.example/a.example", "http://me@a.example/", "ftp://a.example/", ""],
        );
    }

    #[test]
    fn a_path_is_the_beginning_of_what_stands_behind_the_host() {
        check(
            "a.example/path",
            &["http://a.example/path", "http://a.example/paths?x", "http://a.example:80/path"],
            &["http://a.example/pat", "http://a.example/", "http://a.example"],
        );
    }

    #[test]
    fn a_regular_expression_sees_all_behind_the_scheme() {
        check(
            "~\\.Google\\.",
            &["http://www.google.com/", "http://evil/?.google."],
            &["http://google.com/", "www.google."],
        );
    }

    #[test]
    fn missing_and_blocked_fields_have_words_of_their_own() {
        assert_eq!((invalid("none a", None), invalid("blocked a", None)), (String::new(), "1".to_owned()));
        check("blocked a.example", &["", "secret", "ftp://x.example/", "http://i.r"], &["http://x.example/"]);
        check("none a.example", &[], &["", "secret"]);
    }

    #[test]
    fn a_host_too_long_to_be_one_is_invalid() {
        let long = format!("http://{}/", "a".repeat(300));
        check("~a", &["http://aaaaa/"], &[&long]);
    }

    #[test]
    fn a_block_with_referers_of_its_own_has_none_from_outside() {
        let text = "server { valid_referers a.example; location / { valid_referers b.example; location /c { } } }";
        let invalid = |path, referer| invalid_at(text, path, Some(referer));
        for path in ["/", "/c"] {
            assert_eq!((&*invalid(path, "http://b.example"), &*invalid(path, "http://a.example")), ("", "1"), "{path}");
        }
        assert_eq!(invalid_at("server { }", "/", Some("http://a.example")), "");
    }

    #[test]
    fn words_that_are_no_names_are_refused() {
        for (words, reason) in [
            ("~", "empty regex"),
            ("''", "invalid referer"),
            ("a..b", "invalid hostname or wildcard \"a..b\""),
            ("a.b A.B", "conflicting parameter \"a.b\""),
            ("~(", "invalid regular expression"),
        ] {
            let report = refused::<Referer>(&format!("valid_referers {words};"));
            assert!(report.contains(reason), "{words}: {report}");
        }
    }

    #[test]
    fn a_word_that_can_never_match_is_warned_of() {
        for word in ["http://a.example", "a.example:80", "/path"] {
            assert!(warned::<Referer>(&format!("valid_referers b {word};")).contains("matches nothing"), "{word}");
        }
    }
}

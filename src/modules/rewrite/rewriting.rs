//! One `rewrite`: its words, and what it does to a URI.

use bytes::Bytes;

use super::script::{Flow, Run};
use crate::base::suggest::nearest;
use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;
use crate::config::named_regex::NamedRegex;
use crate::exchange::Shown;
use crate::exchange::plan::Outcome;
use crate::exchange::template::Template;
use crate::http::status::Status;

/// A compiled `rewrite`.
#[derive(Debug)]
pub(super) struct Rewriting {
    regex: NamedRegex,
    /// The new path; of a redirect the whole place.
    target: Template,
    /// What the replacement has behind its first question mark; nothing of a redirect.
    args: Option<Template>,
    /// The query of the request is kept: the replacement does not end with a question mark.
    keeps_args: bool,
    then: Then,
}

/// What follows a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The next step.
    Next,
    /// Another location.
    Last,
    /// No further step.
    Break,
    /// An answer.
    Redirect {
        status: Status,
        /// The replacement has a question mark.
        has_query: bool,
    },
}

impl Rewriting {
    /// Understands the words.
    pub(super) fn compile(arguments: &Arguments<'_>) -> Result<Self, Diagnostic> {
        let regex = arguments.regex(0, 0, false)?;
        let word = arguments.word(1);
        if word.is_empty() {
            return Err(arguments.error(1, "empty replacement").label("expected a path or a URL"));
        }
        let flag = flag(arguments)?;
        let replacement = word.strip_suffix('?').unwrap_or(word);
        let keeps_args = replacement.len() == word.len();
        let length = replacement.len();
        let query = replacement.find('?');
        let is_url = ["http://", "https://", "$scheme"].iter().any(|begin| word.starts_with(begin));
        let status = match flag {
            Some(Flag::Redirect) => Some(Status::FOUND),
            Some(Flag::Permanent) => Some(Status::MOVED_PERMANENTLY),
            _ => is_url.then_some(Status::FOUND),
        };
        if let Some(status) = status {
            let target = arguments.template_in(1, 0..length)?;
            let then = Then::Redirect { status, has_query: query.is_some() };
            return Ok(Self { regex, target, args: None, keeps_args, then });
        }
        let args = query.map(|at| arguments.template_in(1, at + 1..length)).transpose()?;
        let target = arguments.template_in(1, 0..query.unwrap_or(length))?;
        let then = match flag {
            Some(Flag::Last) => Then::Last,
            Some(Flag::Break) => Then::Break,
            _ => Then::Next,
        };
        Ok(Self { regex, target, args, keeps_args, then })
    }

    /// Rewrites the URI of a run, if the expression matches it.
    pub(super) fn apply(&self, run: &mut Run<'_>) -> Flow {
        let uri = run.exchange.uri.clone();
        match run.matches(&self.regex, &uri) {
            Ok(true) => {}
            Ok(false) => return Flow::Next,
            Err(status) => return Flow::Decided(Outcome::Fail(status)),
        }
        if let Then::Redirect { status, has_query } = self.then {
            let location = self.location(run, has_query);
            run.note(format_args!("rewritten redirect: \"{}\"", Shown(&location)));
            run.exchange.internal = true;
            return Flow::Decided(Outcome::RedirectTo { status, location });
        }
        let target = run.render(&self.target, false);
        let args = self.args(run);
        if let Err(status) = run.rewrite(target, args) {
            return Flow::Decided(Outcome::Fail(status));
        }
        match self.then {
            Then::Last => Flow::Relocate,
            Then::Break => Flow::End,
            Then::Next | Then::Redirect { .. } => Flow::Next,
        }
    }

    fn args(&self, run: &Run<'_>) -> Bytes {
        let old = &run.exchange.args;
        let Some(args) = &self.args else {
            return if self.keeps_args { old.clone() } else { Bytes::new() };
        };
        let new = run.render(args, true);
        if self.keeps_args && !old.is_empty() { Bytes::from([&new[..], b"&", &old[..]].concat()) } else { new }
    }

    /// Where a redirect leads.
    fn location(&self, run: &Run<'_>, has_query: bool) -> Bytes {
        let mut location = unescape(&run.render(&self.target, true));
        if self.keeps_args && !run.exchange.args.is_empty() {
            location.push(if has_query { b'&' } else { b'?' });
            location.extend_from_slice(&run.exchange.args);
        }
        Bytes::from(location)
    }
}

#[derive(Clone, Copy)]
enum Flag {
    Last,
    Break,
    Redirect,
    Permanent,
}

const FLAGS: [(&str, Flag); 4] =
    [("last", Flag::Last), ("break", Flag::Break), ("redirect", Flag::Redirect), ("permanent", Flag::Permanent)];

fn flag(arguments: &Arguments<'_>) -> Result<Option<Flag>, Diagnostic> {
    if arguments.len() < 3 {
        return Ok(None);
    }
    let word = arguments.word(2);
    if let Some((_, flag)) = FLAGS.iter().find(|(name, _)| *name == word) {
        return Ok(Some(*flag));
    }
    let error = arguments.error(2, format!("invalid parameter \"{word}\""));
    let error = match (word, nearest(word, FLAGS.map(|(name, _)| name))) {
        ("301", _) => error.label("did you mean `permanent`?"),
        ("302", _) => error.label("did you mean `redirect`?"),
        (_, Some(near)) => error.label(format!("did you mean `{near}`?")),
        (_, None) => error.label("no flag has this name"),
    };
    Err(error.help("expected `last`, `break`, `redirect` or `permanent`"))
}

/// Decodes the place that a redirect leads to, as nginx does: escapes of what may stand in a path as it is, up to the
/// first question mark. An escape that is none loses its percent sign, one whose second digit is none goes as a whole.
fn unescape(location: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(location.len());
    let mut at = 0;
    while let Some(&byte) = location.get(at) {
        at += 1;
        match byte {
            b'?' => {
                out.extend_from_slice(&location[at - 1..]);
                break;
            }
            b'%' => {
                let digit = |at: usize| location.get(at).and_then(|byte| char::from(*byte).to_digit(16));
                match (digit(at), digit(at + 1)) {
                    (Some(high), Some(low)) => {
                        let escape = &location[at - 1..at + 2];
                        at += 2;
                        match u8::try_from(high * 16 + low) {
                            Ok(b'?') => {
                                out.push(b'?');
                                out.extend_from_slice(&location[at..]);
                                break;
                            }
                            Ok(byte @ b'&'..b'\x7f') => out.push(byte),
                            _ => out.extend_from_slice(escape),
                        }
                    }
                    (Some(_), None) => at += 2,
                    (None, _) => {
                        out.extend(location.get(at));
                        at += 1;
                    }
                }
            }
            byte => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Rewrite;
    use super::*;
    use crate::config::testing::{accepted, refused};

    fn unescaped(location: &str) -> String {
        String::from_utf8(unescape(location.as_bytes())).unwrap()
    }

    #[test]
    fn a_redirect_keeps_the_escapes_that_it_needs() {
        assert_eq!(unescaped("/%41%2Fb%7e"), "/A/b~");
        assert_eq!(unescaped("/%20%25%23%0d%c3%a9%7f"), "/%20%25%23%0d%c3%a9%7f");
    }

    #[test]
    fn a_redirects_query_stays_as_it_is() {
        assert_eq!(unescaped("/%41?%41"), "/A?%41");
        assert_eq!(unescaped("/%41%3f%41"), "/A?%41");
    }

    #[test]
    fn an_escape_that_is_none_goes() {
        assert_eq!(unescaped("/a%zb%4zc%%41%4"), "/azbc%41");
        assert_eq!(unescaped("%"), "");
    }

    #[test]
    fn flags_are_known_by_their_exact_name() {
        for (flag, hint) in [
            ("Last", "did you mean `last`?"),
            ("premanent", "did you mean `permanent`?"),
            ("301", "did you mean `permanent`?"),
            ("302", "did you mean `redirect`?"),
            ("[L]", "no flag has this name"),
        ] {
            let report = refused::<Rewrite>(&format!("rewrite ^/a /b {flag};"));
            assert!(report.contains(&format!("invalid parameter \"{flag}\"")) && report.contains(hint), "{report}");
            assert!(report.contains("expected `last`, `break`, `redirect` or `permanent`"), "{report}");
        }
        for flag in ["", "last", "break", "redirect", "permanent"] {
            accepted::<Rewrite>(&format!("http {{ server {{ rewrite ^/a /b {flag}; }} }}"));
        }
    }

    #[test]
    fn an_expression_that_is_wrong_is_shown_where_it_is() {
        let report = refused::<Rewrite>("rewrite ^/(a /b;");
        assert!(report.contains("invalid regular expression \"^/(a\"") && report.contains("missing \")\""), "{report}");
        let report = refused::<Rewrite>("location / { if ($uri ~ \"a[b\") { } }");
        assert!(report.contains("invalid regular expression \"a[b\"") && report.contains("missing \"]\""), "{report}");
    }

    #[test]
    fn a_replacement_is_something() {
        assert!(refused::<Rewrite>("rewrite a \"\";").contains("empty replacement"));
        assert!(refused::<Rewrite>("rewrite a /$;").contains("invalid variable name"));
        assert!(refused::<Rewrite>("rewrite a /$nothing;").contains("unknown \"nothing\" variable"));
    }
}

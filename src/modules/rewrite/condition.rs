//! The condition of an `if`: its test, compiled from what `form` finds in its words.

use bytes::Bytes;

use super::form::{self, Comparison, FileTest, Form, Part};
use super::script::Run;
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;
use crate::config::named_regex::NamedRegex;
use crate::exchange::files::Fault;
use crate::exchange::template::Template;
use crate::exchange::{Exchange, Shown};
use crate::http::status::Status;
use crate::runtime::Kind;

/// A compiled condition.
#[derive(Debug)]
pub(super) enum Condition {
    /// The variable is neither empty nor `0`.
    Is(Template),
    /// The variable is this text.
    Equals { variable: Template, text: Template, negated: bool },
    /// The variable matches.
    Matches { variable: Template, regex: NamedRegex, negated: bool },
    /// What is at this path.
    File { path: Template, test: FileTest, negated: bool },
}

impl Condition {
    /// Understands the words of an `if`.
    pub(super) fn compile(arguments: &Arguments<'_>) -> Result<Self, Diagnostic> {
        let words: Vec<&str> = arguments.words().collect();
        let form = form::parse(&words).map_err(|problem| {
            let place = arguments.place_in(problem.at.word, problem.at.range.clone());
            let error = Diagnostic::error(place, problem.message).label(problem.label);
            match problem.help {
                Some(help) => error.help(help),
                None => error,
            }
        })?;
        let template = |part: &Part| arguments.template_in(part.word, part.range.clone());
        Ok(match form {
            Form::Variable(variable) => Self::Is(template(&variable)?),
            Form::File { test, negated, path } => Self::File { path: template(&path)?, test, negated },
            Form::Compare { variable, comparison: Comparison::Text, negated, value } => {
                Self::Equals { variable: template(&variable)?, text: template(&value)?, negated }
            }
            Form::Compare { variable, comparison: Comparison::Regex { any_case }, negated, value } => {
                let regex = arguments.regex_in(value.word, value.range, any_case)?;
                Self::Matches { variable: template(&variable)?, regex, negated }
            }
        })
    }

    /// Whether it holds; an error is an answer.
    pub(super) fn holds(&self, run: &mut Run<'_>) -> Result<bool, Status> {
        Ok(match self {
            Self::Is(variable) => {
                let value = variable.render(run.exchange);
                !value.is_empty() && *value != *b"0"
            }
            Self::Equals { variable, text, negated } => {
                (*variable.render(run.exchange) == *run.value(text)) != *negated
            }
            Self::Matches { variable, regex, negated } => {
                let value = variable.render_bytes(run.exchange);
                run.matches(regex, &value)? != *negated
            }
            Self::File { path, test, negated } => test.holds(run.exchange, &run.value(path)) != *negated,
        })
    }
}

impl FileTest {
    fn holds(self, exchange: &Exchange, path: &Bytes) -> bool {
        match exchange.file_status(path) {
            Ok(status) => match self {
                Self::Regular => status.kind == Kind::Regular,
                Self::Directory => status.kind == Kind::Directory,
                Self::Exists => status.kind != Kind::Other,
                Self::Executable => status.executable,
            },
            Err(error) => {
                if Fault::of(&error) != Fault::Missing {
                    let reason = Reason(&error);
                    exchange.report(Severity::Crit, format_args!("stat() \"{}\" failed {reason}", Shown(path)));
                }
                false
            }
        }
    }
}

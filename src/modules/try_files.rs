//! The first of several files that exists: `try_files`.
//!
//! Runs before the content handlers. A file that is found becomes the URI, and the same location goes
//! on with it; with none the last argument decides: another URI, a named location, or a status.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::files::{Fault, Reason, is_unsafe};
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::redirect;
use crate::exchange::settings::Alias;
use crate::exchange::template::Template;
use crate::exchange::{Exchange, Shown};
use crate::http::status::Status;
use crate::runtime::Kind;

/// The module.
#[derive(Debug)]
pub struct TryFiles;

/// What its directives set.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    choice: Option<Arc<Choice>>,
}

/// What one `try_files` says.
#[derive(Debug)]
struct Choice {
    candidates: Vec<Candidate>,
    fallback: Fallback,
}

/// A file, or a folder, that is looked for.
#[derive(Debug)]
struct Candidate {
    /// Its name, without the slash behind a folder's.
    name: Template,
    folder: bool,
}

/// The last argument: what is done when nothing was found.
#[derive(Debug)]
enum Fallback {
    Status(Status),
    /// 444: end the connection.
    Close,
    /// A URI with its arguments, or `@name`.
    Target(Template),
}

impl Module for TryFiles {
    type Conf = Conf;

    const NAME: &'static str = "try_files";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "try_files",
        contexts: Contexts::SERVER.or(Contexts::LOCATION),
        args: Shape::at_least(2, "FILE... URI | @NAME | =CODE"),
        repeat: Repeat::Once,
        set: |conf, arguments| {
            conf.choice = Some(Arc::new(parse(arguments)?));
            Ok(())
        },
        default: "",
        doc: "Looks for files in the order given, under `root` or `alias`, and goes on in the same location with the \
              first that exists; a name with a slash behind it means a folder. If there is none, the last argument is \
              taken: an internal redirect to a URI, a named location, or a status. It is not inherited by nested \
              locations. A name with a segment `..` (from a variable) is never found.",
        example: "try_files $uri $uri/ /index.html?$args;",
        origin: Origin::Nginx,
    }];

    const INHERIT: Option<fn(&Conf) -> Conf> = Some(|_| Conf::default());

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if let Some(choice) = &conf.choice {
            plan.handler(Stage::PreContent, TryCandidates(Arc::clone(choice)));
        }
        Ok(())
    }
}

fn parse(arguments: &Arguments<'_>) -> Result<Choice, Diagnostic> {
    let last = arguments.len().saturating_sub(1);
    let mut candidates = Vec::with_capacity(last);
    for index in 0..last {
        let word = arguments.word(index);
        let name = word.strip_suffix('/').unwrap_or(word);
        let folder = name.len() < word.len();
        candidates.push(Candidate { name: arguments.template_in(index, 0..name.len())?, folder });
    }
    let fallback = match arguments.word(last).strip_prefix('=') {
        None => Fallback::Target(arguments.template(last)?),
        Some(code) => match code.parse().ok().and_then(Status::new) {
            Some(Status::CLOSE) => Fallback::Close,
            Some(status) => Fallback::Status(status),
            None => {
                let message = format!("invalid code \"{}\"", arguments.word(last));
                return Err(arguments.error(last, message).label("expected a status, such as `=404`"));
            }
        },
    };
    Ok(Choice { candidates, fallback })
}

/// Goes on with the first candidate that exists.
#[derive(Debug)]
struct TryCandidates(Arc<Choice>);

impl Handler for TryCandidates {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        match self.0.candidates.iter().any(|candidate| candidate.take(exchange)) {
            true => Outcome::Next,
            false => self.0.fallback.outcome(exchange),
        }
        .into()
    }
}

impl Candidate {
    /// Makes the file the exchange's URI, if it exists.
    fn take(&self, exchange: &mut Exchange) -> bool {
        let name = self.name.render(exchange);
        if is_unsafe(&name) {
            return false;
        }
        let alias = exchange.plan.settings.root.alias;
        let uri = match alias {
            None => joined(b"/", &name),
            Some(Alias::Prefix(length)) => {
                let prefix = &exchange.uri[..length.min(exchange.uri.len())];
                // `$uri` holds the prefix that the alias stands for; a name that is written out does not.
                let has_prefix = self.name.as_literal().is_none();
                joined(prefix, if has_prefix { name.strip_prefix(prefix).unwrap_or(&name) } else { &name })
            }
            Some(Alias::Whole) => name.to_vec(),
        };
        let path = match alias {
            Some(Alias::Whole) => [&exchange.document_root()[..], &uri[..]].concat(),
            _ => exchange.filename_of(&uri),
        };
        if !self.exists(exchange, &path) {
            return false;
        }
        match alias {
            // The alias alone is the file.
            Some(Alias::Whole) if uri.is_empty() => {}
            Some(Alias::Whole) => {
                exchange.uri = Bytes::from(uri);
                exchange.uri_behind_alias = true;
            }
            _ => exchange.uri = Bytes::from(uri),
        }
        true
    }

    fn exists(&self, exchange: &Exchange, path: &[u8]) -> bool {
        match exchange.file_status(path) {
            Ok(status) => (status.kind == Kind::Directory) == self.folder,
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

impl Fallback {
    fn outcome(&self, exchange: &Exchange) -> Outcome {
        let target = match self {
            Self::Status(status) => return Outcome::Fail(*status),
            Self::Close => return Outcome::Close,
            Self::Target(target) => target.render_bytes(exchange),
        };
        if target.starts_with(b"@") {
            return Outcome::Named(Arc::from(String::from_utf8_lossy(&target)));
        }
        let (uri, args) = redirect::split_target(&target);
        if is_unsafe(&uri) {
            exchange.report(Severity::Error, format_args!("unsafe URI \"{}\" was detected", Shown(&uri)));
            return Outcome::Fail(Status::NOT_FOUND);
        }
        let uri = if uri.starts_with(b"/") { uri } else { Bytes::from(joined(b"/", &uri)) };
        Outcome::Reroute { uri, args }
    }
}

/// `prefix` and `name` with one slash between them, where the prefix has one.
fn joined(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    let name = if prefix.ends_with(b"/") { name.strip_prefix(b"/").unwrap_or(name) } else { name };
    [prefix, name].concat()
}

//! The first of several files that exists: `try_files`.
//!
//! Runs before the content handlers. A file that is found becomes the URI, and the same location goes
//! on with it; with none the last argument decides: another URI, a named location, or a status.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::files::{Fault, is_unsafe};
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

    const KEEPS_TO_ITS_BLOCK: bool = true;

    const INHERIT: Option<fn(&Conf) -> Conf> = Some(|_| Conf::default());

    const INHERITS_ALL: fn(&Conf) -> bool = |conf| conf.choice.is_none();

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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::exchange::response::Response;
    use crate::exchange::testing::{Answer, Location};
    use crate::exchange::variables::{Reference, append};

    /// Answers with the URI and the arguments.
    #[derive(Debug)]
    struct Tell;

    impl Handler for Tell {
        fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
            let told = [&exchange.uri[..], b"?", &exchange.args[..], b" ", &exchange.filename()[..]].concat();
            Outcome::Respond(Box::new(Response::with_bytes(Status::OK, "text/plain", told))).into()
        }
    }

    fn template(text: &str) -> Template {
        let uri = |_: &str| {
            Some(Reference::BuiltIn {
                get: |exchange, _, out| append(Some(&exchange.uri), out),
                member: Box::default(),
                name: "uri".into(),
            })
        };
        Template::compile(text, uri).unwrap()
    }

    fn location(candidates: &[&str], fallback: Fallback, alias: Option<Alias>) -> Location {
        let candidates = candidates
            .iter()
            .map(|text| Candidate {
                name: template(text.strip_suffix('/').unwrap_or(text)),
                folder: text.ends_with('/'),
            })
            .collect();
        Location::new(|plan| {
            plan.settings.root.alias = alias;
            plan.handler(Stage::PreContent, TryCandidates(Arc::new(Choice { candidates, fallback })));
            plan.handler(Stage::Content, Tell);
        })
    }

    fn tried(candidates: &[&str], target: &str) -> Answer {
        let site = location(candidates, Fallback::Status(Status::NOT_FOUND), None);
        site.file("page.html", "").folder("sub").get(target)
    }

    /// What the content handler saw: the URI, and the file as it lies in the root.
    fn told(answer: &Answer) -> (&str, &str) {
        let (uri, path) = answer.text().split_once(' ').unwrap();
        (uri, path.splitn(4, '/').nth(3).unwrap_or_default())
    }

    #[test]
    fn the_first_that_exists_becomes_the_uri() {
        assert_eq!(told(&tried(&["/no", "$uri", "/sub/"], "/page.html?a=b")).0, "/page.html?a=b");
        assert_eq!(told(&tried(&["$uri", "$uri.html"], "/page")).0, "/page.html?");
    }

    #[test]
    fn a_slash_means_a_folder_and_none_a_file() {
        assert_eq!(told(&tried(&["$uri", "$uri/"], "/sub")).0, "/sub?");
        assert_eq!(told(&tried(&["$uri", "$uri/"], "/sub/")).0, "/sub/?");
        assert_eq!(tried(&["$uri"], "/sub").status, 404);
        assert_eq!(tried(&["$uri/"], "/page.html").status, 404);
    }

    #[test]
    fn a_name_without_a_slash_is_joined_by_one() {
        assert_eq!(told(&tried(&["page.html"], "/x")), ("/page.html?", "page.html"));
    }

    #[test]
    fn a_name_that_leads_out_is_never_found() {
        assert_eq!(tried(&["/sub/../page.html", "/../etc/passwd"], "/x").status, 404);
    }

    #[test]
    fn the_last_argument_is_a_uri_with_arguments_of_its_own() {
        // The same location tries again; /page.html is found then.
        let site = location(&["/page.html$uri", "$uri"], Fallback::Target(template("/page.html?from=$uri")), None);
        assert_eq!(told(&site.file("page.html", "").get("/x?a=b")).0, "/page.html?from=/x");
    }

    #[test]
    fn a_named_location_keeps_uri_and_arguments() {
        let target = Fallback::Target(template("@none"));
        assert_eq!(location(&["/no"], target, None).get("/x?a=b").status, 500);
    }

    #[test]
    fn a_fallback_that_goes_round_ends() {
        assert_eq!(location(&["/no"], Fallback::Target(template("/x")), None).get("/x").status, 500);
    }

    #[test]
    fn under_an_alias_the_uri_keeps_the_locations_part() {
        for (candidate, found) in
            [("$uri", "/i/page.html?"), ("page.html", "/i/page.html?"), ("/page.html", "/i/page.html?")]
        {
            let site = location(&[candidate], Fallback::Status(Status::NOT_FOUND), Some(Alias::Prefix(3)));
            assert_eq!(told(&site.file("page.html", "").get("/i/page.html")), (found, "page.html"), "{candidate}");
        }
    }

    #[test]
    fn under_an_alias_for_the_whole_path_names_come_behind_it() {
        let whole = |candidate: &str| {
            let site = location(&[candidate], Fallback::Status(Status::NOT_FOUND), Some(Alias::Whole));
            site.file("page.html", "").get("/any")
        };
        assert_eq!(told(&whole("/page.html")), ("/page.html?", "page.html"));
        assert_eq!(whole("").status, 404, "the alias itself is a folder");
    }

    #[test]
    fn a_path_that_is_the_alias_alone_keeps_the_uri() {
        let site = location(&[""], Fallback::Status(Status::NOT_FOUND), Some(Alias::Whole));
        let file = site.path("page.html");
        let site = site.file("page.html", "");
        let answer = site.with_root(Path::new(&file)).get("/any");
        assert_eq!(told(&answer), ("/any?", "page.html"));
    }
}

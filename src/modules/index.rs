//! What answers for a folder: `index` (nginx's index module).
//!
//! The first of the content handlers. It looks for the first of the names that exists in the folder
//! and redirects internally to it, so that the location of that name answers. With none of them the
//! next handler has its turn (`autoindex`, or 403).

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;

use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::files::{Fault, is_unsafe};
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::template::Template;
use crate::exchange::{Exchange, Shown};
use crate::http::method::Method;
use crate::http::status::Status;
use crate::runtime::Kind;

/// The module.
#[derive(Debug)]
pub struct Index;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    names: Arc<[Template]>,
}

impl Default for Conf {
    fn default() -> Self {
        Self { names: Arc::from([Template::literal("index.html")]) }
    }
}

impl Module for Index {
    type Conf = Conf;

    const NAME: &'static str = "index";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "index",
        contexts: Contexts::HTTP_SERVER_LOCATION,
        args: Shape::at_least(1, "FILE..."),
        repeat: Repeat::Many,
        set: set_names,
        default: "index.html",
        doc: "The files that answer for a folder, when the path ends with a slash: the first that exists is taken, by an \
              internal redirect to it, which may lead to another location. Names may hold variables; the last may be a \
              path that begins with a slash, which is taken without looking.",
        example: "index index.$host.html index.html /welcome.html;",
        origin: Origin::Nginx,
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.handler(Stage::Content, TryIndex { names: Arc::clone(&conf.names) });
        Ok(())
    }
}

fn set_names(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    // A second `index` beside the first adds to it; what the enclosing block had is dropped.
    let mut names = if arguments.first_in_block() { Vec::new() } else { conf.names.to_vec() };
    for (index, name) in arguments.words().enumerate() {
        if name.is_empty() {
            return Err(arguments.error(index, "index \"\" in \"index\" directive is invalid"));
        }
        if name.starts_with('/') && index + 1 < arguments.len() {
            let warning = "only the last index in \"index\" directive should be absolute";
            let warning = Diagnostic::warning(arguments.place(index), warning);
            arguments.warn(warning.label("what stands behind it is never tried").lint(&lint::INDEX_AFTER_ABSOLUTE));
        }
        names.push(arguments.template(index)?);
    }
    conf.names = names.into();
    Ok(())
}

/// Redirects internally to the first name that exists.
#[derive(Debug)]
struct TryIndex {
    names: Arc<[Template]>,
}

impl Handler for TryIndex {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        self.look(exchange).into()
    }
}

impl TryIndex {
    fn look(&self, exchange: &mut Exchange) -> Outcome {
        let answers = exchange.method.is_get_or_head() || exchange.method == Method::Post;
        if !answers || !exchange.uri.ends_with(b"/") || exchange.uri.contains(&0) {
            return Outcome::Next;
        }
        let mut path = exchange.filename();
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        let folder_length = path.len();
        let mut folder_is_there = false;
        for name in self.names.iter() {
            let name = name.render(exchange);
            if name.starts_with(b"/") {
                return Outcome::Reroute { uri: Bytes::copy_from_slice(&name), args: exchange.args.clone() };
            }
            if name.is_empty() || is_unsafe(&name) {
                continue;
            }
            path.truncate(folder_length);
            path.extend_from_slice(&name);
            let Err(error) = exchange.file_status(&path) else {
                let uri = Bytes::from([&exchange.uri[..], &name[..]].concat());
                return Outcome::Reroute { uri, args: exchange.args.clone() };
            };
            if let Some(outcome) = refused(exchange, &path, &error) {
                return outcome;
            }
            if !folder_is_there && let Some(outcome) = test_folder(exchange, &path, folder_length) {
                return outcome;
            }
            folder_is_there = true;
            if Errno::from_io_error(&error) != Some(Errno::NOENT) {
                return broken(exchange, &path, &error);
            }
        }
        Outcome::Next
    }
}

/// The answer when the name tells already that the folder is no good.
fn refused(exchange: &Exchange, path: &[u8], error: &io::Error) -> Option<Outcome> {
    let not_a_name = Errno::from_io_error(error) == Some(Errno::NOENT);
    match Fault::of(error) {
        Fault::Forbidden => Some(forbidden(exchange, path, error)),
        Fault::Missing if !not_a_name => Some(missing(exchange, path, error)),
        Fault::Missing | Fault::Failed => None,
    }
}

/// Whether the folder exists at all: one look, after the first name that does not. `path` is that of
/// the name, for messages; the folder's is its beginning.
fn test_folder(exchange: &Exchange, path: &[u8], folder_length: usize) -> Option<Outcome> {
    let slash = folder_length - 1;
    let folder = if slash == 0 { &path[..1] } else { &path[..slash] };
    match exchange.file_status(folder) {
        Ok(status) if status.kind == Kind::Directory => None,
        Ok(_) => {
            exchange.report(Severity::Alert, format_args!("\"{}\" is not a directory", Shown(folder)));
            Some(Outcome::Fail(Status::INTERNAL_SERVER_ERROR))
        }
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => Some(missing(exchange, path, &error)),
            Some(Errno::LOOP | Errno::MLINK) => Some(forbidden(exchange, folder, &error)),
            // Names in it could be looked for, so it can be searched.
            Some(Errno::ACCESS) => None,
            _ => Some(broken(exchange, folder, &error)),
        },
    }
}

fn missing(exchange: &Exchange, path: &[u8], error: &io::Error) -> Outcome {
    if exchange.plan.settings.log_not_found {
        exchange.report(Severity::Error, format_args!("\"{}\" is not found {}", Shown(path), Reason(error)));
    }
    Outcome::Fail(Status::NOT_FOUND)
}

fn forbidden(exchange: &Exchange, path: &[u8], error: &io::Error) -> Outcome {
    exchange.report(Severity::Error, format_args!("\"{}\" is forbidden {}", Shown(path), Reason(error)));
    Outcome::Fail(Status::FORBIDDEN)
}

fn broken(exchange: &Exchange, path: &[u8], error: &io::Error) -> Outcome {
    exchange.report(Severity::Crit, format_args!("stat() \"{}\" failed {}", Shown(path), Reason(error)));
    Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::response::Response;
    use crate::exchange::testing::Location;

    /// Answers what has no slash at its end.
    #[derive(Debug)]
    struct Content;

    impl Handler for Content {
        fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
            match exchange.uri.ends_with(b"/") {
                true => Outcome::Next.into(),
                false => Outcome::Respond(Box::new(Response::new(Status::OK))).into(),
            }
        }
    }

    fn site(names: &[&str]) -> Location {
        let names = names.iter().map(Template::literal).collect();
        Location::new(|plan| {
            plan.handler(Stage::Content, TryIndex { names });
            plan.handler(Stage::Content, Content);
        })
    }

    #[test]
    fn the_first_name_that_exists_is_taken() {
        let answer =
            site(&["no.html", "home.html", "index.html"]).file("home.html", "").file("index.html", "").get("/");
        assert_eq!((answer.status, &*answer.uri), (200, "/home.html"));
    }

    #[test]
    fn a_name_may_lie_deeper_and_arguments_stay() {
        let answer = site(&["in/home.html"]).file("sub/in/home.html", "").get("/sub/?a=b");
        assert_eq!((answer.status, &*answer.uri), (200, "/sub/in/home.html"));
    }

    #[test]
    fn an_absolute_name_is_taken_without_looking() {
        assert_eq!(site(&["no.html", "/other/x"]).get("/").uri, "/other/x");
    }

    #[test]
    fn with_no_name_the_folder_is_forbidden() {
        let answer = site(&["no.html", "", "../x"]).folder("sub").get("/sub/");
        assert_eq!((answer.status, &*answer.uri), (403, "/sub/"));
    }

    #[test]
    fn a_folder_that_does_not_exist_is_not_found() {
        assert_eq!(site(&["index.html"]).get("/none/").status, 404);
        assert_eq!(site(&["index.html"]).file("page", "").get("/page/").status, 404);
        assert_eq!(site(&[&"x".repeat(300)]).get("/").status, 404);
    }

    #[test]
    fn a_loop_of_links_is_forbidden() {
        let site = site(&["index.html"]);
        std::os::unix::fs::symlink("loop", site.path("loop")).unwrap();
        assert_eq!(site.get("/loop/").status, 403);
    }

    #[test]
    fn a_post_is_led_to_the_file_and_a_put_is_not() {
        let asked = |method: &str| {
            let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
            site(&["index.html"]).file("index.html", "").request(&head).uri
        };
        assert_eq!(asked("POST"), "/index.html");
        assert_eq!(asked("PUT"), "/");
    }

    #[test]
    fn a_folder_under_an_alias_for_the_whole_path_needs_no_slash() {
        let site = Location::new(|plan| {
            plan.settings.root.alias = Some(crate::exchange::settings::Alias::Whole);
            plan.handler(Stage::Content, TryIndex { names: Arc::from([Template::literal("home.html")]) });
            plan.handler(Stage::Content, Content);
        });
        assert_eq!(site.file("home.html", "").get("/any/").uri, "/any/home.html");
    }
}

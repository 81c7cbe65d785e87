//! Files as they are: what answers GET and HEAD when nothing else does (nginx's static module).
//!
//! Last of the content handlers. It opens the file that the URI stands for and gives it as the body;
//! the connection decides how its bytes travel. Conditions and ranges are filters; folders are
//! `index` and `autoindex`.

use std::rc::Rc;

use bytes::Bytes;

use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::body::{Body, FileSlice};
use crate::exchange::files::Fault;
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::response::Response;
use crate::exchange::shared_file::SharedFile;
use crate::exchange::trace::Step;
use crate::exchange::{Exchange, Shown, redirect};
use crate::http::conditional;
use crate::http::headers::names;
use crate::http::method::Method;
use crate::http::mime;
use crate::http::status::Status;
use crate::runtime::Kind;

/// The module.
#[derive(Debug)]
pub struct StaticFiles;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    etag: bool,
}

impl Default for Conf {
    fn default() -> Self {
        Self { etag: true }
    }
}

impl Module for StaticFiles {
    type Conf = Conf;

    const NAME: &'static str = "static_files";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "etag",
        contexts: Contexts::HTTP_SERVER_LOCATION,
        args: Shape::Flag,
        repeat: Repeat::Once,
        set: |conf, arguments| {
            conf.etag = arguments.flag(0)?;
            Ok(())
        },
        default: "on",
        doc: "Sends files with an entity tag made of the time of their last change and their length, so that a \
              client can ask whether its copy is still good.",
        example: "etag off;",
        origin: Origin::Nginx,
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.handler(Stage::Content, ServeFile { etag: conf.etag });
        Ok(())
    }
}

/// Answers with the file that the URI stands for.
#[derive(Debug)]
struct ServeFile {
    etag: bool,
}

impl Handler for ServeFile {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        self.serve(exchange).into()
    }
}

impl ServeFile {
    fn serve(&self, exchange: &mut Exchange) -> Outcome {
        let readable = exchange.method.is_get_or_head();
        // As in nginx a POST is looked at more closely: what does not exist is 404, not 405.
        if !readable && exchange.method != Method::Post {
            return not_allowed(exchange);
        }
        if exchange.uri.ends_with(b"/") || exchange.uri.contains(&0) {
            return Outcome::Next;
        }
        let path = exchange.filename();
        let file = match exchange.open_shared(&path) {
            Ok(file) => file,
            Err(error) => return failed(exchange, &path, &error),
        };
        match file.status.kind {
            Kind::Directory => {
                Outcome::RedirectTo { status: Status::MOVED_PERMANENTLY, location: redirect::with_slash(exchange) }
            }
            Kind::Other => not_regular(exchange, &path),
            Kind::Regular if !readable => not_allowed(exchange),
            Kind::Regular => {
                exchange.tell(|| Step::file(&path));
                Outcome::Respond(Box::new(self.response(exchange, file)))
            }
        }
    }

    fn response(&self, exchange: &Exchange, file: Rc<SharedFile>) -> Response {
        let mut response = Response::new(Status::OK);
        response.content_type = content_type(exchange);
        response.last_modified = Some(file.status.mtime);
        if self.etag {
            response.headers.append(names::ETAG, conditional::etag(file.status.mtime, file.status.len));
        }
        response.ranges = true;
        response.body = Body::File(FileSlice { offset: 0, length: file.status.len, file });
        response
    }
}

/// The type by the extension of the URI (not of the file: an `alias` may call it otherwise).
fn content_type(exchange: &Exchange) -> Option<Bytes> {
    let settings = &exchange.plan.settings;
    let by_extension = mime::extension(&exchange.uri).and_then(|extension| settings.types.by_extension(extension));
    let content_type = by_extension.unwrap_or(&settings.default_type);
    (!content_type.is_empty()).then(|| content_type.clone())
}

/// 405, with what RFC 9110 section 15.5.6 wants beside it.
fn not_allowed(exchange: &mut Exchange) -> Outcome {
    exchange.error.allow = Some(exchange.plan.settings.handled_methods.field.clone());
    Outcome::Fail(Status::METHOD_NOT_ALLOWED)
}

fn not_regular(exchange: &Exchange, path: &[u8]) -> Outcome {
    exchange.report(Severity::Crit, format_args!("\"{}\" is not a regular file", Shown(path)));
    Outcome::Fail(Status::NOT_FOUND)
}

fn failed(exchange: &Exchange, path: &[u8], error: &std::io::Error) -> Outcome {
    // A socket cannot even be opened.
    if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) {
        return not_regular(exchange, path);
    }
    let fault = Fault::of(error);
    let severity = if fault == Fault::Failed { Severity::Crit } else { Severity::Error };
    if fault != Fault::Missing || exchange.plan.settings.log_not_found {
        let call = exchange.open_call();
        exchange.report(severity, format_args!("{call} \"{}\" failed {}", Shown(path), Reason(error)));
    }
    Outcome::Fail(fault.status())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;
    use crate::exchange::testing::{Answer, Location};
    use crate::runtime::Symlinks;

    fn site() -> Location {
        Location::new(|plan| plan.handler(Stage::Content, ServeFile { etag: true }))
    }

    fn asked(method: &str, target: &str) -> Answer {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        site().file("page.html", "hello").folder("sub").request(&request)
    }

    #[test]
    fn a_file_is_answered_with_its_type_its_date_and_its_tag() {
        let answer = asked("GET", "/page.html");
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        assert_eq!(answer.content_type(), Some("text/html"));
        assert_eq!(answer.header("etag"), Some("\"2ebc98a1-5\""));
        assert!(answer.response.last_modified.is_some() && answer.response.ranges);
    }

    #[test]
    fn etag_off_sends_no_tag() {
        let site = Location::new(|plan| plan.handler(Stage::Content, ServeFile { etag: false }));
        assert_eq!(site.file("a", "").get("/a").header("etag"), None);
    }

    #[test]
    fn an_unknown_extension_has_the_default_type_and_an_empty_one_is_none() {
        assert_eq!(site().file("a.b", "").get("/a.b").content_type(), Some("text/plain"));
        let site = Location::new(|plan| {
            plan.settings.default_type = Bytes::new();
            plan.handler(Stage::Content, ServeFile { etag: true });
        });
        assert_eq!(site.file("a.b", "").get("/a.b").content_type(), None);
    }

    #[test]
    fn a_folder_is_redirected_to_its_slash_with_its_arguments() {
        let answer = asked("GET", "/sub?a=b");
        assert_eq!((answer.status, answer.location()), (301, Some("http://a:8080/sub/?a=b")));
        assert_eq!(asked("POST", "/sub").status, 301);
        assert_eq!(asked("GET", "/sub/").status, 403);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for target in ["/none", "/page.html/below", &format!("/{}", "x".repeat(300))] {
            assert_eq!(asked("GET", target).status, 404, "{target}");
        }
        assert_eq!(asked("POST", "/none").status, 404);
    }

    #[test]
    fn other_methods_are_told_which_are_allowed() {
        for (method, target) in [("POST", "/page.html"), ("PUT", "/none"), ("OPTIONS", "/sub/"), ("DELETE", "/sub")] {
            let answer = asked(method, target);
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {target}");
        }
    }

    #[test]
    fn what_is_no_regular_file_is_never_read() {
        let site = site();
        mknodat(CWD, site.path("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(site.get("/fifo").status, 404);
        let site = self::site();
        let _socket = std::os::unix::net::UnixListener::bind(site.path("socket")).unwrap();
        assert_eq!(site.get("/socket").status, 404);
    }

    #[test]
    fn a_link_that_is_not_to_be_followed_is_forbidden() {
        let linked = |mode| {
            let site = Location::new(|plan| {
                plan.settings.symlinks.mode = mode;
                plan.settings.symlinks.trusted = Some(plan.settings.root.path.clone());
                plan.handler(Stage::Content, ServeFile { etag: true });
            });
            let site = site.file("page", "hello");
            std::os::unix::fs::symlink("page", site.path("link")).unwrap();
            site.get("/link").status
        };
        assert_eq!(linked(Symlinks::Follow), 200);
        assert_eq!(linked(Symlinks::SameOwner), 200);
        assert_eq!(linked(Symlinks::Refuse), 403);
    }

    #[test]
    fn a_loop_of_links_is_forbidden() {
        let site = site();
        std::os::unix::fs::symlink("loop", site.path("loop")).unwrap();
        assert_eq!(site.get("/loop").status, 403);
    }

    #[test]
    fn a_file_that_may_not_be_read_is_forbidden() {
        let site = site().file("secret", "x");
        fs::set_permissions(site.path("secret"), std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
        let expected = if rustix::process::geteuid().is_root() { 200 } else { 403 };
        assert_eq!(site.get("/secret").status, expected);
    }
}

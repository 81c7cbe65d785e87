//! Files as they are: what answers GET and HEAD when nothing else does (nginx's static module).
//!
//! Last of the content handlers. It opens the file that the URI stands for and gives it as the body;
//! the connection decides how its bytes travel. Conditions and ranges are filters; folders are
//! `index` and `autoindex`.

use std::rc::Rc;

use bytes::Bytes;

use crate::base::report::Severity;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::body::{Body, FileSlice};
use crate::exchange::files::{Fault, Reason};
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::response::Response;
use crate::exchange::{Exchange, Shown, redirect};
use crate::http::conditional;
use crate::http::headers::names;
use crate::http::method::Method;
use crate::http::mime;
use crate::http::status::Status;
use crate::runtime::{Kind, OpenFile};

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
        let file = match exchange.open_file(&path) {
            Ok(file) => file,
            Err(error) => return failed(exchange, &path, &error),
        };
        match file.status.kind {
            Kind::Directory => {
                Outcome::RedirectTo { status: Status::MOVED_PERMANENTLY, location: redirect::with_slash(exchange) }
            }
            Kind::Other => not_regular(exchange, &path),
            Kind::Regular if !readable => not_allowed(exchange),
            Kind::Regular => Outcome::Respond(Box::new(self.response(exchange, file))),
        }
    }

    fn response(&self, exchange: &Exchange, file: OpenFile) -> Response {
        let mut response = Response::new(Status::OK);
        response.content_type = content_type(exchange);
        response.last_modified = Some(file.status.mtime);
        if self.etag {
            response.headers.append(names::ETAG, conditional::etag(file.status.mtime, file.status.len));
        }
        response.ranges = true;
        response.body = Body::File(FileSlice { offset: 0, length: file.status.len, file: Rc::new(file.fd) });
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
    exchange.error.allow = Some(Bytes::from_static(b"GET, HEAD"));
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

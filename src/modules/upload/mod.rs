//! Files from a browser's form: `upload_store`.
//!
//! A content handler for POST. `receive` takes the files in and gives them their names, `names` makes these safe,
//! `report` tells the client; how a form is read is `http::multipart`. Nothing is visible before the whole form has come,
//! and memory does not grow with the size of files.

mod names;
mod receive;
mod report;

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{ffi::OsStr, io};

use bytes::Bytes;

use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::response::Response;
use crate::exchange::template::Template;
use crate::exchange::trace::Step;
use crate::exchange::{Exchange, Shown};
use crate::http::escape;
use crate::http::headers::names as fields;
use crate::http::method::Method;
use crate::http::multipart::Parser;
use crate::http::status::Status;
use receive::{Failure, Incoming, Received, Rules};
use report::{Form, Stored};

/// The module.
#[derive(Debug)]
pub struct Upload;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    store: Option<Template>,
    parts_max: usize,
    rules: Rules,
}

impl Default for Conf {
    fn default() -> Self {
        let rules = Rules { overwrite: false, file_bytes_max: None, access: 0o600, fsync: false };
        Self { store: None, parts_max: 100, rules }
    }
}

/// How many files are given their names without leaving it to a thread that may wait: each may find a thousand names
/// taken before its own.
const FILES_AT_ONCE_MAX: usize = 4;

/// The most parts that a form may be allowed: a file that is coming in is an open descriptor.
const PARTS_MAX: usize = 10_000;

impl Module for Upload {
    type Conf = Conf;

    const NAME: &'static str = "upload";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "upload_store",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("off | FOLDER"),
            repeat: Repeat::Once,
            set: set_store,
            default: "off",
            doc: "Stores the files of a browser's form (a POST of `multipart/form-data`) in this folder, which must be there; \
                  a relative one is taken from the prefix, and it may have variables. When the whole form has come all files \
                  get their names together, and the answer is 201 with a list of them: a page for who accepts `text/html`, \
                  else JSON. Names are cleaned: no folders, no dot at the beginning, no control characters, 240 bytes at \
                  most; a name that is taken becomes `name (1).ext` and so on up to 1000, then the answer is 409. Fields \
                  that are no files are left out. `client_max_body_size` limits the form as a whole. A form without a \
                  file, or that is none, is answered with 400, other content with 415, and a full disk with 507. Who may \
                  send files is up to `allow`, `auth_basic` and the like; a folder for uploads should not be one whose files \
                  are run as scripts.",
            example: "upload_store /srv/uploads;",
            origin: Origin::Ours,
        },
        Directive {
            name: "upload_overwrite",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.rules.overwrite = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether an uploaded file takes the place of one of the same name. Two files of the same form never replace \
                  each other.",
            example: "upload_overwrite on;",
            origin: Origin::Ours,
        },
        Directive {
            name: "upload_max_file_size",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                let size = arguments.offset(0)?;
                conf.rules.file_bytes_max = (size > 0).then_some(size);
                Ok(())
            },
            default: "0",
            doc: "How large each file of a form may be; a larger one is answered with 413. 0 is no limit but that of \
                  `client_max_body_size`.",
            example: "upload_max_file_size 100m;",
            origin: Origin::Ours,
        },
        Directive {
            name: "upload_max_parts",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("NUMBER"),
            repeat: Repeat::Once,
            set: set_parts_max,
            default: "100",
            doc: "How many files and other fields a form may have, up to 10000; one with more is answered with 413. Each file \
                  that is coming in is an open descriptor.",
            example: "upload_max_parts 10;",
            origin: Origin::Ours,
        },
        Directive {
            name: "upload_access",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::between(1, 3, "user: | group: | all:PERMISSIONS ..."),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.rules.access = arguments.permissions()?;
                Ok(())
            },
            default: "user:rw",
            doc: "Who may read (`r`) and write (`w`) uploaded files, as with `dav_access`.",
            example: "upload_access group:r;",
            origin: Origin::Ours,
        },
        Directive {
            name: "upload_fsync",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.rules.fsync = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether uploaded files are on the disk before the answer, so that they outlive a power cut.",
            example: "upload_fsync on;",
            origin: Origin::Ours,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        let Some(store) = &conf.store else { return Ok(()) };
        if let Some(folder) = store.as_literal() {
            build.sweep(Path::new(OsStr::from_bytes(folder)));
        }
        plan.settings.handled_methods.add(&[Method::Post]);
        plan.handler(Stage::Content, StoreFiles { store: store.clone(), parts_max: conf.parts_max, rules: conf.rules });
        Ok(())
    }
}

fn set_store(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.store = match arguments.word(0) {
        "off" => None,
        "" => return Err(arguments.error(0, "\"upload_store\" needs a folder").label("expected a folder, or `off`")),
        path if path.starts_with(['/', '$']) => Some(arguments.template(0)?),
        path => {
            let prefix = arguments.prefix().trim_end_matches('/');
            Some(arguments.template_of(&format!("{prefix}/{path}"), arguments.place(0))?)
        }
    };
    Ok(())
}

fn set_parts_max(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.parts_max = match arguments.number(0)? {
        number @ 1..=PARTS_MAX => number,
        number => {
            let message = format!("invalid value \"{number}\" in \"upload_max_parts\" directive");
            return Err(arguments.error(0, message).label("expected a number from 1 to 10000"));
        }
    };
    Ok(())
}

/// Answers a POST by storing the files of its form.
#[derive(Debug)]
struct StoreFiles {
    store: Template,
    parts_max: usize,
    rules: Rules,
}

impl Handler for StoreFiles {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if exchange.method != Method::Post || exchange.is_subrequest() {
            return Outcome::Next.into();
        }
        Handling::Later(Box::pin(self.answer(exchange)))
    }
}

impl StoreFiles {
    async fn answer(&self, exchange: &mut Exchange) -> Outcome {
        let folder = match exchange.rendered_folder(&self.store) {
            Ok(folder) => folder,
            Err(error) => return unusable(exchange, &self.store.render_bytes(exchange), &error),
        };
        let received = match self.receive(exchange, &folder).await {
            Ok(received) => received,
            Err(outcome) => return outcome,
        };
        let published = if self.rules.fsync || received.files.len() > FILES_AT_ONCE_MAX {
            match exchange.handle.job(move || received.publish()).await {
                Ok(published) => published,
                Err(error) => return exchange.job_failed(&error),
            }
        } else {
            received.publish()
        };
        match published {
            Ok((files, ignored)) => created(exchange, &folder, files, &ignored),
            Err(failure) => failed(exchange, &folder, failure),
        }
    }

    /// All of the form, or how the exchange goes on instead.
    async fn receive(&self, exchange: &mut Exchange, path: &Bytes) -> Result<Incoming, Outcome> {
        let content_type = exchange.request.header(fields::CONTENT_TYPE).cloned().unwrap_or_default();
        let parser = match Parser::for_type(&content_type, self.parts_max) {
            Some(Ok(parser)) => parser,
            Some(Err(error)) => return Err(failed(exchange, path, error.into())),
            None => {
                let shown = Shown(&content_type);
                exchange.report(Severity::Info, format_args!("client sent \"{shown}\", which is no form with files"));
                return Err(Outcome::Fail(Status::UNSUPPORTED_MEDIA_TYPE));
            }
        };
        let folder: OwnedFd = match exchange.open_folder(path) {
            Ok(folder) => folder,
            Err(error) => return Err(unusable(exchange, path, &error)),
        };
        if exchange.trace.is_some() {
            exchange.tell(|| Step::Note { text: format!("would store files in {}", Shown(path)).into(), at: None });
            return Err(Outcome::Respond(Box::new(Response::new(Status::CREATED))));
        }
        let mut incoming = Incoming::new(folder, self.rules, parser);
        while let Some(piece) = exchange.next_content().await? {
            if let Err(failure) = incoming.take(piece) {
                return Err(failed(exchange, path, failure));
            }
        }
        if !incoming.is_complete() {
            exchange.report(Severity::Info, format_args!("client sent a form without its end"));
            return Err(Outcome::Fail(Status::BAD_REQUEST));
        }
        if incoming.files.is_empty() {
            exchange.report(Severity::Info, format_args!("client sent a form without a file"));
            return Err(Outcome::Fail(Status::BAD_REQUEST));
        }
        Ok(incoming)
    }
}

/// The folder is missing, or may not be used.
fn unusable(exchange: &Exchange, path: &[u8], error: &io::Error) -> Outcome {
    let path = Shown(path);
    exchange.report(Severity::Crit, format_args!("the folder \"{path}\" cannot be opened {}", Reason(error)));
    Outcome::Fail(Status::INTERNAL_SERVER_ERROR)
}

fn failed(exchange: &mut Exchange, folder: &[u8], failure: Failure) -> Outcome {
    // The rest may be long, and nobody wants it.
    exchange.error.close |= exchange.request.body.is_some();
    match failure {
        Failure::Form(error) => {
            let too_many = matches!(error, crate::http::multipart::BadForm::TooManyParts { .. });
            exchange.report(Severity::Info, format_args!("client sent a bad form: {error}"));
            Outcome::Fail(if too_many { Status::CONTENT_TOO_LARGE } else { Status::BAD_REQUEST })
        }
        Failure::TooLarge { name, limit } => {
            let name = Shown(name.as_bytes());
            exchange.report(Severity::Error, format_args!("the file \"{name}\" has more than {limit} bytes"));
            exchange.error.too_large = true;
            Outcome::Fail(Status::CONTENT_TOO_LARGE)
        }
        Failure::NoFreeName { name } => {
            let name = Shown(name.as_bytes());
            exchange.report(Severity::Error, format_args!("there is no free name for \"{name}\""));
            Outcome::Fail(Status::CONFLICT)
        }
        Failure::System { call, name, error } => {
            let path = [folder, name.as_bytes()].join(&b'/');
            exchange.storage_failed(call, &path, &error, Status::INTERNAL_SERVER_ERROR)
        }
    }
}

/// 201, with what was stored under which names.
fn created(exchange: &Exchange, folder: &[u8], files: Vec<Received>, ignored: &[Vec<u8>]) -> Outcome {
    let base = served_at(exchange, folder);
    let stored = |received: Received| {
        let Received { field, sent_as, size, name, .. } = received;
        let url = base.map(|base| {
            let mut url = Vec::new();
            escape::uri(base, &mut url);
            escape::uri_component(name.as_bytes(), &mut url);
            url
        });
        Stored { field, name, sent_as, size, url }
    };
    let files: Vec<Stored> = files.into_iter().map(stored).collect();
    let form = Form::accepted(exchange.request.headers());
    let content = form.write(&files, ignored);
    let mut response = Response::with_bytes(Status::CREATED, form.content_type(), content);
    if let [Stored { url: Some(url), .. }] = &files[..] {
        response.location = Some(Bytes::copy_from_slice(url));
    }
    Outcome::Respond(Box::new(response))
}

/// The URI of the folder, if it is where this location looks for what clients ask beside this URI.
fn served_at<'a>(exchange: &'a Exchange, folder: &[u8]) -> Option<&'a [u8]> {
    let slash = exchange.uri.iter().rposition(|byte| *byte == b'/')?;
    let base = &exchange.uri[..=slash];
    let without_slash = |path: &[u8]| path.strip_suffix(b"/").unwrap_or(path).to_vec();
    (without_slash(&exchange.filename_of(base)) == without_slash(folder)).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused};

    #[test]
    fn a_folder_is_taken_from_the_prefix() {
        let handlers = |text: &str| format!("{:?}", plan_at::<Upload>(text, "/").handlers);
        assert!(handlers("server { upload_store in; }").contains("/srv/in"));
        assert!(handlers("server { upload_store /in; }").contains("\"/in\""));
        assert_eq!(handlers("upload_store in; server { location / { upload_store off; } }"), "[]");
        assert_eq!(handlers("server { upload_overwrite on; }"), "[]");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(refused::<Upload>("upload_max_parts 0;").contains("from 1 to 10000"));
        assert!(refused::<Upload>("upload_store '';").contains("needs a folder"));
        assert!(refused::<Upload>("upload_access rw;").contains("invalid value"));
    }
}

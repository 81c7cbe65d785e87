//! Changing files by HTTP: `dav_methods PUT DELETE MKCOL COPY MOVE` (nginx's dav module, RFC 4918).
//!
//! A content handler for these methods. Each has its file: `put`, `delete`, `collection`, `transfer` (COPY and MOVE); what
//! they check alike is in `fields`. Nothing is changed before the conditions of the request were held against what is
//! there, and nothing outside of the root is touched. There is no PROPFIND and no LOCK, as in nginx.

mod collection;
mod delete;
mod fields;
mod put;
mod relocation;
mod transfer;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bytes::Bytes;

use crate::base::report::Severity;
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::{Handler, Handling, Outcome, PlanBuilder, Stage};
use crate::exchange::response::Response;
use crate::http::escape;
use crate::http::method::Method;
use crate::http::status::Status;
use crate::runtime::TEMPORARY_PREFIX;

/// The module.
#[derive(Debug)]
pub struct Dav;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    methods: Vec<Method>,
    settings: Settings,
}

/// What the methods go by.
#[derive(Clone, Copy, Debug)]
struct Settings {
    create_full_put_path: bool,
    min_delete_depth: usize,
    /// The permissions of new files.
    access: u32,
    fsync: bool,
}

impl Default for Conf {
    fn default() -> Self {
        let settings = Settings { create_full_put_path: false, min_delete_depth: 0, access: 0o600, fsync: false };
        Self { methods: Vec::new(), settings }
    }
}

impl Module for Dav {
    type Conf = Conf;

    const NAME: &'static str = "dav";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "dav_methods",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::at_least(1, "off | PUT | DELETE | MKCOL | COPY | MOVE ..."),
            repeat: Repeat::Once,
            set: set_methods,
            default: "off",
            doc: "The methods by which clients may change the files of a location. PUT stores a file: whole or not at all, \
                  for it is written without a name, takes the place of the old file in one step when all of it has come, and \
                  has the time of the request's field `Date` if there is one; it is answered with 201 or, where there was a \
                  file, with 204. DELETE removes a file, or a folder (the path ends with a slash) with all that is in it. \
                  MKCOL makes a folder. COPY and MOVE go to where the field `Destination` says, in the same location; what is \
                  there is replaced unless the request says `Overwrite: F`. If-Match, If-None-Match and If-Unmodified-Since are \
                  honoured before anything is changed. A full disk is answered with 507. Other than in nginx a PUT without \
                  content stores an empty file, a part of a file (`Content-Range`) is refused with 400, a missing folder on the \
                  way is 409, the root itself cannot be removed, symbolic links are never followed into a tree that is copied \
                  or removed, and nothing goes onto itself, into itself or to another location (403). Folders that lie deeper \
                  than 128 in each other are not copied or removed as a whole.",
            example: "dav_methods PUT DELETE;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "create_full_put_path",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.settings.create_full_put_path = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether PUT makes the folders that are missing on the way to the file, when all of it has come.",
            example: "create_full_put_path on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "min_delete_depth",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("NUMBER"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.settings.min_delete_depth = arguments.number(0)?;
                Ok(())
            },
            default: "0",
            doc: "How many elements a path must have at the least to be removed by DELETE: with 4, `/users/00/00/name` can be \
                  removed and `/users/00/00/` cannot.",
            example: "min_delete_depth 4;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "dav_access",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::between(1, 3, "user: | group: | all:PERMISSIONS ..."),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.settings.access = arguments.permissions()?;
                Ok(())
            },
            default: "user:rw",
            doc: "Who may read (`r`) and write (`w`) the files and folders that PUT and MKCOL make. The user may do both if \
                  only the others are named. Who may read a folder may enter it. The process's umask takes nothing away.",
            example: "dav_access user:rw group:rw all:r;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "dav_fsync",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.settings.fsync = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether a change is on the disk before it is answered, file and folder, so that it outlives a power cut. \
                  Off, the system writes it when it sees fit; a file is whole either way.",
            example: "dav_fsync on;",
            origin: Origin::Ours,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if conf.methods.is_empty() {
            return Ok(());
        }
        if let Some(root) = plan.settings.root.path.as_literal() {
            build.sweep(Path::new(OsStr::from_bytes(root)));
        }
        plan.settings.handled_methods.add(&conf.methods);
        plan.handler(Stage::Content, ChangeFiles { methods: conf.methods.clone(), settings: conf.settings });
        Ok(())
    }
}

fn set_methods(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.methods.clear();
    if arguments.len() == 1 && arguments.word(0).eq_ignore_ascii_case("off") {
        return Ok(());
    }
    for (index, word) in arguments.words().enumerate() {
        if word.eq_ignore_ascii_case("off") {
            return Err(arguments.error(index, "\"off\" cannot be used with methods"));
        }
        let method = arguments.choice(index, METHODS)?;
        if conf.methods.contains(&method) {
            arguments.warn(Diagnostic::warning(arguments.place(index), format!("duplicate value \"{word}\"")));
        } else {
            conf.methods.push(method);
        }
    }
    Ok(())
}

const METHODS: &[(&str, Method)] = &[
    ("PUT", Method::Put),
    ("DELETE", Method::Delete),
    ("MKCOL", Method::Mkcol),
    ("COPY", Method::Copy),
    ("MOVE", Method::Move),
];

impl Settings {
    /// The permissions of new folders: who may read one may enter it.
    fn folder_access(self) -> u32 {
        self.access | (self.access & 0o444) >> 2
    }
}

/// Answers the methods that change files.
#[derive(Debug)]
struct ChangeFiles {
    methods: Vec<Method>,
    settings: Settings,
}

impl Handler for ChangeFiles {
    fn handle<'a>(&'a self, exchange: &'a mut Exchange) -> Handling<'a> {
        if exchange.is_subrequest() || !self.methods.contains(&exchange.method) {
            return Outcome::Next.into();
        }
        if exchange.uri.contains(&0) {
            return Outcome::Fail(Status::NOT_FOUND).into();
        }
        if is_reserved(&exchange.uri) {
            return refuse_reserved(exchange).into();
        }
        match exchange.method {
            Method::Put => Handling::Later(Box::pin(put::put(&self.settings, exchange))),
            Method::Delete => Handling::Later(Box::pin(delete::delete(&self.settings, exchange))),
            Method::Mkcol => Handling::Later(Box::pin(collection::make(self, exchange))),
            _ => Handling::Later(Box::pin(transfer::transfer(&self.settings, exchange))),
        }
    }
}

/// Whether a path has a name that unfinished files have.
fn is_reserved(uri: &[u8]) -> bool {
    uri.split(|byte| *byte == b'/').any(|segment| segment.starts_with(TEMPORARY_PREFIX.as_bytes()))
}

fn refuse_reserved(exchange: &Exchange) -> Outcome {
    exchange.report(Severity::Error, format_args!("names that begin with \"{TEMPORARY_PREFIX}\" are reserved"));
    Outcome::Fail(Status::FORBIDDEN)
}

/// 201 with the place of what was made, as nginx tells it.
fn created(exchange: &Exchange) -> Outcome {
    let mut response = Response::new(Status::CREATED);
    let mut location = Vec::with_capacity(exchange.uri.len());
    escape::uri(&exchange.uri, &mut location);
    response.location = Some(Bytes::from(location));
    Outcome::Respond(Box::new(response))
}

/// A success that has nothing to tell.
fn done(status: Status) -> Outcome {
    Outcome::Respond(Box::new(Response::new(status)))
}

#[cfg(test)]
mod tests;

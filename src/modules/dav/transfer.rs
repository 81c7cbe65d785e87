//! COPY and MOVE: what is checked, and in which order; nginx's answers where it has good ones.
//!
//! How things are copied and replaced is in `relocation`.

use bytes::Bytes;
use rustix::io::Errno;

use super::fields::{Depth, depth, overwrites, refuse, refuse_content, test_conditions, without_slash};
use super::relocation::{Failure, Plan, relocate};
use super::{Settings, done, is_reserved, refuse_reserved};
use crate::base::report::Severity;
use crate::exchange::plan::Outcome;
use crate::exchange::target::{Found, Target};
use crate::exchange::trace::Step;
use crate::exchange::{Exchange, Shown};
use crate::http::Host;
use crate::http::headers::names;
use crate::http::method::Method;
use crate::http::status::Status;
use crate::http::target::{Target as RequestTarget, TargetForm, normalise};
use crate::runtime::Kind;

/// One end of the way.
struct End {
    path: Bytes,
    target: Target,
    found: Option<Found>,
}

/// Answers a COPY or a MOVE.
pub(super) async fn transfer(settings: &Settings, exchange: &mut Exchange) -> Outcome {
    let (from, to, plan) = match check(settings, exchange) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    let status = if plan.is_folder { Status::CREATED } else { Status::NO_CONTENT };
    if exchange.trace.is_some() {
        let verb = if plan.moves { "move" } else { "copy" };
        let text = format!("would {verb} {} to {}", Shown(&from), Shown(&to));
        exchange.tell(|| Step::Note { text: text.into(), at: None });
        return done(status);
    }
    match relocate(&exchange.handle, plan).await {
        Ok(()) => done(status),
        Err(Failure::From(call, within, error)) => {
            exchange.storage_failed(call, &joined(&from, &within), &error, Status::NOT_FOUND)
        }
        Err(Failure::To(call, within, error)) if call == "rename()" && error.raw_os_error() == Some(EEXIST) => {
            let path = joined(&to, &within);
            let message = format_args!("\"{}\" could not be created (17: File exists)", Shown(&path));
            refuse(exchange, Status::PRECONDITION_FAILED, message)
        }
        Err(Failure::To(call, within, error)) => {
            exchange.storage_failed(call, &joined(&to, &within), &error, Status::CONFLICT)
        }
        Err(Failure::LinkLeadsOut) => {
            let message = format_args!("\"{}\" is or has a relative link, which would lead elsewhere", Shown(&from));
            refuse(exchange, Status::FORBIDDEN, message)
        }
        Err(Failure::NotMovable) => {
            let message = "has links or special files, which cannot be moved to another file system";
            refuse(exchange, Status::FORBIDDEN, format_args!("\"{}\" {message}", Shown(&from)))
        }
        Err(Failure::Job(error)) => exchange.job_failed(&error),
    }
}

const EEXIST: i32 = Errno::EXIST.raw_os_error();

fn joined(path: &[u8], within: &std::path::Path) -> Vec<u8> {
    let within = within.as_os_str().as_encoded_bytes();
    if within.is_empty() { path.to_vec() } else { [path, within].join(&b'/') }
}

/// Everything that may refuse it, in nginx's order.
fn check(settings: &Settings, exchange: &mut Exchange) -> Result<(Bytes, Bytes, Plan), Outcome> {
    refuse_content(exchange, "COPY and MOVE")?;
    let uri = destination(exchange)?;
    if uri.ends_with(b"/") != exchange.uri.ends_with(b"/") {
        let (from, to) = (Shown(&exchange.uri), Shown(&uri));
        let what = "should be either collections or non-collections";
        let message = format_args!("both URI \"{from}\" and \"Destination\" URI \"{to}\" {what}");
        return Err(refuse(exchange, Status::CONFLICT, message));
    }
    let moves = exchange.method == Method::Move;
    let depth = match (depth(exchange, Depth::Infinity), moves) {
        (Some(Depth::Infinity), _) => Depth::Infinity,
        (Some(Depth::Zero), false) => Depth::Zero,
        (_, moves) => {
            let expected = if moves { "infinity" } else { "0 or infinity" };
            let message = format_args!("\"Depth\" header must be {expected}");
            return Err(refuse(exchange, Status::BAD_REQUEST, message));
        }
    };
    let overwrite = overwrites(exchange)?;
    test_location(exchange, &uri)?;
    let to = destination_end(exchange, &uri, overwrite)?;
    if !uri.ends_with(b"/") && to.found.is_some_and(|found| found.own.kind == Kind::Directory) {
        return Err(onto_collection(exchange, &uri));
    }
    let from = source_end(exchange)?;
    let found = from.found.ok_or(Outcome::Fail(Status::NOT_FOUND))?;
    let is_folder = found.own.kind == Kind::Directory;
    test_places(exchange, &uri, &from, &to)?;
    test_conditions(exchange, Some(&found))?;
    let plan = Plan {
        moves,
        is_folder,
        whole: depth == Depth::Infinity,
        is_link: found.is_link,
        symlinks: exchange.plan.settings.symlinks.mode,
        replaces: overwrite,
        from: from.target,
        to: to.target,
        folder_access: settings.folder_access(),
        fsync: settings.fsync,
    };
    Ok((from.path, to.path, plan))
}

/// Where the request wants it: the path of `Destination` (RFC 4918 section 10.3), on this host.
fn destination(exchange: &Exchange) -> Result<Bytes, Outcome> {
    let Some(value) = exchange.request.header(names::DESTINATION) else {
        let message = format_args!("client sent no \"Destination\" header");
        return Err(refuse(exchange, Status::BAD_REQUEST, message));
    };
    let invalid = || {
        let message = format_args!("client sent invalid \"Destination\" header: \"{}\"", Shown(value));
        refuse(exchange, Status::BAD_REQUEST, message)
    };
    let target = RequestTarget::parse(value.clone(), &exchange.method).map_err(|_reason| invalid())?;
    match target.form() {
        TargetForm::Origin => {}
        TargetForm::Absolute { scheme, authority } => {
            if !is_http(scheme) || !is_this_host(exchange, authority) {
                let what = "is handled by different repository than the source URI";
                let message = format_args!("\"Destination\" URI \"{}\" {what}", Shown(value));
                return Err(refuse(exchange, Status::BAD_REQUEST, message));
            }
            // As in nginx a path is wanted.
            let path_begins = value.len() > scheme.len() + 3 + authority.len();
            if !path_begins || value[scheme.len() + 3 + authority.len()] != b'/' {
                return Err(invalid());
            }
        }
        TargetForm::Asterisk | TargetForm::Authority => return Err(invalid()),
    }
    let uri = normalise(&target.path(), exchange.site.merge_slashes()).map_err(|_reason| invalid())?;
    if is_reserved(&uri) {
        return Err(refuse_reserved(exchange));
    }
    Ok(Bytes::from(uri))
}

/// What stands before this server may have spoken TLS with the client.
fn is_http(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
}

/// Whether a URI is about the host that the client asks.
fn is_this_host(exchange: &Exchange, authority: &Bytes) -> bool {
    let Some(own) = &exchange.request.head.host else { return false };
    Host::parse(authority).is_ok_and(|other| other.name == own.name && other.port == own.port)
}

/// What may be done elsewhere, that location says: who may change files here may not change those there.
fn test_location(exchange: &Exchange, uri: &Bytes) -> Result<(), Outcome> {
    let there = exchange.site.locate(uri).plan;
    let except = there.except.as_ref().map(|except| &except.plan);
    let is_own = |plan: &std::sync::Arc<_>| std::sync::Arc::ptr_eq(plan, &exchange.plan);
    if is_own(&there) || except.is_some_and(is_own) {
        return Ok(());
    }
    let message = format_args!("\"Destination\" URI \"{}\" belongs to another location", Shown(uri));
    Err(refuse(exchange, Status::FORBIDDEN, message))
}

fn destination_end(exchange: &mut Exchange, uri: &Bytes, overwrite: bool) -> Result<End, Outcome> {
    let path = without_slash(exchange.filename_of(uri));
    // As in nginx a file is moved with the folders that it needs.
    let makes_folders = exchange.method == Method::Move && !uri.ends_with(b"/");
    let target = if makes_folders { exchange.target_to_be(&path) } else { exchange.target(&path) };
    let looked = target.and_then(|target| Ok((target.found(exchange.plan.settings.symlinks.mode)?, target)));
    let (found, target) =
        looked.map_err(|error| exchange.storage_failed("lstat()", &path, &error, Status::CONFLICT))?;
    if found.is_some() && !overwrite {
        let message = format_args!("\"{}\" could not be created (17: File exists)", Shown(&path));
        return Err(refuse(exchange, Status::PRECONDITION_FAILED, message));
    }
    Ok(End { path, target, found })
}

fn source_end(exchange: &mut Exchange) -> Result<End, Outcome> {
    let is_collection = exchange.uri.ends_with(b"/");
    let path = without_slash(exchange.filename());
    let looked = exchange.target(&path).and_then(|target| {
        let found = target.found(exchange.plan.settings.symlinks.mode)?.ok_or(Errno::NOENT)?;
        let is_folder = found.own.kind == Kind::Directory;
        if is_collection && !is_folder { Err(Errno::NOTDIR.into()) } else { Ok((target, found)) }
    });
    let (target, found) =
        looked.map_err(|error| exchange.storage_failed("lstat()", &path, &error, Status::NOT_FOUND))?;
    if !is_collection && (found.own.kind == Kind::Directory || exchange.method == Method::Copy && found.is_folder()) {
        return Err(refuse(exchange, Status::BAD_REQUEST, format_args!("\"{}\" is collection", Shown(&exchange.uri))));
    }
    Ok(End { path, target, found: Some(found) })
}

fn onto_collection(exchange: &Exchange, uri: &[u8]) -> Outcome {
    let (from, to) = (Shown(&exchange.uri), Shown(uri));
    let done = if exchange.method == Method::Move { "MOVEed" } else { "COPYed" };
    refuse(exchange, Status::CONFLICT, format_args!("\"{from}\" could not be {done} to collection \"{to}\""))
}

/// Nothing goes onto itself, into itself, or to where it would remove itself; and the root stays.
fn test_places(exchange: &Exchange, uri: &Bytes, from: &End, to: &End) -> Result<(), Outcome> {
    let same = match (&from.found, &to.found) {
        (Some(one), Some(other)) => one.own.inode == other.own.inode && one.own.device == other.own.device,
        _ => false,
    };
    let nested = is_within(&from.path, &to.path) || is_within(&to.path, &from.path);
    let root = exchange.is_root(&to.path) || (exchange.method == Method::Move && exchange.is_root(&from.path));
    let what = match () {
        () if same => "is the same as",
        () if nested || root => "contains or is contained in",
        () => return Ok(()),
    };
    let (from, to) = (Shown(&exchange.uri), Shown(uri));
    let message = format_args!("URI \"{from}\" {what} \"Destination\" URI \"{to}\"");
    exchange.report(Severity::Error, message);
    Err(Outcome::Fail(Status::FORBIDDEN))
}

/// Whether a path lies in the folder of another, or is it.
fn is_within(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

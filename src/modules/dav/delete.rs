//! DELETE: a file, or a folder with all that is in it.

use std::ffi::CString;
use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::fields::{Depth, depth, refuse, refuse_content, test_conditions, without_slash};
use super::{Settings, done};
use crate::exchange::plan::Outcome;
use crate::exchange::target::{Found, Target};
use crate::exchange::trace::Step;
use crate::exchange::{Exchange, Shown};
use crate::http::status::Status;
use crate::runtime::{Handle, JobError, Kind, Removal, TreeFailure};

/// How long one job works at a tree before others have the thread.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// Answers a DELETE.
pub(super) async fn delete(settings: &Settings, exchange: &mut Exchange) -> Outcome {
    let (path, target, found) = match check(settings, exchange) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    if found.own.kind == Kind::Directory {
        let removed = remove_tree(exchange, &path, &target).await;
        if let Err(outcome) = removed {
            return outcome;
        }
    } else if let Err(error) = rustix::fs::unlinkat(&target.folder, &target.name, AtFlags::empty()) {
        return exchange.storage_failed("unlink()", &path, &error.into(), Status::NOT_FOUND);
    }
    if settings.fsync {
        return match exchange.handle.job(move || target.sync_folder()).await {
            Ok(Ok(())) => done(Status::NO_CONTENT),
            Ok(Err(error)) => exchange.storage_failed("fsync()", &path, &error, Status::NOT_FOUND),
            Err(error) => exchange.job_failed(&error),
        };
    }
    done(Status::NO_CONTENT)
}

fn check(settings: &Settings, exchange: &mut Exchange) -> Result<(Bytes, Target, Found), Outcome> {
    refuse_content(exchange, "DELETE")?;
    test_depth(settings, exchange)?;
    let is_collection = exchange.uri.ends_with(b"/");
    let path = without_slash(exchange.filename());
    let looked = exchange.target(&path).and_then(|target| {
        let found = target.found(exchange.plan.settings.symlinks.mode)?;
        let found = found.ok_or(Errno::NOENT)?;
        // As a file's name with a slash behind it is to the system.
        if is_collection && found.own.kind != Kind::Directory { Err(Errno::NOTDIR.into()) } else { Ok((target, found)) }
    });
    let (target, found) = looked.map_err(|error| {
        let missing = if error.kind() == io::ErrorKind::NotADirectory { Status::CONFLICT } else { Status::NOT_FOUND };
        exchange.storage_failed("lstat()", &path, &error, missing)
    })?;
    let is_folder = found.own.kind == Kind::Directory;
    if is_folder && !is_collection {
        let message = format_args!("DELETE \"{}\" failed (21: Is a directory)", Shown(&path));
        return Err(refuse(exchange, Status::CONFLICT, message));
    }
    match depth(exchange, Depth::Infinity) {
        Some(Depth::Infinity) => {}
        Some(Depth::Zero) if !is_folder => {}
        _ => {
            let expected = if is_folder { "infinity" } else { "0 or infinity" };
            let message = format_args!("\"Depth\" header must be {expected}");
            return Err(refuse(exchange, Status::BAD_REQUEST, message));
        }
    }
    if exchange.is_root(&path) {
        return Err(refuse(exchange, Status::FORBIDDEN, format_args!("the root \"{}\" is not removed", Shown(&path))));
    }
    test_conditions(exchange, Some(&found))?;
    if exchange.trace.is_some() {
        exchange.tell(|| Step::Note { text: format!("would remove {}", Shown(&path)).into(), at: None });
        return Err(done(Status::NO_CONTENT));
    }
    Ok((path, target, found))
}

/// `min_delete_depth`: as in nginx a slash at the end begins no element.
fn test_depth(settings: &Settings, exchange: &Exchange) -> Result<(), Outcome> {
    let elements = exchange.uri.split(|byte| *byte == b'/').skip(1);
    let slashes = elements.clone().count();
    let elements = if exchange.uri.ends_with(b"/") { slashes - 1 } else { slashes };
    if elements >= settings.min_delete_depth {
        return Ok(());
    }
    Err(refuse(exchange, Status::CONFLICT, format_args!("insufficient URI depth:{slashes} to DELETE")))
}

async fn remove_tree(exchange: &mut Exchange, path: &[u8], target: &Target) -> Result<(), Outcome> {
    let removal = target.try_clone().and_then(|target| {
        let name = CString::new(target.name.as_encoded_bytes())?;
        Removal::of(target.folder, name)
    });
    let removal = match removal {
        Ok(removal) => removal,
        Err(error) => return Err(exchange.storage_failed("open()", path, &error, Status::NOT_FOUND)),
    };
    match carry_on(&exchange.handle, removal, Removal::advance).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(failure)) => Err(tree_failed(exchange, path, &failure, Status::NOT_FOUND)),
        Err(error) => Err(exchange.job_failed(&error)),
    }
}

/// Has work done to its end, in slices, off the event loop.
pub(super) async fn carry_on<W: Send + 'static, E: Send + 'static>(
    handle: &Handle,
    mut work: W,
    advance: fn(&mut W, Instant) -> Result<bool, E>,
) -> Result<Result<W, E>, JobError> {
    loop {
        let slice = handle.job(move || {
            let advanced = advance(&mut work, Instant::now() + SLICE);
            (work, advanced)
        });
        let (carried, advanced) = slice.await?;
        match advanced {
            Ok(true) => return Ok(Ok(carried)),
            Ok(false) => work = carried,
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// What becomes of an exchange when work at the tree `path` failed.
pub(super) fn tree_failed(exchange: &mut Exchange, path: &[u8], failure: &TreeFailure, missing: Status) -> Outcome {
    let within = failure.path.as_os_str().as_encoded_bytes();
    let whole = if within.is_empty() { path.to_vec() } else { [path, within].join(&b'/') };
    exchange.storage_failed(failure.call, &whole, &failure.error, missing)
}

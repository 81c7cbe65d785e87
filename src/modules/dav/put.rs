//! PUT: a file, whole or not at all.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::fields::{refuse, test_conditions};
use super::{Settings, created, done};
use crate::base::report::Severity;
use crate::exchange::plan::Outcome;
use crate::exchange::storing::{StoreError, store};
use crate::exchange::target::{Found, Target};
use crate::exchange::trace::Step;
use crate::exchange::{Exchange, Shown};
use crate::http::date;
use crate::http::headers::{Headers, names};
use crate::http::method::Method;
use crate::http::status::Status;
use crate::runtime::{Existing, JobError, NewFile, Symlinks};

/// A file that has come, and where it goes.
struct Arrived {
    file: NewFile,
    target: Target,
    settings: Settings,
    symlinks: Symlinks,
    modified: Option<SystemTime>,
    /// For the conditions, which must still hold.
    headers: Headers,
}

/// Why a file that has come has no name.
enum Unpublished {
    /// The conditions hold no longer.
    Conditions,
    /// A system call failed.
    Failed(&'static str, io::Error),
}

/// Answers a PUT.
pub(super) async fn put(settings: &Settings, exchange: &mut Exchange) -> Outcome {
    match check(settings, exchange) {
        Ok((path, target)) => receive(settings, exchange, &path, target).await,
        Err(outcome) => outcome,
    }
}

/// Everything that may refuse it before its content is asked for.
fn check(settings: &Settings, exchange: &mut Exchange) -> Result<(Vec<u8>, Target), Outcome> {
    if exchange.uri.ends_with(b"/") {
        return Err(refuse(exchange, Status::CONFLICT, format_args!("cannot PUT to a collection")));
    }
    if exchange.request.headers().contains(names::CONTENT_RANGE) {
        return Err(refuse(exchange, Status::BAD_REQUEST, format_args!("PUT with range is unsupported")));
    }
    let path = exchange.filename();
    let target = if settings.create_full_put_path { exchange.target_to_be(&path) } else { exchange.target(&path) };
    let looked = target.and_then(|target| Ok((target.found(exchange.plan.settings.symlinks.mode)?, target)));
    let (found, target) = looked.map_err(|error| exchange.storage_failed("open()", &path, &error, Status::CONFLICT))?;
    if found.is_some_and(|found| found.is_folder()) || exchange.is_root(&path) {
        let message = format_args!("\"{}\" could not be created (21: Is a directory)", Shown(&path));
        return Err(refuse(exchange, Status::CONFLICT, message));
    }
    test_conditions(exchange, found.as_ref())?;
    if exchange.trace.is_some() {
        exchange.tell(|| Step::Note { text: format!("would store the file {}", Shown(&path)).into(), at: None });
        return Err(if found.is_some() { done(Status::NO_CONTENT) } else { created(exchange) });
    }
    Ok((path, target))
}

/// Takes the content and gives it its name.
async fn receive(settings: &Settings, exchange: &mut Exchange, path: &[u8], target: Target) -> Outcome {
    let file = match NewFile::create(target.folder.as_fd()) {
        Ok(file) => file,
        Err(error) => return exchange.storage_failed("open()", path, &error, Status::CONFLICT),
    };
    // A PUT without content stores a file without content.
    if let Some(mut content) = exchange.request.body.take() {
        let stored = store(&mut *content, &file).await;
        exchange.request.body = Some(content);
        match stored {
            Ok(_bytes) => {}
            Err(StoreError::Content(error)) => return exchange.content_failed(&error),
            Err(StoreError::Write(error)) => {
                return exchange.storage_failed("write()", path, &error, Status::CONFLICT);
            }
        }
    }
    let headers = exchange.request.headers();
    let arrived = Arrived {
        file,
        target,
        settings: *settings,
        symlinks: exchange.plan.settings.symlinks.mode,
        modified: headers.get(names::DATE).and_then(|date| date::parse(date)),
        headers: headers.clone(),
    };
    match publish(exchange, arrived).await {
        Ok(Ok(None)) => created(exchange),
        Ok(Ok(Some(_))) => done(Status::NO_CONTENT),
        Ok(Err(Unpublished::Conditions)) => {
            exchange.report(Severity::Info, format_args!("\"{}\" was changed meanwhile", Shown(path)));
            Outcome::Fail(Status::PRECONDITION_FAILED)
        }
        Ok(Err(Unpublished::Failed(call, error))) => exchange.storage_failed(call, path, &error, Status::CONFLICT),
        Err(error) => exchange.job_failed(&error),
    }
}

/// Waiting for the disk is no work for the event loop.
async fn publish(exchange: &Exchange, arrived: Arrived) -> Result<Result<Option<Found>, Unpublished>, JobError> {
    if arrived.settings.fsync {
        return exchange.handle.job(move || arrived.publish()).await;
    }
    Ok(arrived.publish())
}

impl Arrived {
    /// The last steps; what was there before is told.
    fn publish(mut self) -> Result<Option<Found>, Unpublished> {
        let failed = |call| move |error| Unpublished::Failed(call, error);
        // It is made for its user alone to read and write.
        if self.settings.access != 0o600 {
            self.file.set_permissions(self.settings.access).map_err(failed("fchmod()"))?;
        }
        if let Some(modified) = self.modified {
            self.file.set_modified(modified).map_err(failed("utimensat()"))?;
        }
        if self.settings.fsync {
            self.file.sync().map_err(failed("fsync()"))?;
        }
        let above = (!self.target.missing.is_empty()).then(|| self.target.try_clone());
        self.target.make_missing(self.settings.folder_access()).map_err(failed("mkdir()"))?;
        let turn = turn_of(&self.target);
        let found = self.target.found(self.symlinks).map_err(failed("lstat()"))?;
        if !crate::exchange::target::conditions_hold(&Method::Put, &self.headers, found.as_ref()) {
            return Err(Unpublished::Conditions);
        }
        if found.is_some_and(|found| found.is_folder()) {
            return Err(Unpublished::Failed("rename()", rustix::io::Errno::ISDIR.into()));
        }
        let Self { mut file, target, settings, .. } = self;
        file.publish(target.folder.as_fd(), &target.name, Existing::Replace).map_err(failed("rename()"))?;
        drop(turn);
        if settings.fsync {
            target.sync_folder().map_err(failed("fsync()"))?;
            if let Some(above) = above {
                above.and_then(|above| above.sync_folder()).map_err(failed("fsync()"))?;
            }
        }
        Ok(found)
    }
}

/// One file at a time is looked at and replaced under one name, so that of two that want to replace the same version only
/// one does. Names that share a lock wait a few microseconds for each other.
fn turn_of(target: &Target) -> MutexGuard<'static, ()> {
    static TURNS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];
    let sum = target
        .name
        .as_encoded_bytes()
        .iter()
        .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    TURNS[sum % TURNS.len()].lock().unwrap_or_else(PoisonError::into_inner)
}

//! MKCOL: a folder.

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;

use bytes::Bytes;
use rustix::fs::{Mode, fchmod};

use super::fields::{refuse, refuse_content, test_conditions, without_slash};
use super::{ChangeFiles, created};
use crate::exchange::plan::Outcome;
use crate::exchange::target::Target;
use crate::exchange::trace::Step;
use crate::exchange::{Exchange, Shown};
use crate::http::status::Status;
use crate::runtime::new_folder;

/// Answers a MKCOL.
pub(super) async fn make(dav: &ChangeFiles, exchange: &mut Exchange) -> Outcome {
    let (path, target) = match check(dav, exchange) {
        Ok(checked) => checked,
        Err(outcome) => return outcome,
    };
    let (permissions, fsync) = (dav.settings.folder_access(), dav.settings.fsync);
    let made = if fsync {
        match exchange.handle.job(move || make_in(&target, permissions, true)).await {
            Ok(made) => made,
            Err(error) => return exchange.job_failed(&error),
        }
    } else {
        make_in(&target, permissions, false)
    };
    match made {
        Ok(()) => created(exchange),
        Err(error) => exchange.storage_failed("mkdir()", &path, &error, Status::CONFLICT),
    }
}

fn check(dav: &ChangeFiles, exchange: &mut Exchange) -> Result<(Bytes, Target), Outcome> {
    refuse_content(exchange, "MKCOL")?;
    if !exchange.uri.ends_with(b"/") {
        return Err(refuse(exchange, Status::CONFLICT, format_args!("MKCOL can create a collection only")));
    }
    let path = without_slash(exchange.filename());
    let looked = exchange.target(&path).and_then(|target| {
        let found = target.found(exchange.plan.settings.symlinks.mode)?;
        Ok((target, found))
    });
    let failed =
        |exchange: &mut Exchange, error: &io::Error| exchange.storage_failed("mkdir()", &path, error, Status::CONFLICT);
    let (target, found) = looked.map_err(|error| failed(exchange, &error))?;
    if found.is_some() || exchange.is_root(&path) {
        let methods = dav.methods.iter().map(|method| method.as_str()).filter(|name| *name != "MKCOL");
        let allowed: Vec<&str> = ["GET", "HEAD"].into_iter().chain(methods).collect();
        exchange.error.allow = Some(Bytes::from(allowed.join(", ")));
        return Err(failed(exchange, &rustix::io::Errno::EXIST.into()));
    }
    test_conditions(exchange, None)?;
    if exchange.trace.is_some() {
        exchange.tell(|| Step::Note { text: format!("would make the folder {}", Shown(&path)).into(), at: None });
        return Err(created(exchange));
    }
    Ok((path, target))
}

fn make_in(target: &Target, permissions: u32, fsync: bool) -> io::Result<()> {
    let name = CString::new(target.name.as_encoded_bytes())?;
    let folder = new_folder(target.folder.as_fd(), &name)?;
    fchmod(&folder, Mode::from_raw_mode(permissions & 0o777))?;
    if fsync { target.sync_folder() } else { Ok(()) }
}

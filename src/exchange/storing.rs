//! The content of a request on its way into a file that stays, and what becomes of an exchange when that fails.
//!
//! Called by modules that store what clients send. Which file that is, and when it has its name, is theirs to say. Content
//! that is only kept for the time of the request is `content`'s matter.

use std::future::poll_fn;
use std::io;

use rustix::io::Errno;

use super::body::{Inflow, InflowError};
use super::exchange::{Exchange, Shown};
use super::plan::Outcome;
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::http::status::Status;
use crate::runtime::{JobError, NewFile};

/// Why content was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not come, or not in order.
    #[error(transparent)]
    Content(#[from] InflowError),
    /// It could not be written.
    #[error("write() failed {}", Reason(.0))]
    Write(io::Error),
}

/// Writes all that comes into a file, and says how many bytes that were.
///
/// # Errors
/// It ends at the first, and what was written is of no use.
pub async fn store(inflow: &mut dyn Inflow, file: &NewFile) -> Result<u64, StoreError> {
    let mut stored = 0;
    loop {
        let mut written = Ok(());
        let piece = poll_fn(|context| {
            inflow.poll_lend(context, &mut |bytes| {
                written = file.write_all(bytes);
                stored += bytes.len() as u64;
            })
        });
        match piece.await {
            None => return Ok(stored),
            Some(piece) => piece?,
        }
        written.map_err(StoreError::Write)?;
    }
}

impl Exchange {
    /// What becomes of it when a system call that stores something failed. `missing` is the answer where something on the
    /// way to `path` is not there. The log says which call it was.
    pub fn storage_failed(&mut self, call: &str, path: &[u8], error: &io::Error, missing: Status) -> Outcome {
        let (severity, status) = judge(error, missing);
        self.report(severity, format_args!("{call} \"{}\" failed {}", Shown(path), Reason(error)));
        // The rest of the content may be long, and nobody wants it.
        self.error.close |= status == Status::INSUFFICIENT_STORAGE && self.request.body.is_some();
        Outcome::Fail(status)
    }

    /// What becomes of it when work off the event loop was not done.
    pub fn job_failed(&self, error: &JobError) -> Outcome {
        let (severity, status) = match error {
            JobError::Full => (Severity::Error, Status::SERVICE_UNAVAILABLE),
            JobError::NoThread(_) | JobError::Panicked => (Severity::Alert, Status::INTERNAL_SERVER_ERROR),
        };
        self.report(severity, format_args!("{error}"));
        Outcome::Fail(status)
    }
}

/// How severe a failed system call is, and its answer; nginx's judgement, with all ways to be out of room.
fn judge(error: &io::Error, missing: Status) -> (Severity, Status) {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => (Severity::Error, missing),
        Some(Errno::ACCESS | Errno::PERM | Errno::LOOP | Errno::MLINK) => (Severity::Error, Status::FORBIDDEN),
        Some(Errno::EXIST) => (Severity::Error, Status::METHOD_NOT_ALLOWED),
        Some(Errno::ISDIR) => (Severity::Error, Status::CONFLICT),
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => (Severity::Crit, Status::INSUFFICIENT_STORAGE),
        _ => (Severity::Crit, Status::INTERNAL_SERVER_ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_calls_are_answered_as_by_nginx() {
        let status = |errno: Errno| judge(&errno.into(), Status::CONFLICT).1.code();
        assert_eq!([Errno::NOENT, Errno::NOTDIR, Errno::NAMETOOLONG].map(status), [409; 3]);
        assert_eq!([Errno::ACCESS, Errno::PERM, Errno::LOOP].map(status), [403; 3]);
        assert_eq!([Errno::EXIST, Errno::ISDIR, Errno::IO].map(status), [405, 409, 500]);
        assert_eq!([Errno::NOSPC, Errno::DQUOT, Errno::FBIG].map(status), [507; 3]);
    }
}

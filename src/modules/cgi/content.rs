//! The content of a request, as a script will read it: all of it at hand, or as it comes.
//!
//! A script is told the length of its content beforehand (RFC 3875 section 4.1.2), so content that comes in chunks must
//! be there whole before the script starts. What is larger than a buffer goes to a file that has no name.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rustix::fs::{CWD, Mode, OFlags};

use crate::exchange::Exchange;
use crate::exchange::body::{Inflow, InflowError};
use crate::http::h1::BodyFraming;
use crate::runtime::{Handle, JobError};

/// How much content stays in memory; nginx's default `client_body_buffer_size`.
const MEMORY_BYTES_MAX: usize = 16 * 1024;

/// How much is written to a file at once.
const WRITE_BYTES: usize = 128 * 1024;

/// The content of a request.
pub(super) enum Content {
    /// There is none.
    Nothing,
    /// In memory.
    Bytes(Bytes),
    /// In a file that stands at its beginning.
    File(OwnedFd, u64),
    /// Still with the client; its length, if that was announced.
    Coming(Box<dyn Inflow>, Option<u64>),
}

/// Why there is no content to read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContentError {
    #[error(transparent)]
    Client(#[from] InflowError),
    #[error("a temporary file for the content of a request cannot be written")]
    File(#[from] io::Error),
    #[error(transparent)]
    Job(#[from] JobError),
}

impl Content {
    /// Takes the content of an exchange, and waits until all of it is there, unless it is to be taken as it comes.
    pub(super) async fn take(exchange: &mut Exchange, whole: bool) -> Result<Self, ContentError> {
        let Some(mut inflow) = exchange.request.body.take() else { return Ok(Self::Nothing) };
        if !whole {
            let length = match exchange.request.head.framing {
                BodyFraming::Length(length) => Some(length),
                BodyFraming::Chunked | BodyFraming::None => None,
            };
            return Ok(Self::Coming(inflow, length));
        }
        let folder = &exchange.plan.settings.client_body_folder.path;
        collect(&exchange.handle, &mut *inflow, folder).await
    }

    /// How many bytes there are, as far as that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(_, length) => Some(*length),
            Self::Coming(_, length) => *length,
        }
    }
}

/// Reads all content: into memory, and when that is not enough into a file.
async fn collect(handle: &Handle, inflow: &mut dyn Inflow, folder: &Arc<Path>) -> Result<Content, ContentError> {
    let mut memory = BytesMut::new();
    let mut file: Option<File> = None;
    let mut length = 0;
    while let Some(piece) = poll_fn(|context| inflow.poll_next(context)).await {
        let piece = piece?;
        length += piece.len() as u64;
        memory.extend_from_slice(&piece);
        let room = if file.is_some() { WRITE_BYTES } else { MEMORY_BYTES_MAX };
        if memory.len() > room {
            file = Some(written(handle, file, memory.split().freeze(), folder).await?);
        }
    }
    let Some(file) = file else { return Ok(Content::Bytes(memory.freeze())) };
    let mut file = written(handle, Some(file), memory.freeze(), folder).await?;
    file.rewind()?;
    Ok(Content::File(file.into(), length))
}

/// Puts bytes behind what the file holds; on a thread that may wait for the disk.
async fn written(handle: &Handle, file: Option<File>, bytes: Bytes, folder: &Arc<Path>) -> Result<File, ContentError> {
    let folder = Arc::clone(folder);
    let work = handle.job(move || {
        let mut file = match file {
            Some(file) => file,
            None => nameless(&folder)?,
        };
        file.write_all(&bytes)?;
        Ok::<File, io::Error>(file)
    });
    Ok(work.await??)
}

/// A new file in a folder, without a name, so that it goes with its last user; the folder is made if need be.
fn nameless(folder: &Path) -> io::Result<File> {
    let open = || {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, folder, flags, Mode::RUSR | Mode::WUSR)
    };
    let file = match open() {
        Err(rustix::io::Errno::NOENT) => {
            std::fs::create_dir_all(folder)?;
            open()?
        }
        result => result?,
    };
    Ok(file.into())
}

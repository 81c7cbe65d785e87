//! The files of a form: received side by side with nothing visible, and given their names together at the end.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use bytes::Bytes;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::names::{clean, numbered};
use crate::http::multipart::{BadForm, Parser, PartHead, Progress};
use crate::runtime::{Existing, NewFile};

/// How many numbers are tried behind a name that is taken.
const NUMBERS_MAX: u32 = 1000;

/// What files are stored by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether a file of the same name is replaced.
    pub(super) overwrite: bool,
    /// The most bytes of one file; none is no limit.
    pub(super) file_bytes_max: Option<u64>,
    /// The permissions of files.
    pub(super) access: u32,
    pub(super) fsync: bool,
}

/// A form that is coming in.
pub(super) struct Incoming {
    folder: OwnedFd,
    rules: Rules,
    parser: Parser,
    current: Current,
    pub(super) files: Vec<Received>,
    /// Names of fields that are no files.
    pub(super) ignored: Vec<Vec<u8>>,
}

/// What the part is that is coming in.
enum Current {
    /// None, or one that is no file.
    Ignored,
    /// The last of the files.
    File,
}

/// A file of the form.
pub(super) struct Received {
    file: NewFile,
    pub(super) field: Vec<u8>,
    pub(super) sent_as: Vec<u8>,
    pub(super) size: u64,
    /// What it is called: at first what it should be called.
    pub(super) name: String,
}

/// Why files were not stored.
pub(super) enum Failure {
    /// The form is none.
    Form(BadForm),
    /// A file is too large.
    TooLarge { name: String, limit: u64 },
    /// A system call about a file failed.
    System { call: &'static str, name: String, error: io::Error },
    /// All numbers are taken.
    NoFreeName { name: String },
}

impl From<BadForm> for Failure {
    fn from(error: BadForm) -> Self {
        Self::Form(error)
    }
}

impl Incoming {
    pub(super) fn new(folder: OwnedFd, rules: Rules, parser: Parser) -> Self {
        Self { folder, rules, parser, current: Current::Ignored, files: Vec::new(), ignored: Vec::new() }
    }

    /// Takes in a piece of the content.
    pub(super) fn take(&mut self, mut piece: Bytes) -> Result<(), Failure> {
        loop {
            match self.parser.receive(&mut piece)? {
                Progress::NeedMore => return Ok(()),
                Progress::Part(head) => self.begin(*head)?,
                Progress::Data(data) => self.write(&data)?,
                Progress::PartEnd => self.current = Current::Ignored,
                Progress::End => {}
            }
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.parser.is_complete()
    }

    fn begin(&mut self, head: PartHead) -> Result<(), Failure> {
        // A browser sends an empty name for a field in which no file was chosen.
        let Some(sent_as) = head.filename.filter(|name| !name.is_empty()) else {
            self.ignored.push(head.name);
            return Ok(());
        };
        let name = clean(&sent_as);
        let file = NewFile::create(self.folder.as_fd()).map_err(|error| Failure::System {
            call: "open()",
            name: name.clone(),
            error,
        })?;
        self.files.push(Received { file, field: head.name, sent_as, size: 0, name });
        self.current = Current::File;
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        let (Current::File, Some(received)) = (&self.current, self.files.last_mut()) else { return Ok(()) };
        received.size += data.len() as u64;
        if let Some(limit) = self.rules.file_bytes_max.filter(|limit| received.size > *limit) {
            return Err(Failure::TooLarge { name: received.name.clone(), limit });
        }
        let failed = |error| Failure::System { call: "write()", name: received.name.clone(), error };
        received.file.write_all(data).map_err(failed)
    }

    /// Gives all files their names; if one cannot have any, none has.
    pub(super) fn publish(mut self) -> Result<(Vec<Received>, Vec<Vec<u8>>), Failure> {
        for received in &self.files {
            let failed = |call| move |error| Failure::System { call, name: received.name.clone(), error };
            received.file.set_permissions(self.rules.access).map_err(failed("fchmod()"))?;
            if self.rules.fsync {
                received.file.sync().map_err(failed("fsync()"))?;
            }
        }
        let mut files = std::mem::take(&mut self.files);
        for at in 0..files.len() {
            let (before, rest) = files.split_at_mut(at);
            if let Err(failure) = self.publish_one(&mut rest[0], before) {
                self.take_back(before);
                return Err(failure);
            }
        }
        if self.rules.fsync {
            self.sync_folder().map_err(|error| Failure::System { call: "fsync()", name: String::new(), error })?;
        }
        Ok((files, self.ignored))
    }

    fn publish_one(&self, received: &mut Received, before: &[Received]) -> Result<(), Failure> {
        let wanted = received.name.clone();
        for number in 0..=NUMBERS_MAX {
            if number > 0 {
                received.name = numbered(&wanted, number);
            }
            // Of two files of one form neither replaces the other.
            let replaces = self.rules.overwrite && !before.iter().any(|other| other.name == received.name);
            let existing = if replaces { Existing::Replace } else { Existing::Keep };
            match received.file.publish(self.folder.as_fd(), OsStr::new(&received.name), existing) {
                Ok(()) => return Ok(()),
                // A folder is not replaced.
                Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory) => {}
                Err(error) => return Err(Failure::System { call: "rename()", name: received.name.clone(), error }),
            }
        }
        Err(Failure::NoFreeName { name: wanted })
    }

    /// Removes files that have their names already, unless they have taken the place of others.
    fn take_back(&self, published: &[Received]) {
        if self.rules.overwrite {
            return;
        }
        for received in published {
            if let Err(error) = rustix::fs::unlinkat(&self.folder, &received.name, AtFlags::empty()) {
                log::warn!("the uploaded file \"{}\" stays: {error}", received.name);
            }
        }
    }

    fn sync_folder(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder: Result<OwnedFd, Errno> =
            retry_on_intr(|| rustix::fs::openat(&self.folder, ".", flags, Mode::empty()));
        Ok(retry_on_intr({
            let folder = folder?;
            move || rustix::fs::fsync(&folder)
        })?)
    }
}

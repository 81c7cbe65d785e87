//! Content recoded as it is sent, piece by piece.
//!
//! Reads files itself, in portions; other connections have their turn in between.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::map::Table;
use crate::exchange::body::{Body, Chunk, FileSlice, Source};
use crate::runtime::read_at;

/// The body in the other charset.
pub(super) fn recode(body: Body, table: &Arc<Table>) -> Body {
    match body {
        Body::Empty => Body::Empty,
        Body::Bytes(bytes) => {
            let (mut rest, mut out) = (Vec::new(), Vec::with_capacity(bytes.len()));
            table.recode(&bytes, &mut rest, &mut out);
            Table::end(&mut rest, &mut out);
            Body::Bytes(Bytes::from(out))
        }
        body @ (Body::File(_) | Body::Stream { .. }) => Body::Stream {
            length: body.length().filter(|_| table.keeps_length()),
            source: Box::new(Recoded {
                source: body.into_source(),
                table: Arc::clone(table),
                rest: Vec::new(),
                file: None,
                this_turn: 0,
            }),
        },
    }
}

struct Recoded {
    source: Box<dyn Source>,
    table: Arc<Table>,
    /// The beginning of a character whose end has not come.
    rest: Vec<u8>,
    /// What is left to be read of a file.
    file: Option<FileSlice>,
    /// Bytes of files since others had their turn.
    this_turn: usize,
}

impl Source for Recoded {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Chunk>>> {
        loop {
            let mut out = Vec::new();
            if let Some(slice) = self.file.take_if(|slice| slice.length > 0) {
                if self.this_turn >= TURN_BYTES_MAX {
                    self.this_turn = 0;
                    self.file = Some(slice);
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if let Err(error) = self.read(slice, &mut out) {
                    return Poll::Ready(Some(Err(error)));
                }
            } else {
                match ready!(self.source.poll_next(context)) {
                    Some(Ok(Chunk::Bytes(bytes))) => {
                        out.reserve(bytes.len());
                        self.table.recode(&bytes, &mut self.rest, &mut out);
                    }
                    Some(Ok(Chunk::File(slice))) => self.file = Some(slice),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        Table::end(&mut self.rest, &mut out);
                        if out.is_empty() {
                            return Poll::Ready(None);
                        }
                    }
                }
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Chunk::Bytes(Bytes::from(out)))));
            }
        }
    }
}

impl Recoded {
    /// Recodes a portion of a file; what is left of it comes next.
    fn read(&mut self, slice: FileSlice, out: &mut Vec<u8>) -> io::Result<()> {
        let mut portion = vec![0; PORTION_BYTES.min(usize::try_from(slice.length).unwrap_or(PORTION_BYTES))];
        let count = read_at(slice.file.as_fd(), slice.offset, &mut portion)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was truncated"));
        }
        out.reserve(count);
        self.table.recode(&portion[..count], &mut self.rest, out);
        self.this_turn += count;
        let read = count as u64;
        self.file = Some(FileSlice { offset: slice.offset + read, length: slice.length - read, ..slice });
        Ok(())
    }
}

/// What is read of a file at once.
const PORTION_BYTES: usize = 32 * 1024;

/// What one connection recodes before others have a turn: some milliseconds.
const TURN_BYTES_MAX: usize = 1024 * 1024;

//! What a client is sent: heads and contents, collected where that saves system calls, with the client's own pace.
//!
//! Answers to pipelined requests are collected into one write. A small file is read into the same buffer as its head;
//! a large one goes from the page cache to the socket.

use std::future::{Future, poll_fn};
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use super::connection::{Connection, Ending, log};
use super::head::{self, Dates, Framing};
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::exchange::Exchange;
use crate::exchange::body::{Body, Chunk, FileSlice};
use crate::exchange::content::Content;
use crate::exchange::response::Response;
use crate::exchange::shared_file::SMALL_BYTES_MAX;
use crate::http::h1::encoder::{CHUNK_END, chunk_head, encode_trailers};
use crate::runtime;

/// How much is collected before it is sent.
const COLLECT_BYTES_MAX: usize = 32 * 1024;

/// How many answers are collected before they are sent.
const COLLECT_ANSWERS_MAX: usize = 64;

/// How much of a file is read at once where `sendfile` is off.
const READ_BYTES: usize = 64 * 1024;

/// Answers on their way out.
#[derive(Default)]
pub(super) struct Outbox {
    /// Encoded bytes.
    bytes: Vec<u8>,
    /// How many of them the client has taken.
    sent: usize,
    /// Exchanges that are over once these bytes are sent.
    #[expect(clippy::vec_box, reason = "they arrive boxed, and are large")]
    exchanges: Vec<Box<Exchange>>,
}

impl Connection {
    /// Encodes the response, and sends what is too much to be collected.
    pub(super) async fn send(
        &self,
        exchange: &mut Exchange,
        response: &mut Response,
        framing: Framing,
        keep: bool,
    ) -> Result<(), Ending> {
        let date = self.station.date();
        let settings = &exchange.plan.settings;
        {
            let mut outbox = self.outbox.borrow_mut();
            if outbox.bytes.capacity() == 0 {
                *outbox = self.station.take_outbox();
            }
            let last_modified = response.last_modified.map(|modified| self.station.file_date(modified));
            let dates = Dates { now: &date, last_modified: last_modified.as_ref() };
            head::write(&mut outbox.bytes, response, framing, keep, settings, &dates, &mut exchange.record);
        }
        exchange.record.bytes_sent = exchange.record.head_bytes;
        let body = std::mem::replace(&mut response.body, Body::Empty);
        if !head::has_content(&exchange.method, framing) {
            return Ok(());
        }
        match body {
            // In chunks is what has trailers, too.
            body if framing == Framing::Chunked => {
                Box::pin(self.send_stream(exchange, body.into_source(), framing)).await
            }
            Body::Empty => Ok(()),
            Body::Bytes(bytes) if bytes.len() <= COLLECT_BYTES_MAX => {
                self.append(&bytes);
                exchange.record.bytes_sent += bytes.len() as u64;
                Ok(())
            }
            Body::File(slice) if slice.file.is_small() => self.send_small_file(exchange, &slice),
            // What may have to wait for the client has a future of its own.
            Body::Bytes(bytes) => Box::pin(self.send_bytes(exchange, &bytes)).await,
            Body::File(slice) => Box::pin(self.send_file(exchange, &slice)).await,
            Body::Stream { source, .. } => Box::pin(self.send_stream(exchange, source, framing)).await,
        }
    }

    /// Puts behind the content what ends it: the last chunk, with the trailers, which are computed now.
    pub(super) fn end_content(&self, exchange: &mut Exchange, framing: Framing) {
        if !head::has_content(&exchange.method, framing) {
            return;
        }
        let response = exchange.record.response.as_ref();
        if let Some(trailers) = response.and_then(|response| response.trailers.as_ref()) {
            exchange.record.trailers = trailers.render(exchange);
        }
        if framing == Framing::Chunked {
            let mut outbox = self.outbox.borrow_mut();
            let before = outbox.bytes.len();
            // A field whose name is no token has been refused with the configuration.
            let _left_out = encode_trailers(&mut outbox.bytes, &exchange.record.trailers);
            exchange.record.bytes_sent += (outbox.bytes.len() - before) as u64;
        }
    }

    /// Hands the finished exchange over to be logged when its bytes are sent: at once, or with the answers to the
    /// requests that the client has already sent behind it.
    pub(super) async fn deliver(&self, exchange: Box<Exchange>, keep: bool) -> Result<(), Ending> {
        // Content takes memory, or a descriptor, until its exchange is over.
        let keep = keep && matches!(exchange.content(), Content::Empty);
        let collected = {
            let mut outbox = self.outbox.borrow_mut();
            outbox.exchanges.push(exchange);
            outbox.exchanges.len() < COLLECT_ANSWERS_MAX && outbox.bytes.len() < COLLECT_BYTES_MAX
        };
        // What was received is another request only if the content of this one is complete; a client that still sends
        // that may be waiting for the answer.
        let complete = !self.decoder.borrow().is_in_body();
        if keep && collected && complete && !self.buffer.borrow().is_empty() {
            // It is over; the next request of this client must not find its place taken by this one.
            if let Some(exchange) = self.outbox.borrow_mut().exchanges.last_mut() {
                exchange.release_limits();
            }
            return Ok(());
        }
        self.flush().await
    }

    /// Logs an exchange that could not be answered to its end, and those before it that were not sent.
    pub(super) fn give_up(&self, mut exchange: Box<Exchange>, ending: &Ending) {
        let what = match ending {
            Ending::TimedOut | Ending::Reset => Some("client timed out while sending response to client"),
            Ending::ClientLeft => Some("client closed connection while sending response to client"),
            _ => None,
        };
        if let Some(what) = what {
            exchange.report(Severity::Info, format_args!("{what}"));
        }
        exchange.record.ended = Some(self.station.handle.now());
        let mut outbox = self.outbox.borrow_mut();
        outbox.exchanges.push(exchange);
        outbox.log_unsent();
    }

    /// Puts bytes behind what waits to be sent.
    pub(super) fn append(&self, bytes: &[u8]) {
        self.outbox.borrow_mut().bytes.extend_from_slice(bytes);
    }

    /// Sends everything that waits, and logs the exchanges that are over with it.
    pub(super) async fn flush(&self) -> Result<(), Ending> {
        if self.outbox.borrow().is_empty() {
            return Ok(());
        }
        // Mostly the socket takes all of it at once; only a client that must be waited for costs a future.
        let sent = match self.poll_drive(false) {
            Poll::Ready(sent) => sent.map_err(Ending::of),
            Poll::Pending => Box::pin(self.drive(false)).await,
        };
        self.delivered(sent)
    }

    /// Logs the exchanges whose bytes were sent, or given up.
    fn delivered(&self, sent: Result<(), Ending>) -> Result<(), Ending> {
        if let Err(ending) = sent {
            let mut outbox = self.outbox.borrow_mut();
            for exchange in &mut outbox.exchanges {
                exchange.record.ended = Some(self.station.handle.now());
            }
            outbox.log_unsent();
            return Err(ending);
        }
        let mut outbox = self.outbox.take();
        for mut exchange in outbox.exchanges.drain(..) {
            exchange.record.ended = Some(self.station.handle.now());
            exchange.record.complete = true;
            log(&exchange);
        }
        self.station.give_outbox(outbox);
        Ok(())
    }

    /// Sends what waits, as far as the client takes it; `Ready` when all is gone.
    pub(super) fn poll_flush(&self) -> Poll<io::Result<()>> {
        self.poll_drive(false)
    }

    /// Sends what waits, within `send_timeout` from one piece taken to the next.
    async fn drive(&self, more: bool) -> Result<(), Ending> {
        self.within_send_timeout(|progress| {
            let before = self.outbox.borrow().sent;
            let result = self.poll_drive(more);
            *progress = self.outbox.borrow().sent > before;
            result
        })
        .await
    }

    fn poll_drive(&self, more: bool) -> Poll<io::Result<()>> {
        let mut outbox = self.outbox.borrow_mut();
        while outbox.sent < outbox.bytes.len() {
            let count = ready!(self.transport.poll_send(&outbox.bytes[outbox.sent..], more))?;
            outbox.sent += count;
        }
        outbox.sent = 0;
        outbox.bytes.clear();
        Poll::Ready(Ok(()))
    }

    /// Polls `work` until it is ready, as long as it makes progress once in `send_timeout`. While the client takes
    /// nothing, what it sends as content that nobody reads is thrown away: else both might wait for the other.
    async fn within_send_timeout<T>(
        &self,
        mut work: impl FnMut(&mut bool) -> Poll<io::Result<T>>,
    ) -> Result<T, Ending> {
        let handle = &self.station.handle;
        let mut deadline = handle.deadline(handle.now() + Duration::from(self.send_timeout.get()));
        poll_fn(|context| {
            let mut progress = false;
            if let Poll::Ready(result) = work(&mut progress) {
                return Poll::Ready(result.map_err(Ending::of));
            }
            if progress {
                deadline.reset(handle.now() + Duration::from(self.send_timeout.get()));
            }
            let _whether_it_can_go_on = self.poll_discard(context);
            Pin::new(&mut deadline).poll(context).map(|()| Err(Ending::TimedOut))
        })
        .await
    }

    async fn send_bytes(&self, exchange: &mut Exchange, bytes: &[u8]) -> Result<(), Ending> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = COLLECT_BYTES_MAX.saturating_sub(self.outbox.borrow().bytes.len());
            if room == 0 {
                self.drive(true).await?;
                continue;
            }
            let (now, later) = rest.split_at(rest.len().min(room));
            self.append(now);
            exchange.record.bytes_sent += now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    async fn send_file(&self, exchange: &mut Exchange, slice: &FileSlice) -> Result<(), Ending> {
        if slice.file.is_small() {
            return self.send_small_file(exchange, slice);
        }
        if slice.length <= SMALL_BYTES_MAX {
            return self.read_file(exchange, slice);
        }
        if exchange.plan.settings.sendfile {
            self.sendfile(exchange, slice).await
        } else {
            self.copy_file(exchange, slice).await
        }
    }

    /// Puts a run of a small file, which is in memory or gets there now, behind what waits to be sent.
    fn send_small_file(&self, exchange: &mut Exchange, slice: &FileSlice) -> Result<(), Ending> {
        let content = slice.file.content().map_err(|error| unreadable(exchange, "pread", &error))?;
        // Small files have lengths that fit.
        let (start, end) = (slice.offset as usize, (slice.offset + slice.length) as usize);
        let Some(run) = content.get(start..end) else { return Err(truncated(exchange, content.len() as u64)) };
        self.append(run);
        exchange.record.bytes_sent += slice.length;
        Ok(())
    }

    /// Reads a run of a file behind what waits to be sent.
    fn read_file(&self, exchange: &mut Exchange, slice: &FileSlice) -> Result<(), Ending> {
        let mut outbox = self.outbox.borrow_mut();
        let start = outbox.bytes.len();
        // Bounded by SMALL_BYTES_MAX or READ_BYTES.
        let length = slice.length as usize;
        outbox.bytes.resize(start + length, 0);
        let mut filled = 0;
        while filled < length {
            let memory = &mut outbox.bytes[start + filled..];
            match runtime::read_at(slice.file.as_fd(), slice.offset + filled as u64, memory) {
                Ok(0) => return Err(truncated(exchange, slice.offset + filled as u64)),
                Ok(count) => filled += count,
                Err(error) => return Err(unreadable(exchange, "pread", &error)),
            }
        }
        exchange.record.bytes_sent += slice.length;
        Ok(())
    }

    /// Sends a run of a file through memory (`sendfile off`).
    async fn copy_file(&self, exchange: &mut Exchange, slice: &FileSlice) -> Result<(), Ending> {
        let end = slice.offset + slice.length;
        let mut offset = slice.offset;
        let mut this_turn = 0;
        while offset < end {
            let length = (end - offset).min(READ_BYTES as u64);
            self.read_file(exchange, &FileSlice { file: slice.file.clone(), offset, length })?;
            offset += length;
            this_turn += length;
            self.drive(offset < end).await?;
            if this_turn >= exchange.plan.settings.sendfile_max_chunk {
                this_turn = 0;
                self.station.handle.yield_now().await;
            }
        }
        Ok(())
    }

    /// Sends a run of a file from the page cache, the head before it in the same packet.
    async fn sendfile(&self, exchange: &mut Exchange, slice: &FileSlice) -> Result<(), Ending> {
        self.drive(true).await?;
        let per_turn = match exchange.plan.settings.sendfile_max_chunk {
            0 => u64::MAX,
            bytes => bytes,
        };
        let end = slice.offset + slice.length;
        let mut offset = slice.offset;
        let mut turn_end = offset.saturating_add(per_turn).min(end);
        while offset < end {
            // sendfile(2) takes at most 2 GiB at once.
            let count = (turn_end - offset).min(i32::MAX as u64) as usize;
            let result = self
                .within_send_timeout(|progress| {
                    *progress = false;
                    self.transport.poll_sendfile(slice.file.as_fd(), &mut offset, count)
                })
                .await;
            match result {
                Ok(0) => return Err(truncated(exchange, offset)),
                Ok(count) => exchange.record.bytes_sent += count as u64,
                Err(Ending::Failed(error)) => return Err(unreadable(exchange, "sendfile", &error)),
                Err(ending) => return Err(ending),
            }
            if offset >= turn_end && offset < end {
                turn_end = offset.saturating_add(per_turn).min(end);
                self.station.handle.yield_now().await;
            }
        }
        Ok(())
    }

    /// Sends what comes piece by piece; whenever there is nothing more at the moment, what there is goes out.
    async fn send_stream(
        &self,
        exchange: &mut Exchange,
        mut source: Box<dyn crate::exchange::body::Source>,
        framing: Framing,
    ) -> Result<(), Ending> {
        let mut rest = match framing {
            Framing::Length(length) => Some(length),
            _ => None,
        };
        loop {
            let next = self.next_piece(&mut *source).await?;
            let piece = match next {
                None => break,
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return Err(unreadable(exchange, "reading the response", &error)),
            };
            if let Some(rest) = &mut rest {
                *rest = rest.checked_sub(piece.len()).ok_or_else(|| too_much(exchange))?;
            }
            self.send_piece(exchange, piece, framing).await?;
        }
        match rest {
            Some(missing @ 1..) => Err(cut_short(exchange, missing)),
            _ => Ok(()),
        }
    }

    /// The next piece of a stream; sends what waits while there is none.
    async fn next_piece(
        &self,
        source: &mut dyn crate::exchange::body::Source,
    ) -> Result<Option<io::Result<Chunk>>, Ending> {
        let handle = &self.station.handle;
        let mut deadline = handle.deadline(handle.now() + Duration::from(self.send_timeout.get()));
        poll_fn(|context| {
            if let Poll::Ready(piece) = source.poll_next(context) {
                return Poll::Ready(Ok(piece));
            }
            match self.poll_flush() {
                // The source takes its time; its own deadlines are its own affair.
                Poll::Ready(Ok(())) => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(Ending::of(error))),
                Poll::Pending => Pin::new(&mut deadline).poll(context).map(|()| Err(Ending::TimedOut)),
            }
        })
        .await
    }

    async fn send_piece(&self, exchange: &mut Exchange, piece: Chunk, framing: Framing) -> Result<(), Ending> {
        let size = usize::try_from(piece.len()).ok().and_then(NonZeroUsize::new);
        let chunk = size.filter(|_| framing == Framing::Chunked).map(chunk_head);
        if let Some(chunk) = &chunk {
            self.append(chunk);
            exchange.record.bytes_sent += chunk.len() as u64;
        }
        match piece {
            Chunk::Bytes(bytes) => self.send_bytes(exchange, &bytes).await?,
            Chunk::File(slice) => self.send_file(exchange, &slice).await?,
        }
        if chunk.is_some() {
            self.append(CHUNK_END);
            exchange.record.bytes_sent += CHUNK_END.len() as u64;
        }
        if self.outbox.borrow().bytes.len() >= COLLECT_BYTES_MAX {
            self.drive(true).await?;
        }
        Ok(())
    }
}

impl Outbox {
    pub(super) fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    pub(super) fn room(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.exchanges.is_empty()
    }

    /// Logs exchanges whose bytes were not all taken: the last ones lack what is left.
    fn log_unsent(&mut self) {
        let mut unsent = (self.bytes.len() - self.sent) as u64;
        for exchange in self.exchanges.iter_mut().rev() {
            let lacks = unsent.min(exchange.record.bytes_sent);
            exchange.record.bytes_sent -= lacks;
            unsent -= lacks;
        }
        for exchange in self.exchanges.drain(..) {
            log(&exchange);
        }
        self.bytes.clear();
        self.sent = 0;
    }
}

fn truncated(exchange: &Exchange, at: u64) -> Ending {
    exchange.report(Severity::Alert, format_args!("the file was truncated at {at} while sending response to client"));
    Ending::Broken
}

fn unreadable(exchange: &Exchange, call: &str, error: &io::Error) -> Ending {
    exchange.report(Severity::Crit, format_args!("{call} failed {} while sending response to client", Reason(error)));
    Ending::Broken
}

fn cut_short(exchange: &Exchange, missing: u64) -> Ending {
    exchange.report(Severity::Error, format_args!("the response ended {missing} bytes before its announced length"));
    Ending::Broken
}

fn too_much(exchange: &Exchange) -> Ending {
    exchange.report(Severity::Error, format_args!("the response is longer than its announced length"));
    Ending::Broken
}

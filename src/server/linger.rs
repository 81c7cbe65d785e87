//! The end of a connection whose client may still be sending (nginx's `lingering_close`).
//!
//! A socket closed with unread data in it resets the connection, and the reset may overtake the answer. So the sending
//! side is shut down first, and what the client still sends is read and thrown away, for a bounded time.

use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::exchange::settings::Lingering;
use crate::runtime::{Handle, Transport};

/// How much is thrown away before other connections have their turn.
const DISCARD_PER_TURN: usize = 256 * 1024;

/// Reads and throws away until the client closes, nothing comes for `lingering_timeout`, or `lingering_time` is over.
pub(super) async fn linger(handle: &Handle, transport: &Transport, lingering: Lingering) {
    if transport.shutdown_write().is_err() {
        return;
    }
    let end = handle.now() + lingering.time;
    let mut this_turn = 0;
    loop {
        let deadline = end.min(handle.now() + lingering.timeout);
        match discard(handle, transport, deadline).await {
            None | Some(0) => return,
            Some(count) => this_turn += count,
        }
        if handle.now() >= end {
            return;
        }
        if this_turn >= DISCARD_PER_TURN {
            this_turn = 0;
            handle.yield_now().await;
        }
    }
}

/// One read into nowhere; `None` when there is nothing more to wait for.
async fn discard(handle: &Handle, transport: &Transport, at: std::time::Instant) -> Option<usize> {
    let mut deadline = handle.deadline(at);
    poll_fn(|context| {
        match handle.with_scratch(|scratch| transport.poll_read_into(scratch)) {
            Poll::Ready(Ok(count)) => return Poll::Ready(Some(count)),
            Poll::Ready(Err(_)) => return Poll::Ready(None),
            Poll::Pending => {}
        }
        Pin::new(&mut deadline).poll(context).map(|()| None)
    })
    .await
}

//! Whether the client is still there, asked while nobody reads from it.

use std::pin::pin;
use std::rc::Weak;
use std::task::Context;

use crate::exchange::Exchange;
use crate::runtime::Transport;

/// An eye on the client's connection.
pub(super) struct Watch {
    transport: Option<Weak<Transport>>,
}

impl Watch {
    /// On the client of an exchange. One that is to be ignored never leaves.
    pub(super) fn on(exchange: &Exchange, ignored: bool) -> Self {
        Self { transport: (!ignored).then(|| exchange.client.transport.clone()) }
    }

    /// On nobody.
    pub(super) fn none() -> Self {
        Self { transport: None }
    }

    /// Whether the client has closed or reset the connection, as far as one can tell: as in nginx, one that only says
    /// that it sends no more counts too. If not, its leaving polls the task.
    pub(super) fn has_left(&self, context: &mut Context<'_>) -> bool {
        let Some(transport) = &self.transport else { return false };
        let Some(transport) = transport.upgrade() else { return true };
        pin!(transport.closed()).poll(context).is_ready()
    }
}

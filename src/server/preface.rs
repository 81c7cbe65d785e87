//! What comes before the first request of a connection: the PROXY protocol header, where the address asks for one.
//!
//! Read once, within `client_header_timeout` from when the connection was accepted. What it says is kept with the
//! client; bytes behind it are left for the first request. `http::proxy_protocol` says what the bytes mean.

use std::fmt;

use bytes::Buf;

use super::connection::{Connection, Ending};
use crate::base::report::{Severity, report_to};
use crate::exchange::Shown;
use crate::exchange::core_variables::write_address;
use crate::http::proxy_protocol::{Progress, ProxyHeaderError, decode};

/// Reads the header.
///
/// # Errors
/// How the connection ends that has none.
pub(super) async fn read(connection: &Connection) -> Result<(), Ending> {
    loop {
        let progress = decode(&connection.buffer.borrow());
        match progress {
            Ok(Progress::Complete(header, length)) => {
                connection.buffer.borrow_mut().advance(length);
                if let Some(header) = header {
                    connection.client.set_proxy_header(*header);
                }
                return Ok(());
            }
            Ok(Progress::NeedMore) => {}
            Err(error) => return Err(refuse(connection, error)),
        }
        let idle = connection.buffer.borrow().is_empty();
        if idle && connection.ends_when_idle() {
            return Err(Ending::Close);
        }
        if let Err(ending) = connection.fill(connection.idle_deadline(), idle).await {
            return Err(give_up(connection, idle, ending));
        }
    }
}

/// What was received is no header: nobody can say who would be answered.
fn refuse(connection: &Connection, error: ProxyHeaderError) -> Ending {
    match error {
        ProxyHeaderError::Broken => {
            let received = connection.buffer.borrow();
            let mut lines = received.as_ref().split(|byte| matches!(byte, b'\r' | b'\n'));
            let line = lines.next().unwrap_or_default();
            let line = &line[..line.len().min(SHOWN_BYTES_MAX)];
            tell(connection, Severity::Error, format_args!("{error}: \"{}\"", Shown(line)));
        }
        ProxyHeaderError::UnknownVersion(_) | ProxyHeaderError::TooLarge => {
            tell(connection, Severity::Error, format_args!("{error}"));
        }
    }
    Ending::Close
}

/// The client left, or was too slow.
fn give_up(connection: &Connection, idle: bool, ending: Ending) -> Ending {
    match ending {
        Ending::TimedOut => tell(connection, Severity::Info, format_args!("client timed out")),
        Ending::ClientLeft if !idle => return refuse(connection, ProxyHeaderError::Broken),
        _ => {}
    }
    ending
}

/// Writes to the error log of the address's default server, for no other is known yet.
fn tell(connection: &Connection, severity: Severity, message: fmt::Arguments<'_>) {
    let Some(routes) = connection.listener().routes() else { return };
    let client = &connection.client;
    let mut address = Vec::new();
    write_address(&client.peer, &mut address);
    let (number, server) = (client.number, &client.listener.address);
    report_to(
        &routes.default.plan.settings.error_log,
        severity,
        format_args!("*{number} {message} while reading PROXY protocol, client: {}, server: {server}", Shown(&address)),
    );
}

/// How much of what is no header is shown.
const SHOWN_BYTES_MAX: usize = 200;

//! Variables of the request: its line, its fields, what they ask for.

use std::os::unix::ffi::{OsStrExt, OsStringExt};

use bytes::Bytes;

use super::{join_fields, show};
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::exchange::content::Content;
use crate::exchange::variables::append;
use crate::exchange::{Exchange, Shown};
use crate::http::headers::names;

/// Whether the request line was well-formed; of one that was not there is only the line itself.
fn is_understood(exchange: &Exchange) -> bool {
    !exchange.request.head.target.raw().is_empty()
}

pub(super) fn uri(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append((is_understood(exchange) || exchange.internal).then_some(&*exchange.uri), out)
}

pub(super) fn request_uri(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    let uri = is_understood(exchange).then(|| exchange.request.head.target.request_uri());
    append(uri.as_deref(), out)
}

/// An empty query is none, also behind a question mark.
/// `set $args`: the query from here on.
pub(super) fn set_args(exchange: &mut Exchange, value: Bytes) {
    exchange.args = value;
}

pub(super) fn args(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append((!exchange.args.is_empty()).then_some(&*exchange.args), out)
}

pub(super) fn is_args(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(if exchange.args.is_empty() { b"" } else { b"?" }), out)
}

pub(super) fn arg(exchange: &Exchange, member: &str, out: &mut Vec<u8>) -> bool {
    let value = exchange.args.split(|byte| *byte == b'&').find_map(|argument| {
        let (name, rest) = argument.split_at_checked(member.len())?;
        let value = rest.strip_prefix(b"=")?;
        name.eq_ignore_ascii_case(member.as_bytes()).then_some(value)
    });
    append(value, out)
}

pub(super) fn line(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    let line = &exchange.request.head.request_line;
    append((!line.is_empty()).then_some(&**line), out)
}

/// The method as received; GET once an error page answers as to GET. A subrequest tells that of the client's request.
pub(super) fn method(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(is_understood(exchange).then(|| exchange.main_method().as_str().as_bytes()), out)
}

pub(super) fn protocol(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(is_understood(exchange).then(|| exchange.request.head.version.as_str().as_bytes()), out)
}

pub(super) fn host(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(&exchange.host), out)
}

/// The port that the client names, nothing if it names none.
pub(super) fn request_port(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    named_port(exchange).is_some_and(|port| show(port, out))
}

pub(super) fn is_request_port(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(if named_port(exchange).is_some() { b":" } else { b"" }), out)
}

/// The port that the client has named.
fn named_port(exchange: &Exchange) -> Option<u16> {
    exchange.request.head.host.as_ref()?.port
}

pub(super) fn field(exchange: &Exchange, member: &str, out: &mut Vec<u8>) -> bool {
    join_fields(&exchange.request.head.headers, member, out)
}

pub(super) fn content_type(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(exchange.request.header(names::CONTENT_TYPE).map(|value| &**value), out)
}

pub(super) fn content_length(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    match exchange.request.header(names::CONTENT_LENGTH) {
        Some(value) => append(Some(value), out),
        None => match exchange.content() {
            Content::Empty => false,
            received => show(received.length(), out),
        },
    }
}

pub(super) fn body(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    match exchange.content() {
        Content::Memory(bytes) => append(Some(bytes), out),
        Content::Empty | Content::File(_) => false,
    }
}

pub(super) fn body_file(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    match exchange.content() {
        Content::File(file) => append(file.path().map(|path| path.as_os_str().as_bytes()), out),
        Content::Empty | Content::Memory(_) => false,
    }
}

pub(super) fn cookie(exchange: &Exchange, member: &str, out: &mut Vec<u8>) -> bool {
    let value = exchange.request.head.headers.get_all(names::COOKIE).find_map(|field| find_cookie(field, member));
    append(value, out)
}

/// The value of a cookie, found without regard to case, as nginx does. Names are separated by `;` or `,`, but a value
/// ends only at `;`.
fn find_cookie<'a>(field: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = field;
    loop {
        if let Some((start, behind)) = rest.split_at_checked(name.len())
            && start.eq_ignore_ascii_case(name.as_bytes())
            && let Some(value) = skip_blanks(behind).strip_prefix(b"=")
        {
            return skip_blanks(value).split(|byte| *byte == b';').next();
        }
        let separator = rest.iter().position(|byte| matches!(byte, b';' | b','))?;
        rest = skip_blanks(&rest[separator + 1..]);
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    &text[blanks..]
}

pub(super) fn remote_user(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    let credentials = exchange.request.credentials();
    append(credentials.as_ref().map(|credentials| &*credentials.user), out)
}

pub(super) fn document_root(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(&exchange.document_root()), out)
}

pub(super) fn filename(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(&exchange.filename()), out)
}

pub(super) fn realpath_root(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    let root = exchange.document_root();
    match std::fs::canonicalize(std::ffi::OsStr::from_bytes(&root)) {
        Ok(path) => append(Some(&path.into_os_string().into_vec()), out),
        Err(error) => {
            exchange.report(Severity::Crit, format_args!("realpath() \"{}\" failed {}", Shown(&root), Reason(&error)));
            false
        }
    }
}

pub(super) fn id(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    append(Some(exchange.id().as_bytes()), out)
}

pub(super) fn length(exchange: &Exchange, _member: &str, out: &mut Vec<u8>) -> bool {
    show(exchange.record.request_length(), out)
}

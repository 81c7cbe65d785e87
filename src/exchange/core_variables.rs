//! The variables that every configuration has, with nginx's meaning (`ngx_http_core_module`, the variables section,
//! and `$pipe` of `ngx_http_log_module`).
//!
//! Here is the table; what computes the values is in `request`, `response`, `connection` and `proxy`. Called by `config`,
//! which resolves names by it, and by what has a built-in template. Left out: `$tcpinfo_*`.

mod connection;
mod proxy;
mod request;
mod response;

pub use connection::{write_address, write_port};

use super::variables::{Getter, Reference, Variable, VariableKind};

/// The table.
pub const CORE_VARIABLES: &[Variable] = &[
    family("arg_", request::arg, "The argument of this name in the query, as received."),
    Variable {
        name: "args",
        kind: VariableKind::Assigned(request::set_args),
        get: request::args,
        doc: "The query, as received, without its question mark.",
    },
    single("binary_remote_addr", connection::binary_remote_addr, "The client's address in 4 or 16 bytes."),
    single("body_bytes_sent", response::body_bytes_sent, "Bytes sent to the client behind the response's head."),
    single("bytes_sent", response::bytes_sent, "Bytes sent to the client."),
    single("connection", connection::number, "The connection's number."),
    single("connection_requests", connection::requests, "Which request of its connection this is, from 1."),
    single(
        "connection_time",
        connection::time,
        "How long the connection has been open, in seconds to the millisecond.",
    ),
    single(
        "content_length",
        request::content_length,
        "The request's Content-Length field; of a chunked body that was received as a whole, its length.",
    ),
    single("content_type", request::content_type, "The request's Content-Type field."),
    family("cookie_", request::cookie, "The cookie of this name."),
    single("document_root", request::document_root, "The value of root or alias for the request."),
    single("document_uri", request::uri, "The same as $uri."),
    single(
        "host",
        request::host,
        "The host that was asked for, in small letters and without port, or the server's name.",
    ),
    single("hostname", connection::host_name, "The machine's name."),
    family("http_", request::field, "The request's field of this name, in small letters with underscores for hyphens."),
    single("https", connection::https, "\"on\" on an encrypted connection, else empty."),
    single("is_args", request::is_args, "A question mark if the request has a query, else empty."),
    single("is_request_port", request::is_request_port, "A colon if `$request_port` is not empty, else empty."),
    Variable {
        name: "limit_rate",
        kind: VariableKind::Assigned(connection::set_limit_rate),
        get: connection::limit_rate,
        doc: "How many bytes a second the client is sent at most; 0 is no limit.",
    },
    single("msec", connection::msec, "The time, in seconds since 1970 to the millisecond."),
    single("nginx_version", connection::version, "The version of webserv."),
    single("pid", connection::process, "The number of the server's process."),
    single("pipe", connection::pipe, "\"p\" if the request was pipelined, else \".\"."),
    single("proxy_protocol_addr", proxy::source_addr, "The client's address by the PROXY protocol header."),
    single("proxy_protocol_port", proxy::source_port, "The client's port by the PROXY protocol header."),
    single(
        "proxy_protocol_server_addr",
        proxy::destination_addr,
        "The address that the client connected to by the PROXY protocol header.",
    ),
    single(
        "proxy_protocol_server_port",
        proxy::destination_port,
        "The port that the client connected to by the PROXY protocol header.",
    ),
    family(
        "proxy_protocol_tlv_",
        proxy::tlv,
        "The field of this name in a PROXY protocol header of version 2: alpn, authority, unique_id, ssl, netns, \
         ssl_version, ssl_cn, ssl_cipher, ssl_sig_alg, ssl_key_alg, ssl_verify, or a number such as 0x01 or ssl_0x21.",
    ),
    single("query_string", request::args, "The same as $args."),
    single("realpath_root", request::realpath_root, "$document_root as an absolute path without symbolic links."),
    single("remote_addr", connection::remote_addr, "The client's address."),
    single("remote_port", connection::remote_port, "The client's port."),
    single("remote_user", request::remote_user, "The user name that was given with Basic authentication."),
    single("request", request::line, "The whole request line, as received."),
    single("request_body", request::body, "The request's body, if it was received as a whole and is in memory."),
    single(
        "request_body_file",
        request::body_file,
        "The file that the request's body is in, if client_body_in_file_only gives it a name.",
    ),
    single("request_completion", response::completion, "\"OK\" if the whole response was sent, else empty."),
    single(
        "request_filename",
        request::filename,
        "The file that the request stands for, by root or alias and the URI.",
    ),
    single("request_id", request::id, "A random number for the request, in 32 hexadecimal digits."),
    single("request_length", request::length, "Bytes of the request: line, fields and body."),
    single("request_method", request::method, "The request's method."),
    single("request_port", request::request_port, "The port that was asked for, in the request line or in Host."),
    single(
        "request_time",
        response::request_time,
        "Time since the request's first byte, in seconds to the millisecond.",
    ),
    single("request_uri", request::request_uri, "The URI with its query, as received."),
    single("scheme", connection::scheme, "\"http\" or \"https\"."),
    family(
        "sent_http_",
        response::field,
        "The response's field of this name, in small letters with underscores for hyphens.",
    ),
    family("sent_trailer_", response::trailer, "The field of this name behind the response's content."),
    single("server_addr", connection::server_addr, "The address that the client reached."),
    single("server_name", connection::server_name, "The first name of the server that answers."),
    single("server_port", connection::server_port, "The port that the client reached."),
    single("server_protocol", request::protocol, "The request's protocol: HTTP/1.0 or HTTP/1.1."),
    single("status", response::status, "The response's status."),
    single("time_iso8601", connection::time_iso8601, "The local time in the form of ISO 8601."),
    single("time_local", connection::time_local, "The local time in the Common Log Format."),
    single("uri", request::uri, "The path, decoded and normalised; internal redirects change it."),
];

const fn single(name: &'static str, get: Getter, doc: &'static str) -> Variable {
    Variable { name, kind: VariableKind::Single, get, doc }
}

const fn family(name: &'static str, get: Getter, doc: &'static str) -> Variable {
    Variable { name, kind: VariableKind::Family, get, doc }
}

/// What a name of the table refers to, for templates that no configuration brings.
pub fn resolve(name: &str) -> Option<Reference> {
    CORE_VARIABLES.iter().find_map(|variable| {
        let member = match variable.kind {
            VariableKind::Single | VariableKind::Assignable | VariableKind::Assigned(_) => {
                (variable.name == name).then_some("")?
            }
            VariableKind::Family => name.strip_prefix(variable.name).filter(|member| !member.is_empty())?,
        };
        Some(Reference::BuiltIn { get: variable.get, member: member.into(), name: name.into() })
    })
}

/// Whether a field has the name that a variable gives it: small letters, hyphens as underscores.
fn is_field(field: &[u8], member: &str) -> bool {
    let as_in_variable = |byte: &u8| if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    field.len() == member.len() && field.iter().map(as_in_variable).eq(member.bytes())
}

/// Writes the values of all fields of a name, joined as in one field; false when there is none.
fn join_fields(headers: &crate::http::Headers, member: &str, out: &mut Vec<u8>) -> bool {
    let separator: &[u8] = if member == "cookie" { b"; " } else { b", " };
    let mut is_first = true;
    for field in headers.iter().filter(|field| is_field(&field.name, member)) {
        if !is_first {
            out.extend_from_slice(separator);
        }
        is_first = false;
        out.extend_from_slice(&field.value);
    }
    !is_first
}

/// Writes what has a text of its own.
fn show(value: impl std::fmt::Display, out: &mut Vec<u8>) -> bool {
    // Writing to memory does not fail.
    let _ = std::io::Write::write_fmt(out, format_args!("{value}"));
    true
}

/// Writes a time in seconds to the millisecond, as nginx does in logs.
fn show_seconds(time: std::time::Duration, out: &mut Vec<u8>) -> bool {
    show(format_args!("{}.{:03}", time.as_secs(), time.subsec_millis()), out)
}

#[cfg(test)]
mod tests;

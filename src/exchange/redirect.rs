//! Redirects as they are sent: absolute or not, with which host and port (nginx's
//! `absolute_redirect`, `server_name_in_redirect`, `port_in_redirect`).

use std::net::SocketAddr;

use bytes::Bytes;

use super::error_pages;
use super::exchange::Exchange;
use super::response::Response;
use super::settings::{ErrorAnswer, Settings};
use crate::http::escape;
use crate::http::headers::names;
use crate::http::status::Status;

/// The current URI with a slash behind it, escaped, with its arguments.
pub fn with_slash(exchange: &Exchange) -> Bytes {
    let mut location = Vec::with_capacity(exchange.uri.len() + exchange.args.len() + 2);
    escape::uri(&exchange.uri, &mut location);
    location.push(b'/');
    if !exchange.args.is_empty() {
        location.push(b'?');
        location.extend_from_slice(&exchange.args);
    }
    Bytes::from(location)
}

/// Gives the `Location` of a response the form and the place that it has in nginx: a URL made here stands before
/// `Connection`, what a configuration says stands behind it.
pub(super) fn complete(exchange: &Exchange, response: &mut Response) {
    let Some(location) = response.location.take() else { return };
    if is_completed(&exchange.plan.settings, &location) {
        response.location = Some(absolute(exchange, &location));
    } else {
        response.headers.insert_first(names::LOCATION, location);
    }
}

fn is_completed(settings: &Settings, location: &[u8]) -> bool {
    settings.absolute_redirect && location.starts_with(b"/")
}

/// A `Location` in the form the settings ask for: a path becomes an absolute URL unless
/// `absolute_redirect off`; everything else stays.
pub fn absolute(exchange: &Exchange, location: &Bytes) -> Bytes {
    let settings = &exchange.plan.settings;
    if !is_completed(settings, location) {
        return location.clone();
    }
    let local = exchange.client.local_address();
    let mut url = Vec::with_capacity(location.len() + exchange.host.len() + 16);
    url.extend_from_slice(b"http://");
    write_host(exchange, local, &mut url);
    if settings.port_in_redirect
        && let Some(port) = local.map(|address| address.port()).filter(|port| *port != 80)
    {
        url.extend_from_slice(format!(":{port}").as_bytes());
    }
    url.extend_from_slice(location);
    Bytes::from(url)
}

/// The host of an absolute redirect: the server's name if asked for, else what the client called
/// it, else the address it reached.
fn write_host(exchange: &Exchange, local: Option<SocketAddr>, url: &mut Vec<u8>) {
    if exchange.plan.settings.server_name_in_redirect && !exchange.site.name().is_empty() {
        url.extend_from_slice(exchange.site.name());
    } else if let Some(host) = &exchange.request.head.host {
        url.extend_from_slice(&host.name);
    } else if let Some(local) = local {
        let text = match local {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        url.extend_from_slice(text.as_bytes());
    } else {
        url.extend_from_slice(&exchange.host);
    }
}

/// An `error_page` with an absolute URL: a redirect there, 302 unless it says another redirect status.
pub fn to_error_page(exchange: &mut Exchange, answer: ErrorAnswer, target: Bytes) -> Response {
    let status = match answer {
        ErrorAnswer::Fixed(status) if status.is_redirect_with_location() => status,
        _ => Status::FOUND,
    };
    exchange.error.status = Some(status);
    exchange.error.location = Some(target);
    error_pages::response(exchange, status)
}

/// Splits a configured target (`/x?a=b`) into URI and arguments.
pub fn split_target(target: &Bytes) -> (Bytes, Bytes) {
    match memchr::memchr(b'?', target) {
        Some(at) => (target.slice(..at), target.slice(at + 1..)),
        None => (target.clone(), Bytes::new()),
    }
}

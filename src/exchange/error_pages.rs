//! The pre-made pages for errors and redirects, built into the binary from `errors/`.

use std::sync::LazyLock;

use bytes::Bytes;

use super::exchange::Exchange;
use super::response::Response;
use super::settings::ServerTokens;
use crate::http::headers::names;
use crate::http::status::Status;

/// What this server is called, version and all.
pub const SIGNATURE: &str = concat!("webserv/", env!("CARGO_PKG_VERSION"));

/// What this server is called.
pub const NAME: &str = "webserv";

const PAGE: &str = include_str!("../../errors/page.html");
const SENTENCES: &str = include_str!("../../errors/sentences.txt");

/// The page, cut at its placeholders: text and the name of the placeholder behind it.
static PIECES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let mut pieces = Vec::new();
    let mut rest = PAGE;
    // The styles have `}}` too; only `{{name}}` is a placeholder.
    while let Some((text, behind)) = rest.split_once("{{")
        && let Some((placeholder, behind)) = behind.split_once("}}")
    {
        pieces.push((text, placeholder));
        rest = behind;
    }
    pieces.push((rest, ""));
    pieces
});

/// The response for a status that no `error_page` took: the built-in page, with what HTTP wants
/// beside it (`Location` of a redirect, `Allow` where a handler left one).
pub fn response(exchange: &mut Exchange, status: Status) -> Response {
    // What was decided last counts; an error page that failed has its own status here.
    exchange.error.status = Some(status);
    let location = exchange.error.location.take();
    let mut response = if has_content(status) {
        Response::with_bytes(
            status,
            Bytes::from_static(b"text/html"),
            page(status, &exchange.plan.settings.server_tokens),
        )
    } else {
        Response::new(status)
    };
    response.location = location;
    response.close = ends_connection(status);
    if let Some(allow) = exchange.error.allow.take() {
        response.headers.set(names::ALLOW, allow);
    }
    response
}

/// The built-in page of a status.
pub fn page(status: Status, tokens: &ServerTokens) -> Vec<u8> {
    let mut page = Vec::with_capacity(PAGE.len() + 256);
    let code = status.code().to_string();
    for (text, placeholder) in PIECES.iter() {
        page.extend_from_slice(text.as_bytes());
        match *placeholder {
            "code" => page.extend_from_slice(code.as_bytes()),
            "reason" => page.extend_from_slice(status.reason().as_bytes()),
            "sentence" => page.extend_from_slice(sentence(status).as_bytes()),
            "signature" => write_signature(tokens, &mut page),
            _ => {}
        }
    }
    page
}

fn write_signature(tokens: &ServerTokens, page: &mut Vec<u8>) {
    match tokens {
        ServerTokens::On | ServerTokens::Build => page.extend_from_slice(SIGNATURE.as_bytes()),
        ServerTokens::Off => page.extend_from_slice(NAME.as_bytes()),
        ServerTokens::Text(text) => crate::http::escape::html(text, page),
    }
}

/// One sentence for the visitor.
fn sentence(status: Status) -> &'static str {
    static TABLE: LazyLock<Vec<(u16, &str)>> = LazyLock::new(|| {
        let lines = SENTENCES.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(code, text)| Some((code.parse().ok()?, text)))
            .collect()
    });
    TABLE.iter().find(|(code, _)| *code == status.code()).map_or("", |(_, text)| text)
}

/// Whether a built-in response of this status has a page: success and 304 have none.
fn has_content(status: Status) -> bool {
    status.code() >= 300 && status != Status::NOT_MODIFIED
}

/// Statuses after which nginx closes the connection: what follows on it cannot be trusted.
pub(super) fn ends_connection(status: Status) -> bool {
    matches!(status.code(), 400 | 413 | 414 | 431 | 494..=497 | 500 | 501)
}

//! A request as it enters: its target becomes a path, and what no location can answer is refused.
//!
//! Called once for each exchange, by the connection and by `rehearsal`; what comes then is in `answer`.

use bytes::Bytes;

use super::answer::{answer, answer_failure};
use super::exchange::{Exchange, Shown};
use super::response::Response;
use crate::base::report::Severity;
use crate::http::headers::names;
use crate::http::method::Method;
use crate::http::status::Status;
use crate::http::target::{TargetForm, normalise_unless_normal};

/// Why a request is answered without asking the routing tree.
enum Refusal {
    Status(Status),
    Options(Box<Response>),
}

/// Answers a request that was just read. `None` means: close the connection without a word.
pub async fn answer_request(exchange: &mut Exchange) -> Option<Box<Response>> {
    match admit(exchange) {
        Ok(()) => answer(exchange).await,
        Err(Refusal::Status(status)) => answer_failure(exchange, status).await,
        Err(Refusal::Options(response)) => Some(response),
    }
}

/// What is decided before the routing tree is asked: the form of the target, and the path.
fn admit(exchange: &mut Exchange) -> Result<(), Refusal> {
    for dropped in &exchange.request.head.dropped {
        exchange.report(Severity::Info, format_args!("client sent invalid header line: \"{}\"", Shown(dropped)));
    }
    match exchange.request.head.target.form() {
        TargetForm::Asterisk if exchange.method == Method::Options => {
            let mut response = Response::new(Status::OK);
            response.headers.append(names::ALLOW, "GET, HEAD, OPTIONS");
            return Err(Refusal::Options(Box::new(response)));
        }
        TargetForm::Asterisk => return Err(Refusal::Status(Status::BAD_REQUEST)),
        TargetForm::Authority => return Err(Refusal::Status(Status::METHOD_NOT_ALLOWED)),
        TargetForm::Origin | TargetForm::Absolute { .. } => {}
    }
    // As in nginx neither reaches a location: a 200 to CONNECT would promise a tunnel.
    if matches!(exchange.method, Method::Trace | Method::Connect) {
        exchange.error.allow = Some(Bytes::from_static(b"GET, HEAD"));
        exchange.error.close = true;
        let method = exchange.method.as_str();
        exchange.report(Severity::Info, format_args!("client sent {method} method"));
        return Err(Refusal::Status(Status::METHOD_NOT_ALLOWED));
    }
    // It begins as the path that was sent.
    match normalise_unless_normal(&exchange.uri, exchange.site.merge_slashes()) {
        Ok(None) => Ok(()),
        Ok(Some(path)) => {
            exchange.uri = path;
            Ok(())
        }
        Err(error) => {
            exchange.report(Severity::Info, format_args!("client sent invalid request target: {error}"));
            Err(Refusal::Status(Status::BAD_REQUEST))
        }
    }
}

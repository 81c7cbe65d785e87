//! The methods of `limit_except`.

use super::diagnostics::Diagnostic;
use super::lines::Line;
use super::session::Session;
use crate::base::suggest::nearest;
use crate::http::method::Method;

/// The methods that a `limit_except` names, HEAD added where GET is among them. What is none is
/// reported.
pub(super) fn parse(line: &Line<'_>, session: &Session) -> Option<Box<[Method]>> {
    let mut methods = Vec::new();
    let mut wrong = false;
    for word in line.words {
        let name = word.text.to_ascii_uppercase();
        if !NAMES.contains(&&*name) {
            let error = Diagnostic::error(line.place(word), format!("invalid method \"{}\"", word.text));
            session.report(match nearest(&name, NAMES.iter().copied()) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error.label("no method has this name"),
            });
            wrong = true;
        }
        methods.extend(Method::parse(name.as_bytes()));
    }
    if methods.contains(&Method::Get) && !methods.contains(&Method::Head) {
        methods.push(Method::Head);
    }
    (!wrong).then(|| methods.into_boxed_slice())
}

/// Those that nginx knows here.
const NAMES: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "MKCOL",
    "COPY",
    "MOVE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "LOCK",
    "UNLOCK",
    "PATCH",
];

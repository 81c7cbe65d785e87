//! The methods that directives name: `limit_except`, `allow_methods`.

use super::arguments::Arguments;
use super::diagnostics::{Diagnostic, Place};
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
        match method(&word.text, || line.place(word)) {
            Ok(method) => methods.push(method),
            Err(error) => {
                session.report(error);
                wrong = true;
            }
        }
    }
    (!wrong).then(|| with_head(methods))
}

impl Arguments<'_> {
    /// All words as methods, HEAD added where GET is among them.
    ///
    /// # Errors
    /// The first word that is none.
    pub fn methods(&self) -> Result<Box<[Method]>, Diagnostic> {
        let words = self.words().enumerate();
        let methods: Result<Vec<_>, _> = words.map(|(index, word)| method(word, || self.place(index))).collect();
        methods.map(with_head)
    }
}

fn method(word: &str, place: impl FnOnce() -> Place) -> Result<Method, Diagnostic> {
    let name = word.to_ascii_uppercase();
    if let Some(method) = Method::parse(name.as_bytes()).filter(|_| NAMES.contains(&&*name)) {
        return Ok(method);
    }
    let error = Diagnostic::error(place(), format!("invalid method \"{word}\""));
    Err(match nearest(&name, NAMES.iter().copied()) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.label("no method has this name"),
    })
}

fn with_head(mut methods: Vec<Method>) -> Box<[Method]> {
    if let Some(get) = methods.iter().position(|method| *method == Method::Get)
        && !methods.contains(&Method::Head)
    {
        methods.insert(get + 1, Method::Head);
    }
    methods.into_boxed_slice()
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

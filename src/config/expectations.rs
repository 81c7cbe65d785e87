//! Expectations: what a configuration itself foretells of its answers (`expect`).
//!
//! Once a tree is built, and nothing else is wrong with it, each question is rehearsed, and an answer that is not the
//! expected one is an error like any other: it fails `-t`, refuses a reload, and keeps a server from starting. Called by
//! `load`. How a request is answered without a client is in `rehearsal`.

use super::diagnostics::{Diagnostic, Place};
use super::session::Session;
use crate::base::pace;
use crate::exchange::trace::Step;
use crate::rehearsal::{self, Answer, Question};
use crate::route::tree::Tree;
use crate::runtime::Address;

/// One `expect`.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What is asked. An empty host is the server's name.
    pub question: Question,
    /// What is expected of the answer, each with its place.
    pub wants: Vec<(Want, Place)>,
    /// Where the request stands.
    pub place: Place,
}

/// What an answer is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// The status.
    Status(u16),
    /// The location that answers in the end, as it is written (`~ \.php$`); empty for the server itself.
    Location(String),
    /// The file that is the content.
    File(String),
    /// Where the client is led.
    Redirect(String),
}

/// An expectation, and the address of its server.
#[derive(Debug)]
pub(super) struct Foretold {
    pub(super) address: Address,
    pub(super) expectation: Expectation,
}

impl Foretold {
    /// For a server at this address, whose first name is `name`.
    pub(super) fn new(mut expectation: Expectation, address: Address, name: &str) -> Result<Self, Diagnostic> {
        if expectation.question.host.is_empty() {
            if name.contains(['*', '~']) {
                let error = Diagnostic::error(expectation.place, format!("no host to ask \"{name}\" by"));
                return Err(error.label("expected `host=`, for the server's first name stands for many"));
            }
            name.clone_into(&mut expectation.question.host);
        }
        if expectation.question.host.is_empty() {
            "localhost".clone_into(&mut expectation.question.host);
        }
        if let Address::Inet(inet) = &address
            && inet.port() != 80
            && !expectation.question.host.contains(':')
        {
            expectation.question.host.push_str(&format!(":{}", inet.port()));
        }
        Ok(Self { address, expectation })
    }
}

/// Asks every question, and reports the answers that are not the expected ones.
pub(super) fn check(session: &Session, tree: &Tree, foretold: &[Foretold]) {
    for Foretold { address, expectation } in foretold {
        pace::breathe();
        let Some(routes) = tree.routes(address) else { continue };
        match rehearsal::ask(&routes, &expectation.question) {
            Ok(answer) => compare(session, expectation, &answer),
            Err(error) => {
                session.report(Diagnostic::error(expectation.place, format!("cannot be tried: {error}")));
            }
        }
    }
}

fn compare(session: &Session, expectation: &Expectation, answer: &Answer) {
    let Question { method, target, host, .. } = &expectation.question;
    for (want, place) in &expectation.wants {
        let Err((what, found)) = want.holds(answer) else { continue };
        let message = format!("{method} http://{host}{target} has not the expected {what}");
        let error = Diagnostic::error(*place, message).label(format!("is {found}"));
        session.report(match way(answer) {
            Some(way) => error.help(way),
            None => error,
        });
    }
}

impl Want {
    /// Whether the answer is as wanted; else what it is about, and what was found.
    fn holds(&self, answer: &Answer) -> Result<(), (&'static str, String)> {
        let or_none = |text: Option<String>| text.map_or_else(|| "none".to_owned(), |text| format!("`{text}`"));
        match self {
            Self::Status(code) if answer.status().code() == *code => Ok(()),
            Self::Status(_) => Err(("status", answer.status().code().to_string())),
            Self::Location(name) => {
                let found = answer.plan.as_ref().map(|plan| &*plan.name).unwrap_or_default();
                match same_words(found, name) {
                    true => Ok(()),
                    false if found.is_empty() => Err(("location", "the server itself".to_owned())),
                    false => Err(("location", format!("`{found}`"))),
                }
            }
            Self::File(path) if answer.file() == Some(path) => Ok(()),
            Self::File(_) => Err(("file", or_none(answer.file().map(str::to_owned)))),
            Self::Redirect(url) if answer.redirect().as_ref() == Some(url) => Ok(()),
            Self::Redirect(_) => Err(("redirect", or_none(answer.redirect()))),
        }
    }
}

/// How it came to the answer, in a few words.
fn way(answer: &Answer) -> Option<String> {
    let mut words = Vec::new();
    for step in &answer.steps {
        match step {
            Step::Condition { holds, .. } => words.push(condition(*holds).to_owned()),
            Step::Asks { uri } => words.push(format!("asks for {} in between", String::from_utf8_lossy(uri))),
            Step::Answered { .. } => words.push("that is answered".to_owned()),
            Step::Located { uri, plan } => {
                let uri = String::from_utf8_lossy(uri);
                words.push(match &*plan.name {
                    "" => format!("{uri} is in no location"),
                    name => format!("{uri} is in location `{name}`"),
                });
            }
            Step::Named { name } => words.push(format!("on to location `{name}`")),
            Step::Decided { module } => words.push(format!("`{module}` decides")),
            Step::Failed { status } => words.push(format!("status {}", status.code())),
            Step::Note { text, .. } => words.push(text.to_string()),
            Step::Rerouted { .. } | Step::File { .. } => {}
        }
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// What is said of an `if`.
pub(super) fn condition(holds: bool) -> &'static str {
    if holds { "the condition holds" } else { "the condition does not hold" }
}

/// Whether two ways of writing a location are the same but for spaces.
fn same_words(a: &str, b: &str) -> bool {
    a.split_ascii_whitespace().eq(b.split_ascii_whitespace())
}

//! `webserv explain`: which listener, server and location answer a request, and why, without asking a running server.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use super::CommandError;
use super::arguments::UsageError;
use super::test::Format;
use crate::base::json::Json;
use crate::config::explain::{Explanation, Told};
use crate::config::load::{self, Request};
use crate::config::render;
use crate::exchange::body::Body;
use crate::rehearsal::{Outcome, Question};
use crate::runtime::Peer;

/// What is to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Job {
    /// `[METHOD] URL`, as far as they came.
    words: Vec<String>,
    fields: Vec<(String, String)>,
    from: Option<IpAddr>,
}

/// The port of a client that nobody named.
const CLIENT_PORT: u16 = 49152;

impl Job {
    /// Takes a word that is no option.
    pub(super) fn word(&mut self, word: String) -> Result<(), UsageError> {
        if self.words.len() == 2 {
            return Err(UsageError(format!("unexpected \"{word}\", explain takes a method and a URL")));
        }
        self.words.push(word);
        Ok(())
    }

    /// Takes the word behind `-H`.
    pub(super) fn field(&mut self, word: &str) -> Result<(), UsageError> {
        let (name, value) = word
            .split_once(':')
            .ok_or_else(|| UsageError(format!("invalid field \"{word}\", expected \"Name: value\"")))?;
        self.fields.push((name.to_owned(), value.trim().to_owned()));
        Ok(())
    }

    /// Takes the word behind `--from`.
    pub(super) fn from(&mut self, word: &str) -> Result<(), UsageError> {
        let address = word.parse().map_err(|_| UsageError(format!("invalid address \"{word}\" behind --from")))?;
        self.from = Some(address);
        Ok(())
    }

    /// The question, and the host and port that it is sent to.
    fn question(&self) -> Result<(Question, String, u16), UsageError> {
        let (method, url) = match &*self.words {
            [url] => ("GET", url),
            [method, url] => (&**method, url),
            _ => return Err(UsageError("explain needs a URL, such as http://example.org/path".to_owned())),
        };
        let wrong = || UsageError(format!("invalid URL \"{url}\", expected http://HOST[:PORT]/PATH"));
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => {
                return Err(UsageError("https is not supported yet, expected an http URL".to_owned()));
            }
            Some(_) => return Err(wrong()),
            None => url,
        };
        let path_at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(path_at);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let target = target.split('#').next().unwrap_or_default().to_owned();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (authority, DEFAULT_PORT),
        };
        let has_gap = |text: &str| text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
        if host.is_empty() || has_gap(method) || has_gap(authority) || has_gap(&target) {
            return Err(wrong());
        }
        // What `-H Host:` says is asked for, wherever the connection goes.
        let named = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let question = Question {
            method: method.to_owned(),
            target,
            host: named.map_or(authority, |(_, value)| value).to_owned(),
            fields: self.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")).cloned().collect(),
            from: Peer::Inet(SocketAddr::new(self.from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), CLIENT_PORT)),
        };
        Ok((question, host.to_owned(), port))
    }
}

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 80;

/// Explains one request.
pub(super) fn run(request: &Request, job: &Job, format: Format) -> Result<ExitCode, CommandError> {
    let (question, host, port) = job.question()?;
    let (explained, report) = load::look(request, &question, (&host, port));
    let Some(explained) = explained else {
        eprint!("{}", render::text(&report, render::Colour::when_terminal()));
        return Err("the configuration has errors, there is nothing to explain".into());
    };
    let explanation = explained?;
    match format {
        Format::Json => super::print(&format!("{}\n", json(&question, &explanation))),
        Format::Text => super::print(&text(&question, &explanation)),
    }
}

/// For a person.
fn text(question: &Question, explanation: &Explanation) -> String {
    let mut out = String::new();
    let Question { method, target, host, .. } = question;
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:<11}{method} http://{host}{target}", "request");
    let mut row = |head: &str, told: &Told, mark: &str| {
        let at = if told.at.is_empty() { String::new() } else { format!(" ({})", told.at) };
        let why = if told.why.is_empty() { String::new() } else { format!(": {}", told.why) };
        let _ = writeln!(out, "{head:<11}{mark}{}{at}{why}", told.what);
    };
    row("listener", &explanation.listener, "");
    if let Some(server) = &explanation.server {
        row("server", server, "");
    }
    explanation.other_servers.iter().for_each(|server| row("", server, "not "));
    if explanation.unfit_servers > 0 {
        let what = format!("{} more, whose names do not fit", explanation.unfit_servers);
        row("", &Told { what, at: String::new(), why: String::new() }, "not ");
    }
    match &explanation.location {
        Some(location) => row("location", location, ""),
        None => row("location", &Told { what: "none".into(), at: String::new(), why: String::new() }, ""),
    }
    explanation.other_locations.iter().for_each(|location| row("", location, "not "));
    for (number, step) in explanation.steps.iter().enumerate() {
        row(if number == 0 { "way" } else { "" }, step, "");
    }
    for (number, line) in answer_lines(explanation).iter().enumerate() {
        let _ = writeln!(out, "{:<11}{line}", if number == 0 { "answer" } else { "" });
    }
    for (number, directive) in explanation.directives.iter().enumerate() {
        let head = if number == 0 { "directives" } else { "" };
        let _ = writeln!(out, "{head:<11}{} ({})", directive.what, directive.at);
    }
    out
}

fn answer_lines(explanation: &Explanation) -> Vec<String> {
    let answer = &explanation.answer;
    let status = answer.status();
    let mut lines = vec![format!("{} {}", status.code(), status.reason()).trim_end().to_owned()];
    match &answer.outcome {
        Outcome::Closed => lines.push("the connection is closed without a word".to_owned()),
        Outcome::Malformed(error) => lines.push(error.to_string()),
        Outcome::Response(response) => {
            if let Some(file) = answer.file() {
                lines.push(format!("the file {file}"));
            }
            if let Body::Bytes(bytes) = &response.body {
                lines.push(format!("{} bytes that are in memory", bytes.len()));
            }
            lines.extend(fields(explanation).into_iter().map(|(name, value)| format!("{name}: {value}")));
        }
    }
    lines
}

/// The fields that the answer is known to have before it is framed.
fn fields(explanation: &Explanation) -> Vec<(String, String)> {
    let Outcome::Response(response) = &explanation.answer.outcome else { return Vec::new() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut fields = Vec::new();
    fields.extend(response.content_type.as_ref().map(|value| ("Content-Type".to_owned(), text(value))));
    fields.extend(response.location.as_ref().map(|value| ("Location".to_owned(), text(value))));
    fields.extend(response.headers.iter().map(|field| (text(&field.name), text(&field.value))));
    fields
}

/// For a program; members are added, never changed.
fn json(question: &Question, explanation: &Explanation) -> Json {
    let told = |told: &Told| {
        Json::Object(vec![
            ("what", Json::from(&*told.what)),
            ("at", Json::text_or_null(Some(&*told.at).filter(|at| !at.is_empty()))),
            ("why", Json::text_or_null(Some(&*told.why).filter(|why| !why.is_empty()))),
        ])
    };
    let all = |list: &[Told]| Json::List(list.iter().map(told).collect());
    let one = |one: &Option<Told>| one.as_ref().map_or(Json::Null, told);
    let answer = &explanation.answer;
    let fields = fields(explanation)
        .into_iter()
        .map(|(name, value)| Json::Object(vec![("name", Json::from(&*name)), ("value", Json::from(&*value))]));
    Json::Object(vec![
        ("method", Json::from(&*question.method)),
        ("target", Json::from(&*question.target)),
        ("host", Json::from(&*question.host)),
        ("listener", told(&explanation.listener)),
        ("server", one(&explanation.server)),
        ("other_servers", all(&explanation.other_servers)),
        ("unfit_servers", Json::count(explanation.unfit_servers)),
        ("location", one(&explanation.location)),
        ("other_locations", all(&explanation.other_locations)),
        ("way", all(&explanation.steps)),
        ("status", Json::Number(u64::from(answer.status().code()))),
        ("file", Json::text_or_null(answer.file())),
        ("redirect", Json::text_or_null(answer.redirect())),
        ("fields", Json::List(fields.collect())),
        ("directives", all(&explanation.directives)),
    ])
}

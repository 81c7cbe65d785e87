//! `webserv explain`: which listener, server and location answer a request, and why, without asking a running server.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use super::CommandError;
use super::arguments::UsageError;
use super::test::Format;
use crate::base::json::Json;
use crate::config::explain::{Destination, Explanation, Told};
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
    from: Option<Peer>,
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
        self.from = Some(match (word, word.parse()) {
            ("unix:", _) => Peer::Unix,
            (_, Ok(address)) => Peer::Inet(SocketAddr::new(address, CLIENT_PORT)),
            (_, Err(_)) => {
                return Err(UsageError(format!(
                    "invalid address \"{word}\" behind --from, expected an IP address or unix:"
                )));
            }
        });
        Ok(())
    }

    /// The question, and where it is sent to.
    fn question(&self) -> Result<(Question, Destination), UsageError> {
        let (method, url) = match &*self.words {
            [url] => ("GET", url),
            [method, url] => (&**method, url),
            _ => return Err(UsageError("explain needs a URL, such as http://example.org/path".to_owned())),
        };
        let wrong = || {
            let forms = "http://HOST[:PORT]/PATH or http://unix:SOCKET:/PATH";
            UsageError(format!("invalid URL \"{url}\", expected {forms}"))
        };
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => {
                return Err(UsageError("https is not supported yet, expected an http URL".to_owned()));
            }
            Some(_) => return Err(wrong()),
            None => url,
        };
        let (destination, authority, target) = parts(rest).ok_or_else(wrong)?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let target = target.split('#').next().unwrap_or_default().to_owned();
        let has_gap = |text: &str| text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
        if has_gap(method) || has_gap(authority) || has_gap(&target) {
            return Err(wrong());
        }
        let on_this_machine = match destination {
            Destination::Inet(..) => Peer::Inet(SocketAddr::from((Ipv4Addr::LOCALHOST, CLIENT_PORT))),
            Destination::Unix(_) => Peer::Unix,
        };
        // What `-H Host:` says is asked for, wherever the connection goes.
        let named = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let question = Question {
            method: method.to_owned(),
            target,
            host: named.map_or(authority, |(_, value)| value).to_owned(),
            fields: self.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")).cloned().collect(),
            from: self.from.unwrap_or(on_this_machine),
        };
        Ok((question, destination))
    }
}

/// Where a URL leads, the authority that `Host` names, and the target; the scheme is gone.
fn parts(url: &str) -> Option<(Destination, &str, &str)> {
    if let Some(rest) = url.strip_prefix("unix:") {
        // As in nginx's `proxy_pass`: the path of the socket ends at a colon.
        let (socket, target) = rest.split_once(':').unwrap_or((rest, ""));
        return socket.starts_with('/').then(|| (Destination::Unix(socket.into()), "localhost", target));
    }
    let path_at = url.find(['/', '?']).unwrap_or(url.len());
    let (authority, target) = url.split_at(path_at);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, DEFAULT_PORT),
    };
    (!host.is_empty()).then(|| (Destination::Inet(host.to_owned(), port), authority, target))
}

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 80;

/// Explains one request.
pub(super) fn run(request: &Request, job: &Job, format: Format) -> Result<ExitCode, CommandError> {
    let (question, destination) = job.question()?;
    let (explained, report) = load::look(request, &question, &destination);
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

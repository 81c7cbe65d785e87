//! What a configuration foretells of its own answers: `expect`.
//!
//! Reads the lines; they are held against the finished routing tree by `config::expectations`, before anything is
//! published. Costs a running server nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::suggest::nearest;
use crate::config::arguments::Arguments;
use crate::config::build::{Build, ServerBuilder};
use crate::config::diagnostics::Diagnostic;
use crate::config::expectations::{Expectation, Want};
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::http::Status;
use crate::rehearsal::Question;
use crate::runtime::Peer;

/// The module.
#[derive(Debug)]
pub struct Expect;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    expectations: Vec<Expectation>,
}

/// The words that may stand behind the URI.
const PARAMETERS: [&str; 7] = ["status=", "location=", "file=", "redirect=", "host=", "from=", "header="];

/// The port of a client that nobody named.
const CLIENT_PORT: u16 = 49152;

impl Module for Expect {
    type Conf = Conf;

    const NAME: &'static str = "expect";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "expect",
        contexts: Contexts::SERVER,
        args: Shape::at_least(
            2,
            "[METHOD] URI [status=CODE] [location=LOCATION] [file=PATH] [redirect=URL] \
                               [host=NAME] [from=ADDRESS] [header=FIELD]...",
        ),
        repeat: Repeat::Many,
        set: add_expectation,
        default: "",
        doc: "Foretells an answer of this server: the request, by GET if no method is named, has this status, is answered \
              by this location (written as there; nothing behind the sign means no location), by this file, or is led to \
              this URL. `webserv -t`, every reload and every start try it with the server's own matcher, and an answer \
              that is not the expected one refuses the configuration. The request comes from 127.0.0.1, or the address \
              of `from=`, for the first name of the server, or that of `host=`, and with the fields of `header=`. Files \
              are looked at as they are; scripts are not run, nothing is written, and logs do not hear of it. A word \
              with spaces is quoted as a whole.",
        example: "expect /no/such/page status=404;",
        origin: Origin::Ours,
    }];

    fn server(conf: &Conf, server: &mut ServerBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        server.expectations.clone_from(&conf.expectations);
        Ok(())
    }
}

fn add_expectation(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let has_method = !arguments.word(0).is_empty() && arguments.word(0).bytes().all(|byte| byte.is_ascii_uppercase());
    let (method, uri) = if has_method { (arguments.word(0), 1) } else { ("GET", 0) };
    let target = arguments.word(uri);
    if !target.starts_with('/') || target.contains(|letter: char| letter.is_ascii_control() || letter == ' ') {
        let error = arguments.error(uri, format!("invalid URI \"{target}\" in \"expect\" directive"));
        return Err(error.label("expected a path that begins with `/`, and perhaps a query"));
    }
    let mut expectation = Expectation {
        question: Question {
            method: method.to_owned(),
            target: target.to_owned(),
            host: String::new(),
            fields: Vec::new(),
            from: Peer::Inet(SocketAddr::from((Ipv4Addr::LOCALHOST, CLIENT_PORT))),
        },
        wants: Vec::new(),
        place: arguments.place(uri),
    };
    for index in uri + 1..arguments.len() {
        add_parameter(&mut expectation, arguments, index)?;
    }
    if expectation.wants.is_empty() {
        let error = arguments.error_here("\"expect\" expects nothing");
        return Err(error.label("expected at least one of `status=`, `location=`, `file=`, `redirect=`"));
    }
    conf.expectations.push(expectation);
    Ok(())
}

fn add_parameter(expectation: &mut Expectation, arguments: &Arguments<'_>, index: usize) -> Result<(), Diagnostic> {
    let word = arguments.word(index);
    let Some((name, value)) = word.split_once('=') else {
        return Err(unknown_parameter(arguments, index, word));
    };
    let part = name.len() + 1..word.len();
    let wrong = |expected: &str| {
        let message = format!("invalid value \"{value}\" of \"{name}\" in \"expect\" directive");
        Err(arguments.error_in(index, part.clone(), message).label(format!("expected {expected}")))
    };
    let has_control = value.bytes().any(|byte| byte.is_ascii_control());
    let want = match name {
        "status" => match value.parse().ok().filter(|code| *code >= 200).and_then(Status::new) {
            Some(status) => Want::Status(status.code()),
            None => return wrong("a status from 200 to 999"),
        },
        "location" => Want::Location(value.to_owned()),
        "file" if value.starts_with('/') => Want::File(value.to_owned()),
        "file" => return wrong("an absolute path"),
        "redirect" => Want::Redirect(value.to_owned()),
        "host" if !value.is_empty() && !value.contains(['/', ' ']) && !has_control => {
            value.clone_into(&mut expectation.question.host);
            return Ok(());
        }
        "host" => return wrong("a host name, and perhaps a port"),
        "from" => {
            expectation.question.from = match (value, value.parse::<IpAddr>()) {
                ("unix:", _) => Peer::Unix,
                (_, Ok(address)) => Peer::Inet(SocketAddr::new(address, CLIENT_PORT)),
                _ => return wrong("an address of a client, or `unix:`"),
            };
            return Ok(());
        }
        "header" => match value.split_once(':') {
            Some((field, content)) if !field.is_empty() && !has_control => {
                expectation.question.fields.push((field.to_owned(), content.trim().to_owned()));
                return Ok(());
            }
            _ => return wrong("a field such as `\"header=Accept: text/html\"`"),
        },
        _ => return Err(unknown_parameter(arguments, index, name)),
    };
    expectation.wants.push((want, arguments.place(index)));
    Ok(())
}

/// With the nearest name, whatever its value.
fn unknown_parameter(arguments: &Arguments<'_>, index: usize, name: &str) -> Diagnostic {
    let error = arguments.invalid_parameter(index, []);
    match nearest(&format!("{name}="), PARAMETERS) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.help(format!("expected {}", PARAMETERS.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::refused;

    #[test]
    fn a_line_that_expects_nothing_is_refused() {
        assert!(refused::<Expect>("expect /a host=b;").contains("expects nothing"));
    }

    #[test]
    fn what_cannot_be_asked_is_refused_with_what_could() {
        let cases = [
            ("expect a status=200;", "expected a path that begins with `/`"),
            ("expect /a status=20;", "expected a status from 200 to 999"),
            ("expect /a status=x;", "expected a status from 200 to 999"),
            ("expect /a file=b;", "expected an absolute path"),
            ("expect /a status=200 from=b;", "expected an address of a client"),
            ("expect /a status=200 header=b;", "expected a field such as"),
            ("expect /a status=200 host=a/b;", "expected a host name"),
            ("expect /a stats=200;", "did you mean `status=`?"),
            ("expect /a status;", "did you mean `status=`?"),
        ];
        for (line, expected) in cases {
            let report = refused::<Expect>(line);
            assert!(report.contains(expected), "{line}: {report}");
        }
    }
}

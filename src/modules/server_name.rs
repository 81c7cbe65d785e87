//! The names of a virtual server: `server_name`.
//!
//! Reads and checks the names; which of them answers for a host is decided by `route::names`.

use crate::config::arguments::Arguments;
use crate::config::build::{Build, ServerBuilder};
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::route::names::{Name, NameError};

/// The module.
#[derive(Debug)]
pub struct ServerName;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    names: Vec<(Name, Place)>,
}

impl Module for ServerName {
    type Conf = Conf;

    const NAME: &'static str = "server_name";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "server_name",
        contexts: Contexts::SERVER,
        args: Shape::at_least(1, "NAME..."),
        repeat: Repeat::Many,
        set: add_names,
        default: "\"\"",
        doc: "The hosts that this server answers for, among those of the same address: exact names, `*.example.org`, \
              `.example.org` (which is that and `example.org`), `www.example.*`, and regular expressions behind `~`, whose \
              named groups become variables. An exact name goes before the longest name that begins with a star, that \
              before the longest that ends with one, and that before the first expression that matches. `$hostname` is \
              the machine's name. Requests for other names, or none, go to the default server of their address.",
        example: "server_name example.org www.example.org *.example.net;",
        origin: Origin::Nginx,
    }];

    fn server(conf: &Conf, server: &mut ServerBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        server.names.clone_from(&conf.names);
        Ok(())
    }
}

/// Adds all names that are right; of those that are wrong the last is returned, for that refuses the configuration.
fn add_names(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut wrong = None;
    for index in 0..arguments.len() {
        match name(arguments, index) {
            Ok(name) => conf.names.push((name, arguments.place(index))),
            Err(error) => {
                if let Some(earlier) = wrong.replace(error) {
                    arguments.warn(earlier);
                }
            }
        }
    }
    wrong.map_or(Ok(()), Err)
}

fn name(arguments: &Arguments<'_>, index: usize) -> Result<Name, Diagnostic> {
    let word = arguments.word(index);
    if word.eq_ignore_ascii_case("$hostname") {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let named = Name::parse(&host);
        return named.map_err(|_| arguments.error(index, format!("the machine's name \"{host}\" is no server name")));
    }
    let name = Name::parse(word).map_err(|error| match error {
        NameError::Invalid(_) => {
            let error = arguments.error(index, format!("server name \"{word}\" is invalid"));
            error.label("a star stands for whole labels, at the start or at the end").help(
                "write such names as \"*.example.org\" or \"www.example.*\", others as \"~\" and a regular expression",
            )
        }
        NameError::EmptyRegex => {
            let error = arguments.error(index, format!("empty regex in server name \"{word}\""));
            error.label("expected a regular expression behind `~`")
        }
        NameError::Regex(error) => {
            let pattern = "~".len()..word.len();
            let part = match error.position() {
                Some(at) => pattern.start + at..pattern.start + at + 1,
                None => pattern.clone(),
            };
            let message = format!("invalid regular expression \"{}\"", &word[pattern]);
            arguments.error_in(index, part, message).label(error.reason())
        }
    })?;
    if name.is_suspicious() {
        let warning = format!("server name \"{word}\" has suspicious symbols");
        let warning = Diagnostic::warning(arguments.place(index), warning);
        arguments.warn(warning.label("a name has neither scheme nor path").lint(&lint::SUSPICIOUS_SERVER_NAME));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{accepted, refused, warned};

    #[test]
    fn all_names_of_all_lines_lead_to_the_server() {
        let text =
            "http { server { server_name a.example; } server { server_name B.example *.b.example; server_name ~^c; } }";
        let tree = accepted::<ServerName>(text).tree;
        let server = |host: &str| String::from_utf8(tree.addresses[0].select(Some(host.as_bytes())).0.name.to_vec());
        assert_eq!(
            ["a.example", "b.example", "x.B.example", "cc", "other"].map(|host| server(host).unwrap()),
            ["a.example", "b.example", "b.example", "b.example", "a.example"]
        );
    }

    #[test]
    fn hostname_is_the_machines_name() {
        let tree = accepted::<ServerName>("http { server { server_name $hostname; } }").tree;
        let machine = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        assert_eq!(tree.addresses[0].default.name, machine);
    }

    #[test]
    fn each_name_that_is_wrong_is_told() {
        let report = refused::<ServerName>("server_name a *b c ~ '~(' d;");
        for reason in ["server name \"*b\" is invalid", "empty regex in server name \"~\"", "regular expression \"(\""]
        {
            assert!(report.contains(reason), "{report}");
        }
    }

    #[test]
    fn a_url_is_warned_of() {
        assert!(warned::<ServerName>("server_name http://a.example/;").contains("has suspicious symbols"));
    }
}

//! The words of the command line, understood.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use super::test::{Check, Denied, Format};
use super::{explain, fmt};
use crate::base::suggest;
use crate::control::SignalName;

/// What is printed for `-h`.
pub(super) const HELP: &str = "\
webserv, a web server in nginx's language

usage: webserv [-c FILE] [-p PREFIX] [-e FILE] [-g DIRECTIVES] [-q]
       webserv -t | -T | -s SIGNAL | -v | -V | -h
       webserv directives [NAME | --list | --markdown]
       webserv explain [-c FILE] [METHOD] URL [-H 'NAME: VALUE']... [--from ADDRESS]
       webserv lint [CODE]
       webserv fmt [--check] [--diff] FILE...

  -c FILE        read the configuration from FILE (default: /etc/webserv/webserv.conf, and
                 if there is none, a built-in one that serves a welcome page on port 8080)
  -p PREFIX      relative paths in the configuration begin here (default: the folder of the
                 configuration; the one above it when that folder is called conf or conf.d)
  -e FILE        write errors to FILE until the configuration is read (\"stderr\": the terminal)
  -g DIRECTIVES  directives for the main context, as if they stood at the top
  -t             check the configuration, say everything that is wrong with it, and exit
  -T             the same, and print the configuration with all its files
  -q             say nothing but errors while checking
  --deny WHAT    with -t: fail if there are warnings, or warnings of one kind (a code)
  --format json  with -t and explain: one JSON document on standard output (default: text)
  -s SIGNAL      tell the running server: stop, quit, reload, reopen
  -v, -V         print the version; the version, the target and the modules
  -h, -?         print this

  directives     print the manual of all directives and variables; with a NAME, of that directive;
                 with --list, only how each is written; with --markdown, for other programs
  explain        say which listener, server and location answer a request, and why, by which way, and
                 which directives hold there; -H adds a field, --from is the client's address
  lint           list the kinds of warnings that -t knows; with a CODE, explain one
  fmt            bring configuration files into the one layout; - is standard input, to standard
                 output; with --check, name the files that would change and fail if there are any;
                 with --diff, show what would change; neither writes anything
";

/// A command line, understood.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) action: Action,
    /// `-c`.
    pub(super) configuration: Option<PathBuf>,
    /// `-p`.
    pub(super) prefix: Option<PathBuf>,
    /// `-e`.
    pub(super) error_log: Option<PathBuf>,
    /// `-g`, in order.
    pub(super) globals: Vec<String>,
    /// `-q`.
    pub(super) quiet: bool,
    /// `--format`.
    pub(super) format: Option<Format>,
    /// `--deny`, in order.
    pub(super) deny: Vec<Denied>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Serve,
    Test,
    Dump,
    Signal(SignalName),
    Version,
    VersionAndBuild,
    Help,
    Directives(Part),
    Format(fmt::Job),
    Explain(explain::Job),
    /// One kind of warning, or all.
    Lint(Option<String>),
}

/// Which part of the manual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// All of it, as Markdown.
    Markdown,
    /// How each directive is written.
    List,
    /// What one directive does.
    Directive(String),
}

impl Invocation {
    /// How a configuration is to be checked.
    pub(super) fn check(&self) -> Check {
        Check {
            quiet: self.quiet,
            dump: self.action == Action::Dump,
            format: self.format.unwrap_or_default(),
            deny: self.deny.clone(),
        }
    }
}

/// The command line cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

/// Understands the words behind the program's name.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, UsageError> {
    let mut parser = lexopt::Parser::from_args(words);
    let mut invocation = Invocation {
        action: Action::Serve,
        configuration: None,
        prefix: None,
        error_log: None,
        globals: Vec::new(),
        quiet: false,
        format: None,
        deny: Vec::new(),
    };
    while let Some(word) = parser.next()? {
        if let Action::Explain(job) = &mut invocation.action {
            match &word {
                Short('H') => {
                    job.field(&parser.value()?.string()?)?;
                    continue;
                }
                Long("from") => {
                    job.from(&parser.value()?.string()?)?;
                    continue;
                }
                Value(word) => {
                    job.word(word.clone().string()?)?;
                    continue;
                }
                _ => {}
            }
        }
        match word {
            Short('c') => invocation.configuration = Some(parser.value()?.into()),
            Short('p') => invocation.prefix = Some(parser.value()?.into()),
            Short('e') => invocation.error_log = Some(parser.value()?.into()),
            Short('g') => invocation.globals.push(parser.value()?.string()?),
            Short('q') => invocation.quiet = true,
            Long("deny") => invocation.deny.push(Denied::parse(&parser.value()?.string()?)?),
            Long("format") => invocation.format = Some(Format::parse(&parser.value()?.string()?)?),
            Short('t') if invocation.action != Action::Dump => invocation.action = Action::Test,
            Short('t') => {}
            Short('T') => invocation.action = Action::Dump,
            Short('s') => invocation.action = Action::Signal(signal_name(&parser.value()?.string()?)?),
            Short('v') | Long("version") => invocation.action = Action::Version,
            Short('V') => invocation.action = Action::VersionAndBuild,
            Short('h' | '?') | Long("help") => invocation.action = Action::Help,
            Value(word) if word == "directives" => {
                invocation.action = Action::Directives(part(&mut parser)?);
            }
            Value(word) if word == "lint" => invocation.action = Action::Lint(operand(&mut parser)?),
            Value(word) if word == "explain" => invocation.action = Action::Explain(explain::Job::default()),
            Value(word) if word == "fmt" => invocation.action = Action::Format(fmt::Job::parse(&mut parser)?),
            Value(word) => return Err(unknown_command(&word.to_string_lossy())),
            other => return Err(other.unexpected().into()),
        }
    }
    if invocation.format.is_some() && !matches!(invocation.action, Action::Test | Action::Explain(_)) {
        return Err(UsageError("--format goes with -t and explain".to_owned()));
    }
    if !invocation.deny.is_empty() && !matches!(invocation.action, Action::Test | Action::Dump) {
        return Err(UsageError("--deny goes with -t".to_owned()));
    }
    Ok(invocation)
}

fn part(parser: &mut lexopt::Parser) -> Result<Part, UsageError> {
    match parser.next()? {
        None => Ok(Part::Whole),
        Some(Value(name)) => Ok(Part::Directive(name.string()?)),
        Some(Long("markdown")) => Ok(Part::Markdown),
        Some(Long("list")) => Ok(Part::List),
        Some(other) => Err(other.unexpected().into()),
    }
}

/// The one word that may stand behind a command.
fn operand(parser: &mut lexopt::Parser) -> Result<Option<String>, UsageError> {
    match parser.next()? {
        None => Ok(None),
        Some(Value(word)) => Ok(Some(word.string()?)),
        Some(other) => Err(other.unexpected().into()),
    }
}

fn signal_name(word: &str) -> Result<SignalName, UsageError> {
    let known = SignalName::NAMES.iter().find(|(name, _)| *name == word);
    known.map(|(_, signal)| *signal).ok_or_else(|| {
        let names = SignalName::NAMES.map(|(name, _)| name).join(", ");
        UsageError(format!("invalid option: \"-s {word}\", expected one of {names}"))
    })
}

fn unknown_command(word: &str) -> UsageError {
    let nearest = suggest::nearest(word, ["directives", "explain", "fmt", "lint"]);
    let advice = nearest.map(|name| format!(", did you mean \"{name}\"?")).unwrap_or_default();
    UsageError(format!("unknown command \"{word}\"{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn no_words_mean_serve() {
        assert_eq!(parsed("").unwrap().action, Action::Serve);
    }

    #[test]
    fn an_option_s_value_may_stand_apart_or_joined() {
        assert_eq!(parsed("-c a.conf").unwrap().configuration, Some("a.conf".into()));
        assert_eq!(parsed("-ca.conf").unwrap().configuration, Some("a.conf".into()));
    }

    #[test]
    fn options_may_be_joined_as_in_nginx() {
        let invocation = parsed("-tq -c a.conf").unwrap();
        assert_eq!((invocation.action, invocation.quiet), (Action::Test, true));
    }

    #[test]
    fn a_format_goes_with_a_check() {
        assert_eq!(parsed("--format json -t").unwrap().format, Some(Format::Json));
        assert!(parsed("-T --format json").is_err() && parsed("-t --format yaml").is_err());
    }

    #[test]
    fn an_unknown_signal_is_refused_with_the_known_ones() {
        assert!(parsed("-s restart").unwrap_err().0.contains("stop, quit, reload, reopen"));
    }

    #[test]
    fn an_unknown_command_is_refused_with_the_nearest() {
        assert!(parsed("directive").unwrap_err().0.contains("did you mean \"directives\"?"));
    }
}

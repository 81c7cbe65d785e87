//! The words of the command line, understood.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use super::commands::COMMANDS;
use super::completions::Shell;
use super::test::{Check, Denied, Format};
use super::{explain, fmt};
use crate::base::duration::parse_duration;
use crate::base::suggest;
use crate::control::{SignalName, is_trial_time};

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
    /// `--confirm`.
    pub(super) confirm: Option<Duration>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Serve,
    Test,
    Dump,
    Signal(SignalName),
    Reload,
    Confirm,
    Status,
    Upgrade,
    Version,
    VersionAndBuild,
    Help,
    Directives(Part),
    Format(fmt::Job),
    Explain(explain::Job),
    /// One variable, or all.
    Variables(Option<String>),
    Completions(Shell),
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
    /// The names of all directives and variables.
    Words,
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
        confirm: None,
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
            Long("confirm") if invocation.action == Action::Reload => {
                invocation.confirm = Some(trial_time(&parser.value()?.string()?)?);
            }
            Long("format") => invocation.format = Some(Format::parse(&parser.value()?.string()?)?),
            Short('t') if invocation.action != Action::Dump => invocation.action = Action::Test,
            Short('t') => {}
            Short('T') => invocation.action = Action::Dump,
            Short('s') => invocation.action = Action::Signal(signal_name(&parser.value()?.string()?)?),
            Short('v') | Long("version") => invocation.action = Action::Version,
            Short('V') => invocation.action = Action::VersionAndBuild,
            Short('h' | '?') | Long("help") => invocation.action = Action::Help,
            Value(word) => invocation.action = command(&word.string()?, &mut parser)?,
            other => return Err(other.unexpected().into()),
        }
    }
    let answers = matches!(invocation.action, Action::Reload | Action::Confirm | Action::Status | Action::Upgrade);
    let has_formats = answers || matches!(invocation.action, Action::Test | Action::Explain(_));
    if invocation.format.is_some() && !has_formats {
        return Err(UsageError("--format goes with -t, explain, reload, confirm, status and upgrade".to_owned()));
    }
    if !invocation.deny.is_empty() && !matches!(invocation.action, Action::Test | Action::Dump) {
        return Err(UsageError("--deny goes with -t".to_owned()));
    }
    Ok(invocation)
}

/// Understands a command and what is its own behind it.
fn command(name: &str, parser: &mut lexopt::Parser) -> Result<Action, UsageError> {
    Ok(match name {
        "directives" => Action::Directives(part(parser)?),
        "variables" => Action::Variables(operand(parser)?),
        "explain" => Action::Explain(explain::Job::default()),
        "reload" => Action::Reload,
        "confirm" => Action::Confirm,
        "status" => Action::Status,
        "upgrade" => Action::Upgrade,
        "lint" => Action::Lint(operand(parser)?),
        "fmt" => Action::Format(fmt::Job::parse(parser)?),
        "completions" => Action::Completions(Shell::parse(&parser.value()?.string()?)?),
        _ => return Err(unknown_command(name)),
    })
}

fn part(parser: &mut lexopt::Parser) -> Result<Part, UsageError> {
    match parser.next()? {
        None => Ok(Part::Whole),
        Some(Value(name)) => Ok(Part::Directive(name.string()?)),
        Some(Long("markdown")) => Ok(Part::Markdown),
        Some(Long("list")) => Ok(Part::List),
        Some(Long("words")) => Ok(Part::Words),
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

fn trial_time(word: &str) -> Result<Duration, UsageError> {
    let time = parse_duration(word).map_err(|error| UsageError(error.to_string()))?;
    if !is_trial_time(time) {
        return Err(UsageError(format!("invalid time \"--confirm {word}\", expected 1ms to 1w, such as 60s")));
    }
    Ok(time)
}

fn signal_name(word: &str) -> Result<SignalName, UsageError> {
    let known = SignalName::NAMES.iter().find(|(name, _)| *name == word);
    known.map(|(_, signal)| *signal).ok_or_else(|| {
        let names = SignalName::NAMES.map(|(name, _)| name).join(", ");
        UsageError(format!("invalid option: \"-s {word}\", expected one of {names}"))
    })
}

fn unknown_command(word: &str) -> UsageError {
    let nearest = suggest::nearest(word, COMMANDS.iter().map(|command| command.name));
    let advice = nearest.map(|name| format!(", did you mean \"{name}\"?")).unwrap_or_default();
    UsageError(format!("unknown command \"{word}\"{advice}"))
}

#[cfg(test)]
mod tests {
    use super::super::commands::{OPTIONS, Opt, Takes};
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
    fn every_option_and_command_of_the_table_is_understood() {
        let value = |option: &Opt| match option.takes {
            _ if option.value.is_empty() => "",
            Takes::OneOf(words) => words[0],
            Takes::Denied => "warnings",
            Takes::Text if option.name == "--from" => "::1",
            Takes::Text if option.name == "--confirm" => "60s",
            Takes::Text => "a:b",
            _ => "a",
        };
        for option in OPTIONS {
            let value = value(option);
            let line = format!("{} {value} {}", option.name, if option.name.starts_with("--") { "-t" } else { "" });
            assert!(parsed(&line).is_ok(), "{line}");
        }
        for command in COMMANDS {
            let word = match command.takes {
                Takes::Nothing => "",
                Takes::OneOf(words) => words[0],
                _ => "a",
            };
            assert!(parsed(&format!("{} {word}", command.name)).is_ok(), "{}", command.name);
            for option in command.options {
                let word = if command.takes == Takes::File { "a" } else { "" };
                let line = format!("{} {} {} {word}", command.name, option.name, value(option));
                assert!(parsed(&line).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn a_reload_may_have_to_be_confirmed_in_a_time_that_is_one() {
        assert_eq!(parsed("reload --confirm 1m30s").unwrap().confirm, Some(Duration::from_secs(90)));
        for line in ["reload --confirm 0", "reload --confirm 8d", "reload --confirm soon", "status --confirm 60s"] {
            assert!(parsed(line).is_err(), "{line}");
        }
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

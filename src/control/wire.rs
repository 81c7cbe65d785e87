//! What is said over the control socket: a line that asks, and an answer that is ready to be printed.
//!
//! Both sides are this program, perhaps of two versions, so the words are few and plain: the line is a command and its
//! settings (`reload format=json confirm=60000`), the answer a line with the exit code (`exit 1`) and behind it the
//! text. Reads and writes nothing itself.

use std::time::Duration;

/// What a running server can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Take up the configuration as it is on disk, and say what became of it.
    Reload,
    /// Keep the configuration that is on trial.
    Confirm,
    /// Say how the server is.
    Status,
    /// Start the program anew in the place of the running one.
    Upgrade,
}

/// Commands by the words for them.
const COMMANDS: &[(&str, Command)] = &[
    ("reload", Command::Reload),
    ("confirm", Command::Confirm),
    ("status", Command::Status),
    ("upgrade", Command::Upgrade),
];

/// How an answer is to be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// As one JSON document, for programs.
    pub json: bool,
    /// With colours, for terminals.
    pub colour: bool,
}

/// A command and how its answer is to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What to do.
    pub command: Command,
    /// How to say what became of it.
    pub manner: Manner,
    /// How long a new configuration may run without being confirmed, if it must be. Whole milliseconds.
    pub confirm: Option<Duration>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was done.
    pub ok: bool,
    /// What is to be printed.
    pub text: String,
}

/// The line asks for nothing that this version knows.
#[derive(Debug, thiserror::Error)]
#[error("the running server does not understand \"{0}\": is it of another version?")]
pub(super) struct NotUnderstood(String);

impl Asked {
    /// A command as it stands.
    pub fn plainly(command: Command, manner: Manner) -> Self {
        Self { command, manner, confirm: None }
    }

    /// As a line, without its end.
    pub(super) fn line(&self) -> String {
        let named = COMMANDS.iter().find(|(_, command)| *command == self.command);
        let mut line = named.map_or("", |(name, _)| name).to_owned();
        for (word, is_set) in [("format=json", self.manner.json), ("colour=always", self.manner.colour)] {
            if is_set {
                line += &format!(" {word}");
            }
        }
        if let Some(within) = self.confirm {
            line += &format!(" confirm={}", within.as_millis());
        }
        line
    }

    /// Understands a line.
    pub(super) fn parse(line: &str) -> Result<Self, NotUnderstood> {
        let not_understood = || NotUnderstood(line.escape_debug().to_string());
        let mut words = line.split_ascii_whitespace();
        let name = words.next().ok_or_else(not_understood)?;
        let (_, command) = COMMANDS.iter().find(|(known, _)| *known == name).ok_or_else(not_understood)?;
        let mut asked = Self::plainly(*command, Manner::default());
        for word in words {
            match word.split_once('=') {
                Some(("format", "json")) => asked.manner.json = true,
                Some(("colour", "always")) => asked.manner.colour = true,
                Some(("confirm", ms)) if *command == Command::Reload => {
                    let within = ms.parse().ok().map(Duration::from_millis).filter(|within| is_trial_time(*within));
                    asked.confirm = Some(within.ok_or_else(not_understood)?);
                }
                _ => return Err(not_understood()),
            }
        }
        Ok(asked)
    }
}

impl Answer {
    /// As it is written.
    pub(super) fn written(&self) -> String {
        format!("exit {}\n{}", u8::from(!self.ok), self.text)
    }

    /// Understands what was read; none for anything else, such as the half of an answer.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (exit, text) = text.split_once('\n')?;
        let ok = match exit {
            "exit 0" => true,
            "exit 1" => false,
            _ => return None,
        };
        Some(Self { ok, text: text.to_owned() })
    }
}

/// Whether a configuration may be on trial for so long.
pub fn is_trial_time(within: Duration) -> bool {
    (Duration::from_millis(1)..=TRIAL_MAX).contains(&within)
}

/// The longest that a configuration may be on trial.
const TRIAL_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest line that asks for something, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 256;

/// The longest answer, in bytes: a report lists a bounded number of findings, each with an excerpt.
pub(super) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long the two sides wait for a line, or for an answer to be taken.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_understood() {
        for (_, command) in COMMANDS {
            for (json, colour) in [(false, false), (true, false), (false, true), (true, true)] {
                let asked = Asked::plainly(*command, Manner { json, colour });
                assert_eq!(Asked::parse(&asked.line()).unwrap(), asked);
            }
        }
        let manner = Manner { json: true, colour: true };
        let longest = Asked { command: Command::Reload, manner, confirm: Some(TRIAL_MAX) };
        assert_eq!(Asked::parse(&longest.line()).unwrap(), longest);
        assert!(longest.line().len() < LINE_BYTES_MAX);
    }

    #[test]
    fn other_words_are_told() {
        for line in [
            "",
            "explode",
            "reload now",
            "reload format=xml",
            "status confirm=1",
            "reload confirm=0",
            "reload confirm=soon",
        ] {
            assert!(Asked::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        let answer = Answer { ok: false, text: "no\nreally".into() };
        assert_eq!(Answer::parse(&answer.written()).unwrap(), answer);
        assert_eq!(Answer::parse("exi"), None);
        assert_eq!(Answer::parse(""), None);
    }
}

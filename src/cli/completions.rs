//! `webserv completions SHELL`: the scripts by which shells complete the words of `webserv`.
//!
//! Made from the tables of commands, directives, variables and lints, whose names stand in the scripts as they are, so
//! that completing starts no program.

mod bash;
mod fish;
mod zsh;

use std::process::ExitCode;

use super::CommandError;
use super::arguments::UsageError;
use super::commands::Takes;
use crate::config::lint::LINTS;
use crate::config::manual;
use crate::modules::MODULES;

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    /// Understands the word behind `completions`.
    pub(super) fn parse(word: &str) -> Result<Self, UsageError> {
        match word {
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err(UsageError(format!("there are no completions for \"{word}\", expected bash, zsh or fish"))),
        }
    }
}

/// Prints the script.
pub(super) fn run(shell: Shell) -> Result<ExitCode, CommandError> {
    super::print(&match shell {
        Shell::Bash => bash::script(),
        Shell::Zsh => zsh::script(),
        Shell::Fish => fish::script(),
    })
}

/// The words that something may be, with white space between; empty where they cannot be listed.
fn words(takes: Takes) -> String {
    let mut words: Vec<&str> = match takes {
        Takes::Nothing | Takes::Text | Takes::File | Takes::Folder => Vec::new(),
        Takes::OneOf(words) => words.to_vec(),
        Takes::Directive => manual::directives(MODULES).iter().map(|found| found.entry.name).collect(),
        Takes::Variable => manual::variables(MODULES).iter().map(|variable| variable.name).collect(),
        Takes::Lint => LINTS.iter().map(|lint| lint.code).collect(),
        Takes::Denied => std::iter::once("warnings").chain(LINTS.iter().map(|lint| lint.code)).collect(),
    };
    // Modules may share a name.
    words.dedup();
    words.join(" ")
}

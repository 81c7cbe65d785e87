//! The script for fish.

use std::fmt::Write;

use super::super::commands::{COMMANDS, OPTIONS, Opt, Takes};
use super::words;
use super::zsh::first_clause;

/// The script: one `complete` for each word.
pub(super) fn script() -> String {
    let mut text = String::from(HEAD);
    // A word behind `-c` is no command; fish's own test would take it for one.
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let first = format!("'not __fish_seen_subcommand_from {}'", names.join(" "));
    for option in OPTIONS {
        line(&first, option, &mut text);
    }
    for command in COMMANDS {
        let name = command.name;
        let help = quoted(first_clause(command.help));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "complete -c webserv -n {first} -a {name} -d '{help}'");
        let seen = format!("'__fish_seen_subcommand_from {name}'");
        for option in command.options {
            line(&seen, option, &mut text);
        }
        let _ = writeln!(text, "complete -c webserv -n {seen}{}", offer(command.takes));
    }
    text
}

fn line(condition: &str, option: &Opt, text: &mut String) {
    let Opt { name, value, takes, help } = option;
    let name = match name.strip_prefix("--") {
        Some(long) => format!("-l {long}"),
        None => format!("-s {}", name.trim_start_matches('-')),
    };
    // A value that is no file shall not be completed as one.
    let required = match takes {
        _ if value.is_empty() => "",
        Takes::File => " -r",
        _ => " -x",
    };
    let help = quoted(first_clause(help));
    let _ = writeln!(text, "complete -c webserv -n {condition} {name}{required}{} -d '{help}'", offer(*takes));
}

/// What is offered.
fn offer(takes: Takes) -> String {
    match takes {
        Takes::Nothing | Takes::Text => String::new(),
        Takes::File => " -F".to_owned(),
        Takes::Folder => " -a '(__fish_complete_directories)'".to_owned(),
        takes => format!(" -a '{}'", words(takes)),
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

const HEAD: &str = "\
# Completes the words of webserv in fish. Made by `webserv completions fish`.

complete -c webserv -f
";

//! The script for zsh.

use std::fmt::Write;

use super::super::commands::{COMMANDS, OPTIONS, Opt, Takes};
use super::words;

/// The script: it may be a file in `$fpath` or be sourced.
pub(super) fn script() -> String {
    let mut text = String::from(HEAD);
    for option in OPTIONS {
        argument(option, "        ", &mut text);
    }
    // Writing to a String cannot fail.
    let commands =
        COMMANDS.iter().map(|command| format!("{}\\:\"{}\"", command.name, quoted(first_clause(command.help))));
    let _ = writeln!(text, "        '1:command:(({}))' \\", commands.collect::<Vec<_>>().join(" "));
    text.push_str("        '*:: :->words' && return\n    case $line[1] in\n");
    for command in COMMANDS {
        let _ = writeln!(text, "        {})\n            _arguments \\", command.name);
        for option in command.options {
            argument(option, "                ", &mut text);
        }
        let many = if command.takes == Takes::File { "*" } else { "1" };
        let _ = writeln!(text, "                '{many}:{}:{}' ;;", what(command.takes), action(command.takes));
    }
    text.push_str(TAIL);
    text
}

fn argument(option: &Opt, indent: &str, text: &mut String) {
    let Opt { name, value, takes, help } = option;
    let help = quoted(first_clause(help));
    let _ = match value.is_empty() {
        true => writeln!(text, "{indent}'{name}[{help}]' \\"),
        false => writeln!(text, "{indent}'{name}[{help}]:{}:{}' \\", value.to_lowercase(), action(*takes)),
    };
}

/// What is offered.
fn action(takes: Takes) -> String {
    match takes {
        Takes::Nothing | Takes::Text => " ".to_owned(),
        Takes::File => "_files".to_owned(),
        Takes::Folder => "_files -/".to_owned(),
        takes => format!("({})", words(takes)),
    }
}

/// What zsh calls it.
fn what(takes: Takes) -> &'static str {
    match takes {
        Takes::Directive => "directive",
        Takes::Variable => "variable",
        Takes::Lint | Takes::Denied => "code",
        Takes::File => "file",
        Takes::Folder => "folder",
        Takes::OneOf(_) | Takes::Text | Takes::Nothing => "word",
    }
}

/// The text up to the first sign that ends a thought.
pub(super) fn first_clause(help: &str) -> &str {
    let end = help.find(['(', ';', ':']).unwrap_or(help.len());
    help[..end].trim_end()
}

/// Without what means something in a specification of an argument.
fn quoted(text: &str) -> String {
    text.chars().filter(|letter| !matches!(letter, '\'' | '"' | '[' | ']' | ':' | '\\')).collect()
}

const HEAD: &str = "\
#compdef webserv
# Completes the words of webserv in zsh. Made by `webserv completions zsh`.

_webserv() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C \\
";

const TAIL: &str = "    esac
}

if [[ $funcstack[1] == _webserv ]]; then
    _webserv \"$@\"
else
    compdef _webserv webserv
fi
";

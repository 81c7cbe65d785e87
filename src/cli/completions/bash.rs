//! The script for bash.

use std::fmt::Write;

use super::super::commands::{COMMANDS, OPTIONS, Opt, Takes};
use super::words;

/// The script: a function, and the line that makes bash call it.
pub(super) fn script() -> String {
    let mut text = String::from(HEAD);
    // Writing to a String cannot fail.
    let with_value: Vec<&str> =
        OPTIONS.iter().filter(|option| !option.value.is_empty()).map(|option| option.name).collect();
    let commands: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let _ = write!(
        text,
        "        case ${{COMP_WORDS[index]}} in
            {}) ((index++)) ;;
            {}) command=${{COMP_WORDS[index]}}; break ;;
        esac
    done
    case $command:$previous in
",
        with_value.join(" | "),
        commands.join(" | ")
    );
    for Opt { name, takes, .. } in OPTIONS.iter().filter(|option| !option.value.is_empty()) {
        let _ = writeln!(text, "        :{name}) {}; return ;;", offer(*takes));
    }
    text.push_str("    esac\n    case $command in\n");
    for command in COMMANDS {
        let options: Vec<&str> = command.options.iter().map(|option| option.name).collect();
        let _ = writeln!(text, "        {})", command.name);
        let _ = writeln!(
            text,
            "            if [[ $current == -* ]]; then words='{}'; else {}; fi ;;",
            options.join(" "),
            offer(command.takes)
        );
    }
    let options: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
    let _ = write!(text, "        *) words='{} {}' ;;\n    esac\n", commands.join(" "), options.join(" "));
    text.push_str(TAIL);
    text
}

/// What sets the words that are offered, or the files.
fn offer(takes: Takes) -> String {
    match takes {
        Takes::Nothing | Takes::Text => "words=".to_owned(),
        Takes::File => "_webserv_paths -f".to_owned(),
        Takes::Folder => "_webserv_paths -d".to_owned(),
        takes => format!("words='{}'; _webserv_words", words(takes)),
    }
}

const HEAD: &str = "\
# Completes the words of webserv in bash. Made by `webserv completions bash`.

_webserv_paths() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$current\")
}

_webserv_words() {
    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")
}

_webserv() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= words= index
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
";

const TAIL: &str = "    [[ -z $words ]] || _webserv_words
}

complete -F _webserv webserv
";

//! The commands and options as a table, from which come the help and the shells' completions.
//!
//! What they do to an invocation is in `arguments`; a test there holds the two together.

use std::fmt::Write;

/// An option, or the word behind a command.
#[derive(Debug)]
pub(super) struct Opt {
    /// How it is written: `-c`, `--check`.
    pub(super) name: &'static str,
    /// What stands behind it: `FILE`; empty for nothing.
    pub(super) value: &'static str,
    /// What that may be.
    pub(super) takes: Takes,
    /// What it does.
    pub(super) help: &'static str,
}

/// A command: `webserv NAME ...`.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    /// What stands behind the name, options first.
    pub(super) usage: &'static str,
    pub(super) options: &'static [Opt],
    /// What its words may be.
    pub(super) takes: Takes,
    /// What it does.
    pub(super) help: &'static str,
}

/// What a word may be, for completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// There is none.
    Nothing,
    /// Any text, so that nothing can be offered.
    Text,
    /// The path of a file.
    File,
    /// The path of a folder.
    Folder,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// The name of a directive.
    Directive,
    /// The name of a variable.
    Variable,
    /// The code of a lint.
    Lint,
    /// `warnings`, or the code of a lint.
    Denied,
}

/// The options that stand without a command.
pub(super) const OPTIONS: &[Opt] = &[
    Opt {
        name: "-c",
        value: "FILE",
        takes: Takes::File,
        help: "read the configuration from FILE (default: /etc/webserv/webserv.conf, and if there is none, a built-in \
               one that serves a welcome page on port 8080)",
    },
    Opt {
        name: "-p",
        value: "PREFIX",
        takes: Takes::Folder,
        help: "relative paths in the configuration begin here (default: the folder of the configuration; the one above \
               it when that folder is called conf or conf.d)",
    },
    Opt {
        name: "-e",
        value: "FILE",
        takes: Takes::File,
        help: "write errors to FILE until the configuration is read (\"stderr\": the terminal)",
    },
    Opt {
        name: "-g",
        value: "DIRECTIVES",
        takes: Takes::Text,
        help: "directives for the main context, as if they stood at the top",
    },
    Opt {
        name: "-t",
        value: "",
        takes: Takes::Nothing,
        help: "check the configuration, say everything that is wrong with it, and exit",
    },
    Opt {
        name: "-T",
        value: "",
        takes: Takes::Nothing,
        help: "the same, and print the configuration with all its files",
    },
    Opt { name: "-q", value: "", takes: Takes::Nothing, help: "say nothing but errors and warnings while checking" },
    Opt {
        name: "--format",
        value: "FORMAT",
        takes: Takes::OneOf(&["text", "json"]),
        help: "how -t, explain, reload, confirm, status and upgrade report: text, for people; or json, one document on \
               standard output",
    },
    Opt {
        name: "--deny",
        value: "WHAT",
        takes: Takes::Denied,
        help: "let -t fail if there are \"warnings\", or warnings of the kind with this code",
    },
    Opt {
        name: "-s",
        value: "SIGNAL",
        takes: Takes::OneOf(&["stop", "quit", "reload", "reopen"]),
        help: "tell the running server: stop, quit, reload, reopen",
    },
    Opt { name: "-v", value: "", takes: Takes::Nothing, help: "print the version" },
    Opt { name: "-V", value: "", takes: Takes::Nothing, help: "print the version, the target and the modules" },
    Opt { name: "-h", value: "", takes: Takes::Nothing, help: "print this (also -?, --help)" },
];

/// The commands.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "directives",
        usage: "[NAME | --list | --markdown | --words]",
        options: &[
            Opt { name: "--list", value: "", takes: Takes::Nothing, help: "only how each directive is written" },
            Opt { name: "--markdown", value: "", takes: Takes::Nothing, help: "the whole manual as Markdown" },
            Opt { name: "--words", value: "", takes: Takes::Nothing, help: "only the names, for editors" },
        ],
        takes: Takes::Directive,
        help: "print the manual; with a NAME, of that directive; with --list, only how each directive is written; with \
               --markdown, the whole manual for other programs; with --words, the names of all directives and variables",
    },
    Command {
        name: "variables",
        usage: "[NAME]",
        options: &[],
        takes: Takes::Variable,
        help: "say what each variable is; with a NAME, that one",
    },
    Command {
        name: "explain",
        usage: "[METHOD] URL [-H FIELD]... [--from ADDRESS] [--format FORMAT]",
        options: &[
            Opt { name: "-H", value: "FIELD", takes: Takes::Text, help: "a field of the request: \"Name: value\"" },
            Opt {
                name: "--from",
                value: "ADDRESS",
                takes: Takes::Text,
                help: "the address of the client (unix: is one at a Unix socket)",
            },
            Opt { name: "-c", value: "FILE", takes: Takes::File, help: "read the configuration from FILE" },
            Opt { name: "-p", value: "PREFIX", takes: Takes::Folder, help: "relative paths begin here" },
            Opt { name: "--format", value: "FORMAT", takes: Takes::OneOf(&["text", "json"]), help: "how to report" },
        ],
        takes: Takes::Text,
        help: "say which listener, server and location answer a request, and why, by which way, and which directives \
               hold there; no server need run; http://unix:SOCKET:/PATH asks at a Unix socket",
    },
    Command {
        name: "reload",
        usage: "[--confirm TIME] [--format FORMAT]",
        options: &[Opt {
            name: "--confirm",
            value: "TIME",
            takes: Takes::Text,
            help: "take the configuration back unless `webserv confirm` comes within TIME",
        }],
        takes: Takes::Nothing,
        help: "have the running server take up its configuration; print what changed, or why it goes on as before, and \
               fail in that case; with --confirm, what was before comes back after TIME (60s, 10m) unless `webserv \
               confirm` comes: addresses that the new configuration lacks are served as before until then, and a further \
               reload in the meantime takes the place of the new one, under the same TIME",
    },
    Command {
        name: "confirm",
        usage: "[--format FORMAT]",
        options: &[],
        takes: Takes::Nothing,
        help: "keep the configuration that was taken up by `webserv reload --confirm`, or that reload_guard watches; fail \
               if there is none",
    },
    Command {
        name: "status",
        usage: "[--format FORMAT]",
        options: &[],
        takes: Takes::Nothing,
        help: "say how the running server is: since when, by which configuration, on which addresses",
    },
    Command {
        name: "upgrade",
        usage: "[--format FORMAT]",
        options: &[],
        takes: Takes::Nothing,
        help: "have a new process of the program, as it is installed now, take the place of the running server, which \
               finishes what runs; say why it goes on as before, and fail in that case",
    },
    Command {
        name: "lint",
        usage: "[CODE]",
        options: &[],
        takes: Takes::Lint,
        help: "list the kinds of warnings that -t knows; with a CODE, explain that one",
    },
    Command {
        name: "fmt",
        usage: "[--check] [--diff] FILE...",
        options: &[
            Opt { name: "--check", value: "", takes: Takes::Nothing, help: "only name the files that would change" },
            Opt { name: "--diff", value: "", takes: Takes::Nothing, help: "only show what would change" },
        ],
        takes: Takes::File,
        help: "bring configuration files into the one layout; - is standard input, to standard output; with --check, \
               name the files that would change, and fail if there are any; with --diff, show what would change; \
               neither writes anything",
    },
    Command {
        name: "completions",
        usage: "bash | zsh | fish",
        options: &[],
        takes: Takes::OneOf(&["bash", "zsh", "fish"]),
        help: "print the script by which this shell completes the words of webserv",
    },
];

/// What is printed for `-h`.
pub(super) fn help() -> String {
    let mut text = String::from(HEAD);
    for Command { name, usage, .. } in COMMANDS {
        let _ = writeln!(text, "       webserv {name} {usage}"); // writing to a String cannot fail
    }
    text.push('\n');
    for Opt { name, value, help, .. } in OPTIONS {
        entry(&format!("{name} {value}"), help, &mut text);
    }
    text.push('\n');
    for Command { name, help, .. } in COMMANDS {
        entry(name, help, &mut text);
    }
    text
}

/// A word on the left, what it does on the right.
fn entry(word: &str, help: &str, text: &mut String) {
    let mut line = format!("  {word:<WORD_CHARACTERS$}");
    for (index, next) in help.split_whitespace().enumerate() {
        if line.chars().count() + 1 + next.chars().count() > LINE_CHARACTERS_MAX {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(WORD_CHARACTERS + 2);
        } else if index > 0 {
            line.push(' ');
        }
        line.push_str(next);
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

const HEAD: &str = "\
webserv, a web server in nginx's language

usage: webserv [-c FILE] [-p PREFIX] [-e FILE] [-g DIRECTIVES]
       webserv -t | -T [-q] [--format FORMAT] [--deny WHAT]
       webserv -s SIGNAL | -v | -V | -h
";

/// The widest word on the left, and white space.
const WORD_CHARACTERS: usize = 17;

/// Fits terminals that show two files beside each other.
const LINE_CHARACTERS_MAX: usize = 98;

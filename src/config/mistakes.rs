//! What is said of a directive that cannot be understood: nginx's texts where it has one, with what
//! was expected and what to write instead. Called by the engine.

use webserv_grammar::Block;

use super::arguments::list_of;
use super::diagnostics::{Diagnostic, Place};
use super::index::Index;
use super::lines::Line;
use super::nginx_names;
use super::schema::{Contexts, Entry, Shape};

/// No table has the name.
pub(super) fn unknown(line: &Line<'_>, context: Contexts, index: &Index) -> Diagnostic {
    let name = &*line.name.text;
    let place = line.place(line.name);
    if let Some(foreign) = nginx_names::find(name) {
        let whose = match foreign.from {
            nginx_names::From::Nginx => "nginx has this directive, webserv does not support it yet",
            nginx_names::From::ThirdParty => "a module for nginx has this directive, webserv does not support it",
        };
        let error = Diagnostic::error(place, format!("unsupported directive \"{name}\"")).label(whose);
        return if foreign.hint.is_empty() { error } else { error.help(foreign.hint) };
    }
    let error = Diagnostic::error(place, format!("unknown directive \"{name}\""));
    if name.starts_with("if(") {
        return error.label("expected white space between `if` and `(`");
    }
    if name.contains('}') {
        return error.label("a brace ended the word before").help(QUOTE_BRACES);
    }
    if name.starts_with('<') {
        return error.label("blocks of Apache's language mean nothing here").help("write a block as `name { ... }`");
    }
    if matches!(name, "else" | "elseif" | "elsif" | "elif") {
        return error.label("an `if` has no other branch").help("let a second `if` test the opposite, or use a `map`");
    }
    match index.nearest(name, context) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.label("no directive has this name"),
    }
}

/// The directive stands in a block where it means nothing.
pub(super) fn misplaced(line: &Line<'_>, context: Contexts, possible: Contexts, opened: Option<Place>) -> Diagnostic {
    let name = &*line.name.text;
    let here: Vec<_> = context.names().collect();
    let here = here.first().copied().unwrap_or("this");
    let error = Diagnostic::error(line.place(line.name), format!("\"{name}\" directive is not allowed here"))
        .label(format!("may stand in {}", list_of(possible.names())));
    match opened {
        Some(opened) => error.related(opened, format!("stands in this `{here}` block")),
        None => error.help("here, outside of all blocks, is nginx's context `main`"),
    }
}

/// Too few or too many words.
pub(super) fn wrong_count(line: &Line<'_>, entry: &Entry) -> Diagnostic {
    let (min, max) = entry.word_count();
    let count = line.words.len();
    let place = if count > max { line.words_from(max) } else { line.place(line.name) };
    let error = Diagnostic::error(place, format!("invalid number of arguments in \"{}\" directive", entry.name));
    let expected = match (min, max) {
        (0, 0) => "no word may stand behind the name".to_owned(),
        (min, max) if min == max => format!("expected {}, found {count}", words(min)),
        (min, usize::MAX) => format!("expected {} or more, found {count}", words(min)),
        (min, max) => format!("expected {min} to {max} words, found {count}"),
    };
    let help = match line.words.first() {
        Some(first) if first.text == "=" && entry.name != "location" => {
            format!("write `{}`, without `=`", entry.usage())
        }
        _ => format!("write `{}`", entry.usage()),
    };
    error.label(expected).help(help)
}

/// A block is missing, or one stands where none belongs.
pub(super) fn wrong_block(line: &Line<'_>, entry: &Entry) -> Diagnostic {
    let name = entry.name;
    let (message, label) = match entry.args {
        Shape::Block { .. } | Shape::Conditional { .. } => {
            (format!("directive \"{name}\" has no opening \"{{\""), "expected `{` here")
        }
        _ => (format!("directive \"{name}\" is not terminated by \";\""), "expected `;` here, not a block"),
    };
    // `rewrite ^/[0-9]{4}/ ...`: no block is meant where nothing stands between a word and the brace.
    let touches = |block: &Block| !line.words.is_empty() && block.open.start == line.behind().span.start;
    let error = Diagnostic::error(line.behind(), message).label(label);
    match line.block.is_some_and(touches) {
        true => error.help(QUOTE_BRACES),
        false => error.help(format!("write `{}`", entry.usage())),
    }
}

/// The directive stood in the block before.
pub(super) fn repeated(line: &Line<'_>, first: Place) -> Diagnostic {
    Diagnostic::error(line.place(line.name), format!("\"{}\" directive is duplicate", line.name.text))
        .label("it may stand once in a block")
        .related(first, "first here")
}

/// Outside of quotes a brace is never part of a word.
const QUOTE_BRACES: &str = "put a regular expression with braces into quotes";

fn words(count: usize) -> String {
    match count {
        1 => "1 word".to_owned(),
        count => format!("{count} words"),
    }
}

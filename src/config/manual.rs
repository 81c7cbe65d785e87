//! The manual of all directives and variables, from the tables alone.
//!
//! Called by `webserv directives`. `MANUAL.md` is its Markdown.

use std::fmt::Write;

use super::lint;
use super::nginx_names;
use super::nginx_variables;
use super::schema::{AnyModule, Entry, Origin};
use super::structure::{self, STRUCTURE};
use crate::base::suggest::nearest;
use crate::exchange::core_variables::CORE_VARIABLES;
use crate::exchange::variables::{Variable, VariableKind};

/// One directive of one module.
#[derive(Clone, Copy, Debug)]
pub struct Documented {
    /// The module.
    pub module: &'static str,
    /// Its line of the table.
    pub entry: Entry,
}

/// All directives, by name.
pub fn directives(modules: &[&'static dyn AnyModule]) -> Vec<Documented> {
    let structure = STRUCTURE.iter().map(|(_, entry)| Documented { module: structure::NAME, entry: *entry });
    let of_modules = modules.iter().flat_map(|module| {
        (0..module.directive_count()).map(|line| Documented { module: module.name(), entry: module.directive(line) })
    });
    let mut all: Vec<_> = structure.chain(of_modules).collect();
    all.sort_by_key(|documented| documented.entry.name);
    all
}

/// All variables, by name.
pub fn variables(modules: &[&'static dyn AnyModule]) -> Vec<&'static Variable> {
    let of_modules = modules.iter().flat_map(|module| module.variables());
    let mut all: Vec<_> = CORE_VARIABLES.iter().chain(of_modules).collect();
    all.sort_by_key(|variable| variable.name);
    all
}

/// All directives, one line each: how it is written.
pub fn list(modules: &[&'static dyn AnyModule]) -> String {
    directives(modules).iter().map(|found| found.entry.usage() + "\n").collect()
}

/// What the manual says of one directive; more than one entry when modules share a name.
///
/// # Errors
/// No directive has the name; the text says so, and names the nearest.
pub fn entry(modules: &[&'static dyn AnyModule], name: &str) -> Result<String, String> {
    let all = directives(modules);
    let found: Vec<String> =
        all.iter().filter(|documented| documented.entry.name == name).map(|found| plain_entry(&found.entry)).collect();
    if !found.is_empty() {
        return Ok(found.join("\n"));
    }
    if let Some(foreign) = nginx_names::find(name) {
        return Err(without(&format!("{} \"{name}\", webserv does not support it", foreign.owner()), foreign.hint));
    }
    let message = format!("there is no directive \"{name}\"");
    Err(match nearest(name, all.iter().map(|documented| documented.entry.name)) {
        Some(near) => format!("{message}, did you mean \"{near}\"?"),
        None => message,
    })
}

/// The whole manual as plain text.
pub fn plain(modules: &[&'static dyn AnyModule]) -> String {
    let entries: Vec<String> = directives(modules).iter().map(|found| plain_entry(&found.entry)).collect();
    format!("{}\nVariables\n\n{}", entries.join("\n"), variable_list(modules))
}

/// All variables, and what each is.
pub fn variable_list(modules: &[&'static dyn AnyModule]) -> String {
    variables(modules).into_iter().map(variable_entry).collect()
}

/// What the manual says of one variable, whose `$` may be left out; of a member of a family what it says of that.
///
/// # Errors
/// No variable has the name; the text says so, and names the nearest.
pub fn variable(modules: &[&'static dyn AnyModule], name: &str) -> Result<String, String> {
    let bare = name.trim_start_matches('$').to_ascii_lowercase();
    let all = variables(modules);
    let families = all.iter().filter(|variable| matches!(variable.kind, VariableKind::Family));
    let family = families.filter(|family| bare.starts_with(family.name)).max_by_key(|family| family.name.len());
    if let Some(found) = all.iter().find(|variable| variable.name == bare).or(family) {
        return Ok(variable_entry(found));
    }
    if let Some(hint) = nginx_variables::find(&bare) {
        return Err(without(&format!("nginx has \"${bare}\", webserv does not support it yet"), hint));
    }
    let message = format!("there is no variable \"${bare}\"");
    Err(match nearest(&bare, all.iter().map(|variable| variable.name)) {
        Some(near) => format!("{message}, did you mean \"${near}\"?"),
        None => message,
    })
}

/// What is missing, and what to do without it.
fn without(missing: &str, hint: &str) -> String {
    if hint.is_empty() { missing.to_owned() } else { format!("{missing}: {hint}") }
}

/// The names of all directives and variables, a line each: what editors colour and complete.
pub fn words(modules: &[&'static dyn AnyModule]) -> String {
    let mut words: Vec<String> = directives(modules).iter().map(|found| found.entry.name.to_owned()).collect();
    words.dedup(); // modules may share a name
    words.extend(variables(modules).iter().map(|variable| format!("${}", variable.name)));
    words.iter().map(|word| format!("{word}\n")).collect()
}

fn variable_entry(variable: &Variable) -> String {
    wrap(&format!("{}: {}", variable_name(variable), variable.doc), "    ")
}

/// The whole manual as Markdown.
pub fn markdown(modules: &[&'static dyn AnyModule]) -> String {
    let mut text = format!("{MARKDOWN_HEAD}\n## Directives\n");
    for Documented { entry, .. } in directives(modules) {
        let _ = write!(text, "\n### {}\n\n", entry.name); // writing to a String cannot fail
        for (title, value) in facts(&entry) {
            let _ = writeln!(text, "- {title}: `{value}`");
        }
        let _ = write!(text, "- origin: {}\n\n{}\n", origin(entry.origin), entry.doc);
        if !entry.example.is_empty() {
            let _ = write!(text, "\n```nginx\n{}\n```\n", entry.example);
        }
    }
    text.push_str("\n## Variables\n\n");
    for variable in variables(modules) {
        let _ = writeln!(text, "- `{}`: {}", variable_name(variable), variable.doc);
    }
    text.push_str(VARIABLES_LEFT_OUT);
    text.push_str(&nginx_variables::markdown());
    text.push_str(CHECKING);
    text.push_str(&lint::markdown());
    text
}

fn plain_entry(entry: &Entry) -> String {
    let mut text = format!("{}\n", entry.name);
    for (title, value) in facts(entry) {
        let _ = writeln!(text, "    {title:<9}{value}"); // writing to a String cannot fail
    }
    let _ = write!(text, "    {:<9}{}\n\n", "origin", origin(entry.origin));
    text.push_str(&wrap(entry.doc, "    "));
    for line in entry.example.lines() {
        let _ = write!(text, "\n        {line}");
    }
    if !entry.example.is_empty() {
        text.push('\n');
    }
    text
}

/// Syntax, default and context.
fn facts(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut facts = vec![("syntax", entry.usage())];
    if !entry.default.is_empty() {
        facts.push(("default", default_line(entry)));
    }
    facts.push(("context", entry.contexts.names().collect::<Vec<_>>().join(", ")));
    facts
}

/// The default as it would be written: a line or a block.
pub fn default_line(entry: &Entry) -> String {
    let Entry { name, default, .. } = entry;
    if entry.has_block() { format!("{name} {default}") } else { format!("{name} {default};") }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Nginx => "nginx",
        Origin::NginxNoEffect => "nginx; checked, accepted, does nothing here",
        Origin::Ours => "webserv's own",
    }
}

fn variable_name(variable: &Variable) -> String {
    match variable.kind {
        VariableKind::Single | VariableKind::Assignable | VariableKind::Assigned(_) => format!("${}", variable.name),
        VariableKind::Family => format!("${}NAME", variable.name),
    }
}

/// Breaks sentences into lines of at most `LINE_CHARACTERS_MAX`.
pub(super) fn wrap(text: &str, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > LINE_CHARACTERS_MAX {
            wrapped.push('\n');
            column = 0;
        }
        if column == 0 {
            wrapped.push_str(indent);
            column = indent.len() + length;
        } else {
            wrapped.push(' ');
            column += 1 + length;
        }
        wrapped.push_str(word);
    }
    if column > 0 {
        wrapped.push('\n');
    }
    wrapped
}

/// Says where the text comes from.
const MARKDOWN_HEAD: &str = "\
# The manual of webserv's configuration

Every directive and every variable, by name. Made by `webserv directives --markdown` from the tables that the program
itself reads: change those, not this file.
";

/// Above what is left out.
const VARIABLES_LEFT_OUT: &str = "
nginx has these too; here they are refused, with what to write instead where there is something:

";

/// What `-t` says, and how programs read it.
const CHECKING: &str = "
## Checking

`webserv -t` says everything that is wrong with a configuration, on standard error, and exits with 1 if it is refused.
Warnings alone do not refuse it; with `--deny warnings`, or `--deny CODE` for one kind of them, they let the check fail.

`webserv -t --format json` writes one JSON document to standard output, for programs:

| member | what it is |
|---|---|
| `ok` | whether the check passed |
| `configuration` | the file that was checked |
| `errors`, `warnings` | how many there are |
| `left_out` | how many of them are not listed |
| `diagnostics` | the findings, in the order of the files |

Each finding has these members, all of them always:

| member | what it is |
|---|---|
| `level` | `error` or `warning` |
| `code` | of a warning that is explained below its name, or null |
| `message` | what is wrong, in one line |
| `file`, `line`, `column` | where it begins; lines and columns are counted from 1, columns in characters; null if it has no place |
| `end_line`, `end_column` | behind its last character |
| `labels` | what is said of the place itself, a list of texts |
| `related` | other places that belong to it: `message`, and the place as above |
| `help` | what to do about it, or null |

Members may be added; these stay as they are.
";

/// Fits the narrowest terminal in use.
const LINE_CHARACTERS_MAX: usize = 78;

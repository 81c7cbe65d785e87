//! Rules about the tree itself: who may name whom, how large files and functions are, what never stands in the code.
//!
//! Reads the sources as text, formatted by rustfmt; knows nothing of what they do. A rule that makes the code worse is
//! changed here, with the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each layer of `src/` may name, besides itself. `lib`, `main` and `cli` may name everything.
const IMPORTS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("http", &["base"]),
    ("runtime", &["base"]),
    ("exchange", &["base", "http", "runtime"]),
    ("route", &["base", "http", "exchange", "runtime"]),
    ("rehearsal", &["base", "http", "exchange", "route", "runtime"]),
    ("config", &["base", "http", "exchange", "route", "rehearsal", "runtime"]),
    ("modules", &["base", "http", "exchange", "route", "rehearsal", "config", "runtime"]),
    ("server", &["base", "http", "exchange", "route", "runtime"]),
    ("control", &["base", "http", "exchange", "route", "config", "runtime", "server"]),
];

/// The layers that tie everything together.
const UNBOUND: &[&str] = &["lib", "main", "cli"];

/// Lines of a file before its tests.
const FILE_LINES_MAX: usize = 500;

/// Lines of a function, from `fn` to its brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Functions that may be longer, each with its reason.
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

#[test]
fn imports_point_downwards() {
    let table: BTreeMap<_, _> = IMPORTS.iter().copied().collect();
    report(sources("src").iter().flat_map(|source| {
        let layer = source.layer();
        let allowed = table.get(layer.as_str());
        assert!(allowed.is_some() || UNBOUND.contains(&layer.as_str()), "no rule for the layer {layer}");
        let names = crate_paths(source.before_tests()).into_iter();
        names.filter_map(move |(line, name)| {
            let fine = name == layer || allowed.is_none_or(|allowed| allowed.contains(&name.as_str()));
            (!fine).then(|| format!("{}:{line}: {layer} must not name {name}", source.name))
        })
    }));
}

#[test]
fn a_module_names_no_other_module() {
    let sources = sources("src/modules");
    report(sources.iter().filter(|source| source.module() != "mod").flat_map(|source| {
        let lines = source.before_tests().lines().enumerate();
        lines.filter_map(|(at, line)| {
            let name = foreign_module(source, line)?;
            Some(format!("{}:{}: must not name the module {name}", source.name, at + 1))
        })
    }));
}

#[test]
fn files_are_small() {
    report(rust_files().iter().filter_map(|source| {
        let lines = source.before_tests().lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.name))
    }));
}

#[test]
fn functions_fit_on_a_screen() {
    report(rust_files().iter().flat_map(|source| {
        functions(&source.text).into_iter().filter_map(move |(line, name, lines)| {
            let excused = LONG_FUNCTIONS.iter().any(|(excused, _reason)| *excused == name);
            let long = lines > FUNCTION_LINES_MAX && !excused;
            long.then(|| format!("{}:{line}: {name} has {lines} lines, at most {FUNCTION_LINES_MAX}", source.name))
        })
    }));
}

#[test]
fn every_file_says_what_it_is() {
    report(rust_files().iter().filter_map(|source| {
        let said = source.text.starts_with("//! ");
        (!said).then(|| format!("{}:1: expected \"//!\" and what the file owns", source.name))
    }));
}

#[test]
fn what_a_peer_can_cause_is_no_panic() {
    report(rust_files().iter().filter(|source| source.name.contains("src/")).flat_map(|source| {
        found(source, source.before_tests(), &[concat!(".unwr", "ap()"), concat!("unreach", "able!()")])
    }));
}

#[test]
fn nothing_is_left_to_be_written() {
    let words = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!("), concat!("FIX", "ME")];
    report(rust_files().iter().flat_map(|source| found(source, &source.text, &words)));
}

#[test]
fn no_test_sleeps() {
    let words = [concat!("thread::sl", "eep"), concat!("sl", "eep(")];
    report(rust_files().iter().flat_map(|source| {
        let at = if source.name.starts_with("tests/") { 0 } else { source.before_tests().len() };
        found(source, &source.text[at..], &words)
    }));
}

#[test]
fn every_file_is_part_of_the_program() {
    report(rust_files().iter().filter_map(|source| {
        let path = Path::new(&source.name);
        let stem = path.file_stem()?.to_str()?;
        let folder = path.parent()?;
        let roots = ["src", "grammar/src", "tests", "fuzz/fuzz_targets", "grammar/tests", "benches"];
        if roots.iter().any(|root| folder == Path::new(root)) && ["lib", "main"].contains(&stem) {
            return None;
        }
        let is_target = ["tests", "grammar/tests", "fuzz/fuzz_targets"].iter().any(|root| folder == Path::new(root));
        if is_target || folder.ends_with("bin") {
            return None;
        }
        let (name, parents) = if stem == "mod" {
            (folder.file_name()?.to_str()?, parents_of(folder))
        } else {
            (stem, parents_in(folder))
        };
        let mut declared = parents.iter().filter_map(|parent| fs::read_to_string(root().join(parent)).ok());
        let declares = |text: String| text.lines().any(|line| line.trim_end().ends_with(&format!("mod {name};")));
        (!declared.any(declares)).then(|| format!("{}: no \"mod {name};\" names it", source.name))
    }));
}

#[test]
fn every_dependency_says_what_it_is_for() {
    for manifest in ["Cargo.toml", "grammar/Cargo.toml", "fuzz/Cargo.toml"] {
        let text = read(manifest);
        let mut in_dependencies = false;
        report(text.lines().enumerate().filter_map(|(at, line)| {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
                return None;
            }
            let bare = in_dependencies && line.contains('=') && !line.contains(" # ") && !line.contains("path =");
            bare.then(|| format!("{manifest}:{}: expected a comment that says what the crate is for", at + 1))
        }));
    }
}

#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    let text = read("Cargo.toml");
    assert!(text.contains("\nunsafe_code = \"forbid\"\n"), "the workspace forbids unsafe code");
    for manifest in ["Cargo.toml", "grammar/Cargo.toml"] {
        assert!(read(manifest).contains("[lints]\nworkspace = true\n"), "{manifest} takes the workspace's lints");
    }
}

#[test]
fn module_tests_are_named_after_their_module() {
    report(sources("tests/modules").iter().filter_map(|source| {
        let module = source.module_under("tests/modules/");
        let exists = module == "mod" || is_module(&module);
        (!exists).then(|| format!("{}: there is no module {module} in src/modules", source.name))
    }));
}

#[test]
fn the_papers_are_there() {
    let missing = ["README.md", "MANUAL.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];
    report(missing.iter().filter(|name| !root().join(name).is_file()).map(|name| format!("{name}: expected")));
}

/// A file of the tree.
struct Source {
    /// Its path from the root.
    name: String,
    text: String,
}

impl Source {
    /// The text up to its tests; nothing, if the whole file is tests.
    fn before_tests(&self) -> &str {
        let is_test =
            self.name.ends_with("/tests.rs") || self.name.contains("/tests/") || self.name.contains("/testing");
        if is_test && !self.name.starts_with("tests/") {
            return &self.text[..0];
        }
        let end = self.text.match_indices("#[cfg(test)]\n").find(|(at, _)| {
            let rest = self.text[at + "#[cfg(test)]\n".len()..].trim_start();
            rest.starts_with("mod ") && !rest.lines().next().unwrap_or_default().ends_with(';')
        });
        end.map_or(&*self.text, |(at, _)| &self.text[..at])
    }

    /// `http` of `src/http/date.rs`.
    fn layer(&self) -> String {
        self.module_under("src/")
    }

    /// `index` of `src/modules/index.rs` and `src/modules/index/names.rs`.
    fn module(&self) -> String {
        self.module_under("src/modules/")
    }

    fn module_under(&self, folder: &str) -> String {
        let rest = self.name.strip_prefix(folder).unwrap_or(&self.name);
        rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs").to_owned()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All Rust files of ours.
fn rust_files() -> Vec<Source> {
    ["src", "grammar", "tests", "fuzz/fuzz_targets"].into_iter().flat_map(sources).collect()
}

/// The Rust files below a folder, in order.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort();
    let name = |path: &PathBuf| path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
    found.iter().map(name).map(|name| Source { text: read(&name), name }).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("the tree can be read").path()) {
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_module(name: &str) -> bool {
    let folder = root().join("src/modules");
    name != "mod" && (folder.join(format!("{name}.rs")).is_file() || folder.join(name).is_dir())
}

/// Another module that a line of a module names.
fn foreign_module(source: &Source, line: &str) -> Option<String> {
    let is_parent = source.name.ends_with("/mod.rs");
    let levels = source.name.matches('/').count() - if is_parent { 2 } else { 1 };
    let absolute = words_after(line, "crate::modules::").into_iter();
    let relative = words_after(line, &"super::".repeat(levels)).into_iter();
    absolute.chain(relative).find(|name| *name != source.module() && is_module(name))
}

/// The layers that a text names by `crate::`, with their lines.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        if text[line_start..at].contains("//") {
            continue;
        }
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => paths.extend(first_words(group).into_iter().map(|name| (line, name))),
            None => paths.push((line, identifier(rest))),
        }
    }
    let is_layer =
        |name: &str| root().join("src").join(name).is_dir() || root().join(format!("src/{name}.rs")).is_file();
    paths.retain(|(_, name)| is_layer(name));
    paths
}

/// The first word of each member of a `use` group, up to its closing brace.
fn first_words(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![identifier(group.trim_start())];
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => break,
            b'}' => depth -= 1,
            b',' if depth == 0 => names.push(identifier(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

/// The identifiers that follow a prefix in a line.
fn words_after(line: &str, prefix: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(prefix).map(|(at, _)| identifier(&code[at + prefix.len()..])).collect()
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The functions of a text: line, name, and number of lines. rustfmt puts the closing brace below the `fn`'s line.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let closes = |line: &&str| {
            line.strip_prefix(indent).is_some_and(|rest| rest == "}" || rest.ends_with(" }") && !rest.starts_with(' '))
        };
        let declared_only = lines[at..].iter().take_while(|line| !line.ends_with('{')).any(|line| line.ends_with(';'));
        if declared_only || line.ends_with('}') {
            continue;
        }
        let length = lines[at + 1..].iter().position(closes).map_or(1, |below| below + 2);
        functions.push((at + 1, name, length));
    }
    functions
}

fn function_name(line: &str) -> Option<String> {
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub(") {
        rest = after.split_once(") ")?.1;
    }
    for word in ["pub ", "const ", "async ", "extern \"C\" "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.strip_prefix("fn ").map(identifier)
}

/// Where words stand in a part of a source, outside comments.
fn found<'a>(source: &'a Source, part: &'a str, words: &[&str]) -> Vec<String> {
    let skipped = part.as_ptr() as usize - source.text.as_ptr() as usize;
    let first = source.text[..skipped].matches('\n').count() + 1;
    let lines = part.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let hits = lines.filter_map(|(at, line)| words.iter().find(|word| line.contains(**word)).map(|word| (at, *word)));
    hits.map(|(at, word)| format!("{}:{}: \"{word}\" has no place here", source.name, first + at)).collect()
}

/// Files that may declare a module that is a file in this folder.
fn parents_in(folder: &Path) -> Vec<PathBuf> {
    let mut parents: Vec<PathBuf> =
        ["mod.rs", "lib.rs", "main.rs", "behaviour.rs"].map(|name| folder.join(name)).into();
    parents.push(folder.with_extension("rs"));
    parents
}

/// Files that may declare a module that is this folder.
fn parents_of(folder: &Path) -> Vec<PathBuf> {
    folder.parent().map(parents_in).unwrap_or_default()
}

/// Fails with all findings, if there are any.
#[track_caller]
fn report(findings: impl Iterator<Item = String>) {
    let findings: Vec<String> = findings.collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

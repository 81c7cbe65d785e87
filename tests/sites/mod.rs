//! Configurations of the shapes that people run, each a folder: `site.conf`, its files, and `visits`.
//!
//! Each is formatted, passes its check with no other warnings than those meant, is served by the real program, and
//! answers the visits. A visit is `METHOD TARGET | Name: value | ...`, and below it, indented, what the answer has: the
//! status, fields (`Name: -` is a field that must not be there), and behind `>` all of the content. The same files and
//! visits can be given to nginx, without the lines of `expect`.

mod more;
mod served;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Answer, Folder, Running, Site, webserv};

/// A site from its folder.
struct Shape {
    name: &'static str,
    site: Site,
}

/// A request, and what its answer must have.
#[derive(Debug)]
struct Visit {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    expected: Vec<String>,
}

impl Shape {
    /// The site of a folder, in a folder of its own, with the shipped `mime.types` beside its configuration.
    fn new(name: &'static str) -> Self {
        let text = fs::read_to_string(folder(name).join("site.conf")).unwrap();
        let text = text.replace("127.0.0.1:8080", "127.0.0.1:0");
        let text = text.replace("include ", "include {root}/").replace("user_file ", "user_file {root}/");
        let site = Site::new().config(&text).with_folder(|root| {
            copy(&folder(name), root);
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("conf.d/mime.types"), root.join("mime.types")).unwrap();
            let users = root.join("users");
            if users.exists() {
                fs::set_permissions(users, Permissions::from_mode(0o600)).unwrap();
            }
        });
        Self { name, site }
    }

    /// With a further file.
    fn file(self, name: &str, text: &str) -> Self {
        Self { site: self.site.file(name, text.replace("127.0.0.1:8080", "127.0.0.1:0")), ..self }
    }

    /// The site, served; its check must find these warnings and no others.
    #[track_caller]
    fn start(self, warnings: &[&str]) -> Running {
        let path = folder(self.name).join("site.conf");
        assert!(fs::read_to_string(&path).unwrap().contains(" expect "), "{} expects nothing", self.name);
        let formatted = webserv(&["fmt", "--check", path.to_str().unwrap()]);
        assert!(formatted.status.success(), "webserv fmt would change {}", path.display());
        let site = self.site.start();
        check(&site, warnings);
        site
    }

    /// Serves the site and makes its visits.
    #[track_caller]
    fn visit(self, warnings: &[&str]) -> Running {
        let visits = folder(self.name).join("visits");
        let site = self.start(warnings);
        visit(&site, &visits);
        site
    }
}

/// Checks the configuration, expectations included, while it is served.
#[track_caller]
fn check(folder: &Folder, warnings: &[&str]) {
    let output = folder.webserv(&["-t"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let found: Vec<&str> = text.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(found.len(), warnings.len(), "{text}");
    for (found, code) in found.iter().zip(warnings) {
        assert!(found.ends_with(&format!("[{code}]")), "{text}");
    }
}

/// Makes the visits of a file.
#[track_caller]
fn visit(site: &Running, visits: &Path) {
    let visits = read(&fs::read_to_string(visits).unwrap());
    let faults: Vec<String> = visits.iter().filter_map(|visit| visit.fault(site)).collect();
    assert!(!visits.is_empty() && faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Understands a file of visits.
fn read(text: &str) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(expected) = line.strip_prefix("    ") {
            visits.last_mut().expect("a visit stands before what is expected of it").expected.push(expected.to_owned());
            continue;
        }
        let mut parts = line.split(" | ");
        let (method, target) = parts.next().and_then(|request| request.split_once(' ')).expect("a method and a target");
        let fields = parts.map(|field| field.split_once(": ").expect("a name and a value"));
        visits.push(Visit {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            expected: Vec::new(),
        });
    }
    visits
}

impl Visit {
    /// What is wrong with the answer, if anything is.
    fn fault(&self, site: &Running) -> Option<String> {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let answer = site.ask(&self.method, &self.target, &fields);
        let wrong: Vec<_> = self.expected.iter().filter(|expected| !has(&answer, expected)).collect();
        let shown = format!("{} {} {fields:?}\n{}{}", self.method, self.target, answer.head, show(&answer));
        (!wrong.is_empty()).then(|| format!("expected {wrong:?}: {shown}"))
    }
}

/// Whether an answer has what a line of a visit expects.
fn has(answer: &Answer, expected: &str) -> bool {
    if let Some(text) = expected.strip_prefix("> ") {
        return show(answer).trim_end() == text;
    }
    match expected.split_once(": ") {
        None => expected == answer.status.to_string(),
        Some((name, "-")) => answer.headers_named(name).is_empty(),
        Some((name, value)) => answer.headers_named(name).join(", ") == value,
    }
}

fn show(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites").join(name)
}

/// Copies what is in a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

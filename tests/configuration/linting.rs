//! Lints: each finds its own example, comments silence them, `--deny` makes them count.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use webserv::config::lint::{self, LINTS};
use webserv::config::load::{Loaded, Origin, Request, check};
use webserv::config::manual;
use webserv::config::render::{self, Colour};
use webserv::modules::MODULES;

use crate::support::{Site, webserv};

#[test]
fn every_lint_warns_of_its_wrong_example_and_not_of_its_right_one() {
    let folder = examples_folder();
    let known: Vec<&str> = manual::directives(MODULES).iter().map(|found| found.entry.name).collect();
    for lint in LINTS.iter().filter(|lint| !UNTRIED.iter().any(|(code, _reason)| *code == lint.code)) {
        let awaits = |(code, name): &(&str, &str)| *code == lint.code && !known.contains(name);
        if AWAITED.iter().any(awaits) {
            continue;
        }
        let (wrong, right) = (checked(lint.wrong, folder.path()), checked(lint.right, folder.path()));
        let codes = |(loaded, _): &(Loaded, String)| loaded.report.totals.codes.clone();
        assert!(codes(&wrong).contains(lint.code), "{lint:?} finds nothing in\n{}\n{}", lint.wrong, wrong.1);
        assert_eq!(right.1, "", "{lint:?}, the right example");
        assert!(wrong.0.result.is_ok(), "{lint:?}: {}", wrong.1);
    }
}

#[test]
fn every_example_is_in_a_layout_that_can_be_read() {
    for lint in LINTS {
        for example in [lint.wrong, lint.right] {
            assert!(webserv_grammar::parse(example).errors.is_empty(), "{lint:?}: {example}");
        }
    }
}

#[test]
fn a_warning_shows_its_code_and_its_page_explains_it() {
    let folder = Site::new().conf(UNSAFE).unstarted();
    let output = folder.webserv(&["-t"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("[unescaped-uri]"), "{text}");
    let page = String::from_utf8(webserv(&["lint", "unescaped-uri"]).stdout).unwrap();
    assert!(page.starts_with("unescaped-uri\n\n") && page.contains("$request_uri"), "{page}");
    assert!(lint::markdown().contains("\n### unescaped-uri\n"));
    let list = String::from_utf8(webserv(&["lint"]).stdout).unwrap();
    assert_eq!(list.lines().count(), LINTS.len(), "{list}");
    let unknown = webserv(&["lint", "unescaped-url"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean \"unescaped-uri\"?"));
}

#[test]
fn warnings_count_only_where_they_are_denied() {
    let folder = Site::new().conf(UNSAFE).unstarted();
    let code = |words: &[&str]| folder.webserv(&[&["-t"], words].concat()).status.code();
    assert_eq!(code(&[]), Some(0));
    assert_eq!(code(&["--deny", "warnings"]), Some(1));
    assert_eq!(code(&["--deny", "unescaped-uri"]), Some(1));
    assert_eq!(code(&["--deny", "alias-slash"]), Some(0));
    assert_eq!(code(&["--deny", "nonsense"]), Some(2));
    let output = folder.webserv(&["-t", "--deny", "warnings", "--format", "json"]);
    assert!(output.stdout.starts_with(b"{\"ok\":false,"), "{output:?}");
    let good = Site::new().unstarted();
    assert_eq!(good.webserv(&["-t", "--deny", "warnings"]).status.code(), Some(0));
}

#[test]
fn a_comment_silences_the_directive_that_it_stands_at() {
    for lines in [
        "return 301 https://a$uri; # webserv: allow unescaped-uri",
        "# webserv: allow unescaped-uri\nreturn 301 https://a$uri;",
        "# webserv: allow alias-slash\n# webserv: allow unescaped-uri -- it has to be\n# and more\nreturn 301 https://a$uri;",
        "return 301 # webserv: allow alias-slash, unescaped-uri\n    https://a$uri;",
        "location / { # webserv: allow unescaped-uri\nindex a;\nreturn 301 https://a$uri; }",
        "# webserv: allow unescaped-uri\nlocation / {\nreturn 301 https://a$uri;\n}",
        "location / {\nreturn 301 https://a$uri;\n} # webserv: allow unescaped-uri",
        "return 301 https://a$uri; index b; # webserv: allow unescaped-uri",
    ] {
        assert_eq!(warnings(lines), [""; 0], "{lines}");
    }
}

#[test]
fn a_comment_silences_nothing_else() {
    for lines in [
        "# webserv: allow unescaped-uri\n\nreturn 301 https://a$uri;",
        "# webserv: allow unescaped-uri\nindex a;\nreturn 301 https://a$uri;",
        "index a; # webserv: allow unescaped-uri\nreturn 301 https://a$uri;",
        "return 301 https://a$uri;\n# webserv: allow unescaped-uri",
        "return 301 https://a$uri; # webserv: allow alias-slash",
        "return 301 https://a$uri; # webserv: allow -- unescaped-uri",
        "return 301 https://a$uri; # webserv: allowunescaped-uri",
        "return 301 https://a$uri; # allow unescaped-uri",
        "location /a { # webserv: allow unescaped-uri\n} location / { return 301 https://a$uri; }",
    ] {
        assert_eq!(warnings(lines), ["unescaped-uri"], "{lines}");
    }
}

#[test]
fn a_code_that_does_not_exist_is_told() {
    assert_eq!(warnings("index a; # webserv: allow unescaped-url"), ["unknown-lint"]);
}

#[test]
fn an_error_cannot_be_silenced() {
    let (loaded, report) = checked("server { indx a; } # webserv: allow warnings", Path::new("/srv"));
    assert!(loaded.result.is_err(), "{report}");
}

#[test]
fn a_comment_at_an_include_silences_the_whole_file_if_all_of_its_includes_have_it() {
    let code = |first: &str, second: &str| {
        let folder = Site::new()
            .file("a.conf", "return 301 https://a$uri;\n")
            .conf(&format!("location /a {{ {first} }}\nlocation /b {{ {second} }}"))
            .unstarted();
        folder.webserv(&["-t", "--deny", "warnings"]).status.code()
    };
    let plain = "include {root}/a.conf;";
    let silent = "include {root}/a.conf; # webserv: allow unescaped-uri\n";
    let around = "# webserv: allow unescaped-uri\n include {root}/a.conf;";
    assert_eq!(code(plain, "index a;"), Some(1));
    assert_eq!(code(silent, "index a;"), Some(0));
    assert_eq!(code(silent, around), Some(0));
    assert_eq!(code(silent, plain), Some(1));
}

#[test]
fn a_warning_of_the_loader_is_silenced_as_well_and_not_only_in_a_check() {
    assert_eq!(warnings("types { a/b x; c/d x; }"), ["duplicate-mime-type"]);
    assert_eq!(warnings("types {\na/b x;\nc/d x; # webserv: allow duplicate-mime-type\n}"), [""; 0]);
    let quiet = Site::new().conf("types { # webserv: allow duplicate-mime-type\na/b x; c/d x; }").start();
    assert_eq!(quiet.get("/").status, 403);
    let loud = Site::new().conf("types { a/b x; c/d x; }").start();
    assert_eq!(loud.get("/").status, 403);
    assert!(loud.stop().error_log.contains("duplicate extension"));
    assert!(!quiet.stop().error_log.contains("duplicate extension"));
}

#[test]
fn advice_is_for_checks_and_not_for_starts() {
    let site = Site::new().conf(UNSAFE).start();
    assert_eq!(site.get("/a").status, 301);
    assert!(!site.stop().error_log.contains("unescaped-uri"));
}

/// The codes of the warnings of lines of a server.
#[track_caller]
fn warnings(server: &str) -> Vec<&'static str> {
    let (loaded, report) = checked(&format!("server {{ listen 8080;\n{server}\n}}"), Path::new("/srv"));
    assert!(loaded.result.is_ok(), "{report}");
    loaded.report.totals.codes.into_iter().collect()
}

/// Lines of `http`, checked, and what is said of them.
fn checked(http: &str, prefix: &Path) -> (Loaded, String) {
    let request = Request {
        origin: Origin::BuiltIn(format!("events {{ }}\nhttp {{\n{http}\n}}\n")),
        prefix: prefix.to_owned(),
        globals: Vec::new(),
        error_log: None,
        as_root: rustix::process::geteuid().is_root(),
        modules: MODULES,
    };
    let loaded = check(&request);
    let report = render::text(&loaded.report, Colour::Off);
    (loaded, report)
}

/// The files that the examples speak of.
fn examples_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("www")).unwrap();
    for (name, mode) in [
        ("www/users", 0o640),
        ("www/403.html", 0o644),
        ("www/404.html", 0o644),
        ("users-644", 0o644),
        ("users-640", 0o640),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    folder
}

/// Lints whose examples cannot be tried here, each with its reason.
const UNTRIED: &[(&str, &str)] = &[
    ("unreadable-include", "to root, who may run the tests, every folder is readable"),
    ("user-ignored", "it is for those who are not root"),
];

/// Directives without which an example means nothing.
const AWAITED: &[(&str, &str)] = &[
    ("cgi-source-servable", "cgi"),
    ("referer-matches-nothing", "if"),
    ("surprising-if", "if"),
    ("surprising-if", "map"),
    ("valid-referers-none", "if"),
];

const UNSAFE: &str = "return 301 https://a.example$uri;";

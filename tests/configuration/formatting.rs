//! `webserv fmt`: the one layout, what is shown of it, and what is left alone.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use crate::support::webserv_in;

const UNTIDY: &str = "server{listen 80 ;# all\n\n\n\n   root '/srv/a b';}\n";
const TIDY: &str = "server {\n    listen 80; # all\n\n    root '/srv/a b';\n}\n";
const BROKEN: &str = "server {\n    listen 80\n}\n";

/// A folder with an untidy, a tidy and a broken file, and what `webserv fmt` says there.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for (name, text) in [("untidy.conf", UNTIDY), ("tidy.conf", TIDY), ("broken.conf", BROKEN)] {
            std::fs::write(desk.0.path().join(name), text).unwrap();
        }
        desk
    }

    fn fmt(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let words: Vec<&str> = std::iter::once("fmt").chain(words.iter().copied()).collect();
        said(webserv_in(self.0.path(), &words))
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_file_is_brought_into_the_one_layout_and_stays_so() {
    let desk = Desk::new();
    for _ in 0..2 {
        assert_eq!(desk.fmt(&["untidy.conf", "tidy.conf"]), (Some(0), String::new(), String::new()));
        assert_eq!((desk.text("untidy.conf"), desk.text("tidy.conf")), (TIDY.into(), TIDY.into()));
    }
}

#[test]
fn a_file_that_is_tidy_is_not_written() {
    let desk = Desk::new();
    let modified = || std::fs::metadata(desk.0.path().join("tidy.conf")).unwrap().modified().unwrap();
    let before = modified();
    assert_eq!(desk.fmt(&["tidy.conf"]).0, Some(0));
    assert_eq!(modified(), before);
}

#[test]
fn the_mode_stays() {
    let desk = Desk::new();
    let path = desk.0.path().join("untidy.conf");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(desk.fmt(&["untidy.conf"]).0, Some(0));
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_check_names_what_would_change_and_changes_nothing() {
    let desk = Desk::new();
    assert_eq!(desk.fmt(&["--check", "tidy.conf"]), (Some(0), String::new(), String::new()));
    let (code, output, errors) = desk.fmt(&["--check", "tidy.conf", "untidy.conf"]);
    assert_eq!((code, &*output, &*errors), (Some(1), "untidy.conf\n", ""));
    assert_eq!(desk.text("untidy.conf"), UNTIDY);
}

#[test]
fn a_diff_shows_what_would_change_and_changes_nothing() {
    let desk = Desk::new();
    let (code, output, _) = desk.fmt(&["--diff", "untidy.conf", "tidy.conf"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(output, @r"
    --- untidy.conf
    +++ untidy.conf
    @@ -1,5 +1,5 @@
    -server{listen 80 ;# all
    +server {
    +    listen 80; # all
     
    -
    -
    -   root '/srv/a b';}
    +    root '/srv/a b';
    +}
    ");
    assert_eq!(desk.text("untidy.conf"), UNTIDY);
    assert_eq!(desk.fmt(&["--diff", "--check", "untidy.conf"]).0, Some(1));
}

#[test]
fn a_file_with_errors_is_left_alone_and_the_others_are_formatted() {
    let desk = Desk::new();
    let (code, output, errors) = desk.fmt(&["broken.conf", "missing.conf", "untidy.conf"]);
    assert_eq!((code, &*output), (Some(1), ""));
    assert!(errors.contains("broken.conf:2:14") && errors.contains("missing `;`"), "{errors}");
    assert!(errors.contains("\"missing.conf\" failed (2: No such file or directory)"), "{errors}");
    assert_eq!((desk.text("broken.conf"), desk.text("untidy.conf")), (BROKEN.into(), TIDY.into()));
}

#[test]
fn what_is_no_text_is_left_alone() {
    let desk = Desk::new();
    std::fs::write(desk.0.path().join("binary"), b"index \xFF;").unwrap();
    let (code, _, errors) = desk.fmt(&["binary"]);
    assert_eq!((code, &*errors), (Some(1), "webserv: \"binary\" is not UTF-8\n"));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_webserv"))
        .args(["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(UNTIDY.as_bytes()).unwrap();
    assert_eq!(said(child.wait_with_output().unwrap()), (Some(0), TIDY.into(), String::new()));
}

#[test]
fn words_that_mean_nothing_are_refused() {
    let desk = Desk::new();
    for words in [&[][..], &["--chekc", "tidy.conf"], &["-", "-"]] {
        assert_eq!(desk.fmt(words).0, Some(2), "{words:?}");
    }
}

//! How findings and the manual look.

use super::{first_file, loaded, table};
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::manual;
use crate::config::render::{self, Colour};
use crate::config::sources::{Sources, span};

fn shown(text: &str) -> String {
    render::text(&loaded(text).report, Colour::Off)
}

#[test]
fn a_finding_has_file_line_column_caret_and_advice() {
    insta::assert_snapshot!(shown("http {\n    root = /srv;\n}"), @r#"
    error: invalid number of arguments in "root" directive
     --> built-in configuration:2:12
      |
    2 |     root = /srv;
      |            ^^^^ expected 1 word, found 2
      |
      = help: write `root PATH;`, without `=`
    "#);
}

#[test]
fn places_that_belong_together_are_shown_together() {
    insta::assert_snapshot!(shown("http {\n    root /a;\n\n\n\n\n    root /b;\n}"), @r#"
    error: "root" directive is duplicate
     --> built-in configuration:7:5
      |
    2 |     root /a;
      |     ---- first here
    ...
    7 |     root /b;
      |     ^^^^ it may stand once in a block
    "#);
}

#[test]
fn carets_stand_right_under_tabs_and_wide_characters() {
    insta::assert_snapshot!(shown("http {\n\tindex\t\"日本語\" $é;\n\troot /日本/$hots;\r\n}"), @r#"
    error: unknown "hots" variable
     --> built-in configuration:3:11
      |
    3 |     root /日本/$hots;
      |                ^^^^^ did you mean `$host`?
    "#);
}

#[test]
fn what_is_missing_is_shown_behind_the_last_word() {
    insta::assert_snapshot!(shown("http {\n    root /srv\n    index a;\n}"), @r#"
    error: missing `;` after `/srv`
     --> built-in configuration:2:14
      |
    2 |     root /srv
      |              ^ the directive ends here
      |
      = help: write `root /srv;`
    "#);
}

#[test]
fn places_in_several_files_have_an_excerpt_each() {
    let mut sources = Sources::default();
    let first = sources.add_text("/etc/a.conf", "listen 80;\n");
    let second = sources.add_text("/etc/b.conf", "# b\nlisten 80;\n");
    let finding = Diagnostic::error(Place { file: second, span: span(4..10) }, "a duplicate listen")
        .related(Place { file: first, span: span(0..6) }, "first here");
    insta::assert_snapshot!(render::excerpt(&finding, &sources, Colour::Off), @r#"
    error: a duplicate listen
     --> /etc/b.conf:2:1
      |
    2 | listen 80;
      | ^^^^^^
      |
     ::: /etc/a.conf:1:1
      |
    1 | listen 80;
      | ------ first here
    "#);
}

#[test]
fn of_a_large_text_only_the_lines_around_are_laid_out() {
    let mut sources = Sources::default();
    let text = format!("first;\n{}last;\n", "# much\n".repeat(100_000));
    let at = text.len() - 6;
    let file = sources.add_text("/etc/a.conf", text);
    let finding = Diagnostic::error(Place { file, span: span(at..at + 4) }, "wrong")
        .related(Place { file, span: span(0..5) }, "begins here");
    insta::assert_snapshot!(render::excerpt(&finding, &sources, Colour::Off), @r#"
    error: wrong
          --> /etc/a.conf:100002:1
           |
    100002 | last;
           | ^^^^
           |
          ::: /etc/a.conf:1:1
           |
         1 | first;
           | ----- begins here
    "#);
}

#[test]
fn a_log_gets_one_line() {
    let report = loaded("http {\n\n indx \"a\nb\"; }").report;
    let line = render::one_line(&report.diagnostics[0], &report.sources);
    assert_eq!(line, "unknown directive \"indx\" (did you mean \"index\"?) in built-in configuration:3");
    assert_eq!(report.diagnostics[0].place.unwrap().file, first_file());
}

#[test]
fn colour_is_written_only_when_asked_for() {
    let report = loaded("wrong;").report;
    assert!(!render::text(&report, Colour::Off).contains('\u{1b}'));
    assert!(render::text(&report, Colour::On).contains('\u{1b}'));
}

#[test]
fn the_manual_of_one_directive() {
    insta::assert_snapshot!(manual::entry(table::MODULES, "limit_except").unwrap(), @r#"
    limit_except
        syntax   limit_except METHOD... { ... }
        context  location
        origin   nginx

        Applies its directives to requests with all methods but these. `GET`
        allows `HEAD` as well.

            limit_except GET { deny all; }
    "#);
}

#[test]
fn the_manual_knows_the_nearest_name() {
    let answer = manual::entry(table::MODULES, "sever_name").unwrap_err();
    assert_eq!(answer, "there is no directive \"sever_name\", did you mean \"server_name\"?");
}

#[test]
fn the_whole_manual_has_every_directive_once() {
    let markdown = manual::markdown(table::MODULES);
    let (directives, _) = markdown.split_once("\n## Variables\n").unwrap();
    let names: Vec<&str> = directives.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(names.is_sorted() && names.contains(&"include") && names.contains(&"types"), "{names:?}");
    assert_eq!(manual::list(table::MODULES).lines().count(), names.len());
    assert!(manual::plain(table::MODULES).contains("$arg_NAME"));
}

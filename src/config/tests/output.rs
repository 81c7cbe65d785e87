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
    insta::assert_snapshot!(shown("http {\n    root = /srv;\n}"), @"");
}

#[test]
fn places_that_belong_together_are_shown_together() {
    insta::assert_snapshot!(shown("http {\n    root /a;\n\n\n\n\n    root /b;\n}"), @"");
}

#[test]
fn carets_stand_right_under_tabs_and_wide_characters() {
    insta::assert_snapshot!(shown("http {\n\tindex\t\"日本語\" $é;\n\troot /日本/$hots;\r\n}"), @"");
}

#[test]
fn what_is_missing_is_shown_behind_the_last_word() {
    insta::assert_snapshot!(shown("http {\n    root /srv\n    index a;\n}"), @"");
}

#[test]
fn places_in_several_files_have_an_excerpt_each() {
    let mut sources = Sources::default();
    let first = sources.add_text("/etc/a.conf", "listen 80;\n");
    let second = sources.add_text("/etc/b.conf", "# b\nlisten 80;\n");
    let finding = Diagnostic::error(Place { file: second, span: span(4..10) }, "a duplicate listen")
        .related(Place { file: first, span: span(0..6) }, "first here");
    insta::assert_snapshot!(render::excerpt(&finding, &sources, Colour::Off), @"");
}

#[test]
fn of_a_large_text_only_the_lines_around_are_laid_out() {
    let mut sources = Sources::default();
    let text = format!("first;\n{}last;\n", "# much\n".repeat(100_000));
    let at = text.len() - 6;
    let file = sources.add_text("/etc/a.conf", text);
    let finding = Diagnostic::error(Place { file, span: span(at..at + 4) }, "wrong")
        .related(Place { file, span: span(0..5) }, "begins here");
    insta::assert_snapshot!(render::excerpt(&finding, &sources, Colour::Off), @"");
}

#[test]
fn a_log_gets_one_line() {
    let report = loaded("http {\n\n indx \"a\nb\"; }").report;
    let line = render::one_line(&report.diagnostics[0], &report.sources);
    assert_eq!(line, "unknown directive \"indx\" in built-in configuration:3");
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
    insta::assert_snapshot!(manual::entry(table::MODULES, "limit_except").unwrap(), @"");
}

#[test]
fn the_manual_knows_the_nearest_name() {
    let answer = manual::entry(table::MODULES, "sever_name").unwrap_err();
    assert_eq!(answer, "there is no directive \"sever_name\", did you mean \"server_name\"?");
}

#[test]
fn the_whole_manual_has_every_directive_once() {
    let markdown = manual::markdown(table::MODULES);
    let names: Vec<&str> = markdown.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert!(names.is_sorted() && names.contains(&"include") && names.contains(&"types"), "{names:?}");
    assert_eq!(manual::list(table::MODULES).lines().count(), names.len());
    assert!(manual::plain(table::MODULES).contains("$arg_NAME"));
}

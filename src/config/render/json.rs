//! How findings are told to programs: `webserv -t --format json`.
//!
//! The form is a promise, written down in the manual (`manual::CHECKING`): members are added, never changed.

use super::super::diagnostics::{Diagnostic, Level, Place};
use super::super::load::Report;
use super::super::sources::Sources;
use crate::base::json::Json;

/// All findings as one JSON document, with a line feed at its end. `configuration` is what was checked, `ok` whether
/// it passed.
pub fn json(report: &Report, configuration: &str, ok: bool) -> String {
    let mut members = vec![("ok", Json::Bool(ok)), ("configuration", Json::from(configuration))];
    members.extend(json_members(report));
    format!("{}\n", Json::Object(members))
}

/// What a document says of findings: how many there are, and each.
pub fn json_members(report: &Report) -> [(&'static str, Json); 4] {
    let findings = report.diagnostics.iter().map(|finding| finding_value(finding, &report.sources));
    [
        ("errors", Json::count(report.totals.errors)),
        ("warnings", Json::count(report.totals.warnings)),
        ("left_out", Json::count(report.left_out())),
        ("diagnostics", Json::List(findings.collect())),
    ]
}

fn finding_value(finding: &Diagnostic, sources: &Sources) -> Json {
    let level = match finding.level {
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let mut members = vec![
        ("level", Json::from(level)),
        ("code", Json::text_or_null(finding.lint.map(|lint| lint.code))),
        ("message", Json::from(&*finding.message)),
    ];
    members.extend(place_members(finding.place, sources));
    let labels = Some(&*finding.label).filter(|label| !label.is_empty());
    members.push(("labels", Json::List(labels.into_iter().map(Json::from).collect())));
    let related = finding.related.iter().map(|(place, text)| {
        let mut members = vec![("message", Json::from(&**text))];
        members.extend(place_members(Some(*place), sources));
        Json::Object(members)
    });
    members.push(("related", Json::List(related.collect())));
    members.push(("help", Json::text_or_null(finding.help.as_deref())));
    Json::Object(members)
}

/// The file, and where a place begins and ends in it; all null where there is none.
fn place_members(place: Option<Place>, sources: &Sources) -> [(&'static str, Json); 5] {
    let names = ["file", "line", "column", "end_line", "end_column"];
    let Some(place) = place else { return names.map(|name| (name, Json::Null)) };
    let source = sources.source(place.file);
    let (line, column) = webserv_grammar::position(&source.text, place.span.start);
    let (end_line, end_column) = webserv_grammar::position(&source.text, place.span.end.max(place.span.start));
    let number = |number: u32| Json::Number(u64::from(number));
    let values = [Json::from(&*source.name), number(line), number(column), number(end_line), number(end_column)];
    let mut values = values.into_iter();
    names.map(|name| (name, values.next().unwrap_or(Json::Null)))
}

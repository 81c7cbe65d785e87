//! How findings are shown: to a person with an excerpt and a caret, to a log in nginx's one line, to a program as JSON.
//!
//! Called by the commands and by reload. It decides no wording: the texts are the findings' own.

mod json;

use std::io::IsTerminal;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Shown, Origin, Renderer, Snippet};

use super::diagnostics::{Diagnostic, FileId, Level, Place};
use super::load::Report;
use super::sources::{Source, Sources};

pub use json::{json, json_members};

/// Whether escape codes for colours are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    On,
    /// For files, pipes and logs.
    Off,
}

impl Colour {
    /// On when standard error is a terminal, unless `NO_COLOR` asks for none.
    pub fn when_terminal() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stderr().is_terminal() && !unwanted { Self::On } else { Self::Off }
    }
}

/// All findings as a person reads them, with an empty line between; empty if there are none.
pub fn text(report: &Report, colour: Colour) -> String {
    let findings = report.diagnostics.iter();
    let mut shown: Vec<String> = findings.map(|finding| excerpt(finding, &report.sources, colour)).collect();
    if report.left_out() > 0 {
        shown.push(format!("and {} more", report.left_out()));
    }
    if shown.is_empty() { String::new() } else { shown.join("\n\n") + "\n" }
}

/// One finding in nginx's form, without its level, and with the advice that stands under the caret:
/// `unknown directive "indx" (did you mean "index"?) in /etc/x.conf:3`.
pub fn one_line(finding: &Diagnostic, sources: &Sources) -> String {
    let mut message = title(finding);
    if !finding.label.is_empty() {
        message.push_str(&format!(" ({})", in_one_line(&finding.label).replace('`', "\"")));
    }
    match finding.place {
        Some(place) => {
            let (line, _) = sources.line_and_column(place);
            format!("{message} in {}:{line}", sources.source(place.file).name)
        }
        None => message,
    }
}

/// One finding as a person reads it: file, line and column, the line itself with a caret under what
/// is wrong, what to do, and the other places that belong to it.
pub fn excerpt(finding: &Diagnostic, sources: &Sources, colour: Colour) -> String {
    let level = match finding.level {
        Level::Warning => Shown::WARNING,
        Level::Error => Shown::ERROR,
    };
    let mut group = Group::with_title(level.primary_title(title(finding)));
    if finding.place.is_none() && !finding.label.is_empty() {
        group = group.element(Shown::NOTE.message(in_one_line(&finding.label)));
    }
    for excerpt in excerpts(finding, sources) {
        if excerpt.text.len() > SHOWN_BYTES_MAX {
            group = group.element(excerpt.origin());
            continue;
        }
        let mut snippet =
            Snippet::source(excerpt.text).line_start(excerpt.first_line).path(&*excerpt.source.name).fold(true);
        for mark in excerpt.marks {
            let span = mark.place.start - excerpt.start..mark.place.end - excerpt.start;
            let label = (!mark.text.is_empty()).then(|| in_one_line(mark.text));
            snippet = snippet.annotation(mark.kind.span(span).label(label));
        }
        group = group.element(snippet);
    }
    if let Some(help) = &finding.help {
        group = group.element(Shown::HELP.message(in_one_line(help)));
    }
    let renderer = match colour {
        Colour::On => Renderer::styled(),
        Colour::Off => Renderer::plain(),
    };
    renderer.render(&[group])
}

/// The message, and the code behind it.
fn title(finding: &Diagnostic) -> String {
    let message = in_one_line(&finding.message);
    match finding.lint {
        Some(lint) => format!("{message} [{}]", lint.code),
        None => message,
    }
}

/// A message is one line, and no escape code reaches a terminal, whatever word of the configuration
/// it cites.
fn in_one_line(message: &str) -> String {
    message.replace(char::is_control, " ")
}

/// Some lines of one text, and what is marked in them.
struct Excerpt<'a> {
    file: FileId,
    source: &'a Source,
    /// The first byte.
    start: usize,
    text: &'a str,
    first_line: usize,
    marks: Vec<Mark<'a>>,
}

struct Mark<'a> {
    kind: AnnotationKind,
    place: Range<usize>,
    text: &'a str,
}

/// The lines around the places of a finding: near ones in one excerpt, far ones in one each, so that
/// a large file is never laid out whole.
fn excerpts<'a>(finding: &'a Diagnostic, sources: &'a Sources) -> Vec<Excerpt<'a>> {
    let primary = finding.place.map(|place| (AnnotationKind::Primary, place, &*finding.label));
    let related = finding.related.iter().map(|(place, text)| (AnnotationKind::Context, *place, &**text));
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    for (kind, place, text) in primary.into_iter().chain(related) {
        let mark = |source: &Source| Mark { kind, place: within(source, place), text };
        let near = excerpts.iter_mut().find(|excerpt| {
            excerpt.file == place.file && {
                let at = place.span.start as usize;
                at + EXCERPT_BYTES_MAX > excerpt.start && at < excerpt.start + excerpt.text.len() + EXCERPT_BYTES_MAX
            }
        });
        match near {
            Some(excerpt) => {
                let mark = mark(excerpt.source);
                excerpt.widen(&mark.place);
                excerpt.marks.push(mark);
            }
            None => {
                let source = sources.source(place.file);
                let mark = mark(source);
                let mut excerpt = Excerpt {
                    file: place.file,
                    source,
                    start: mark.place.start,
                    text: &source.text[mark.place.clone()],
                    first_line: 1,
                    marks: Vec::new(),
                };
                excerpt.widen(&mark.place);
                excerpt.marks.push(mark);
                excerpts.push(excerpt);
            }
        }
    }
    excerpts
}

impl<'a> Excerpt<'a> {
    /// Where it is, without its text.
    fn origin(&self) -> Origin<'a> {
        let at = self.marks.first().map_or(self.start, |mark| mark.place.start);
        let text = &self.source.text[..at];
        let line_start = text.rfind('\n').map_or(0, |end| end + 1);
        let line = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
        Origin::path(&*self.source.name).line(line).char_column(1 + text[line_start..].chars().count())
    }

    /// Makes it hold all lines from its own to those of another place.
    fn widen(&mut self, place: &Range<usize>) {
        let text = &self.source.text;
        let start = self.start.min(place.start);
        let end = (self.start + self.text.len()).max(place.end);
        let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[end..].find('\n').map_or(text.len(), |at| end + at);
        self.start = start;
        self.text = self.source.text[start..end].trim_end_matches('\r');
        self.first_line = 1 + text[..start].bytes().filter(|byte| *byte == b'\n').count();
    }
}

/// The bytes of a place, safe to cut the text at; of a place over several lines the first line.
fn within(source: &Source, place: Place) -> Range<usize> {
    let text = &source.text;
    let range = place.span.range();
    let (start, end) = (range.start.min(text.len()), range.end.min(text.len()));
    if !text.is_char_boundary(start) || !text.is_char_boundary(end) || end < start {
        return 0..0;
    }
    let line_end = text[start..end].find(['\n', '\r']).map_or(end, |at| start + at);
    start..line_end
}

/// Places further apart than this are shown in excerpts of their own: some hundred lines.
const EXCERPT_BYTES_MAX: usize = 8 * 1024;

/// Longer lines were not written by a person, and laying them out costs seconds where there are many findings.
const SHOWN_BYTES_MAX: usize = 64 * 1024;

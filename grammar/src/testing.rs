//! What tests share: expectations written under the text they are about.

use crate::{Item, Lines, Span, parse};

/// Parses a source and compares its errors with the lines `#   ^^^ message` below the place of each
/// error, and `#   --- text` below its related place. Those lines are not part of the source. One caret
/// also stands for an empty place; where the place is in the first column, the `#` is left out.
#[track_caller]
pub(crate) fn check(annotated: &str) {
    let mut source = String::new();
    let mut expected = Vec::new();
    let mut line_count = 0;
    for line in annotated.split_inclusive('\n') {
        match annotation(line) {
            Some((column, length, text)) => {
                expected.push((line_count, column, length, text));
            }
            None => {
                source.push_str(line);
                line_count += 1;
            }
        }
    }
    let lines = Lines::new(&source);
    let place = |span: Span, mark: char, text: &str| {
        let (line, column) = lines.position(span.start);
        let length = span.slice(&source).chars().count().max(1);
        (line, column, length, format!("{mark} {text}"))
    };
    let mut found = Vec::new();
    for error in parse(&source).errors {
        found.push(place(error.span, '^', &error.message));
        if let Some((span, text)) = &error.related {
            found.push(place(*span, '-', text));
        }
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "in\n{source}");
}

fn annotation(line: &str) -> Option<(u32, usize, String)> {
    let marks = line.trim_start_matches(['#', ' ']);
    let mark = marks.chars().next().filter(|mark| "^-".contains(*mark))?;
    let text = marks.trim_start_matches(mark);
    let column = line.len() - marks.len() + 1;
    let length = marks.len() - text.len();
    Some((column as u32, length, format!("{mark} {}", text.trim())))
}

/// All words of a source without errors, in order.
#[track_caller]
pub(crate) fn words(source: &str) -> Vec<String> {
    fn collect(items: &[Item], words: &mut Vec<String>) {
        for item in items {
            if let Item::Directive(directive) = item {
                words.push(directive.name.text.to_string());
                words.extend(directive.arguments.iter().map(|word| word.text.to_string()));
                if let Some(block) = &directive.body {
                    collect(&block.items, words);
                }
            }
        }
    }
    let parsed = parse(source);
    assert_eq!(parsed.errors, [], "in {source}");
    let mut words = Vec::new();
    collect(&parsed.document.items, &mut words);
    words
}

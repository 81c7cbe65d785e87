//! The tree as text, in the one canonical layout.
//!
//! Owns the layout: four spaces for each level, one directive a line, one space between words, the
//! brace on the directive's line, at most one empty line in a row and none at the beginning or end of
//! a block. An argument that started a line still does, one level deeper. Comments stay before or
//! behind what they stood before or behind. Words keep their quotes and backslashes; a word that was
//! never in a source gets the quotes it needs.
//! Called by the formatter. Does not change what a file means.

use std::borrow::Cow;

use crate::lexer::{bare_word, is_white, unescape};
use crate::position::BYTE_ORDER_MARK;
use crate::{Comment, Directive, Document, Item, Quote, Word};

/// The document as text. Printing what was read from that text gives the same text again.
pub fn print(document: &Document) -> String {
    let mut text = String::new();
    print_items(&document.items, None, &mut text);
    text
}

const INDENTATION: &str = "    ";

/// Prints items, each on lines of its own; `block_depth` is that of the block they are in.
fn print_items(items: &[Item], block_depth: Option<usize>, text: &mut String) {
    let depth = block_depth.map_or(0, |depth| depth + 1);
    let mut previous: Option<&Item> = None;
    let mut blank_line = false;
    for item in items {
        let follows_something = match previous {
            None => block_depth.is_some(),
            Some(previous) => matches!(previous, Item::Directive(_)),
        };
        match item {
            Item::BlankLine => {
                blank_line = previous.is_some();
                continue;
            }
            Item::Comment(comment) if comment.trailing && follows_something && !blank_line => {
                text.pop();
                text.push(' ');
                print_comment(comment, text);
            }
            Item::Comment(comment) => {
                start_line(depth, blank_line, text);
                print_comment(comment, text);
            }
            Item::Directive(directive) => {
                start_line(depth, blank_line, text);
                print_directive(directive, depth, text);
            }
        }
        previous = Some(item);
        blank_line = false;
    }
}

fn start_line(depth: usize, after_blank_line: bool, text: &mut String) {
    if after_blank_line {
        text.push('\n');
    }
    indent(depth, text);
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(INDENTATION, depth));
}

fn print_comment(comment: &Comment, text: &mut String) {
    if !comment.text.starts_with('#') {
        text.push_str("# ");
    }
    text.push_str(&comment.text.trim_end().replace('\n', " "));
    text.push('\n');
}

fn print_directive(directive: &Directive, depth: usize, text: &mut String) {
    let name = written(&directive.name);
    text.push_str(&name);
    let mut after_quote = name.starts_with(['"', '\'']);
    for argument in &directive.arguments {
        let word = written(argument);
        if argument.starts_line {
            text.push('\n');
            indent(depth + 1, text);
        } else if !(after_quote && word.starts_with(')')) {
            // `if ($a = "b")`: after a string, a `)` is a word even without white space.
            text.push(' ');
        }
        text.push_str(&word);
        after_quote = word.starts_with(['"', '\'']);
    }
    let Some(body) = &directive.body else {
        text.push_str(";\n");
        return;
    };
    text.push_str(" {");
    if body.items.iter().any(|item| *item != Item::BlankLine) {
        text.push('\n');
        print_items(&body.items, Some(depth), text);
        indent(depth, text);
    }
    text.push_str("}\n");
}

/// A word as it is to be written.
fn written(word: &Word) -> Cow<'_, str> {
    if let Some(written) = &word.written
        && !written.starts_with(BYTE_ORDER_MARK)
    {
        return Cow::Borrowed(written);
    }
    match word.quote {
        Quote::Single => Cow::Owned(quoted(&word.text, '\'')),
        Quote::Double => Cow::Owned(quoted(&word.text, '"')),
        Quote::None => bare(&word.text).unwrap_or_else(|| {
            let mark = match word.text.contains('"') && !word.text.contains('\'') {
                true => '\'',
                false => '"',
            };
            Cow::Owned(quoted(&word.text, mark))
        }),
    }
}

/// The text as a word without quotes, if it can be one.
fn bare(text: &str) -> Option<Cow<'_, str>> {
    let first = text.chars().next()?;
    if is_white(first) || matches!(first, '"' | '\'' | '#' | ';' | '{' | '}' | BYTE_ORDER_MARK) {
        return None;
    }
    let special = |character| is_white(character) || matches!(character, ';' | '{' | '\\');
    if !text.contains(special) {
        return Some(Cow::Borrowed(text));
    }
    let escaped = escape(text, None);
    let is_one_word = bare_word(&escaped).is_ok_and(|(rest, _)| rest.is_empty());
    (is_one_word && unescape(&escaped) == text).then_some(Cow::Owned(escaped))
}

fn quoted(text: &str, mark: char) -> String {
    format!("{mark}{}{mark}", escape(text, Some(mark)))
}

/// Puts a backslash before `mark`, and before a backslash that would otherwise be taken for an escape.
fn escape(text: &str, mark: Option<char>) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek();
        let ambiguous = || next.is_none_or(|next| "\"'\\trn".contains(*next));
        if Some(character) == mark || (character == '\\' && ambiguous()) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[track_caller]
    fn check_print(source: &str, expected: &str) {
        let parsed = parse(source);
        assert_eq!(parsed.errors, []);
        assert_eq!(print(&parsed.document), expected);
        assert_eq!(print(&parse(expected).document), expected);
    }

    fn print_word(word: Word) -> String {
        written(&word).into_owned()
    }

    #[test]
    fn each_directive_gets_its_line_and_each_level_four_spaces() {
        check_print(
            "events{}http{server{listen 80;location /{root\t/srv  ;}}}",
            "events {}
http {
    server {
        listen 80;
        location / {
            root /srv;
        }
    }
}
",
        );
    }

    #[test]
    fn an_opening_brace_stands_on_the_line_of_its_directive() {
        check_print("server\n{\n}\n", "server {}\n");
    }

    #[test]
    fn comments_stay_where_they_were() {
        check_print(
            "# first\nserver { # second   \r\n# third\n  listen 80;#fourth\n #fifth\n} # sixth\n#seventh",
            "# first
server { # second
    # third
    listen 80; #fourth
    #fifth
} # sixth
#seventh
",
        );
    }

    #[test]
    fn a_comment_between_words_goes_before_the_directive() {
        check_print("a;\n\nserver_name b # one\n  # two\n  c;", "a;\n\n# one\n# two\nserver_name b\n    c;\n");
        check_print("server # one\n{ }", "# one\nserver {}\n");
    }

    #[test]
    fn empty_lines_are_kept_one_at_a_time_between_items_only() {
        check_print("\n\na;\n\n  \n\nb {\n\n c;\n\n}\n# d\n\n# e\n\n", "a;\n\nb {\n    c;\n}\n# d\n\n# e\n");
    }

    #[test]
    fn arguments_on_their_own_lines_stay_there() {
        check_print(
            "http {\nlog_format main '$a '\n              '$b';\n}",
            "http {\n    log_format main '$a '\n        '$b';\n}\n",
        );
    }

    #[test]
    fn words_keep_their_quotes_and_backslashes() {
        let source = r#"a "b" 'c' d\ e \.f "\n\"" '\\' ${g}h "";"#;
        check_print(source, &format!("{source}\n"));
    }

    #[test]
    fn a_parenthesis_after_a_string_stays_with_it() {
        check_print("if ($a = \"b\" ) {}\nif ( $a ) {}", "if ($a = \"b\") {}\nif ( $a ) {}\n");
    }

    #[test]
    fn new_words_are_quoted_only_when_needed() {
        for (text, expected) in [
            ("a", "a"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a;", "\"a;\""),
            ("a{2}", "\"a{2}\""),
            ("${a}", "${a}"),
            ("#a", "\"#a\""),
            ("}", "\"}\""),
            ("a#'\"}", "a#'\"}"),
            ("'a'", "\"'a'\""),
            ("\"a\"", "'\"a\"'"),
            ("\"a'", "\"\\\"a'\""),
            ("\\.php$", "\\.php$"),
            ("\\t", "\\\\t"),
            ("a\\", "a\\\\"),
            ("a\tb", "\"a\tb\""),
            ("\\${a}", "\"\\${a}\""),
        ] {
            assert_eq!(print_word(Word::new(text)), expected);
        }
    }
}

//! What holds for every source and every tree, tried with many random ones.

use proptest::prelude::*;

use crate::{Block, Comment, Directive, Document, ErrorKind, Item, NESTING_MAX, Quote, Word, parse, print};

/// Text out of the pieces that mean something, so that most of the grammar is met.
fn source() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c]{1,3}".prop_map(String::from),
        4 => proptest::sample::select(vec![" ", "\n", "\n    ", "\n\n", "\t", "\r\n"])
            .prop_map(String::from),
        4 => proptest::sample::select(vec![";", "{", "}", "; ", " {\n", "}\n", ";\n"])
            .prop_map(String::from),
        2 => proptest::sample::select(vec!["\"", "'", "\\", "$", "${", "#", ")", "\u{feff}"])
            .prop_map(String::from),
        1 => "\\PC".prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Sources without errors.
fn valid_source() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z$}#)]{0,3}[a-z]".prop_map(|word| format!("x{word}")),
        "\\$\\{[a-z]{1,3}\\}".prop_map(String::from),
        "\"([ -!#-\\[\\]-~\n\t]|\\\\[ -~])*\"".prop_map(String::from),
        "'([ -&(-\\[\\]-~\n]|\\\\[ -~])*'".prop_map(String::from),
        "[a-z]\\\\[ -~][a-z]".prop_map(String::from),
    ];
    let gap = proptest::sample::select(vec![" ", "\n", "\n\n\n", "\t", " # c\n"]);
    let words = proptest::collection::vec((word, gap), 1..5).prop_map(|pairs| {
        let pairs = pairs.iter().map(|(word, gap)| format!("{word}{gap}"));
        pairs.collect::<String>()
    });
    let simple = words.clone().prop_map(|words| words + ";");
    simple.prop_recursive(4, 40, 5, move |inner| {
        let gap = proptest::sample::select(vec!["", "\n", "\n\n", " # c\n", "\n# d\n"]);
        let items = proptest::collection::vec((inner, gap), 0..5).prop_map(|pairs| {
            let pairs = pairs.iter().map(|(item, gap)| format!("{item}{gap}"));
            pairs.collect::<String>()
        });
        prop_oneof![(words.clone(), items.clone()).prop_map(|(words, items)| format!("{words}{{{items}}}")), items,]
    })
}

fn word() -> impl Strategy<Value = Word> + Clone {
    let text = prop_oneof!["[a-z]{1,4}", "[ -~\t\n]{0,6}", "\\PC{0,4}"];
    let quote = proptest::sample::select(vec![Quote::None, Quote::Single, Quote::Double]);
    (text, quote, any::<bool>()).prop_map(|(text, quote, starts_line)| Word { quote, starts_line, ..Word::new(text) })
}

fn plain_word() -> impl Strategy<Value = Word> + Clone {
    "[a-z]{1,4}".prop_map(Word::new)
}

fn directive((name, arguments): (Word, Vec<Word>), body: Option<Block>) -> Item {
    Item::Directive(Directive { name, arguments, body, ..Directive::default() })
}

fn comment_or_blank_line() -> impl Strategy<Value = Item> {
    let comment = ("#[a-z #;}\"]{0,6}[a-z]", any::<bool>()).prop_map(|(text, trailing)| Comment {
        text,
        trailing,
        ..Comment::default()
    });
    prop_oneof![comment.prop_map(Item::Comment), Just(Item::BlankLine)]
}

/// Documents of such words, and of such items beside directives.
fn document(
    word: impl Strategy<Value = Word> + Clone + 'static,
    other: impl Strategy<Value = Item> + 'static,
) -> impl Strategy<Value = Document> {
    let words = (word.clone(), proptest::collection::vec(word, 0..4));
    let simple = words.clone().prop_map(|words| directive(words, None));
    let leaf = prop_oneof![3 => simple, 1 => other];
    let item = leaf.prop_recursive(4, 40, 6, move |inner| {
        let items = proptest::collection::vec(inner, 0..6);
        (words.clone(), items).prop_map(|(words, items)| {
            let block = Block { items, ..Block::default() };
            directive(words, Some(block))
        })
    });
    proptest::collection::vec(item, 0..6).prop_map(|items| Document { items })
}

fn check_printing(document: &Document) {
    let printed = print(document);
    let again = parse(&printed);
    assert_eq!(again.errors, [], "{printed}");
    assert!(again.document.means_the_same_as(document), "{printed}");
    assert_eq!(print(&again.document), printed);
}

/// Every word with its quotes and backslashes, and whether it begins a line, names aside.
fn words_as_written(source: &str, document: &Document) -> Vec<(String, bool)> {
    fn collect(source: &str, items: &[Item], found: &mut Vec<(String, bool)>) {
        for item in items {
            let Item::Directive(directive) = item else { continue };
            found.push((directive.name.span.slice(source).to_owned(), false));
            found.extend(directive.arguments.iter().map(|word| (word.span.slice(source).to_owned(), word.starts_line)));
            if let Some(body) = &directive.body {
                collect(source, &body.items, found);
            }
        }
    }
    let mut found = Vec::new();
    collect(source, &document.items, &mut found);
    found
}

fn check_spans(source: &str) {
    for error in parse(source).errors {
        for span in [Some(error.span), error.related.map(|(span, _)| span)] {
            let span = span.unwrap_or_default();
            assert!(span.start <= span.end, "{error:?}", error = error.message);
            assert!(source.get(span.range()).is_some(), "{}", error.message);
        }
    }
}

fn count(source: &str, kind: ErrorKind) -> usize {
    let errors = parse(source).errors;
    errors.iter().filter(|error| error.kind == kind).count()
}

proptest! {
    #[test]
    fn any_text_is_read_and_every_error_has_its_place(source in "\\PC*") {
        check_spans(&source);
    }

    #[test]
    fn any_mixture_of_signs_is_read_and_every_error_has_its_place(source in source()) {
        check_spans(&source);
    }

    #[test]
    fn what_was_read_of_any_text_can_be_printed(source in source()) {
        check_printing(&parse(&source).document);
    }

    #[test]
    fn a_valid_source_keeps_its_meaning_when_printed(source in valid_source()) {
        let parsed = parse(&source);
        prop_assert_eq!(&parsed.errors, &vec![], "{}", source);
        check_printing(&parsed.document);
    }

    #[test]
    fn a_valid_source_keeps_its_words_as_written_when_printed(source in valid_source()) {
        let parsed = parse(&source);
        let printed = print(&parsed.document);
        let again = parse(&printed);
        prop_assert_eq!(words_as_written(&source, &parsed.document), words_as_written(&printed, &again.document));
    }

    #[test]
    fn a_tree_that_was_never_in_a_source_survives_printing(
        document in document(word(), comment_or_blank_line()),
    ) {
        check_printing(&document);
    }

    #[test]
    fn a_removed_closing_brace_is_one_error_and_the_tree_stays_whole(
        mut inner in document(plain_word(), Just(Item::BlankLine)),
        choice in any::<proptest::sample::Index>(),
    ) {
        inner.items.push(directive((Word::new("last"), vec![]), None));
        let block = Block { items: inner.items, ..Block::default() };
        let outermost = directive((Word::new("first"), vec![]), Some(block));
        let document = Document { items: vec![outermost] };
        let printed = print(&document);
        let mut lines: Vec<&str> = printed.lines().collect();
        let closing = |index: &usize| lines[*index].trim() == "}";
        let closing: Vec<usize> = (0..lines.len()).filter(closing).collect();
        lines.remove(*choice.get(&closing));
        let broken = lines.join("\n");
        let parsed = parse(&broken);
        let kinds: Vec<ErrorKind> = parsed.errors.iter().map(|error| error.kind).collect();
        prop_assert_eq!(kinds, [ErrorKind::UnclosedBlock], "{}", broken);
        prop_assert!(parsed.document.means_the_same_as(&document), "{}", broken);
    }

    #[test]
    fn every_brace_without_a_counterpart_is_one_error(shape in "[{}\n ]{0,40}") {
        let source = shape.replace('{', "a {");
        let mut depth = 0;
        let mut unexpected = 0;
        for sign in shape.chars() {
            match sign {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                '}' => unexpected += 1,
                _ => {}
            }
        }
        prop_assert_eq!(count(&source, ErrorKind::UnclosedBlock), depth);
        prop_assert_eq!(count(&source, ErrorKind::UnexpectedClosingBrace), unexpected);
        prop_assert_eq!(parse(&source).errors.len(), depth + unexpected);
    }
}

/// Walks that are not linear take minutes here in a debug build.
#[test]
fn hostile_sources_take_linear_time() {
    let size = 1 << 17;
    let pieces = [
        "{",
        "}",
        ";",
        "a{",
        "a {\n",
        "a{b;\n",
        "\"",
        "'",
        "\"\n",
        "'a\n\"b\n",
        "\"a\n'a\n",
        "\\",
        "a",
        "$",
        "${",
        "#",
        "#\n",
        "\n",
        " ",
        "a}\n",
        "a{}",
        "a\n b;\n}\n",
        "a{\n b;\n",
        "a;",
        "a ",
        "\"a\"b",
        "\u{0}",
        "}a{",
        "a {\n  b\n{\nc\n",
        "'\\",
        "\"\\\"",
        "a${\n}\n",
        "a\n b\n",
        "\"\"#",
    ];
    for piece in pieces {
        check_limits(&piece.repeat(size / piece.len()));
    }
    let indented: String = (0..500).map(|depth| " ".repeat(depth) + "a {\n").collect();
    check_limits(&indented);
}

fn check_limits(source: &str) {
    let parsed = parse(source);
    assert!(parsed.errors.len() <= crate::ERRORS_MAX + 1);
    print(&parsed.document);
}

#[test]
fn deeper_nesting_than_allowed_is_one_error_and_reading_goes_on() {
    let nested = |depth: usize| "a {\n".repeat(depth) + &"}\n".repeat(depth);
    assert_eq!(parse(&nested(NESTING_MAX)).errors, []);
    let parsed = parse(&(nested(NESTING_MAX + 5) + "b"));
    let kinds: Vec<ErrorKind> = parsed.errors.iter().map(|error| error.kind).collect();
    assert_eq!(kinds, [ErrorKind::NestingTooDeep, ErrorKind::MissingSemicolon]);
    assert_eq!(parsed.document.directives().count(), 2);
}

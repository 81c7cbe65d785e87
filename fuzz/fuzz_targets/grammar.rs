//! Any text can be parsed, every place the parser names is in that text, and a configuration without errors says the
//! same after it was printed, in a layout that printing again does not change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv_grammar::{Document, Item, Span, parse, print};

fuzz_target!(|text: &str| {
    let parsed = parse(text);
    check_places(&parsed.document.items, text);
    for error in &parsed.errors {
        check_place(error.span, text);
        if let Some((span, _)) = &error.related {
            check_place(*span, text);
        }
    }
    if parsed.errors.is_empty() {
        check_printing(&parsed.document);
    }
});

fn check_printing(document: &Document) {
    let printed = print(document);
    let again = parse(&printed);
    assert!(
        again.errors.is_empty(),
        "printing made errors: {:?}\n{printed}",
        again.errors
    );
    assert!(
        document.means_the_same_as(&again.document),
        "printing changed the meaning:\n{printed}"
    );
    assert_eq!(
        print(&again.document),
        printed,
        "printing twice changes the layout"
    );
}

fn check_places(items: &[Item], text: &str) {
    for item in items {
        match item {
            Item::Directive(directive) => {
                check_place(directive.span, text);
                check_place(directive.name.span, text);
                for argument in &directive.arguments {
                    check_place(argument.span, text);
                }
                if let Some(block) = &directive.body {
                    check_place(block.open, text);
                    check_place(block.close.unwrap_or_default(), text);
                    check_places(&block.items, text);
                }
            }
            Item::Comment(comment) => check_place(comment.span, text),
            Item::BlankLine => {}
        }
    }
}

/// A place must be sliceable: in the text, in order, and not within a character.
fn check_place(span: Span, text: &str) {
    assert!(
        text.get(span.range()).is_some(),
        "{span:?} is not a place in {} bytes",
        text.len()
    );
}

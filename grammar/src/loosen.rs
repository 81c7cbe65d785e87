//! Braces that stand where the language reads something else.
//!
//! Called by `braces`, only for a source whose braces do not balance. Owns three mistakes that are told
//! better than by the count of braces: `}` read as the end of a word (`root /srv}`), `{` read as the
//! beginning of a variable (`location ~ \.php${`), and a second `{` after the first (`server {{`).
//! Does not look at indentation.

use crate::lexer::{Token, TokenKind};
use crate::{Quote, Span, SyntaxError, error};

/// Which braces of a source have no counterpart, by nesting alone.
#[derive(Debug, Default)]
pub(crate) struct Unpaired {
    /// The indices of the `{` that are never closed, in order.
    pub(crate) open: Vec<usize>,
    /// The indices of the `}` that close nothing, in order.
    pub(crate) close: Vec<usize>,
}

impl Unpaired {
    pub(crate) fn of(tokens: &[Token]) -> Unpaired {
        let mut unpaired = Unpaired::default();
        for (index, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Open => unpaired.open.push(index),
                TokenKind::Close if unpaired.open.pop().is_none() => unpaired.close.push(index),
                _ => {}
            }
        }
        unpaired
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.close.is_empty()
    }
}

/// Splits or discounts such braces as far as unpaired ones are explained by them.
pub(crate) fn loosen(
    source: &str,
    tokens: Vec<Token>,
    unpaired: &Unpaired,
    errors: &mut Vec<SyntaxError>,
) -> Vec<Token> {
    let mut loosened = Vec::with_capacity(tokens.len());
    let mut unclosed = unpaired.open.iter().peekable();
    let mut too_many_closed = unpaired.close.len();
    let mut missing = 0;
    let mut in_directive = false;
    for (index, token) in tokens.iter().enumerate() {
        if unclosed.next_if_eq(&&index).is_some() {
            missing += 1;
        }
        match token.kind {
            TokenKind::Open if !in_directive && missing > 0 => {
                missing -= 1;
                loosened.push(Token { kind: TokenKind::StrayOpen, ..*token });
            }
            TokenKind::Close if !in_directive && unpaired.close.binary_search(&index).is_ok() => {
                too_many_closed = too_many_closed.saturating_sub(1);
                loosened.push(*token);
            }
            TokenKind::Word { quote: Quote::None, .. } => {
                let text = token.span.slice(source);
                let closing = closing_braces(text).min(missing);
                if closing > 0 && ends_here(tokens.get(index + 1)) {
                    missing -= closing;
                    split(token, closing, TokenKind::Close, &mut loosened);
                } else if too_many_closed > 0 && text.ends_with("${") {
                    too_many_closed -= 1;
                    error::add(errors, error::brace_read_as_variable(source, token.span));
                    split(token, 1, TokenKind::Open, &mut loosened);
                } else {
                    loosened.push(*token);
                }
            }
            _ => loosened.push(*token),
        }
        in_directive = match loosened.last().map(|token| token.kind) {
            Some(TokenKind::Word { .. }) => true,
            Some(TokenKind::Comment) => in_directive,
            _ => false,
        };
    }
    loosened
}

/// How many `}` at the end of a word belong to no `${` in it, nor to a backslash.
fn closing_braces(text: &str) -> usize {
    let head = text.trim_end_matches('}');
    let at_end = (text.len() - head.len()).saturating_sub(usize::from(head.ends_with('\\')));
    let opened = text.matches('{').count();
    let closed = text.matches('}').count();
    at_end.min(closed.saturating_sub(opened))
}

/// Whether a directive may well end before `next`.
fn ends_here(next: Option<&Token>) -> bool {
    next.is_none_or(|next| next.starts_line || matches!(next.kind, TokenKind::Close | TokenKind::Comment))
}

/// Makes the last `count` braces of a word tokens of their own.
fn split(word: &Token, count: usize, kind: TokenKind, tokens: &mut Vec<Token>) {
    let word_end = word.span.end - count as u32;
    if word_end > word.span.start {
        tokens.push(Token { span: Span::new(word.span.start, word_end), ..*word });
    }
    for start in word_end..word.span.end {
        tokens.push(Token { kind, span: Span::new(start, start + 1), starts_line: false, blank_before: false });
    }
}

#[cfg(test)]
mod tests {
    use crate::print;
    use crate::testing::check;

    #[test]
    fn a_brace_read_as_the_end_of_a_word_is_a_missing_semicolon() {
        check(
            "
location / { root /srv}
#                     ^ missing `;` after `/srv`
server {
    location / { return 200 ${x}}
#                               ^ missing `;` after `${x}`
}
",
        );
        check(
            "
server { location / { root /srv}} # end
#                              ^ missing `;` after `/srv`
",
        );
    }

    #[test]
    fn a_brace_at_the_end_of_a_word_is_fine_where_braces_balance() {
        assert_eq!(crate::parse("a { b c}; }").errors, []);
        assert_eq!(crate::parse("a { b c}\n d; }").errors, []);
    }

    #[test]
    fn a_brace_read_as_a_variable_is_a_missing_space() {
        check(
            r"
server {
    location ~ \.php${
#                    ^ missing white space between `\.php$` and `{`
        root /srv;
    }
}
",
        );
        let parsed = crate::parse("location ~ \\.php${ root /srv; }");
        let printed = print(&parsed.document);
        assert_eq!(printed, "location ~ \\.php$ {\n    root /srv;\n}\n");
    }

    #[test]
    fn a_second_opening_brace_is_one_mistake() {
        check(
            "
server {{
#       ^ missing name before `{`
    listen 80;
}
location / {}
",
        );
    }
}

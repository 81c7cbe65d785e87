//! Text to tokens, by the rules of nginx's `ngx_conf_read_token`.
//!
//! Owns where words, strings, comments and signs begin and end, what a backslash does, and the repair
//! of strings that are never closed. Called by the parser alone. Does not know what a directive is.
//!
//! A token carries no text; [`unescape`] gives it when the tree is built.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while, take_while1};
use nom::character::complete::{anychar, char};
use nom::combinator::{opt, recognize};
use nom::multi::many0_count;
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

use crate::error;
use crate::parser::TOKENS_BETWEEN_PAUSES;
use crate::position::BYTE_ORDER_MARK;
use crate::{Quote, Span, SyntaxError, WORD_BYTES_MAX};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A word. Only a quoted one can be unclosed.
    Word { quote: Quote, closed: bool },
    /// `;`
    Semicolon,
    /// `{`; empty where it is missing.
    Open,
    /// `{` with no name and no `}` of its own: to be ignored.
    StrayOpen,
    /// `}`
    Close,
    /// Where a `}` is missing.
    MissingClose,
    /// `#` to the end of its line.
    Comment,
}

/// A piece of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
    /// Only white space stands before it on its line.
    pub(crate) starts_line: bool,
    /// At least one empty line stands before it.
    pub(crate) blank_before: bool,
}

impl Token {
    pub(crate) fn is_word(&self) -> bool {
        matches!(self.kind, TokenKind::Word { .. })
    }

    /// The offsets of a word's text: without its quotes, with its backslashes.
    pub(crate) fn inner(&self) -> Span {
        match self.kind {
            TokenKind::Word { quote: Quote::Single | Quote::Double, closed } => {
                Span::new(self.span.start + 1, self.span.end - u32::from(closed))
            }
            _ => self.span,
        }
    }
}

/// The tokens of a source, and what is wrong with its words; calls `pause` now and then.
pub(crate) fn tokens(source: &str, pause: &mut dyn FnMut()) -> (Vec<Token>, Vec<SyntaxError>) {
    let mut lexer = Lexer {
        source,
        rest: source.strip_prefix(BYTE_ORDER_MARK).unwrap_or(source),
        tokens: Vec::with_capacity(source.len() / 8),
        errors: Vec::new(),
    };
    let mut starts_line = true;
    loop {
        let line_ends = lexer.skip_white();
        starts_line |= line_ends > 0;
        let Some((kind, span)) = lexer.next() else {
            return (lexer.tokens, lexer.errors);
        };
        lexer.check_after_string(kind, span);
        if lexer.tokens.len().is_multiple_of(TOKENS_BETWEEN_PAUSES) {
            pause();
        }
        lexer.tokens.push(Token { kind, span, starts_line, blank_before: line_ends > 1 });
        starts_line = false;
    }
}

struct Lexer<'source> {
    source: &'source str,
    rest: &'source str,
    tokens: Vec<Token>,
    errors: Vec<SyntaxError>,
}

impl<'source> Lexer<'source> {
    fn offset(&self) -> u32 {
        (self.source.len() - self.rest.len()) as u32
    }

    /// Skips white space and says how many line ends were in it.
    fn skip_white(&mut self) -> usize {
        let Ok((rest, white)) = white(self.rest) else {
            return 0;
        };
        self.rest = rest;
        white.bytes().filter(|byte| *byte == b'\n').count()
    }

    fn next(&mut self) -> Option<(TokenKind, Span)> {
        let kind = match self.rest.chars().next()? {
            ';' => TokenKind::Semicolon,
            '{' => TokenKind::Open,
            '}' => TokenKind::Close,
            '#' => return Some(self.take(TokenKind::Comment, comment)),
            '"' => return Some(self.string('"', Quote::Double)),
            '\'' => return Some(self.string('\'', Quote::Single)),
            _ => return Some(self.bare()),
        };
        Some(self.take(kind, recognize_sign))
    }

    /// Takes what `parser` recognises as a token.
    fn take(
        &mut self,
        kind: TokenKind,
        parser: impl Fn(&'source str) -> IResult<&'source str, &'source str>,
    ) -> (TokenKind, Span) {
        let start = self.offset();
        self.rest = match parser(self.rest) {
            Ok((rest, _)) => rest,
            Err(_) => "",
        };
        (kind, Span::new(start, self.offset()))
    }

    fn bare(&mut self) -> (TokenKind, Span) {
        let kind = TokenKind::Word { quote: Quote::None, closed: true };
        let (kind, span) = self.take(kind, bare_word);
        self.check_word(span);
        (kind, span)
    }

    fn string(&mut self, mark: char, quote: Quote) -> (TokenKind, Span) {
        let start = self.offset();
        let whole = self.rest;
        if let Ok((after, inner)) = string(mark).parse(whole)
            && !closed_by_the_next_string(inner, after)
        {
            self.rest = after;
            let span = Span::new(start, self.offset());
            self.check_word(span);
            return (TokenKind::Word { quote, closed: true }, span);
        }
        let length = 1 + probable_length(&whole[1..]);
        self.rest = &whole[length..];
        let span = Span::new(start, self.offset());
        // Directly after a string, the quote itself is what is wrong: told as text after that string.
        if self.string_ending_at(start).is_none() {
            let open = Span::new(start, start + 1);
            let error = error::unterminated_quote(mark, open, span.end);
            error::add(&mut self.errors, error);
        }
        (TokenKind::Word { quote, closed: false }, span)
    }

    /// nginx wants white space, `;`, `{` or `)` after a closing quote. A `}` is left to the parser,
    /// which knows better what is missing before it.
    fn check_after_string(&mut self, kind: TokenKind, span: Span) {
        let Some(mark) = self.string_ending_at(span.start) else {
            return;
        };
        let text = span.slice(self.source);
        let is_text = matches!(kind, TokenKind::Word { .. } | TokenKind::Comment);
        if is_text && !text.starts_with(')') {
            let error = error::text_after_quote(text, mark, span);
            error::add(&mut self.errors, error);
        }
    }

    /// The quote of the string that was closed directly before this offset.
    fn string_ending_at(&self, offset: u32) -> Option<&'source str> {
        let previous = self.tokens.last()?;
        let is_string = matches!(previous.kind, TokenKind::Word { quote: Quote::Single | Quote::Double, closed: true });
        let quote = Span::new(previous.span.start, previous.span.start + 1);
        (is_string && previous.span.end == offset).then(|| quote.slice(self.source))
    }

    fn check_word(&mut self, span: Span) {
        let text = span.slice(self.source);
        let control = |byte: &u8| byte.is_ascii_control() && !b"\t\r\n".contains(byte);
        if let Some(index) = text.as_bytes().iter().position(control) {
            let start = span.start + index as u32;
            let character = char::from(text.as_bytes()[index]);
            let place = Span::new(start, start + 1);
            error::add(&mut self.errors, error::control_character(character, place));
        }
        if text.len() > WORD_BYTES_MAX {
            let quoted = text.starts_with(['"', '\'']);
            let first = text.chars().next().map_or(0, char::len_utf8) as u32;
            let place = Span::new(span.start, span.start + first);
            error::add(&mut self.errors, error::word_too_long(place, quoted));
        }
    }
}

/// What nginx takes as white space.
pub(crate) fn is_white(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn white(input: &str) -> IResult<&str, &str> {
    take_while(is_white).parse(input)
}

fn recognize_sign(input: &str) -> IResult<&str, &str> {
    alt((tag(";"), tag("{"), tag("}"))).parse(input)
}

fn comment(input: &str) -> IResult<&str, &str> {
    recognize(pair(char('#'), take_till(|character| character == '\n'))).parse(input)
}

/// A word without quotes, from its first character: it ends before white space, `;` and `{`, except
/// where a backslash stands before them, or `$` before `{`.
pub(crate) fn bare_word(input: &str) -> IResult<&str, &str> {
    let ends = |character| is_white(character) || matches!(character, ';' | '{' | '\\' | '$');
    let plain = take_while1(move |character| !ends(character));
    let variable = recognize(pair(char('$'), take_while(|character| character == '{')));
    recognize(many0_count(alt((plain, variable, escaped)))).parse(input)
}

/// A string with its quotes; gives what is between them.
fn string<'input>(
    mark: char,
) -> impl Parser<&'input str, Output = &'input str, Error = nom::error::Error<&'input str>> {
    let plain = take_while1(move |character| character != mark && character != '\\');
    let inner = recognize(many0_count(alt((plain, escaped))));
    preceded(char(mark), nom::sequence::terminated(inner, char(mark)))
}

/// A backslash and what it covers.
fn escaped(input: &str) -> IResult<&str, &str> {
    recognize(pair(char('\\'), opt(anychar))).parse(input)
}

/// Whether what looks like the end of a string over several lines is the beginning of another one:
/// text follows at once, and either the first line ends as a directive does, or white space precedes
/// the quote, as it precedes every opening quote.
fn closed_by_the_next_string(inner: &str, after: &str) -> bool {
    let Some((first_line, _)) = inner.split_once('\n') else {
        return false;
    };
    let may_follow = |character: char| is_white(character) || ";{)}".contains(character);
    !after.is_empty()
        && !after.starts_with(may_follow)
        && (first_line.trim_end().ends_with([';', '{', '}']) || inner.ends_with(is_white))
}

/// How long the text of an unclosed string probably is: to the end of its line, without what ends the
/// directive there: `;`, `; }`, `{` or `) {`.
fn probable_length(inner: &str) -> usize {
    let line = inner.split('\n').next().unwrap_or("").trim_end();
    if let Some(head) = line.strip_suffix('{') {
        let head = head.trim_end();
        return head.strip_suffix(')').unwrap_or(head).len();
    }
    let head = line.trim_end_matches('}').trim_end();
    if head.ends_with(';') {
        return head.trim_end_matches(';').len();
    }
    line.len()
}

/// The text of a word as nginx understands it: `\"`, `\'` and `\\` stand for the character, `\t`, `\r`
/// and `\n` for white space; any other backslash stays.
pub(crate) fn unescape(written: &str) -> String {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let replacement = match after.chars().next() {
            Some(character @ ('"' | '\'' | '\\')) => Some(character),
            Some('t') => Some('\t'),
            Some('r') => Some('\r'),
            Some('n') => Some('\n'),
            _ => None,
        };
        text.push(replacement.unwrap_or('\\'));
        rest = match replacement {
            Some(_) => &after[1..],
            None => after,
        };
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, words};

    #[test]
    fn words_end_at_white_space_semicolon_and_brace() {
        assert_eq!(words("a b\tc\r\nd;"), ["a", "b", "c", "d"]);
        assert_eq!(words("a b{c d;}"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn quotes_count_only_at_the_beginning_of_a_word() {
        assert_eq!(words("a b\"c d'e;"), ["a", "b\"c", "d'e"]);
        assert_eq!(words("a 'b \"c' \"d 'e\";"), ["a", "b \"c", "d 'e"]);
        assert_eq!(words("a '' \"\";"), ["a", "", ""]);
    }

    #[test]
    fn a_string_may_hold_anything_and_span_lines() {
        assert_eq!(words("a 'b; {c}\n # d' \"e\n\nf\";"), ["a", "b; {c}\n # d", "e\n\nf"]);
    }

    #[test]
    fn after_a_string_a_sign_may_follow_at_once() {
        assert_eq!(words("if ($a = \"b\"){c 'd';}"), ["if", "($a", "=", "b", ")", "c", "d"]);
        assert_eq!(words("a 'b')c;"), ["a", "b", ")c"]);
    }

    #[test]
    fn a_brace_after_a_dollar_is_a_variable() {
        assert_eq!(words("a ${b}c x${d};"), ["a", "${b}c", "x${d}"]);
        assert_eq!(words("a $b{c;}"), ["a", "$b", "c"]);
        assert_eq!(words("a $${b};"), ["a", "$${b}"]);
        assert_eq!(words("a \\${b;}"), ["a", "\\$", "b"]);
    }

    #[test]
    fn a_closing_brace_ends_a_block_only_at_the_beginning_of_a_word() {
        assert_eq!(words("a { b c}; }"), ["a", "b", "c}"]);
    }

    #[test]
    fn a_comment_starts_only_at_the_beginning_of_a_word() {
        assert_eq!(words("a b#c # d; e\n f;#g"), ["a", "b#c", "f"]);
    }

    #[test]
    fn a_backslash_keeps_the_next_character_from_ending_the_word() {
        assert_eq!(words(r"a b\ c\;d\{e;"), ["a", r"b\ c\;d\{e"]);
        assert_eq!(words(r#"a "b\"c" 'd\'e';"#), ["a", "b\"c", "d'e"]);
        assert_eq!(words(r#"a \"b;"#), ["a", "\"b"]);
        assert_eq!(words(r"a \#b \}c;"), ["a", r"\#b", r"\}c"]);
    }

    #[test]
    fn unescaping_is_as_in_nginx() {
        assert_eq!(unescape(r"a\tb\rc\nd"), "a\tb\rc\nd");
        assert_eq!(unescape(r"\\.\.\d\$"), r"\.\.\d\$");
        assert_eq!(unescape(r"\\\\n"), r"\\n");
        assert_eq!(unescape(r#"\"\'"#), "\"'");
        assert_eq!(unescape("\\"), "\\");
        assert_eq!(unescape("\\\u{e4}"), "\\\u{e4}");
    }

    #[test]
    fn the_byte_order_mark_is_skipped_at_the_start_only() {
        assert_eq!(words("\u{feff}a \u{feff}b;"), ["a", "\u{feff}b"]);
    }

    #[test]
    fn a_string_that_is_never_closed_ends_with_its_line() {
        check(
            r#"
server {
    add_header X "abc;
#                ^ missing closing `"`
#                    - it probably ends here
    listen 80 x
#              ^ missing `;` after `x`
}
"#,
        );
    }

    #[test]
    fn a_string_is_not_closed_by_the_next_one_that_begins() {
        check(
            r#"
server {
    add_header X "abc;
#                ^ missing closing `"`
#                    - it probably ends here
    add_header Y "def";
    add_header Z "ghi" always;
}
"#,
        );
        check(
            r#"
log_format main '$remote_addr
#               ^ missing closing `'`
#                            - it probably ends here
                '$status';
"#,
        );
    }

    #[test]
    fn an_unclosed_string_leaves_the_end_of_its_directive_alone() {
        check(
            r#"
    if ($a = "b) {
#            ^ missing closing `"`
#              - it probably ends here
        return 200 'ok; }
#                  ^ missing closing `'`
#                     - it probably ends here
"#,
        );
    }

    #[test]
    fn text_after_a_closing_quote_is_an_error_at_that_text() {
        check(
            r#"
    root "/srv"/www;
#              ^^^^ unexpected `/www` directly after a closing `"`
    root '/srv'"x";
#              ^^^ unexpected `"x"` directly after a closing `'`
    root '/srv'#x
#              ^^ unexpected `#x` directly after a closing `'`
    ;
    index "several
        lines"a;
#             ^ unexpected `a` directly after a closing `"`
"#,
        );
    }

    #[test]
    fn a_missing_opening_quote_is_one_mistake() {
        check(
            r#"
log_format main $status "$http_referer"';
#                                      ^ unexpected `'` directly after a closing `"`
gzip on;
"#,
        );
    }

    #[test]
    fn control_characters_are_errors_in_words_but_not_in_comments() {
        check(
            "
    root /s\u{0}rv;   # \u{1}
#          ^ control character U+0000
    root '\u{7f}' \u{b};
#         ^ control character U+007F
#            ^ control character U+000B
",
        );
    }

    #[test]
    fn the_longest_word_is_read_and_a_longer_one_reported() {
        let longest = format!("a {};", "b".repeat(WORD_BYTES_MAX));
        assert_eq!(crate::parse(&longest).errors, []);
        let longer = format!("a {};", "b".repeat(WORD_BYTES_MAX + 1));
        let errors = crate::parse(&longer).errors;
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].message, "word longer than 65536 bytes");
        assert_eq!(errors[0].span, Span::new(2, 3));
    }
}

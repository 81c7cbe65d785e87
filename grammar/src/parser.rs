//! Tokens to the tree.
//!
//! Owns what a directive and a block are made of, and the errors that are seen there. Called through
//! [`parse`] alone. Braces are balanced when they arrive here: see `braces`.
//!
//! Does not recurse: open blocks are a list, and a block that is too deep or has no name is read for
//! its errors, then dropped.

use std::sync::Arc;

use crate::lexer::{self, Token, TokenKind};
use crate::{
    Block, Comment, Directive, Document, ErrorKind, Item, NESTING_MAX, Quote, SOURCE_BYTES_MAX, Span, SyntaxError,
    Text, Word, braces, error,
};

/// What a source says, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// What could be read.
    pub document: Document,
    /// All that is wrong, in order of place. Without any, the document is the whole source.
    pub errors: Vec<SyntaxError>,
}

/// Reads a source: never fails, and goes on after each error.
pub fn parse(source: &str) -> Parsed {
    parse_shared(&Arc::from(source), &mut || {})
}

/// As [`parse`], of a source that the document may hold on to: it copies none of it. Calls `pause` again and again, every
/// few microseconds, for whoever reads much beside other work.
pub fn parse_shared(source: &Arc<str>, pause: &mut dyn FnMut()) -> Parsed {
    if source.len() > SOURCE_BYTES_MAX {
        return Parsed { document: Document::default(), errors: vec![error::source_too_large()] };
    }
    let (tokens, mut errors) = lexer::tokens(source, pause);
    let (tokens, brace_errors) = braces::balance(source, tokens);
    let mut parser = Parser {
        source,
        errors: Vec::new(),
        open: Vec::new(),
        items: Vec::new(),
        words: Vec::new(),
        comments: Vec::new(),
        blank_before: false,
        previous: None,
    };
    for (index, token) in tokens.into_iter().enumerate() {
        if index % TOKENS_BETWEEN_PAUSES == 0 {
            pause();
        }
        parser.receive(token);
    }
    let (document, parser_errors) = parser.finish();
    errors.extend(brace_errors);
    errors.extend(parser_errors);
    Parsed { document, errors: error::in_order(errors) }
}

struct Parser<'source> {
    source: &'source Arc<str>,
    errors: Vec<SyntaxError>,
    /// The blocks around this place, outermost first.
    open: Vec<OpenBlock>,
    /// The content, so far, of the innermost of them.
    items: Vec<Item>,
    /// The words of the directive being read.
    words: Vec<Word>,
    /// The comments between them.
    comments: Vec<Item>,
    /// Whether an empty line precedes it.
    blank_before: bool,
    previous: Option<Token>,
}

struct OpenBlock {
    /// Whose block it is; nothing if it is to be dropped.
    directive: Option<Directive>,
    open: Span,
    /// The content before it of the block around it.
    items_around: Vec<Item>,
}

impl Parser<'_> {
    fn receive(&mut self, token: Token) {
        match token.kind {
            TokenKind::Word { quote, .. } => self.word(token, quote),
            TokenKind::Semicolon => self.semicolon(token),
            TokenKind::Open => self.open_block(token),
            TokenKind::StrayOpen => self.nameless_block(token),
            TokenKind::Close => self.close_block(Some(token.span)),
            TokenKind::MissingClose => self.close_block(None),
            TokenKind::Comment => return self.comment(token),
        }
        self.previous = Some(token);
    }

    fn finish(mut self) -> (Document, Vec<SyntaxError>) {
        self.end_unfinished();
        let document = Document { items: self.items };
        (document, self.errors)
    }

    fn word(&mut self, token: Token, quote: Quote) {
        if self.words.is_empty() {
            self.blank_before = token.blank_before;
        }
        let inner = token.inner();
        let text = inner.slice(self.source);
        let escaped = text.contains('\\');
        let complete =
            !matches!(token.kind, TokenKind::Word { closed: false, .. }) && token.span.end < self.source.len() as u32;
        self.words.push(Word {
            text: match escaped {
                true => lexer::unescape(text).into(),
                false => Text::of(self.source, inner),
            },
            span: token.span,
            quote,
            starts_line: token.starts_line,
            written: (escaped && complete).then(|| Box::new(Text::of(self.source, token.span))),
        });
    }

    fn semicolon(&mut self, token: Token) {
        if let Some(mut directive) = self.take_directive() {
            directive.span = directive.span.join(token.span);
            self.items.push(Item::Directive(directive));
        } else if !self.continues(ErrorKind::UnexpectedSemicolon, token) {
            let previous = self.previous.map(|token| token.kind);
            let after_block = previous == Some(TokenKind::Close);
            self.report(error::unexpected_semicolon(token.span, after_block));
        }
    }

    fn open_block(&mut self, token: Token) {
        let directive = self.take_directive();
        let mut directive = directive.or_else(|| self.directive_before_semicolon(token));
        if directive.is_none() {
            self.nameless_block(token);
        }
        if self.open.len() >= NESTING_MAX {
            if self.open.len() == NESTING_MAX && directive.is_some() {
                self.report(error::nesting_too_deep(token.span));
            }
            directive = None;
        }
        self.open.push(OpenBlock { directive, open: token.span, items_around: std::mem::take(&mut self.items) });
    }

    /// In `server; {` the `;` is wrong, and the block belongs to `server`.
    fn directive_before_semicolon(&mut self, open: Token) -> Option<Directive> {
        let semicolon = self.previous.filter(|token| token.kind == TokenKind::Semicolon)?;
        if open.starts_line {
            return None;
        }
        let is_its_own = |item: &mut Item| match item {
            Item::Directive(directive) => directive.span.end == semicolon.span.end,
            Item::Comment(_) | Item::BlankLine => false,
        };
        let Some(Item::Directive(directive)) = self.items.pop_if(is_its_own) else {
            return None;
        };
        let name = &directive.name.text;
        let error = error::semicolon_before_block(semicolon.span, name, open.span);
        self.report(error);
        Some(directive)
    }

    fn nameless_block(&mut self, token: Token) {
        if !self.continues(ErrorKind::NamelessBlock, token) {
            self.report(error::nameless_block(token.span));
        }
    }

    /// Several wrong signs in a row are one mistake: whether this one only makes the last error longer.
    fn continues(&mut self, kind: ErrorKind, token: Token) -> bool {
        let previous_end = self.previous.map(|token| token.span.end);
        let is_before = |error: &&mut SyntaxError| error.kind == kind && Some(error.span.end) == previous_end;
        match self.errors.last_mut().filter(is_before) {
            Some(error) => {
                error.span.end = token.span.end;
                true
            }
            None => false,
        }
    }

    fn close_block(&mut self, close: Option<Span>) {
        self.end_unfinished();
        let Some(block) = self.open.pop() else {
            return;
        };
        let mut items = std::mem::replace(&mut self.items, block.items_around);
        // Of ten thousand blocks each would else keep room for things that never come.
        items.shrink_to_fit();
        let Some(mut directive) = block.directive else {
            return;
        };
        let last = items.iter().rev().find_map(|item| match item {
            Item::Directive(directive) => Some(directive.span),
            Item::Comment(_) | Item::BlankLine => None,
        });
        let end = close.or(last).unwrap_or(block.open);
        directive.span = directive.span.join(block.open).join(end);
        directive.body = Some(Block { open: block.open, close, items });
        self.items.push(Item::Directive(directive));
    }

    fn comment(&mut self, token: Token) {
        let text = token.span.slice(self.source).trim_end().to_owned();
        let length = text.len() as u32;
        let between_words = !self.words.is_empty();
        let comment = Item::Comment(Comment {
            text,
            span: Span::new(token.span.start, token.span.start + length),
            trailing: !token.starts_line && !between_words && self.previous.is_some(),
        });
        if between_words {
            self.comments.push(comment);
            return;
        }
        self.blank_line(token.blank_before);
        self.items.push(comment);
    }

    /// What was read since the last directive ended, as a directive.
    fn take_directive(&mut self) -> Option<Directive> {
        let mut words = self.words.drain(..);
        let name = words.next()?;
        let arguments: Vec<Word> = words.collect();
        let last = arguments.last().unwrap_or(&name).span;
        self.blank_line(self.blank_before);
        self.items.append(&mut self.comments);
        Some(Directive { span: name.span.join(last), name, arguments, body: None })
    }

    /// A directive that is still being read where its block or the file ends lacks its `;`.
    fn end_unfinished(&mut self) {
        if let Some(directive) = self.take_directive() {
            let last = directive.arguments.last().unwrap_or(&directive.name).span;
            let first = directive.name.span;
            self.report(error::missing_semicolon(self.source, first, last));
            self.items.push(Item::Directive(directive));
        }
    }

    fn blank_line(&mut self, before: bool) {
        if before && !self.items.is_empty() {
            self.items.push(Item::BlankLine);
        }
    }

    fn report(&mut self, error: SyntaxError) {
        error::add(&mut self.errors, error);
    }
}

/// Reading so many takes some 5 µs.
pub(crate) const TOKENS_BETWEEN_PAUSES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    fn only_directive(source: &str) -> Directive {
        let parsed = parse(source);
        let directives: Vec<&Directive> = parsed.document.directives().collect();
        assert_eq!(directives.len(), 1, "in {source}");
        directives[0].clone()
    }

    #[test]
    fn a_long_source_is_read_with_pauses() {
        let source = Arc::from("listen 80;\n".repeat(10_000));
        let mut pauses = 0;
        let parsed = parse_shared(&source, &mut || pauses += 1);
        assert_eq!(parsed, parse(&source));
        let tokens = 3 * 10_000;
        assert!(pauses >= tokens / TOKENS_BETWEEN_PAUSES, "{pauses}");
    }

    #[test]
    fn everything_has_its_span() {
        let source = "\u{e4} {\n    listen 'x' 80;\n}";
        let server = only_directive(source);
        assert_eq!(server.span.slice(source), source);
        let block = server.body.unwrap();
        assert_eq!(block.open.slice(source), "{");
        assert_eq!(block.close.unwrap().slice(source), "}");
        let listen = block.directives().next().unwrap();
        assert_eq!(listen.span.slice(source), "listen 'x' 80;");
        assert_eq!(listen.name.span.slice(source), "listen");
        assert_eq!(listen.arguments[0].span.slice(source), "'x'");
        assert_eq!(listen.arguments[0].quote, Quote::Single);
    }

    #[test]
    fn a_block_is_a_directive_with_any_content() {
        let types = only_directive("types { text/html html htm; }");
        let block = types.body.unwrap();
        let html = block.directives().next().unwrap();
        assert_eq!(html.name.text, "text/html");
        let map = only_directive("map $a $b { ~^x(.*)$ \"1 $1\"; default 0; }");
        assert_eq!(map.arguments.len(), 2);
        assert_eq!(map.body.unwrap().directives().count(), 2);
    }

    #[test]
    fn an_argument_on_a_new_line_is_known_as_such() {
        let root = only_directive("root /srv\n    index a;");
        let starts: Vec<bool> = root.arguments.iter().map(|word| word.starts_line).collect();
        assert_eq!(starts, [false, true, false]);
        for argument in &root.arguments {
            assert_eq!(crate::starts_line("root /srv\n    index a;", argument.span), argument.starts_line);
        }
    }

    #[test]
    fn an_empty_source_is_an_empty_document() {
        for source in ["", " \r\n\t", "\u{feff}"] {
            assert_eq!(parse(source), Parsed::default());
        }
    }

    #[test]
    fn a_missing_semicolon_is_reported_after_the_last_word() {
        check(
            "
server {
    listen 80;
    root /srv   # the files
#            ^ missing `;` after `/srv`
}
location / { return 200 'ok'}
#                           ^ missing `;` after `'ok'`
index a.html b.html
#                  ^ missing `;` after `b.html`
",
        );
    }

    #[test]
    fn the_help_for_a_missing_semicolon_shows_what_to_write() {
        let help = |source| parse(source).errors[0].help.clone().unwrap();
        assert_eq!(help("server { root /srv }"), "write `root /srv;`");
        assert_eq!(help("root\n/srv"), "write `/srv;`");
    }

    #[test]
    fn a_directive_without_its_semicolon_is_still_read() {
        let source = "root /srv";
        let root = only_directive(source);
        assert_eq!(root.arguments[0].text, "/srv");
        assert_eq!(root.span.slice(source), source);
    }

    #[test]
    fn a_semicolon_without_a_directive_is_unexpected() {
        check(
            "
    listen 80;;
#             ^ unexpected `;`: no directive stands before it
server { ; ;; }
#        ^^^^ unexpected `;`: no directive stands before it
events {};
#        ^ unexpected `;`: no directive stands before it
",
        );
        let errors = parse("events {};").errors;
        assert_eq!(errors[0].help.as_deref(), Some("remove it: a block ends with its `}`"));
    }

    #[test]
    fn a_semicolon_before_a_block_is_the_error_and_the_block_is_read() {
        check(
            "
location /; {
#         ^ unexpected `;` between `location` and its block
#           - the block begins here
    root /srv;
}
",
        );
        let location = only_directive("location /; { root /srv; }");
        assert_eq!(location.body.unwrap().directives().count(), 1);
    }

    #[test]
    fn a_block_without_a_name_is_reported_and_only_its_errors_are_read() {
        check(
            "
listen 80;
    {
#   ^ missing name before `{`
    root /srv
#            ^ missing `;` after `/srv`
}
",
        );
        assert_eq!(only_directive("a;\n{ b; }").name.text, "a");
    }

    #[test]
    fn all_errors_are_listed_in_order_of_place() {
        check(
            "
http {
    server {
        ;
#       ^ unexpected `;`: no directive stands before it
        root \"/srv\"x;
#                  ^ unexpected `x` directly after a closing `\"`
        listen 80
#                ^ missing `;` after `80`
    }
    }
#   ^ unexpected `}`: there is no block for it to close
    server {
        index 'a;
#             ^ missing closing `'`
#               - it probably ends here
    }
}
gzip on
#      ^ missing `;` after `on`
",
        );
    }
}

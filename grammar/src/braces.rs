//! Which brace is missing, and which is one too many: told by indentation, as a person would.
//!
//! Called by the parser with all tokens of a source. Gives them back balanced, so that the parser can
//! rely on it, with exactly one error for each brace without a counterpart. Sources whose braces
//! balance pass unchanged, however they are indented.
//!
//! How it tells: nesting alone says how many braces are missing or too many, and from where on at the
//! earliest. Within that number,
//! - a `}` first on its line that does not stand below the block it would close, but below one further
//!   out, shows that the blocks between are unclosed;
//! - a line that stands no deeper than the block it is in shows where that block should have ended;
//! - a `}` that stands deeper than the block it would close, or behind text inside it, is one too many,
//!   or ends a block whose `{` is missing: the directive above it that stands as deep, and goes on
//!   deeper on its next line.

use crate::lexer::{Token, TokenKind, is_white};
use crate::loosen::{Unpaired, loosen};
use crate::{NESTING_MAX, Span, SyntaxError, error};

/// The tokens with every brace paired, and an error for each that was not.
pub(crate) fn balance(source: &str, tokens: Vec<Token>) -> (Vec<Token>, Vec<SyntaxError>) {
    let unpaired = Unpaired::of(&tokens);
    if unpaired.is_empty() {
        return (tokens, Vec::new());
    }
    let mut errors = Vec::new();
    let tokens = loosen(source, tokens, &unpaired, &mut errors);
    let unpaired = Unpaired::of(&tokens);
    if unpaired.is_empty() {
        return (tokens, errors);
    }
    let mut balancer = Balancer {
        source,
        tokens: &tokens,
        too_many: unpaired.close.len(),
        missing: 0,
        open: Vec::new(),
        outermost: None,
        directive: None,
        line: 0,
        indentation: 0,
        repairs: Vec::new(),
        errors,
    };
    let mut unclosed = unpaired.open.iter().peekable();
    for index in 0..tokens.len() {
        if unclosed.next_if_eq(&&index).is_some() {
            balancer.missing += 1;
        }
        balancer.receive(index);
    }
    balancer.finish()
}

/// How far out a block is searched for: no deeper nesting is read anyway, and the search stays linear.
const SEARCH_DEPTH: usize = NESTING_MAX;

/// How wide a tab is taken to be. Only files that mix tabs and spaces depend on it.
const TAB_WIDTH: u32 = 4;

struct Balancer<'source> {
    source: &'source str,
    tokens: &'source [Token],
    /// How many `}` from here on close nothing, by nesting alone.
    too_many: usize,
    /// How many of the open blocks are never closed, by nesting alone.
    missing: usize,
    /// The open blocks, outermost first.
    open: Vec<OpenBlock>,
    /// What [`OpenBlock::broken`] is in a block, for the file itself.
    outermost: Option<BrokenDirective>,
    /// The first word of the directive being read, and its indentation.
    directive: Option<(usize, u32)>,
    /// The first token of the current line, and its indentation.
    line: usize,
    indentation: u32,
    repairs: Vec<Repair>,
    errors: Vec<SyntaxError>,
}

struct OpenBlock {
    /// The `{`.
    brace: usize,
    /// The first word of its directive, if it has one.
    name: Option<usize>,
    /// How far the line is indented that the directive begins on.
    indentation: u32,
    /// The same for the line with the brace.
    brace_indentation: u32,
    /// Whether its content begins on a line of its own, deeper: only then does indentation mean
    /// anything. Not known before there is content.
    is_indented: Option<bool>,
    /// The first line since that stands no deeper than the block itself: where it should have ended.
    probable_end: Option<usize>,
    /// The last directive in it that may lack its `{`.
    broken: Option<BrokenDirective>,
}

impl OpenBlock {
    fn stands_at(&self, indentation: u32) -> bool {
        self.indentation == indentation || self.brace_indentation == indentation
    }
}

/// A directive that goes on, deeper, on its next line: perhaps a block that lacks its `{`.
#[derive(Clone, Copy)]
struct BrokenDirective {
    indentation: u32,
    /// The first word on the next line.
    continued_at: usize,
}

/// What is done to the tokens before the parser gets them.
enum Repair {
    /// Close the innermost block before this token.
    CloseBefore(usize),
    /// Open a block before this token.
    OpenBefore(usize),
    /// Leave this token out.
    Skip(usize),
}

impl Repair {
    fn at(&self) -> usize {
        match self {
            Repair::CloseBefore(index) | Repair::OpenBefore(index) | Repair::Skip(index) => *index,
        }
    }
}

impl Balancer<'_> {
    fn receive(&mut self, index: usize) {
        let token = self.tokens[index];
        if token.kind == TokenKind::Comment {
            return;
        }
        if token.starts_line {
            self.line = index;
            self.indentation = indentation(self.source, token.span.start);
        }
        if let Some(block) = self.open.last_mut() {
            let is_deeper = token.starts_line && self.indentation > block.brace_indentation;
            block.is_indented.get_or_insert(is_deeper);
        }
        match token.kind {
            TokenKind::Word { .. } => self.word(index),
            TokenKind::Open => self.open_block(index),
            TokenKind::Close => self.close(index),
            _ => {}
        }
        if !token.is_word() {
            self.directive = None;
        }
    }

    fn word(&mut self, index: usize) {
        let indentation = self.indentation;
        if !self.tokens[index].starts_line {
            self.directive.get_or_insert((index, indentation));
            return;
        }
        for block in self.open.iter_mut().rev().take(SEARCH_DEPTH) {
            if block.is_indented == Some(true) && indentation <= block.indentation {
                block.probable_end.get_or_insert(index);
            }
        }
        let Some((first, first_indentation)) = self.directive else {
            self.directive = Some((index, indentation));
            let broken = self.broken();
            if broken.is_some_and(|broken| indentation <= broken.indentation) {
                *broken = None;
            }
            return;
        };
        let starts_line = self.tokens[first].starts_line;
        if starts_line && indentation > first_indentation && self.broken().is_none() {
            *self.broken() = Some(BrokenDirective { indentation: first_indentation, continued_at: index });
        }
    }

    fn broken(&mut self) -> &mut Option<BrokenDirective> {
        match self.open.last_mut() {
            Some(block) => &mut block.broken,
            None => &mut self.outermost,
        }
    }

    fn open_block(&mut self, index: usize) {
        let (name, indentation) = match self.directive {
            Some((name, indentation)) => (Some(name), indentation),
            None => (None, self.indentation),
        };
        self.open.push(OpenBlock {
            brace: index,
            name,
            indentation,
            brace_indentation: self.indentation,
            is_indented: None,
            probable_end: None,
            broken: None,
        });
    }

    fn close(&mut self, index: usize) {
        let Some(block) = self.open.last() else {
            return self.closes_nothing(index);
        };
        let starts_line = self.tokens[index].starts_line;
        let stands_elsewhere = starts_line && !block.stands_at(self.indentation);
        let unclosed = match stands_elsewhere {
            true => self.unclosed_within_the_block_at(self.indentation),
            false => None,
        };
        if unclosed.is_none() && self.too_many > 0 && block.is_indented == Some(true) {
            let deepest = block.indentation.max(block.brace_indentation);
            let is_too_deep = stands_elsewhere && self.indentation > deepest;
            let ends_a_line_inside = !starts_line && block.brace < self.line;
            if is_too_deep || ends_a_line_inside {
                return self.closes_nothing(index);
            }
        }
        for _ in 0..unclosed.unwrap_or(0) {
            self.missing -= 1;
            self.unclosed(Some(index));
        }
        if let Some(block) = self.open.pop() {
            self.forget_ends_between(block.brace, usize::MAX);
        }
    }

    /// How many blocks are open inside the innermost one that stands at `indentation`, if so many can
    /// be missing their `}`.
    fn unclosed_within_the_block_at(&self, indentation: u32) -> Option<usize> {
        let mut outwards = self.open.iter().rev().take(SEARCH_DEPTH);
        let count = outwards.position(|block| block.stands_at(indentation))?;
        (count <= self.missing).then_some(count)
    }

    /// The innermost open block lacks its `}`, as the `}` at `shown_by` shows, or the end of the file.
    fn unclosed(&mut self, shown_by: Option<usize>) {
        let Some(block) = self.open.pop() else {
            return;
        };
        let end = block.probable_end.or(shown_by);
        self.forget_ends_between(block.brace, end.unwrap_or(usize::MAX));
        let name = match block.name {
            Some(name) => self.tokens[name].inner().slice(self.source),
            None => "",
        };
        let error = error::unclosed_block(name, self.tokens[block.brace].span);
        let error = match (block.probable_end, shown_by) {
            (Some(word), _) => error.related(self.tokens[word].span, "indented as if the block had ended before it"),
            (None, Some(brace)) => error.related(self.tokens[brace].span, "indented as the end of a block further out"),
            (None, None) => {
                let last = self.tokens.last().map_or(0, |token| token.span.end);
                error.related(Span::empty_at(last), "the file ends with the block open")
            }
        };
        error::add(&mut self.errors, error);
        let end = end.unwrap_or(self.tokens.len());
        self.repairs.push(Repair::CloseBefore(end));
    }

    /// A block from `start` to `end` is settled: the blocks around it cannot end inside it.
    fn forget_ends_between(&mut self, start: usize, end: usize) {
        for block in self.open.iter_mut().rev().take(SEARCH_DEPTH) {
            block.probable_end = block.probable_end.filter(|at| *at <= start || *at >= end);
        }
    }

    /// A `}` too many: the end of a block without `{`, if there is one above it, else wrong itself.
    fn closes_nothing(&mut self, index: usize) {
        self.too_many = self.too_many.saturating_sub(1);
        let token = self.tokens[index];
        let indentation = self.indentation;
        let stands_below = |broken: &BrokenDirective| token.starts_line && broken.indentation == indentation;
        match self.broken().take().filter(stands_below) {
            Some(BrokenDirective { continued_at, .. }) => {
                let last = self.tokens[..continued_at].iter().rev().find(|token| token.is_word());
                let last = last.map_or(token.span, |token| token.span);
                let error = error::missing_opening_brace(self.source, last, token.span);
                error::add(&mut self.errors, error);
                self.forget_ends_between(continued_at - 1, usize::MAX);
                self.repairs.push(Repair::OpenBefore(continued_at));
            }
            None => {
                error::add(&mut self.errors, error::unexpected_closing_brace(token.span));
                self.repairs.push(Repair::Skip(index));
            }
        }
    }

    fn finish(mut self) -> (Vec<Token>, Vec<SyntaxError>) {
        while !self.open.is_empty() {
            self.unclosed(None);
        }
        self.repairs.sort_by_key(Repair::at);
        let mut balanced = Vec::with_capacity(self.tokens.len() + self.repairs.len());
        let mut repairs = self.repairs.iter().peekable();
        for index in 0..=self.tokens.len() {
            let mut token = self.tokens.get(index).copied();
            let mut end = 0;
            if let Some(previous) = index.checked_sub(1).and_then(|last| self.tokens.get(last)) {
                end = previous.span.end;
            }
            while let Some(repair) = repairs.next_if(|repair| repair.at() == index) {
                let kind = match repair {
                    Repair::CloseBefore(_) => TokenKind::MissingClose,
                    Repair::OpenBefore(_) => TokenKind::Open,
                    Repair::Skip(_) => {
                        token = None;
                        continue;
                    }
                };
                balanced.push(Token { kind, span: Span::empty_at(end), starts_line: false, blank_before: false });
            }
            balanced.extend(token);
        }
        (balanced, self.errors)
    }
}

/// How wide the white space is between the line's beginning and `start`, before which nothing else is.
fn indentation(source: &str, start: u32) -> u32 {
    let before = source.get(..start as usize).unwrap_or("");
    let white = before.trim_end_matches(|character| is_white(character) && character != '\n');
    before[white.len()..].chars().fold(0, |width, character| match character {
        '\t' => (width / TAB_WIDTH + 1) * TAB_WIDTH,
        _ => width + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;
    use crate::{parse, print};

    #[test]
    fn an_unclosed_block_is_told_by_the_brace_that_ends_one_further_out() {
        check(
            "
http {
    server {
        location / {
#                  ^ missing `}`: the block of `location` is never closed
            root /srv;
    }
#   - indented as the end of a block further out
    server {
        listen 80;
    }
}
",
        );
    }

    #[test]
    fn an_unclosed_block_ends_before_the_line_that_stands_outside_it() {
        check(
            "
http {
    server {
#          ^ missing `}`: the block of `server` is never closed
        location / {
            root /srv;
        }

    server {
#   ------ indented as if the block had ended before it
        listen 80;
    }
}
",
        );
        check(
            "
server {
#      ^ missing `}`: the block of `server` is never closed
    listen 80;

events {
------ indented as if the block had ended before it
    worker_connections 10;
}
",
        );
    }

    #[test]
    fn the_tree_is_as_if_the_brace_were_there() {
        let source = "
server {
    location /a {
        root /a;

    location /b {
        root /b;
    }
}
";
        let expected = "server {
    location /a {
        root /a;
    }

    location /b {
        root /b;
    }
}
";
        assert_eq!(print(&parse(source).document), expected);
    }

    #[test]
    fn each_missing_brace_is_one_error() {
        check(
            "
http {
#    ^ missing `}`: the block of `http` is never closed
    server {
#          ^ missing `}`: the block of `server` is never closed
        location / {
#                  ^ missing `}`: the block of `location` is never closed
            root /srv;
#                     - the file ends with the block open
#                     - the file ends with the block open
#                     - the file ends with the block open
",
        );
        check(
            "
http {
    server {
#          ^ missing `}`: the block of `server` is never closed
        location / {
#                  ^ missing `}`: the block of `location` is never closed
            root /srv;
    server {
#   ------ indented as if the block had ended before it
#   ------ indented as if the block had ended before it
    }
}
",
        );
    }

    #[test]
    fn without_indentation_the_block_that_stays_open_is_reported() {
        check(
            "
http {
#    ^ missing `}`: the block of `http` is never closed
server {
location / {
root /srv;
}
}
 - the file ends with the block open
",
        )
    }

    #[test]
    fn an_unclosed_block_and_a_missing_semicolon_are_two_mistakes() {
        check(
            "
server {
    location /a {
#               ^ missing `}`: the block of `location` is never closed
        root /a
#              ^ missing `;` after `/a`
    location /b {
#   -------- indented as if the block had ended before it
        root /b;
    }
}
",
        );
    }

    #[test]
    fn a_closing_brace_too_many_is_unexpected() {
        check(
            "
server {
listen 80;
}
}
^ unexpected `}`: there is no block for it to close
gzip on;
",
        );
        check(
            "
server {
    location / {
        root /srv;
    }
    }
#   ^ unexpected `}`: there is no block for it to close
    listen 80;
}
gzip on;
",
        );
    }

    #[test]
    fn a_closing_brace_behind_text_does_not_close_the_block_around() {
        check(
            "
server {
    listen 80;
    location / try_files $uri /index.html; }
#                                          ^ unexpected `}`: there is no block for it to close
    location /a { root /a; }
}
",
        );
    }

    #[test]
    fn a_missing_opening_brace_is_reported_where_it_belongs() {
        check(
            "
http {
    server
#         ^ missing `{` after `server`
        listen 80;
        location / {
            root /srv;
        }
    }
#   - this `}` ends the block
    server {
        listen 81;
    }
}
",
        );
        check(
            "
location /
#         ^ missing `{` after `/`
    limit_except GET {
        deny all;
    }
}
- this `}` ends the block
",
        );
        let source = "server # main\n    listen 80;\n}\n";
        let expected = "# main\nserver {\n    listen 80;\n}\n";
        assert_eq!(print(&parse(source).document), expected);
    }

    #[test]
    fn a_directive_over_several_lines_is_not_taken_for_a_block() {
        check(
            "
http {
    log_format main 'a'
        'b';
    server {
        listen 80;
    }
    }
#   ^ unexpected `}`: there is no block for it to close
}
",
        );
    }

    #[test]
    fn indentation_means_nothing_where_braces_balance() {
        let source = "
a {
        b {
    c;
}
    }
  d { e;
            }
";
        assert_eq!(parse(source).errors, []);
    }

    #[test]
    fn poor_indentation_does_not_multiply_errors() {
        check(
            "
server {
    location /a {
  root /a;
  }
listen 80;
    location /b {
        root /b;
 }
}
server {
#      ^ missing `}`: the block of `server` is never closed
        listen 81;
#                 - the file ends with the block open
",
        );
    }

    #[test]
    fn tabs_and_spaces_may_be_mixed() {
        assert_eq!(indentation("a;\n\tb", 4), 4);
        assert_eq!(indentation("a;\n  \t b", 7), 5);
        assert_eq!(indentation("\u{feff} b", 4), 1);
    }
}

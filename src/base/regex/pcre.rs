//! PCRE's syntax, rewritten in the common syntax of the crates `regex` and `fancy-regex`.
//!
//! Called by the parent module alone. Reads a pattern once from left to right (see pcre2pattern(3)) and writes every
//! construct so that both crates understand it in PCRE's sense: they spell some differently (`\h`, `(?'n'..)`), lack
//! some (`\Q..\E`, octal numbers), and give a meaning of their own to what is literal in PCRE (`\<`, `[a&&b]`, `{`).
//! Names become numbers. Of the flags only `i` is left to the engines. What PCRE knows and neither crate does
//! (recursion, branch reset, most verbs) is an error with its position. Compiles and matches nothing.

mod class;
mod escape;
mod group;

use std::str::Chars;

/// A pattern rewritten for the engines.
#[derive(Debug)]
pub(super) struct Translation {
    /// In the syntax of `regex`, or of `fancy-regex` where `backtracking` is set.
    pub(super) text: String,
    /// Names of groups and their numbers, in the order of the pattern.
    pub(super) names: Vec<(Box<str>, usize)>,
    /// How many groups there are, the whole match not counted.
    pub(super) groups: usize,
    /// Something in it only a backtracking engine can do.
    pub(super) backtracking: bool,
    /// There is a `$` or `\Z` whose meaning [`LineEnd`] decides.
    pub(super) has_line_end: bool,
    /// The pattern asks for characters instead of bytes.
    pub(super) unicode: bool,
}

/// Where `$` and `\Z` match, outside multi-line mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// At the end of the text: right for every text that does not end with a line feed, and free.
    TextEnd,
    /// There, and before a line feed that ends the text, as PCRE says; this takes look-ahead.
    BeforeLastLineFeed,
}

/// What is wrong with a pattern, and the byte offset of the construct.
#[derive(Debug)]
pub(super) struct TranslateError {
    pub(super) reason: String,
    pub(super) position: usize,
}

/// Rewrites a pattern; see the module.
pub(super) fn translate(pattern: &str, line_end: LineEnd) -> Result<Translation, TranslateError> {
    let mut translator = Translator::new(pattern, line_end);
    translator.start_verbs()?;
    while translator.peek().is_some() {
        translator.item()?;
    }
    translator.finish()
}

struct Translator<'p> {
    pattern: &'p str,
    /// What is still to be read.
    rest: Chars<'p>,
    line_end: LineEnd,
    flags: Flags,
    open: Vec<Group>,
    /// Numbered references and their positions, checked when all groups are known.
    references: Vec<(usize, usize)>,
    /// Whether a quantifier may follow.
    repeatable: bool,
    out: Translation,
}

/// A group that is open.
struct Group {
    position: usize,
    /// The flags that hold again behind it.
    outer_flags: Flags,
    /// PCRE lets one repeat look-around, which is pointless; the engines do not.
    repeatable: bool,
}

/// PCRE's option letters that are resolved here.
#[derive(Clone, Copy, Default)]
struct Flags {
    multi_line: bool,
    dot_all: bool,
    extended: bool,
    ungreedy: bool,
    no_auto_capture: bool,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str, line_end: LineEnd) -> Self {
        Translator {
            pattern,
            rest: pattern.chars(),
            line_end,
            flags: Flags::default(),
            open: Vec::new(),
            references: Vec::new(),
            repeatable: false,
            out: Translation {
                text: String::with_capacity(pattern.len() + 16),
                names: Vec::new(),
                groups: 0,
                backtracking: false,
                has_line_end: false,
                unicode: false,
            },
        }
    }

    /// `(*UTF8)` and the like, which may stand only at the start.
    fn start_verbs(&mut self) -> Result<(), TranslateError> {
        while self.rest().starts_with("(*") {
            let position = self.position();
            let verb = self.rest()[2..].split(')').next().unwrap_or_default();
            match verb {
                "UTF8" | "UTF" | "UCP" => self.out.unicode = true,
                // These change the speed alone.
                "NO_START_OPT" | "NO_AUTO_POSSESS" | "NO_JIT" | "LF" => {}
                _ => return Err(error(format!("\"(*{verb})\" is not supported"), position)),
            }
            let length = "(*)".len() + verb.len();
            self.skip_bytes(length);
        }
        Ok(())
    }

    fn item(&mut self) -> Result<(), TranslateError> {
        let position = self.position();
        let Some(next) = self.rest.next() else {
            return Ok(());
        };
        match next {
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' if self.flags.extended => return Ok(()),
            '#' if self.flags.extended => self.skip_past('\n'),
            '\\' => return self.escape(position),
            '[' => return self.class(position),
            '(' => return self.open_group(position),
            ')' => return self.close_group(position),
            '*' | '+' | '?' => return self.quantifier(position, &next.to_string()),
            '{' => return self.brace(position),
            '|' => {
                self.out.text.push('|');
                self.repeatable = false;
            }
            '.' if self.flags.dot_all => self.atom("(?s:.)"),
            '.' => self.atom(r"[^\n]"),
            '^' if self.flags.multi_line => self.assertion("(?m:^)"),
            '^' => self.assertion(r"\A"),
            '$' if self.flags.multi_line => self.assertion("(?m:$)"),
            '$' => self.text_end(),
            literal => self.literal(literal),
        }
        Ok(())
    }

    /// `{`: a quantifier if it has the form of one, else itself.
    fn brace(&mut self, position: usize) -> Result<(), TranslateError> {
        let Some((least, most, length)) = bounds(self.rest()) else {
            self.atom(r"\{");
            return Ok(());
        };
        let text = format!("{{{}", &self.rest()[..length]);
        if least > REPEATS_MAX || most.is_some_and(|most| most > REPEATS_MAX) {
            return Err(error(format!("more than {REPEATS_MAX} repeats"), position));
        }
        if most.is_some_and(|most| most < least) {
            return Err(error("the numbers are out of order", position));
        }
        self.skip_bytes(length);
        self.quantifier(position, &text)
    }

    fn quantifier(&mut self, position: usize, text: &str) -> Result<(), TranslateError> {
        if !self.repeatable {
            return Err(error("nothing to repeat", position));
        }
        self.repeatable = false;
        self.out.text.push_str(text);
        if self.eat('+') {
            self.out.backtracking = true;
            self.out.text.push('+');
        } else if self.eat('?') != self.flags.ungreedy {
            self.out.text.push('?');
        }
        Ok(())
    }

    /// `$` or `\Z`.
    fn text_end(&mut self) {
        self.out.has_line_end = true;
        match self.line_end {
            LineEnd::TextEnd => self.assertion(r"\z"),
            LineEnd::BeforeLastLineFeed => {
                self.out.backtracking = true;
                self.assertion(r"(?=\n?\z)");
            }
        }
    }

    /// Writes something a quantifier may follow.
    fn atom(&mut self, text: &str) {
        self.out.text.push_str(text);
        self.repeatable = true;
    }

    /// Writes something that matches no character, and so cannot be repeated.
    fn assertion(&mut self, text: &str) {
        self.out.text.push_str(text);
        self.repeatable = false;
    }

    /// Writes a character that stands for itself; in bytes, a quantifier concerns its last one.
    fn literal(&mut self, literal: char) {
        self.repeatable = true;
        let mut bytes = [0; 4];
        if literal.is_ascii() || !self.out.unicode {
            for &byte in literal.encode_utf8(&mut bytes).as_bytes() {
                self.literal_byte(byte);
            }
        } else {
            self.out.text.push(literal);
        }
    }

    fn literal_byte(&mut self, byte: u8) {
        self.repeatable = true;
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b'-' | b' ' | b':' | b'=' => {
                self.out.text.push(char::from(byte));
            }
            _ => self.out.text.push_str(&format!("\\x{byte:02X}")),
        }
    }

    fn reference_to_name(&mut self, name: &str, position: usize) -> Result<(), TranslateError> {
        let Some(group) = self.group_named(name) else {
            return Err(error(format!("there is no group \"{name}\""), position));
        };
        self.reference(group, position);
        Ok(())
    }

    fn reference(&mut self, group: usize, position: usize) {
        self.references.push((group, position));
        self.out.backtracking = true;
        self.atom(&format!("(?:\\{group})"));
    }

    fn group_named(&self, name: &str) -> Option<usize> {
        let mut names = self.out.names.iter();
        names.find(|(own, _)| &**own == name).map(|&(_, group)| group)
    }

    fn finish(self) -> Result<Translation, TranslateError> {
        if let Some(group) = self.open.last() {
            return Err(error("missing \")\"", group.position));
        }
        let groups = self.out.groups;
        match self.references.iter().find(|&&(group, _)| group == 0 || group > groups) {
            Some(&(group, position)) => Err(error(format!("there is no group {group}"), position)),
            None => Ok(self.out),
        }
    }

    fn position(&self) -> usize {
        self.pattern.len() - self.rest().len()
    }

    fn rest(&self) -> &'p str {
        self.rest.as_str()
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.rest.next();
        }
        found
    }

    /// Skips text that was looked at before; to the end if there is less.
    fn skip_bytes(&mut self, count: usize) {
        self.rest = self.rest().get(count..).unwrap_or_default().chars();
    }

    fn skip_past(&mut self, last: char) {
        self.rest.by_ref().find(|&next| next == last);
    }
}

/// `{2}`, `{2,}` or `{2,5}` after its brace: least, most (none: no limit), and the bytes read.
fn bounds(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let (inner, _) = text.split_once('}')?;
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true if !digits.is_empty() => Some(digits.parse().unwrap_or(u32::MAX)),
        _ => None,
    };
    let (least, most) = match inner.split_once(',') {
        None => (number(inner)?, Some(number(inner)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((least, most, inner.len() + 1))
}

fn error(reason: impl Into<String>, position: usize) -> TranslateError {
    TranslateError { reason: reason.into(), position }
}

/// PCRE's limit.
const REPEATS_MAX: u32 = 65_535;

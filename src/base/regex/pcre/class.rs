//! A bracketed class: `[a-z_]`, `[^[:space:]\]]`.
//!
//! The engines nest classes and know set operators (`&&`, `--`, `~~`); PCRE knows neither, so every single character is
//! written by its number, which no engine mistakes for an operator.

use super::escape::{Escaped, unknown};
use super::{TranslateError, Translator, error};

/// A member of a class.
enum Member {
    /// One character by its number: it may begin or end a range.
    Character(u32),
    /// A set which the engines understand as written here.
    Set(String),
    /// Nothing (`\E`), or more than one character, which was written already.
    Done,
}

impl<'p> Translator<'p> {
    /// Reads and writes a class; the bracket at `position` has been read.
    pub(super) fn class(&mut self, position: usize) -> Result<(), TranslateError> {
        self.out.text.push('[');
        if self.eat('^') {
            self.out.text.push('^');
        }
        let mut is_first = true;
        while is_first || !self.rest().starts_with(']') {
            is_first = false;
            let here = self.position();
            match self.member(position)? {
                Member::Character(low) => self.maybe_range(low, position, here)?,
                Member::Set(set) => self.out.text.push_str(&set),
                Member::Done => {}
            }
        }
        self.rest.next(); // "]"
        self.atom("]");
        Ok(())
    }

    /// Writes a character, or the range it begins. Before a set or the end, `-` stands for itself.
    fn maybe_range(&mut self, low: u32, class: usize, here: usize) -> Result<(), TranslateError> {
        let is_range = self.rest().starts_with('-') && !self.rest().starts_with("-]");
        if !is_range {
            self.out.text.push_str(&number_text(low));
            return Ok(());
        }
        self.rest.next(); // "-"
        match self.member(class)? {
            Member::Character(high) if low <= high => {
                let range = format!("{}-{}", number_text(low), number_text(high));
                self.out.text.push_str(&range);
            }
            Member::Character(_) => return Err(error("the range is out of order", here)),
            Member::Set(set) => {
                let text = format!("{}{}{set}", number_text(low), number_text(u32::from('-')));
                self.out.text.push_str(&text);
            }
            Member::Done => {
                let reason = "a range of characters that are not ASCII needs \"(*UTF8)\" at the start";
                return Err(error(reason, here));
            }
        }
        Ok(())
    }

    fn member(&mut self, class: usize) -> Result<Member, TranslateError> {
        let position = self.position();
        let Some(next) = self.rest.next() else {
            return Err(error("missing \"]\"", class));
        };
        match next {
            '\\' => self.escaped_member(position),
            '[' if self.rest().starts_with(':') => self.posix(position),
            literal => Ok(self.literal_member(literal)),
        }
    }

    /// A character as it stands; where the pattern is bytes, each of its bytes is a member.
    fn literal_member(&mut self, literal: char) -> Member {
        if literal.is_ascii() || self.out.unicode {
            return Member::Character(u32::from(literal));
        }
        let mut bytes = [0; 4];
        for byte in literal.encode_utf8(&mut bytes).bytes() {
            self.out.text.push_str(&number_text(u32::from(byte)));
        }
        Member::Done
    }

    fn escaped_member(&mut self, position: usize) -> Result<Member, TranslateError> {
        Ok(match self.escaped(position)? {
            Escaped::Character(number) => Member::Character(number),
            Escaped::Kind(kind) => Member::Set(kind.to_owned()),
            Escaped::Set(set, false) => Member::Set(set.to_owned()),
            Escaped::Set(set, true) => Member::Set(format!("[^{set}]")),
            Escaped::Property(property) => Member::Set(property),
            Escaped::Letter('b') => Member::Character(0x08),
            Escaped::Letter(digit @ '1'..='7') => Member::Character(self.octal(digit, position)?),
            Escaped::Letter('E') => Member::Done,
            Escaped::Letter('Q') => self.quoted_members(),
            Escaped::Letter(letter) if !letter.is_ascii() => self.literal_member(letter),
            Escaped::Letter(letter) => return Err(unknown(letter, position)),
        })
    }

    /// `\Q...\E` within a class; ended by the pattern's end if need be, which the class then misses its bracket for.
    fn quoted_members(&mut self) -> Member {
        let (text, length) = match self.rest().split_once(r"\E") {
            Some((text, _)) => (text, text.len() + r"\E".len()),
            None => (self.rest(), self.rest().len()),
        };
        self.skip_bytes(length);
        for literal in text.chars() {
            if let Member::Character(number) = self.literal_member(literal) {
                self.out.text.push_str(&number_text(number));
            }
        }
        Member::Done
    }

    /// `[:name:]` or `[:^name:]`; a bracket that only looks like it stands for itself.
    fn posix(&mut self, position: usize) -> Result<Member, TranslateError> {
        let Some((inner, _)) = self.rest()[1..].split_once(":]") else {
            return Ok(Member::Character(u32::from('[')));
        };
        let name = inner.strip_prefix('^').unwrap_or(inner);
        if !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Ok(Member::Character(u32::from('[')));
        }
        if !POSIX_NAMES.contains(&name) {
            return Err(error(format!("unknown class \"[:{inner}:]\""), position));
        }
        self.skip_bytes(inner.len() + "::]".len());
        Ok(Member::Set(format!("[:{inner}:]")))
    }
}

/// A character in a way that is never an operator; a byte below 256 where the pattern is bytes.
fn number_text(number: u32) -> String {
    match number {
        0..=0xff => format!("\\x{number:02X}"),
        _ => format!("\\x{{{number:X}}}"),
    }
}

const POSIX_NAMES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

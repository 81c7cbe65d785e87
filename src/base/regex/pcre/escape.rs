//! What follows a backslash: characters, kinds of characters, assertions and references.
//!
//! The part that is alike inside and outside of a bracketed class is [`Translator::escaped`]; the rest of this file is
//! for the outside.

use super::{TranslateError, Translator, error};

/// An escape that means the same everywhere.
pub(super) enum Escaped {
    /// One character by its number; a byte where the pattern is bytes.
    Character(u32),
    /// A kind of characters that both engines know by the same name: `\d`, `\W`.
    Kind(&'static str),
    /// A kind of characters as the inside of a class, and whether it means all others.
    Set(&'static str, bool),
    /// A Unicode property as written.
    Property(String),
    /// Another letter, whose meaning depends on the place.
    Letter(char),
}

impl<'p> Translator<'p> {
    /// Reads and writes an escape outside of a class; the backslash at `position` has been read.
    pub(super) fn escape(&mut self, position: usize) -> Result<(), TranslateError> {
        match self.escaped(position)? {
            Escaped::Character(number) => self.character(number),
            Escaped::Kind(kind) => self.atom(kind),
            Escaped::Set(set, others) => {
                let not = if others { "^" } else { "" };
                self.atom(&format!("[{not}{set}]"));
            }
            Escaped::Property(property) => self.atom(&property),
            Escaped::Letter(letter) => return self.letter(letter, position),
        }
        Ok(())
    }

    fn letter(&mut self, letter: char, position: usize) -> Result<(), TranslateError> {
        match letter {
            // A search always starts at the start of the text, so \G is \A.
            'A' | 'G' => self.assertion(r"\A"),
            'z' => self.assertion(r"\z"),
            'Z' => self.text_end(),
            'b' => self.assertion(r"\b"),
            'B' => self.assertion(r"\B"),
            'N' => self.atom(r"[^\n]"),
            'C' if !self.out.unicode => self.atom("(?s:.)"),
            'R' => {
                self.out.backtracking = true;
                self.atom(r"(?>\r\n|[\n\x0B\x0C\r\x85])");
            }
            'K' => {
                self.out.backtracking = true;
                self.out.text.push_str(r"\K");
                self.repeatable = false;
            }
            'E' => {}
            'Q' => self.quoted(),
            'k' => return self.named_reference(position),
            'g' => return self.relative_reference(position),
            '1'..='9' => return self.numbered_reference(letter, position),
            letter if letter.is_ascii() => return Err(unknown(letter, position)),
            literal => self.literal(literal),
        }
        Ok(())
    }

    /// `\Q...\E`: everything between stands for itself.
    fn quoted(&mut self) {
        let (text, length) = match self.rest().split_once(r"\E") {
            Some((text, _)) => (text, text.len() + r"\E".len()),
            None => (self.rest(), self.rest().len()),
        };
        self.skip_bytes(length);
        for literal in text.chars() {
            self.literal(literal);
        }
    }

    /// `\k<name>`, `\k'name'`, `\k{name}`.
    fn named_reference(&mut self, position: usize) -> Result<(), TranslateError> {
        let close = match self.rest.next() {
            Some('<') => '>',
            Some('\'') => '\'',
            Some('{') => '}',
            _ => {
                return Err(error("a name must follow \"\\k\", as in \"\\k<name>\"", position));
            }
        };
        let name = self.name(self.rest(), close, position)?;
        self.skip_bytes(name.len() + 1);
        self.reference_to_name(name, position)
    }

    /// `\g1`, `\g{1}`, `\g{-1}`, `\g{name}`.
    fn relative_reference(&mut self, position: usize) -> Result<(), TranslateError> {
        let rest = self.rest();
        let (target, length) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((target, _)) => (target, target.len() + "{}".len()),
            None if rest.starts_with(['<', '\'']) => {
                return Err(error("recursion is not supported", position));
            }
            None => {
                let digits = rest.trim_start_matches(|next: char| next == '-' || next.is_ascii_digit());
                let length = rest.len() - digits.len();
                (&rest[..length], length)
            }
        };
        self.skip_bytes(length);
        if let Some(back) = target.strip_prefix('-') {
            let back = back.parse::<usize>().ok().filter(|&back| back > 0);
            let Some(group) = back.and_then(|back| (self.out.groups + 1).checked_sub(back)) else {
                return Err(error(format!("there is no group {target}"), position));
            };
            self.reference(group, position);
            return Ok(());
        }
        match target.parse::<usize>() {
            Ok(group) => {
                self.reference(group, position);
                Ok(())
            }
            Err(_) => self.reference_to_name(target, position),
        }
    }

    /// `\1`; from 10 on a reference if there are that many groups before it, else an octal number.
    fn numbered_reference(&mut self, first: char, position: usize) -> Result<(), TranslateError> {
        let digits = leading(self.rest(), usize::MAX, |next| next.is_ascii_digit());
        let group = format!("{first}{digits}").parse::<usize>().unwrap_or(usize::MAX);
        if group < 10 || group <= self.out.groups {
            self.skip_bytes(digits.len());
            self.reference(group, position);
            return Ok(());
        }
        if first > '7' {
            return Err(error(format!("there is no group {first}{digits}"), position));
        }
        let number = self.octal(first, position)?;
        self.character(number);
        Ok(())
    }

    /// Reads what follows a backslash, as far as it means the same inside and outside of a class.
    pub(super) fn escaped(&mut self, position: usize) -> Result<Escaped, TranslateError> {
        let Some(next) = self.rest.next() else {
            return Err(error("\"\\\" at the end", position));
        };
        Ok(match next {
            'a' => Escaped::Character(0x07),
            'e' => Escaped::Character(0x1b),
            'f' => Escaped::Character(0x0c),
            'n' => Escaped::Character(0x0a),
            'r' => Escaped::Character(0x0d),
            't' => Escaped::Character(0x09),
            'x' => Escaped::Character(self.hexadecimal(position)?),
            'o' => Escaped::Character(self.braced_octal(position)?),
            '0' => Escaped::Character(self.octal('0', position)?),
            'c' => Escaped::Character(self.control(position)?),
            'd' => Escaped::Kind(r"\d"),
            'D' => Escaped::Kind(r"\D"),
            's' => Escaped::Kind(r"\s"),
            'S' => Escaped::Kind(r"\S"),
            'w' => Escaped::Kind(r"\w"),
            'W' => Escaped::Kind(r"\W"),
            'h' | 'H' if self.out.unicode => Escaped::Set(HORIZONTAL_UNICODE, next == 'H'),
            'h' | 'H' => Escaped::Set(HORIZONTAL, next == 'H'),
            'v' | 'V' if self.out.unicode => Escaped::Set(VERTICAL_UNICODE, next == 'V'),
            'v' | 'V' => Escaped::Set(VERTICAL, next == 'V'),
            'p' | 'P' => Escaped::Property(self.property(next, position)?),
            letter if letter.is_ascii_alphanumeric() => Escaped::Letter(letter),
            literal if literal.is_ascii() || self.out.unicode => Escaped::Character(u32::from(literal)),
            // The first byte of the character is what PCRE sees escaped; the others follow as they are.
            literal => Escaped::Letter(literal),
        })
    }

    /// `\xhh` with up to two digits, or `\x{h..}`.
    fn hexadecimal(&mut self, position: usize) -> Result<u32, TranslateError> {
        if self.rest().starts_with('{') {
            return self.braced_number(16, position);
        }
        let digits = leading(self.rest(), 2, |next| next.is_ascii_hexdigit());
        self.skip_bytes(digits.len());
        self.in_range(u32::from_str_radix(digits, 16).unwrap_or(0), position)
    }

    fn braced_octal(&mut self, position: usize) -> Result<u32, TranslateError> {
        if self.rest().starts_with('{') {
            return self.braced_number(8, position);
        }
        Err(error("a number must follow \"\\o\", as in \"\\o{101}\"", position))
    }

    fn braced_number(&mut self, radix: u32, position: usize) -> Result<u32, TranslateError> {
        let digits = self.rest()[1..].split('}').next().unwrap_or_default();
        let Ok(number) = u32::from_str_radix(digits, radix) else {
            return Err(error(format!("\"{digits}\" is no number to the base {radix}"), position));
        };
        self.skip_bytes(digits.len() + "{}".len());
        self.in_range(number, position)
    }

    /// Up to three octal digits, the first of which has been read.
    pub(super) fn octal(&mut self, first: char, position: usize) -> Result<u32, TranslateError> {
        let digits = leading(self.rest(), 2, |next| matches!(next, '0'..='7'));
        self.skip_bytes(digits.len());
        let number = u32::from_str_radix(&format!("{first}{digits}"), 8).unwrap_or(0);
        self.in_range(number, position)
    }

    fn control(&mut self, position: usize) -> Result<u32, TranslateError> {
        match self.rest.next() {
            Some(letter @ ' '..='~') => Ok(u32::from(letter.to_ascii_uppercase()) ^ 0x40),
            _ => Err(error("a character must follow \"\\c\"", position)),
        }
    }

    fn property(&mut self, letter: char, position: usize) -> Result<String, TranslateError> {
        if !self.out.unicode {
            let reason = format!("\"\\{letter}\" needs \"(*UTF8)\" at the start");
            return Err(error(reason, position));
        }
        let rest = self.rest();
        let length = match rest.starts_with('{') {
            true => rest.find('}').map(|end| end + 1),
            false => rest.chars().next().filter(char::is_ascii_alphabetic).map(char::len_utf8),
        };
        let Some(length) = length else {
            return Err(error(format!("a property must follow \"\\{letter}\""), position));
        };
        self.skip_bytes(length);
        Ok(format!("\\{letter}{}", &rest[..length]))
    }

    /// A number that the pattern's characters can have.
    fn in_range(&self, number: u32, position: usize) -> Result<u32, TranslateError> {
        let fits = match self.out.unicode {
            true => char::from_u32(number).is_some(),
            false => number <= 0xff,
        };
        match fits {
            true => Ok(number),
            false => Err(error("the character's number is too large", position)),
        }
    }

    fn character(&mut self, number: u32) {
        match (u8::try_from(number), char::from_u32(number)) {
            (Ok(byte), _) if byte.is_ascii() || !self.out.unicode => self.literal_byte(byte),
            (_, Some(character)) => self.literal(character),
            (_, None) => {} // `in_range` lets no such number through
        }
    }
}

/// The longest start of `text`, at most `count` ASCII characters, that `belongs`.
fn leading(text: &str, count: usize, belongs: impl Fn(char) -> bool) -> &str {
    let length = text.chars().take(count).take_while(|&next| belongs(next)).count();
    &text[..length]
}

pub(super) fn unknown(letter: char, position: usize) -> TranslateError {
    error(format!("unknown escape \"\\{letter}\""), position)
}

/// `\h` and `\v` as pcre2pattern(3) lists them: among the bytes, and in Unicode.
const HORIZONTAL: &str = r"\x09\x20\xA0";
const HORIZONTAL_UNICODE: &str = r"\x09\x20\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}";
const VERTICAL: &str = r"\x0A-\x0D\x85";
const VERTICAL_UNICODE: &str = r"\x0A-\x0D\x{85}\x{2028}\x{2029}";

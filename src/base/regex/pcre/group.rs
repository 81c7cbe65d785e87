//! What an opening parenthesis begins: groups, look-around, conditions, flags and comments.

use super::{Flags, Group, TranslateError, Translator, error};

impl<'p> Translator<'p> {
    pub(super) fn close_group(&mut self, position: usize) -> Result<(), TranslateError> {
        let Some(group) = self.open.pop() else {
            return Err(error("unmatched \")\"", position));
        };
        self.flags = group.outer_flags;
        self.out.text.push(')');
        self.repeatable = group.repeatable;
        Ok(())
    }

    /// What follows `(`.
    pub(super) fn open_group(&mut self, position: usize) -> Result<(), TranslateError> {
        let rest = self.rest();
        if rest.starts_with("?#") {
            self.skip_past(')');
            return Ok(());
        }
        if self.open.len() == DEPTH_MAX {
            return Err(error("groups nest too deep", position));
        }
        self.repeatable = false;
        if rest.starts_with('*') {
            return Err(error("\"(*\" is not supported here", position));
        }
        if !rest.starts_with('?') {
            let captures = !self.flags.no_auto_capture;
            self.out.groups += usize::from(captures);
            return self.push_group(position, if captures { "(" } else { "(?:" });
        }
        for (opening, needs_backtracking) in OPENINGS {
            if rest.starts_with(opening) {
                self.out.backtracking |= needs_backtracking;
                self.skip_bytes(opening.len());
                self.out.text.push('(');
                return self.push_group(position, opening);
            }
        }
        for (opening, close) in NAME_OPENINGS {
            if let Some(after) = rest.strip_prefix(opening) {
                return self.named_group(position, opening.len(), after, close);
            }
        }
        if let Some(after) = rest.strip_prefix("?P=") {
            let name = self.name(after, ')', position)?;
            self.skip_bytes("?P=)".len() + name.len());
            return self.reference_to_name(name, position);
        }
        if let Some(after) = rest.strip_prefix("?(") {
            return self.conditional(position, after);
        }
        self.other_group(position)
    }

    fn named_group(
        &mut self,
        position: usize,
        opening: usize,
        after: &'p str,
        close: char,
    ) -> Result<(), TranslateError> {
        let name = self.name(after, close, position)?;
        if self.group_named(name).is_some() {
            return Err(error(format!("a second group named \"{name}\""), position));
        }
        self.out.groups += 1;
        self.out.names.push((name.into(), self.out.groups));
        self.skip_bytes(opening + name.len() + 1);
        self.push_group(position, "(")
    }

    /// `(?(1)yes|no)` and `(?(<name>)yes|no)`.
    fn conditional(&mut self, position: usize, after: &'p str) -> Result<(), TranslateError> {
        let inner = after.split(')').next().unwrap_or_default();
        let bare = inner
            .strip_prefix('<')
            .and_then(|name| name.strip_suffix('>'))
            .or_else(|| inner.strip_prefix('\'')?.strip_suffix('\''))
            .unwrap_or(inner);
        let group = match bare.parse::<usize>() {
            Ok(group) => Some(group),
            Err(_) => self.group_named(bare),
        };
        let Some(group) = group.filter(|_| !inner.starts_with('?') && !bare.starts_with('+')) else {
            return Err(error("a condition other than an earlier group is not supported", position));
        };
        self.references.push((group, position));
        self.out.backtracking = true;
        self.skip_bytes("?()".len() + inner.len());
        self.push_group(position, &format!("(?({group})"))
    }

    /// `(?i)`, `(?i:`, and what is not supported.
    fn other_group(&mut self, position: usize) -> Result<(), TranslateError> {
        self.rest.next(); // "?"
        match self.peek() {
            None => return Err(error("missing \")\"", position)),
            Some('R' | '&' | '0'..='9' | '+') => {
                return Err(error("recursion is not supported", position));
            }
            Some('-') if self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                return Err(error("recursion is not supported", position));
            }
            Some('P') if self.rest().starts_with("P>") => {
                return Err(error("recursion is not supported", position));
            }
            Some(other @ ('|' | 'C' | 'P' | '<' | '\'' | '(')) => {
                return Err(error(format!("\"(?{other}\" is not supported"), position));
            }
            Some(_) => {}
        }
        let outer = self.flags;
        let (ignore_case, end) = self.flag_letters(position)?;
        let case = match ignore_case {
            Some(true) => "i",
            Some(false) => "-i",
            None => "",
        };
        if end == ':' {
            let inner = std::mem::replace(&mut self.flags, outer);
            self.push_group(position, &format!("(?{case}:"))?;
            self.flags = inner;
        } else if !case.is_empty() {
            self.out.text.push_str(&format!("(?{case})"));
        }
        Ok(())
    }

    /// Reads and sets flags up to `)` or `:`; gives what is said about `i`, and which of the two ended them.
    fn flag_letters(&mut self, position: usize) -> Result<(Option<bool>, char), TranslateError> {
        let mut on = true;
        let mut ignore_case = None;
        loop {
            let here = self.position();
            match self.rest.next() {
                None => return Err(error("missing \")\"", position)),
                Some(end @ (')' | ':')) => return Ok((ignore_case, end)),
                Some('-') => on = false,
                Some('^') => {
                    self.flags = Flags { ungreedy: self.flags.ungreedy, ..Flags::default() };
                    ignore_case = Some(false);
                }
                Some('i') => ignore_case = Some(on),
                Some('m') => self.flags.multi_line = on,
                Some('s') => self.flags.dot_all = on,
                Some('x') => self.flags.extended = on,
                Some('U') => self.flags.ungreedy = on,
                Some('n') => self.flags.no_auto_capture = on,
                Some(other) => return Err(error(format!("unknown flag \"{other}\""), here)),
            }
        }
    }

    fn push_group(&mut self, position: usize, opening: &str) -> Result<(), TranslateError> {
        self.open.push(Group { position, outer_flags: self.flags, repeatable: !LOOK_AROUNDS.contains(&opening) });
        self.out.text.push_str(opening);
        Ok(())
    }

    /// The group's name at the start of `text`, which `close` ends.
    pub(super) fn name(&self, text: &'p str, close: char, position: usize) -> Result<&'p str, TranslateError> {
        let Some((name, _)) = text.split_once(close) else {
            return Err(error(format!("missing \"{close}\" after a group's name"), position));
        };
        let letters = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_';
        let digit_first = name.starts_with(|first: char| first.is_ascii_digit());
        if name.is_empty() || name.len() > NAME_CHARS_MAX || digit_first || !name.bytes().all(letters) {
            let reason = "a group's name is letters, digits and \"_\", at most 32, no digit first";
            return Err(error(reason, position));
        }
        Ok(name)
    }
}

/// Groups which both sides spell alike, and whether they take a backtracking engine.
const OPENINGS: [(&str, bool); 6] =
    [("?:", false), ("?>", true), ("?=", true), ("?!", true), ("?<=", true), ("?<!", true)];
/// Those of them that match no character.
const LOOK_AROUNDS: [&str; 4] = ["?=", "?!", "?<=", "?<!"];
/// PCRE's spellings of a named group, and what ends the name. After the look-behinds of [`OPENINGS`].
const NAME_OPENINGS: [(&str, char); 3] = [("?<", '>'), ("?P<", '>'), ("?'", '\'')];
/// Below what the engines allow; they recurse.
const DEPTH_MAX: usize = 50;
/// PCRE's limit.
const NAME_CHARS_MAX: usize = 32;

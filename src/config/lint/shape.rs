//! What can be told of a regular expression by reading it, as far as lints need it: whether it matches every path, with
//! which text a path must begin, whether it asks for a query.
//!
//! It reads the spellings people use, and says nothing of others. It never says of an expression what is not so.

/// What a path must look like to match.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Every path matches.
    pub(super) everything: bool,
    /// The text that a path must begin with, where the expression is anchored.
    pub(super) beginning: Option<String>,
    /// What may stand behind the beginning.
    pub(super) rest: Rest,
    /// A question mark must be in the path.
    pub(super) needs_query: bool,
}

/// What may stand behind the beginning that an expression asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// Anything.
    Anything,
    /// Something that was not read.
    Unknown,
}

impl Shape {
    pub(super) fn of(pattern: &str) -> Self {
        let unknown = Self { everything: false, beginning: None, rest: Rest::Unknown, needs_query: false };
        if matches_everything(pattern) {
            return Self { everything: true, ..unknown };
        }
        let Some(needs_query) = scan(pattern) else { return unknown };
        let Some(anchored) = pattern.strip_prefix('^') else { return Self { needs_query, ..unknown } };
        let (beginning, rest) = literal(anchored);
        Self { everything: false, beginning: Some(beginning), rest, needs_query }
    }
}

/// Every path is a slash and perhaps more; a line feed in it is nobody's concern here.
fn matches_everything(pattern: &str) -> bool {
    if pattern.contains("(?") {
        return false;
    }
    let from_start = pattern.starts_with('^');
    let to_end = pattern.ends_with('$');
    let core: String = pattern.chars().filter(|letter| !matches!(letter, '(' | ')' | '^' | '$')).collect();
    match &*core {
        ".*" | ".+" | "/.*" | "\\/.*" => true,
        "" | "." => !(from_start && to_end),
        "/" | "\\/" => !to_end,
        _ => false,
    }
}

/// Whether the expression asks for a question mark; none if it has alternatives on its outermost level, of which
/// nothing is told here.
fn scan(pattern: &str) -> Option<bool> {
    let mut depth = 0_usize;
    let mut needs_query = false;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = letters.next();
                let optional = matches!(letters.peek(), Some('?' | '*' | '{'));
                needs_query |= escaped == Some('?') && depth == 0 && !optional;
            }
            '[' => skip_class(&mut letters),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return None,
            _ => {}
        }
    }
    Some(needs_query)
}

fn skip_class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    letters.next_if_eq(&'^');
    letters.next_if_eq(&']');
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            ']' => return,
            _ => {}
        }
    }
}

/// The text that stands at the beginning of an expression behind its anchor, and what follows.
fn literal(pattern: &str) -> (String, Rest) {
    let mut text = String::new();
    let mut letters = pattern.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let plain = match letter {
            '\\' => match letters.next() {
                Some((_, escaped)) if !escaped.is_alphanumeric() => escaped,
                _ => return (text, Rest::Unknown),
            },
            '.' | '[' | '(' | '^' | '$' | '?' | '*' | '+' | '{' | '|' | ')' => return (text, rest(&pattern[at..])),
            letter => letter,
        };
        match letters.peek() {
            Some((_, '?' | '*' | '{')) => return (text, Rest::Unknown),
            Some((_, '+')) => {
                text.push(plain);
                return (text, Rest::Unknown);
            }
            _ => text.push(plain),
        }
    }
    (text, Rest::Anything)
}

fn rest(pattern: &str) -> Rest {
    match pattern {
        "$" => Rest::Nothing,
        ".*" | ".*$" | "(.*)" | "(.*)$" => Rest::Anything,
        _ => Rest::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches_every_path_is_known_by_its_spelling() {
        for pattern in
            ["", ".", ".*", "/", "^", "^/", "^/.*", "^.*$", "^(.*)$", "^/(.*)$", "(/.*)", "$", ".$", "^(.+)$"]
        {
            assert!(Shape::of(pattern).everything, "{pattern}");
        }
        for pattern in ["^/$", "^.$", "/$", "^$", "/a", "^/.+", "(?!/a).*", "\\.", "[^/]", "^/(.*)/$", "^/.+$"] {
            assert!(!Shape::of(pattern).everything, "{pattern}");
        }
    }

    #[test]
    fn the_beginning_of_an_anchored_expression_is_read() {
        for (pattern, beginning, rest) in [
            ("^/a/", "/a/", Rest::Anything),
            (r"^\/a\.b$", "/a.b", Rest::Nothing),
            ("^/a/(.*)$", "/a/", Rest::Anything),
            ("^/a/[0-9]+$", "/a/", Rest::Unknown),
            ("^/ab?c", "/a", Rest::Unknown),
            ("^/ab+c", "/ab", Rest::Unknown),
            (r"^/a\d", "/a", Rest::Unknown),
            ("^images/", "images/", Rest::Anything),
            ("^(a|b)", "", Rest::Unknown),
        ] {
            let shape = Shape::of(pattern);
            assert_eq!((shape.beginning.as_deref(), shape.rest), (Some(beginning), rest), "{pattern}");
        }
        for pattern in ["/a", "^/a|/b", r"\.php$", "(?i)^/a"] {
            assert_eq!(Shape::of(pattern).beginning, None, "{pattern}");
        }
    }

    #[test]
    fn a_question_mark_counts_where_it_must_be() {
        assert!(Shape::of(r"\.php\?id=").needs_query && Shape::of(r"^/a\?").needs_query);
        for pattern in [r"\.php\??", r"\.php(\?.*)?$", r"[\?]", r"a\?|b", r"\\?"] {
            assert!(!Shape::of(pattern).needs_query, "{pattern}");
        }
    }
}

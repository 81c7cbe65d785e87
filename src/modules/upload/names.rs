//! Names of files as clients send them, made into names that are safe in a folder.
//!
//! What comes out is one segment: no slash, no dot at its beginning, no control character, no more bytes than a file
//! system takes; and never empty. Whether the name is free is not known here.

/// The most bytes of a name: the system takes 255, and a number in brackets must fit behind it.
const BYTES_MAX: usize = 240;

/// The most bytes of what stands behind the last dot, if it is kept when a name is cut.
const EXTENSION_BYTES_MAX: usize = 16;

/// What a file is called whose name has nothing that can be kept.
const NAMELESS: &str = "upload";

/// Names that other systems take for devices, whatever stands behind a dot; who copies the folder there should not be
/// surprised.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];

/// A safe name.
pub(super) fn clean(sent: &[u8]) -> String {
    let text = String::from_utf8_lossy(sent);
    // Some send the whole path, in either spelling.
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|letter| !is_hidden(*letter)).collect();
    let name = visible.trim_matches(is_edge);
    if name.is_empty() {
        return NAMELESS.to_owned();
    }
    let name = shortened(name);
    if is_device(&name) { format!("_{name}") } else { name }
}

/// Another name for the same file, the number in brackets before what stands behind the last dot.
pub(super) fn numbered(name: &str, number: u32) -> String {
    let (stem, extension) = split(name);
    format!("{stem} ({number}){extension}")
}

/// Control characters, and those that change how the text around them is shown.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What no name begins or ends with.
fn is_edge(letter: char) -> bool {
    letter == '.' || letter.is_whitespace()
}

/// A name cut to what the system takes, between two characters, with its extension.
fn shortened(name: &str) -> String {
    if name.len() <= BYTES_MAX {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let extension = if extension.len() <= EXTENSION_BYTES_MAX { extension } else { "" };
    let room = BYTES_MAX - extension.len();
    let mut end = room.min(stem.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", stem[..end].trim_end_matches(is_edge))
}

/// What stands before the last dot, and the rest with the dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    DEVICES.contains(&&*stem) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_ordinary_name_stays_as_it_is() {
        for name in
            ["a.txt", "Grüße aus 東京.jpeg", "a b (c) [d] & 'e'.tar.gz", "-rf", "no extension", "a..b", "50%.txt"]
        {
            assert_eq!(clean(name.as_bytes()), name);
        }
    }

    #[test]
    fn nothing_leads_to_another_folder() {
        let cases = [
            ("../../etc/passwd", "passwd"),
            ("/etc/passwd", "passwd"),
            ("C:\\Users\\me\\a.txt", "a.txt"),
            ("..\\..\\a.txt", "a.txt"),
            ("..", NAMELESS),
            (".", NAMELESS),
            ("a/", NAMELESS),
            ("a/..", NAMELESS),
            ("", NAMELESS),
        ];
        for (sent, name) in cases {
            assert_eq!(clean(sent.as_bytes()), name, "{sent}");
        }
    }

    #[test]
    fn no_name_is_hidden_or_deceives() {
        let cases = [
            (".htaccess", "htaccess"),
            ("...a", "a"),
            (" . .a.txt. ", "a.txt"),
            (".webserv-upload-1", "webserv-upload-1"),
            ("a\r\nb\0c\x7f.txt", "abc.txt"),
            ("gpj\u{202e}exe.txt", "gpjexe.txt"),
            ("\u{200b}.a", "a"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("com1", "_com1"),
            ("com10", "com10"),
            ("console", "console"),
        ];
        for (sent, name) in cases {
            assert_eq!(clean(sent.as_bytes()), name, "{sent:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(clean(b"a\xff\xfe.txt"), "a\u{fffd}\u{fffd}.txt");
    }

    #[test]
    fn a_long_name_is_cut_between_characters_and_keeps_its_extension() {
        let name = clean(format!("{}.txt", "ü".repeat(200)).as_bytes());
        assert_eq!((name.len(), name.ends_with("ü.txt")), (BYTES_MAX, true));
        assert_eq!(clean(format!("a.{}", "x".repeat(300)).as_bytes()), "a");
        assert!(numbered(&name, 1000).len() <= 255);
    }

    #[test]
    fn a_number_stands_before_the_extension() {
        assert_eq!(numbered("a.txt", 1), "a (1).txt");
        assert_eq!(numbered("a.tar.gz", 12), "a.tar (12).gz");
        assert_eq!(numbered("a", 2), "a (2)");
    }

    proptest! {
        #[test]
        fn every_name_is_safe(sent in prop::collection::vec(any::<u8>(), 0..400)) {
            let name = clean(&sent);
            prop_assert!(!name.is_empty() && name.len() <= BYTES_MAX + 1);
            prop_assert!(!name.starts_with('.') && !name.contains(['/', '\\', '\0']));
            prop_assert!(!name.chars().any(char::is_control));
            prop_assert_eq!(clean(name.as_bytes()), name);
        }
    }
}

//! "Did you mean": the known word nearest to a misspelt one.
//!
//! Called where a name of ours was not found: directives, variables, command-line options, arguments.

use strsim::damerau_levenshtein;

/// The candidate with the fewest slips (a letter missing, added, changed, or two swapped) from `word`, if they are
/// few enough for its length that it is likely what was meant; of equally near ones the first. Case is no slip.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let allowed = slips_allowed(length)?;
    let word = word.to_ascii_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // The distance is at least the difference in length; most candidates fall here, at no cost.
        if candidate.chars().count().abs_diff(length) > allowed {
            continue;
        }
        let distance = damerau_levenshtein(&word, &candidate.to_ascii_lowercase());
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many slips a word of `length` characters may hold. One in three letters keeps `gzip` from `slip` and `root`
/// from `port`; of one or two letters nothing sensible can be said, and nobody means a word longer than any of ours.
fn slips_allowed(length: usize) -> Option<usize> {
    match length {
        0..=2 => None,
        3..=5 => Some(1),
        6..=8 => Some(2),
        9..=WORD_CHARS_MAX => Some(3),
        _ => None,
    }
}

/// Bounds the work per candidate; nginx's longest directive has 36 characters.
const WORD_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[&str] = &[
        "listen",
        "index",
        "internal",
        "proxy_pass",
        "proxy_pass_header",
        "root",
        "return",
        "server_name",
        "server_names_hash_bucket_size",
        "on",
        "off",
        "gzip",
        "if",
    ];

    fn nearest_of(word: &str) -> Option<&'static str> {
        nearest(word, WORDS.iter().copied())
    }

    #[test]
    fn a_slip_finds_the_word_meant() {
        for (word, meant) in [
            ("indx", "index"),
            ("idnex", "index"),
            ("lisen", "listen"),
            ("listne", "listen"),
            ("Listen", "listen"),
            ("proxypass", "proxy_pass"),
            ("proxy-pass", "proxy_pass"),
            ("servername", "server_name"),
            ("server_name_hash_bucket_size", "server_names_hash_bucket_size"),
            ("retrun", "return"),
            ("rot", "root"),
            ("offf", "off"),
        ] {
            assert_eq!(nearest_of(word), Some(meant), "{word}");
        }
    }

    #[test]
    fn a_word_far_from_all_has_no_suggestion() {
        for word in ["", "i", "of", "fi", "zip2x", "port", "upstream", "yes", "lorem"] {
            assert_eq!(nearest_of(word), None, "{word}");
        }
        assert_eq!(nearest_of(&"x".repeat(100_000)), None);
    }

    #[test]
    fn the_nearest_wins_and_among_equals_the_first() {
        assert_eq!(nearest("cats", ["cots", "cat", "cats"]), Some("cats"));
        assert_eq!(nearest("cxts", ["cots", "cats"]), Some("cots"));
    }
}

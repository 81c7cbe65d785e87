//! Held against `fancy-regex`, and against time.

use fancy_regex::BytesMode;
use proptest::prelude::*;

use super::*;

fn metered(pattern: &str) -> Metered {
    Metered::compile(pattern, false, 50_000).unwrap_or_else(|| panic!("{pattern} is left out"))
}

/// What the other engine says; nothing where it has no answer.
fn other(pattern: &str, text: &[u8]) -> Option<Option<Vec<Option<Range<usize>>>>> {
    let regex = fancy_regex::RegexBuilder::new(pattern)
        .unicode_mode(false)
        .bytes_mode(BytesMode::Ascii)
        .backtrack_limit(100_000)
        .build()
        .ok()?;
    let found = regex.captures(text).ok()?;
    Some(found.map(|found| (0..found.len()).map(|group| found.get(group).map(|group| group.range())).collect()))
}

#[track_caller]
fn agree(pattern: &str, text: &[u8]) {
    let Some(expected) = other(pattern, text) else { return };
    let Some(regex) = Metered::compile(pattern, false, 50_000) else { return };
    let Ok(found) = regex.captures(text) else { return };
    assert_eq!(found, expected, "{pattern} {:?}", String::from_utf8_lossy(text));
}

/// The texts of the groups, `-` for one that took no part.
fn found<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let found = metered(pattern).captures(text.as_bytes()).unwrap();
    found.map(|groups| groups.into_iter().map(|group| group.map_or("-", |range| &text[range])).collect())
}

#[test]
fn what_only_backtracking_can_do_is_done() {
    assert_eq!(found(r"/\.(?!well-known)(.*)", "/a/.git/x").unwrap(), ["/.git/x", "git/x"]);
    assert_eq!(found(r"/\.(?!well-known)", "/.well-known/x"), None);
    assert_eq!(found(r"(?<!x)[a-z]+\.php", "/xa.php").unwrap(), ["xa.php"]);
    assert_eq!(found(r"(?<=/)(a|bc)\z", "/bc").unwrap(), ["bc", "bc"]);
    assert_eq!(found(r"(?<=a|bc)d", "bcd").unwrap(), ["d"]);
    assert_eq!(found(r"(a+)-(?:\1)\z", "aaa-aa-aa").unwrap(), ["aa-aa", "aa"]);
    assert_eq!(found(r"(?>a|ab)c", "abc"), None);
    assert_eq!(found(r"a*+a", "aaa"), None);
    assert_eq!(found(r"(?=(a+))a*b(?:\1)", "baaabac").unwrap(), ["aba", "a"]);
    assert_eq!(found(r"(x)?(?(1)y|z)", "xy").unwrap(), ["xy", "x"]);
    assert_eq!(found(r"(x)?(?(1)y|z)", "z").unwrap(), ["z", "-"]);
    assert_eq!(found(r"(?i)(x)(?=y)", "aXY").unwrap(), ["X", "X"]);
    assert_eq!(found(r"a\Kb(?=c)", "abc").unwrap(), ["b"]);
    assert_eq!(found(r"(?:a|b?)*c", "abbac").unwrap(), ["abbac"]);
    assert_eq!(found(r"(a{2,3}?)(?=a)", "aaaa").unwrap(), ["aa", "aa"]);
}

#[test]
fn no_search_takes_longer_than_its_steps() {
    let texts = ["a".repeat(60_000) + "!", "x".repeat(60_000), "ab".repeat(30_000), "a,".repeat(30_000)];
    for pattern in [
        "(?=.*z)(a|a)*b",
        r"\A(?=(a+))(?:\1)+b",
        "(?!z)(a+a+)+b",
        r"(a+)(?:\1)\z",
        r"(?<!x)[a-z]+\.php(?!x)",
        r"(?:(?:a*)*)*(?=b)c",
        r"(?>a*)*(?!a)b",
        r"((?:a|b|,)*)(?:\1)(?:\1)c",
        r"(?:(?=a)a|(?=a)aa)*b",
    ] {
        for text in &texts {
            let _either = metered(pattern).captures(text.as_bytes());
        }
    }
    assert!(metered(r"(a+)(?:\1)\z").captures(texts[0].as_bytes()).is_err());
}

#[test]
fn ordinary_expressions_come_to_an_end_on_long_fields() {
    let text = "session=0123456789abcdef; ".repeat(2_500);
    for pattern in [r"(?<!not)session=(?!0)", r"\A(?!.*(?:bot|crawl)).*\z", r"/\.(?!well-known)", "(?<![a-z])x(?=y)"] {
        assert!(metered(pattern).captures(text.as_bytes()).is_ok(), "{pattern}");
    }
}

#[test]
fn what_is_left_out_is_told() {
    for pattern in [r"(?<=a+)b", r"(?<=a|b*)c", r"\Ga"] {
        assert!(Metered::compile(pattern, false, 50_000).is_none(), "{pattern}");
    }
    assert!(Metered::compile("(?:ab(?=c)){1000}", false, 50_000).is_some());
    assert!(Metered::compile("(?:(?:abcd){1000}){1000}(?=e)", false, 50_000).is_none());
}

/// Expressions of a few letters, with everything that the matcher knows.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[abc]",
        1 => Just("[^a]".to_owned()),
        1 => Just("(?s:.)".to_owned()),
        1 => Just(r"[^\n]".to_owned()),
        1 => Just(r"\A".to_owned()),
        1 => Just(r"\z".to_owned()),
        1 => Just(r"\b".to_owned()),
        1 => Just("(?m:^)".to_owned()),
        1 => Just("(?m:$)".to_owned()),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            2 => inner.clone().prop_map(|inner| format!("({inner})")),
            2 => (turns(inner.clone()), "[*+?]|\\{1,2\\}|\\{2\\}|\\{0,2\\}", "[?+]?")
                .prop_map(|(inner, times, kind)| format!("(?:{inner}){times}{kind}")),
            1 => (inner.clone(), "[=!]").prop_map(|(inner, kind)| format!("(?{kind}{inner})")),
            1 => (inner.clone(), "[=!]").prop_map(|(inner, kind)| format!("(?<{kind}{inner})")),
            1 => inner.clone().prop_map(|inner| format!("(?>{inner})")),
            1 => inner.prop_map(|inner| format!(r"({inner})(?:\1)")),
        ]
    })
}

/// What may be repeated where the engines are compared. A turn that matches nothing ends a repetition, as in PCRE; the
/// other engine tries further ways through it.
fn turns(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    const MAY_MATCH_NOTHING: [&str; 12] =
        ["(?m:", r"\A", r"\z", r"\b", "(?=", "(?!", "(?<", ")*", ")?", "){0", r"\1", "(?>"];
    inner.prop_filter("a turn must match something", |inner| !MAY_MATCH_NOTHING.iter().any(|part| inner.contains(part)))
}

#[test]
fn a_turn_that_matches_nothing_ends_a_repetition() {
    assert_eq!(found("(?:(?m:$)|[^a])+(?=)", "bcc\n\n\na").unwrap(), ["bcc"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn both_engines_agree(pattern in pattern(), text in "[abc\n]{0,8}") {
        agree(&format!("{pattern}(?=)"), text.as_bytes());
        agree(&pattern, text.as_bytes());
    }
}

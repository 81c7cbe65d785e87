//! Regular expressions as nginx's PCRE understands them, over bytes.
//!
//! The one type for every expression in a configuration: server names, locations, `rewrite`, `if`, `map`. Patterns are
//! read by `pcre`, which gives each PCRE spelling its meaning and refuses what has none here. What is regular in the
//! strict sense runs in linear time (crate `regex`); look-around, back-references, atomic groups and possessive
//! quantifiers run by backtracking with a limit on the steps (`metered`), so that no request stops a worker. The few that
//! `metered` leaves out run by the crate `fancy-regex`, on short texts.
//!
//! A pattern and its text are bytes, as in PCRE without UTF mode: `.` is one byte, `\w`, `\d`, `\s` and the case of
//! letters are those of ASCII, and `é+` repeats its last byte. A pattern that begins with `(*UTF8)` works on characters
//! instead; then `\w` and the like know all of Unicode, and no part of a text that is not UTF-8 matches.

mod known;
mod metered;
mod pcre;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use fancy_regex::BytesMode;
use thiserror::Error;

use self::metered::Metered;
use self::pcre::{LineEnd, Translation};

/// A compiled regular expression; cheap to clone.
#[derive(Clone)]
pub struct Regex {
    compiled: Arc<Compiled>,
}

struct Compiled {
    pattern: String,
    case_insensitive: bool,
    engine: Engine,
    /// For the rare text that ends with a line feed, before which PCRE's `$` matches as well; none without a `$`.
    before_line_feed: Option<OnceLock<Option<Engine>>>,
    names: Names,
    groups_kept: usize,
}

/// Named groups and their numbers.
type Names = Arc<[(Box<str>, usize)]>;

enum Engine {
    Linear(::regex::bytes::Regex),
    Metered(Box<Metered>),
    Backtracking(Box<fancy_regex::Regex>),
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason} in the regular expression \"{pattern}\"{}", position_text(*.position))]
pub struct RegexError {
    pattern: String,
    reason: String,
    position: Option<usize>,
}

/// A text on which an expression did not come to an end: neither a match nor none, so the request fails (500).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the regular expression \"{pattern}\" took too many steps on a text of {text_bytes} bytes")]
pub struct MatchError {
    pattern: String,
    text_bytes: usize,
}

/// Where a match and its groups lie in the text; independent of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captures {
    ranges: Box<[Option<Range<usize>>]>,
    names: Option<Names>,
}

impl Regex {
    /// Compiles a pattern in PCRE's syntax; `case_insensitive` as `~*` and `(?i)` say.
    ///
    /// # Errors
    /// The pattern is wrong, uses what is not supported (recursion, `(?|`), or exceeds a limit on its size.
    pub fn new(pattern: &str, case_insensitive: bool) -> Result<Regex, RegexError> {
        if let Some(compiled) = known::find(pattern, case_insensitive) {
            return Ok(Regex { compiled });
        }
        let compiled = Arc::new(Compiled::new(pattern, case_insensitive)?);
        known::keep(&compiled);
        Ok(Regex { compiled })
    }

    /// The pattern as written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.compiled.pattern
    }

    /// Whether it was compiled to match letters in either case; what the pattern itself says does not count.
    #[must_use]
    pub fn ignores_case(&self) -> bool {
        self.compiled.case_insensitive
    }

    /// The named groups and their numbers, in the order of the pattern.
    pub fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.compiled.names.iter().map(|(name, group)| (&**name, *group))
    }

    /// Whether the expression matches anywhere in `text`.
    ///
    /// # Errors
    /// The limit on the steps was reached.
    pub fn is_match(&self, text: &[u8]) -> Result<bool, MatchError> {
        match self.engine_for(text)? {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Metered(regex) => Ok(regex.captures(text).map_err(|_| self.gave_up(text))?.is_some()),
            Engine::Backtracking(regex) if text.len() <= TEXT_BYTES_MAX => {
                regex.is_match(text).map_err(|_| self.gave_up(text))
            }
            Engine::Backtracking(_) => Err(self.gave_up(text)),
        }
    }

    /// The leftmost match in `text` with its groups 0 to 9 and all named ones; none if there is no match.
    ///
    /// # Errors
    /// The limit on the steps was reached.
    pub fn captures(&self, text: &[u8]) -> Result<Option<Captures>, MatchError> {
        let kept = self.compiled.groups_kept;
        let ranges: Option<Box<[_]>> = match self.engine_for(text)? {
            Engine::Linear(regex) if kept == 1 => {
                regex.find(text).map(|whole| Box::new([Some(whole.range())]) as Box<[_]>)
            }
            Engine::Linear(regex) => regex
                .captures(text)
                .map(|groups| (0..kept).map(|group| groups.get(group).map(|found| found.range())).collect()),
            Engine::Metered(regex) => regex.captures(text).map_err(|_| self.gave_up(text))?.map(|groups| {
                let kept = groups.into_iter().take(kept).collect::<Vec<_>>();
                kept.into_boxed_slice()
            }),
            Engine::Backtracking(_) if text.len() > TEXT_BYTES_MAX => return Err(self.gave_up(text)),
            Engine::Backtracking(regex) => regex
                .captures(text)
                .map_err(|_| self.gave_up(text))?
                .map(|groups| (0..kept).map(|group| groups.get(group).map(|found| found.range())).collect()),
        };
        let names = &self.compiled.names;
        Ok(ranges.map(|ranges| Captures { ranges, names: (!names.is_empty()).then(|| Arc::clone(names)) }))
    }

    /// The engine whose `$` is right for `text`; the second one is built when first needed.
    fn engine_for(&self, text: &[u8]) -> Result<&Engine, MatchError> {
        let compiled = &*self.compiled;
        match &compiled.before_line_feed {
            Some(second) if text.last() == Some(&b'\n') => second
                .get_or_init(|| {
                    let translation = pcre::translate(&compiled.pattern, LineEnd::BeforeLastLineFeed).ok()?;
                    Engine::build(&translation, compiled.case_insensitive).ok()
                })
                .as_ref()
                .ok_or_else(|| self.gave_up(text)),
            _ => Ok(&compiled.engine),
        }
    }

    fn gave_up(&self, text: &[u8]) -> MatchError {
        MatchError { pattern: self.compiled.pattern.clone(), text_bytes: text.len() }
    }
}

impl Compiled {
    fn new(pattern: &str, case_insensitive: bool) -> Result<Self, RegexError> {
        let fail = |reason: String, position| RegexError { pattern: pattern.to_owned(), reason, position };
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(fail(format!("more than {PATTERN_BYTES_MAX} bytes"), None));
        }
        let translate =
            |line_end| pcre::translate(pattern, line_end).map_err(|error| fail(error.reason, Some(error.position)));
        let mut translation = translate(LineEnd::TextEnd)?;
        let needs_second = translation.has_line_end && !translation.backtracking;
        if translation.has_line_end && translation.backtracking {
            translation = translate(LineEnd::BeforeLastLineFeed)?;
        }
        let engine = Engine::build(&translation, case_insensitive).map_err(|reason| fail(reason, None))?;
        Ok(Self {
            pattern: pattern.to_owned(),
            case_insensitive,
            engine,
            before_line_feed: needs_second.then(OnceLock::new),
            groups_kept: groups_kept(&translation),
            names: translation.names.into(),
        })
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Regex")
            .field("pattern", &self.compiled.pattern)
            .field("case_insensitive", &self.compiled.case_insensitive)
            .finish()
    }
}

impl RegexError {
    /// What is wrong, without the pattern.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Where in the pattern, as a byte offset, if it is one place.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.position
    }
}

impl Captures {
    /// Where the group with this number (0: the whole match) lies in the text; none if it took no part in the match,
    /// or is an unnamed one above 9.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<Range<usize>> {
        self.ranges.get(group)?.clone()
    }

    /// Where the group with this name lies in the text; none if there is none or it took no part in the match.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<Range<usize>> {
        let (_, group) = self.names.iter().flat_map(|names| names.iter()).find(|(own, _)| &**own == name)?;
        self.get(*group)
    }
}

impl Engine {
    fn build(translation: &Translation, case_insensitive: bool) -> Result<Engine, String> {
        if !translation.backtracking {
            return ::regex::bytes::RegexBuilder::new(&translation.text)
                .unicode(translation.unicode)
                .case_insensitive(case_insensitive)
                .size_limit(PROGRAM_BYTES_MAX)
                .dfa_size_limit(CACHE_BYTES_MAX)
                .build()
                .map(Engine::Linear)
                .map_err(|error| match error {
                    ::regex::Error::CompiledTooBig(limit) => {
                        format!("more than {limit} bytes when compiled")
                    }
                    error => last_line(&error.to_string()),
                });
        }
        if !translation.unicode
            && let Some(metered) = Metered::compile(&translation.text, case_insensitive, INSTRUCTIONS_MAX)
        {
            return Ok(Engine::Metered(Box::new(metered)));
        }
        fancy_regex::RegexBuilder::new(&translation.text)
            .unicode_mode(translation.unicode)
            .bytes_mode(if translation.unicode { BytesMode::UnicodeBytes } else { BytesMode::Ascii })
            .case_insensitive(case_insensitive)
            .backtrack_limit(BACKTRACKS_MAX)
            .max_prog_size(INSTRUCTIONS_MAX)
            .delegate_size_limit(PROGRAM_BYTES_MAX)
            .delegate_dfa_size_limit(CACHE_BYTES_MAX)
            .build()
            .map(|regex| Engine::Backtracking(Box::new(regex)))
            .map_err(|error| match error {
                // Its position is one in the pattern as translated.
                fancy_regex::Error::ParseError(_, error) => error.to_string().to_lowercase(),
                error => last_line(&error.to_string()),
            })
    }
}

/// `$1` to `$9` and the whole match, and as many more as it takes to reach every named group.
fn groups_kept(translation: &Translation) -> usize {
    let numbered = translation.groups.min(GROUPS_NUMBERED_MAX);
    let named = translation.names.iter().map(|&(_, group)| group).max();
    numbered.max(named.unwrap_or(0)) + 1
}

/// The gist of a library's message: it ends with it, after an excerpt of the pattern as translated.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or(message);
    line.trim().trim_start_matches("error: ").to_owned()
}

fn position_text(position: Option<usize>) -> String {
    position.map_or_else(String::new, |position| format!(" at position {position}"))
}

/// nginx's variables are `$1` to `$9`.
const GROUPS_NUMBERED_MAX: usize = 9;
/// nginx's longest configuration word is below this.
const PATTERN_BYTES_MAX: usize = 16 * 1024;
/// Of a compiled expression: a tenth of what `regex` allows, and far more than any location needs.
const PROGRAM_BYTES_MAX: usize = 1024 * 1024;
/// Of the states an expression's automaton keeps in each thread; beyond, it forgets them and starts again.
const CACHE_BYTES_MAX: usize = 512 * 1024;
/// Of the program of a backtracking expression.
const INSTRUCTIONS_MAX: usize = 50_000;
/// How often an expression that is not metered may go back. Each time it may look at the whole text, so that has a limit,
/// too: together they bound a search to some tenths of a second.
const BACKTRACKS_MAX: usize = 10_000;
/// Of a text that an expression which is not metered is tried on.
const TEXT_BYTES_MAX: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(pattern: &str) -> Regex {
        Regex::new(pattern, false).unwrap_or_else(|error| panic!("{error}"))
    }

    fn matches(pattern: &str, text: impl AsRef<[u8]>) -> bool {
        regex(pattern).is_match(text.as_ref()).unwrap()
    }

    /// The text of each group, `-` for one that took no part.
    fn groups(pattern: &str, text: &str) -> Vec<String> {
        let captures = regex(pattern).captures(text.as_bytes()).unwrap();
        let captures = captures.unwrap_or_else(|| panic!("{pattern} does not match {text}"));
        (0..captures.ranges.len())
            .map(|group| captures.get(group).map_or("-", |range| &text[range]).to_owned())
            .collect()
    }

    #[track_caller]
    fn refused(pattern: &str, position: usize, reason: &str) {
        let error = Regex::new(pattern, false).unwrap_err();
        assert_eq!((error.reason(), error.position()), (reason, Some(position)), "{pattern}");
    }

    #[test]
    fn patterns_of_everyday_configurations_match() {
        assert!(matches(r"\.php$", "/index.php"));
        assert!(!matches(r"\.php$", "/index.php5"));
        assert!(matches(r"^/(images|css)\/.*\.(?:png|css)$", "/css/a.css"));
        assert!(matches(r"^/[0-9]{4}/[\w-]+/", "/2024/some-post/"));
        assert!(matches(r"\.(?!well-known)", "/.git") && !matches(r"/\.(?!well-known)", "/.well-known/x"));
        assert_eq!(groups("^(.+?\\.php)(/.*)?$", "/a.php/b/c"), ["/a.php/b/c", "/a.php", "/b/c"]);
        assert_eq!(groups("^(a)|(b)$", "b"), ["b", "-", "b"]);
    }

    #[test]
    fn case_is_ignored_by_flag_and_by_option() {
        let regex = Regex::new(r"\.(JPG|png)$", true).unwrap();
        assert!(regex.is_match(b"/a.jpg").unwrap() && regex.is_match(b"/a.PNG").unwrap());
        assert!(matches("(?i)abc", "ABC") && matches("a(?i)b|c", "C") && matches("a(?i:b)c", "aBc"));
        assert!(!matches("a(?i:b)c", "aBC") && !matches("(a(?i)b)c", "aBC"));
        assert!(matches("(?i)[a-c]{3}", "AbC") && matches(r"(?i)(x)\1(?=[y])", "XxY"));
    }

    #[test]
    fn names_are_kept_however_they_are_spelt() {
        for pattern in ["^(?<user>[^.]+)", "^(?P<user>[^.]+)", "^(?'user'[^.]+)"] {
            let regex = regex(pattern);
            assert_eq!(regex.names().collect::<Vec<_>>(), [("user", 1)]);
            let captures = regex.captures(b"anna.example.org").unwrap().unwrap();
            assert_eq!((captures.name("user"), captures.name("other")), (Some(0..4), None));
        }
    }

    #[test]
    fn a_named_group_is_kept_beyond_nine_and_an_unnamed_one_is_not() {
        let many = regex("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(?<last>.)(.)");
        let captures = many.captures(b"abcdefghijkl").unwrap().unwrap();
        assert_eq!((captures.get(9), captures.name("last"), captures.get(12)), (Some(8..9), Some(10..11), None));
    }

    #[test]
    fn look_around_and_references_work_on_any_bytes() {
        assert!(matches(r"(?<!/admin)/x", b"\xff\xfe/x") && !matches(r"(?<!/admin)/x", "/admin/x"));
        assert_eq!(groups(r"(?<a>\w)\k<a>", "xyy"), ["yy", "y"]);
        assert_eq!(groups(r"(?<a>\w)(.)\2\g{-2}(?P=a)", "yabbaa"), ["abbaa", "a", "b"]);
        assert!(matches(r"(.)\1", b"a\xff\xffb") && !matches(r"(.)\1", b"\xfe\xff"));
        assert!(matches("^(a)?(?(1)b|c)$", "ab") && !matches("^(a)?(?(1)b|c)$", "b"));
    }

    #[test]
    fn possessive_and_atomic_do_not_give_back() {
        assert!(!matches("^a++a", "aaa") && matches("^a++b", "aab") && !matches("^(?>a*)a", "aaa"));
        assert!(!matches("^a{1,2}+a$", "aa") && !matches("^(ab)?+ab$", "ab") && matches("^a*+$", ""));
    }

    #[test]
    fn escapes_mean_what_pcre_says() {
        assert!(matches(r"^\h+$", "\t ") && !matches(r"\h", "a") && matches(r"^[\H]$", "a"));
        assert!(matches(r"\Aa\z", "a") && matches(r"a\Z", "a\n") && !matches(r"a\z", "a\n"));
        assert!(matches(r"^\/\-\_\<\>\@\#\ \%$", "/-_<>@# %"));
        assert!(matches(r"^\x41\x{42}\103\t\e\cA$", "ABC\t\x1b\x01") && matches(r"^\Qa.b*\E+$", "a.b**"));
        assert!(matches(r"^\v\R\N$", "\x0b\r\nx") && !matches(r"^\R\n$", "\r\n"));
        assert!(matches(r"a\Kb", "ab"));
        assert_eq!(groups(r"a\Kb", "ab"), ["b"]);
    }

    #[test]
    fn braces_and_brackets_are_literal_where_pcre_says_so() {
        assert!(
            matches("^a{$", "a{") && matches("^{a}$", "{a}") && matches("^a{,2}$", "a{,2}") && matches("^x]$", "x]")
        );
        assert!(
            matches("^[]a]+$", "]a") && matches("^[^]]$", "a") && matches("^[a[]+$", "[a") && matches("^[&&~~-]$", "&")
        );
        assert!(matches(r"^[\w-.]+$", "a-.") && matches(r"^[\b\x41\101\-\]]+$", "\x08A-]") && matches("^[a-]+$", "-a"));
        assert!(matches("^[[:alpha:][:^ascii:]_]+$", b"a\xff_") && !matches("^[[:digit:]]$", "a"));
    }

    #[test]
    fn inline_flags_reach_to_the_end_of_their_group() {
        assert!(matches("(?s)a.b", "a\nb") && !matches("a.b", "a\nb") && matches("(?m)^b$", "a\nb\nc"));
        assert!(matches("(?x) a b # both\n c", "abc") && matches("(?:(?x) a ) b", "a b"));
        assert_eq!(groups("(?U)(a+)(a+?)", "aaa"), ["aaa", "a", "aa"]);
        assert_eq!(groups("(?n)(a)(?<x>b)", "ab"), ["ab", "b"]);
    }

    #[test]
    fn a_dollar_matches_before_a_last_line_feed_too() {
        assert!(matches(r"\.php$", "/a.php\n") && !matches(r"\.php$", "/a.php\n\n"));
        assert!(matches(r"(?<=p)hp$", "/a.php\n") && !matches(r"(?<=p)hp$", "/a.php\nx"));
        assert_eq!(groups("^(.*)$", "ab\n"), ["ab", "ab"]);
    }

    #[test]
    fn text_is_bytes_unless_the_pattern_asks_for_characters() {
        assert!(matches("^..$", "é") && !matches("^.$", "é") && matches(r"^\W\W$", "é"));
        assert!(matches("^é$", "é") && matches("^[é]{2}$", "é") && matches("^é+$", b"\xc3\xa9\xa9"));
        assert!(matches("(*UTF8)^.$", "é") && matches("(*UTF8)^[à-é]+$", "é") && matches(r"(*UTF8)^\p{L}$", "é"));
        assert!(matches("(*UTF8)(?i)^É$", "é") && !matches("(*UTF8)^.$", b"\xff"));
    }

    #[test]
    fn errors_name_their_position() {
        refused("a(b", 1, "missing \")\"");
        refused("ab)", 2, "unmatched \")\"");
        refused("[a-", 0, "missing \"]\"");
        refused("[z-a]", 1, "the range is out of order");
        refused("a**", 2, "nothing to repeat");
        refused("(|*a)", 2, "nothing to repeat");
        refused("a$*", 2, "nothing to repeat");
        refused("(?!a)+", 5, "nothing to repeat");
        refused("a{3,2}", 1, "the numbers are out of order");
        refused(r"a\y", 1, "unknown escape \"\\y\"");
        refused("a\\", 1, "\"\\\" at the end");
        refused(r"(a)\2", 3, "there is no group 2");
        refused(r"\k<x>", 0, "there is no group \"x\"");
        refused("(?<a>.)(?<a>.)", 7, "a second group named \"a\"");
        refused("(?<1a>.)", 0, "a group's name is letters, digits and \"_\", at most 32, no digit first");
        refused("a(?R)", 1, "recursion is not supported");
        refused("(?|a|b)", 0, "\"(?|\" is not supported");
        refused("(?k)", 2, "unknown flag \"k\"");
        refused(r"\p{L}", 0, "\"\\p\" needs \"(*UTF8)\" at the start");
        refused("[[:letter:]]", 1, "unknown class \"[:letter:]\"");
        refused(&"(".repeat(1_000), 50, "groups nest too deep");
        let text = Regex::new("a(b", false).unwrap_err().to_string();
        assert_eq!(text, "missing \")\" in the regular expression \"a(b\" at position 1");
    }

    #[test]
    fn size_is_limited() {
        assert!(Regex::new(&"a".repeat(PATTERN_BYTES_MAX + 1), false).is_err());
        assert!(Regex::new("((a{500}){500}){500}", false).is_err());
        assert!(Regex::new(r"(?=((a{500}){500}){500})", false).is_err());
        assert!(Regex::new(&"a".repeat(PATTERN_BYTES_MAX), false).is_ok());
    }

    #[test]
    fn endless_backtracking_is_an_error_not_a_stop() {
        let text = [&[b'a'; 60][..], b"!"].concat();
        let error = regex(r"^(?:(a|aa)\1?)+$").is_match(&text).unwrap_err();
        let message = error.to_string();
        assert!(message.ends_with("took too many steps on a text of 61 bytes"), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_compiles_or_is_refused(pattern in r"([a-c(){}\[\]\\|?*+.^$<>=!:,0-9 -]|\\[a-zA-Z0-9]|\(\?[<=!:>imsx|'P#]|[é\n]){0,16}", text in "[a-c é\n]{0,12}") {
            if let Ok(regex) = Regex::new(&pattern, false) {
                let _ = regex.captures(text.as_bytes()); // must not panic
            }
        }

        #[test]
        fn plain_words_match_themselves(text in "[ -~é]{0,20}") {
            let pattern: String = text.chars().flat_map(|c| {
                let escape = !c.is_alphanumeric();
                escape.then_some('\\').into_iter().chain([c])
            }).collect();
            let captures = regex(&pattern).captures(text.as_bytes()).unwrap().unwrap();
            proptest::prop_assert_eq!(captures.get(0), Some(0..text.len()));
        }
    }
}

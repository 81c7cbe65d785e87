//! The form of a condition, `(VARIABLE)`, `(VARIABLE OPERATOR VALUE)` or `(TEST PATH)`: words to parts.
//!
//! As in nginx the parentheses may be glued to the words or stand alone, and all else stands between white space. Called
//! by `condition`, which compiles the parts. Pure: it knows words and bytes, and what is wrong with them.

use std::ops::Range;

/// What the words say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `$variable`.
    Variable(Part),
    /// `$variable = text` and its like.
    Compare { variable: Part, comparison: Comparison, negated: bool, value: Part },
    /// `-f path` and its like.
    File { test: FileTest, negated: bool, path: Part },
}

/// How a variable is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `=`, `!=`.
    Text,
    /// `~`, `!~`; `~*`, `!~*`.
    Regex { any_case: bool },
}

/// What a path is tested for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileTest {
    /// `-f`: a regular file.
    Regular,
    /// `-d`: a folder.
    Directory,
    /// `-e`: either.
    Exists,
    /// `-x`: executable by its owner.
    Executable,
}

/// A word without parentheses: its number, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) word: usize,
    pub(super) range: Range<usize>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) at: Part,
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

impl Part {
    fn text<'w>(&self, words: &[&'w str]) -> &'w str {
        words.get(self.word).and_then(|word| word.get(self.range.clone())).unwrap_or_default()
    }
}

impl Problem {
    /// nginx's text for most of them.
    fn invalid(at: &Part, words: &[&str], label: impl Into<String>) -> Self {
        let message = format!("invalid condition \"{}\"", at.text(words));
        Self { at: at.clone(), message, label: label.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Finds the parts in the words behind `if`.
pub(super) fn parse(words: &[&str]) -> Result<Form, Problem> {
    let parts = without_parentheses(words)?;
    let first = &parts[0];
    let text = first.text(words);
    if text.starts_with('$') {
        return variable(&parts, words);
    }
    if let Some(test) = text.strip_prefix('!').unwrap_or(text).strip_prefix('-') {
        return file(&parts, words, test);
    }
    Err(match (text, parts.get(1)) {
        ("!", Some(next)) if next.text(words).starts_with('-') => {
            Problem::invalid(first, words, format!("expected `!{}`, without white space", next.text(words)))
        }
        _ if text.starts_with("!$") => Problem::invalid(first, words, "`!` stands before the tests of files alone")
            .help(format!("for empty or `0` write `if ({} ~ ^0?$)`", &text[1..])),
        _ if text.starts_with("\"$") || text.starts_with("'$") => {
            Problem::invalid(first, words, "the variable stands without quotes")
        }
        _ => Problem::invalid(first, words, "expected `$` and a variable's name, or `-f`, `-d`, `-e` or `-x`"),
    })
}

/// The words within the parentheses: at least one.
fn without_parentheses(words: &[&str]) -> Result<Vec<Part>, Problem> {
    let whole = |word: usize| Part { word, range: 0..words.get(word).map_or(0, |text| text.len()) };
    let last = words.len().saturating_sub(1);
    let begin = words.first().copied().unwrap_or_default();
    let end = words.last().copied().unwrap_or_default();
    if !begin.starts_with('(') {
        return Err(Problem::invalid(&whole(0), words, "expected `(` before the condition"));
    }
    if !end.ends_with(')') {
        return Err(Problem::invalid(&whole(last), words, "expected `)` behind the condition"));
    }
    let mut parts: Vec<Part> = (0..words.len()).map(whole).collect();
    parts[0].range.start += 1;
    parts[last].range.end -= 1;
    // A parenthesis that stands alone is no part; an empty word in quotes is one.
    if last > 0 && end == ")" {
        parts.pop();
    }
    if begin == "(" || (last == 0 && end == "()") {
        parts.remove(0);
    }
    if parts.is_empty() {
        return Err(Problem::invalid(&whole(last), words, "expected a condition between the parentheses"));
    }
    Ok(parts)
}

fn variable(parts: &[Part], words: &[&str]) -> Result<Form, Problem> {
    let first = &parts[0];
    check_name(first, parts, words)?;
    let (operator, value) = match parts {
        [variable] => return Ok(Form::Variable(variable.clone())),
        [_, operator] => {
            let known = operator_of(operator.text(words)).is_some();
            let label = if known { "expected a value behind it" } else { "expected an operator and a value" };
            let problem = Problem::invalid(operator, words, label);
            return Err(if known { problem.help("write `\"\"` for the empty text") } else { problem });
        }
        [_, operator, value] => (operator, value),
        [_, operator, _, further, ..] => {
            operator_or_problem(operator, words)?;
            return Err(too_many(further, words));
        }
        [] => return Err(Problem::invalid(first, words, "expected a condition")),
    };
    let (comparison, negated) = operator_or_problem(operator, words)?;
    Ok(Form::Compare { variable: first.clone(), comparison, negated, value: value.clone() })
}

/// A variable stands alone, and what is compared with it behind white space.
fn check_name(first: &Part, parts: &[Part], words: &[&str]) -> Result<(), Problem> {
    let text = first.text(words);
    let name = &text[1..];
    if let Some(inner) = name.strip_prefix('{') {
        let inner = inner.split('}').next().unwrap_or_default();
        return Err(Problem::invalid(first, words, format!("expected `${inner}`, without braces")));
    }
    let length = name.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let (name, rest) = name.split_at(length);
    if name.is_empty() {
        return Err(Problem::invalid(first, words, "expected a variable's name behind `$`"));
    }
    if !rest.is_empty() {
        let operator = rest.len() - rest.trim_start_matches(['=', '!', '~', '*', '<', '>']).len();
        if operator == 0 {
            return Err(Problem::invalid(first, words, "a variable's name is letters, digits and `_`"));
        }
        let (operator, value) = rest.split_at(operator);
        let value = if value.is_empty() { parts.get(1).map_or("VALUE", |next| next.text(words)) } else { value };
        let problem = Problem::invalid(first, words, "expected white space around the operator");
        return Err(problem.help(format!("write `if (${name} {operator} {value})`")));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("unknown \"{name}\" variable");
        let label = "a condition does not look at groups".to_owned();
        let help = Some(format!("write `set $group ${name};` before it, and `$group` here"));
        return Err(Problem { at: first.clone(), message, label, help });
    }
    Ok(())
}

fn operator_or_problem(operator: &Part, words: &[&str]) -> Result<(Comparison, bool), Problem> {
    let text = operator.text(words);
    operator_of(text).ok_or_else(|| {
        let label = match text {
            "==" | "===" | "eq" | "is" => "did you mean `=`?",
            "!==" | "<>" | "ne" => "did you mean `!=`?",
            "=~" => "did you mean `~`?",
            "*~" | "~=" | "=~*" => "did you mean `~*`?",
            "!*~" | "!=~" => "did you mean `!~`?",
            "&&" | "||" | "and" | "or" => "a condition is one test; there is no `and` and no `or`",
            _ if text.starts_with(['=', '!', '~']) && text.len() > 1 => "expected white space behind the operator",
            _ => "expected `=`, `!=`, `~`, `~*`, `!~` or `!~*`",
        };
        let message = format!("unexpected \"{text}\" in condition");
        Problem { at: operator.clone(), message, label: label.to_owned(), help: None }
    })
}

fn operator_of(text: &str) -> Option<(Comparison, bool)> {
    Some(match text {
        "=" => (Comparison::Text, false),
        "!=" => (Comparison::Text, true),
        "~" => (Comparison::Regex { any_case: false }, false),
        "~*" => (Comparison::Regex { any_case: true }, false),
        "!~" => (Comparison::Regex { any_case: false }, true),
        "!~*" => (Comparison::Regex { any_case: true }, true),
        _ => return None,
    })
}

fn file(parts: &[Part], words: &[&str], test: &str) -> Result<Form, Problem> {
    let first = &parts[0];
    let test = match test {
        "f" => FileTest::Regular,
        "d" => FileTest::Directory,
        "e" => FileTest::Exists,
        "x" => FileTest::Executable,
        _ => return Err(Problem::invalid(first, words, "expected `-f`, `-d`, `-e` or `-x`")),
    };
    match parts {
        [_, path] => Ok(Form::File { test, negated: first.text(words).starts_with('!'), path: path.clone() }),
        [_, _, further, ..] => Err(too_many(further, words)),
        _ => Err(Problem::invalid(first, words, "expected a path behind it")),
    }
}

fn too_many(further: &Part, words: &[&str]) -> Problem {
    match further.text(words) {
        "&&" | "||" | "and" | "or" | "AND" | "OR" => {
            Problem::invalid(further, words, "a condition is one test; there is no `and` and no `or`")
                .help("collect several conditions in a variable with `set`, and test that")
        }
        _ => Problem::invalid(further, words, "expected `)` before it").help("put a value with white space in quotes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a condition as the grammar gives them: between white space, quotes taken away, and what follows a
    /// closing quote is a word of its own.
    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (word, after) = match rest.strip_prefix('"').and_then(|inner| inner.split_once('"')) {
                Some(split) => split,
                None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
            };
            words.push(word.to_owned());
            rest = after.trim_start();
        }
        words
    }

    /// The parts and what is between them: `is $a`, `$a = b`, `not $a ~* b`, `-f $a`.
    fn form(text: &str) -> String {
        let words = words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let not = |negated| if negated { "not " } else { "" };
        match parse(&words).unwrap_or_else(|problem| panic!("{text}: {problem:?}")) {
            Form::Variable(variable) => format!("is {}", variable.text(&words)),
            Form::Compare { variable, comparison, negated, value } => {
                let sign = match comparison {
                    Comparison::Text => "=",
                    Comparison::Regex { any_case: false } => "~",
                    Comparison::Regex { any_case: true } => "~*",
                };
                format!("{}{} {sign} {}", not(negated), variable.text(&words), value.text(&words))
            }
            Form::File { test, negated, path } => format!("{}{test:?} {}", not(negated), path.text(&words)),
        }
    }

    /// The word that is wrong, and what is said of it.
    fn problem(text: &str) -> String {
        let words = words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let problem = parse(&words).expect_err(text);
        let help = problem.help.map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}: {}{help}", problem.at.text(&words), problem.label)
    }

    #[test]
    fn parentheses_are_glued_or_stand_alone() {
        for text in ["($a = b)", "( $a = b )", "($a = b )", "( $a = b)", "($a = \"b\")", "($a = \"b\" )"] {
            assert_eq!(form(text), "$a = b", "{text}");
        }
        for text in ["($a)", "( $a )", "($a )", "( $a)"] {
            assert_eq!(form(text), "is $a", "{text}");
        }
    }

    #[test]
    fn the_last_parenthesis_alone_is_taken_away() {
        assert_eq!(form("($a ~ ^/(b|c)$)"), "$a ~ ^/(b|c)$");
        assert_eq!(form("($a ~ (b))"), "$a ~ (b)");
        assert_eq!(form("($a ~ \"(b)\")"), "$a ~ (b)");
        assert_eq!(form("($a = ( )"), "$a = (");
    }

    #[test]
    fn a_variable_is_compared_in_six_ways() {
        assert_eq!(form("($a != b)"), "not $a = b");
        assert_eq!(form("($a ~ b)"), "$a ~ b");
        assert_eq!(form("($a ~* b)"), "$a ~* b");
        assert_eq!(form("($a !~ b)"), "not $a ~ b");
        assert_eq!(form("($a !~* b)"), "not $a ~* b");
        assert_eq!(form("($a = \"\")"), "$a = ");
        assert_eq!(form("($a ~ \"x y\")"), "$a ~ x y");
        assert_eq!(form("($a = $b)"), "$a = $b");
    }

    #[test]
    fn a_path_is_tested_in_eight_ways() {
        for (letter, test) in [("f", "Regular"), ("d", "Directory"), ("e", "Exists"), ("x", "Executable")] {
            assert_eq!(form(&format!("(-{letter} $a/b)")), format!("{test} $a/b"));
            assert_eq!(form(&format!("(!-{letter} $a/b)")), format!("not {test} $a/b"));
        }
        assert_eq!(form("( -f \"x y\" )"), "Regular x y");
    }

    #[test]
    fn a_missing_parenthesis_is_named() {
        assert_eq!(problem("$a = b)"), "$a: expected `(` before the condition");
        assert_eq!(problem("$a"), "$a: expected `(` before the condition");
        assert_eq!(problem("($a = b"), "b: expected `)` behind the condition");
        assert_eq!(problem("("), "(: expected `)` behind the condition");
        for text in ["()", "( )"] {
            assert!(problem(text).ends_with(": expected a condition between the parentheses"), "{text}");
        }
    }

    #[test]
    fn words_that_are_glued_are_to_be_parted() {
        assert_eq!(problem("($a=b)"), "$a=b: expected white space around the operator; write `if ($a = b)`");
        assert_eq!(problem("($a= b)"), "$a=: expected white space around the operator; write `if ($a = b)`");
        assert_eq!(problem("($a!~b)"), "$a!~b: expected white space around the operator; write `if ($a !~ b)`");
        assert_eq!(problem("($a =b)"), "=b: expected an operator and a value");
        assert_eq!(problem("($a =b c)"), "=b: expected white space behind the operator");
        assert_eq!(problem("(! -f a)"), "!: expected `!-f`, without white space");
    }

    #[test]
    fn an_operator_of_another_language_is_told_in_this_one() {
        assert_eq!(problem("($a == b)"), "==: did you mean `=`?");
        assert_eq!(problem("($a =~ b)"), "=~: did you mean `~`?");
        assert_eq!(problem("($a < b)"), "<: expected `=`, `!=`, `~`, `~*`, `!~` or `!~*`");
        let one = "a condition is one test; there is no `and` and no `or`";
        assert_eq!(problem("($a && $b)"), format!("&&: {one}"));
        assert!(problem("($a = b && $b = c)").starts_with(&format!("&&: {one}; collect several")));
    }

    #[test]
    fn a_value_is_one_word() {
        assert_eq!(problem("($a = )"), "=: expected a value behind it; write `\"\"` for the empty text");
        assert!(problem("($a = b c)").starts_with("c: expected `)` before it; put a value"));
        assert_eq!(problem("(-f)"), "-f: expected a path behind it");
        assert!(problem("(-f a b)").starts_with("b: expected `)` before it"));
    }

    #[test]
    fn what_is_compared_is_a_variable_by_its_name() {
        assert_eq!(problem("(a = b)"), "a: expected `$` and a variable's name, or `-f`, `-d`, `-e` or `-x`");
        assert_eq!(problem("($ = b)"), "$: expected a variable's name behind `$`");
        assert_eq!(problem("(${a} = b)"), "${a}: expected `$a`, without braces");
        assert_eq!(problem("($a-b = c)"), "$a-b: a variable's name is letters, digits and `_`");
        assert!(problem("($1 = b)").ends_with("; write `set $group $1;` before it, and `$group` here"));
        assert_eq!(problem("(\"$a\" = b)"), "\"$a\": the variable stands without quotes");
        assert!(problem("(!$a)").ends_with("write `if ($a ~ ^0?$)`"));
        assert_eq!(problem("(-z $a)"), "-z: expected `-f`, `-d`, `-e` or `-x`");
    }

    proptest::proptest! {
        #[test]
        fn any_words_have_a_form_or_a_problem(words in proptest::collection::vec(r#"[()$a=!~*\-f{}" ]{0,6}|é"#, 0..5)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let Err(problem) = parse(&words) {
                proptest::prop_assert!(words.is_empty() || problem.at.word < words.len());
            }
        }
    }
}

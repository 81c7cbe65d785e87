//! Scripts that are refused, or warned of.

use crate::support::check_config;

/// What is said of lines of a server.
#[track_caller]
fn refused(lines: &str) -> String {
    let checked = check_config(&format!("events {{ }} http {{ server {{ {lines} }} }}"));
    assert!(!checked.ok, "accepted: {lines}");
    checked.output
}

#[track_caller]
fn warned(lines: &str) -> String {
    let checked = check_config(&format!("events {{ }} http {{ server {{ {lines} }} }}"));
    assert!(checked.ok, "{}", checked.output);
    checked.output
}

#[test]
fn a_wrong_condition_is_shown_with_what_to_write() {
    for (lines, reasons) in [
        ("if $uri = /a { }", ["invalid condition \"$uri\"", "expected `(` before the condition"]),
        ("if ($uri = /a { }", ["invalid condition \"/a\"", "expected `)` behind the condition"]),
        ("if ($uri == /a) { }", ["unexpected \"==\" in condition", "did you mean `=`?"]),
        ("if ($uri=/a) { }", ["invalid condition \"$uri=/a\"", "write `if ($uri = /a)`"]),
        ("if ($uri = ) { }", ["invalid condition \"=\"", "expected a value behind it"]),
        ("if (-z $uri) { }", ["invalid condition \"-z\"", "expected `-f`, `-d`, `-e` or `-x`"]),
        ("if ($1 = a) { }", ["unknown \"1\" variable", "write `set $group $1;` before it"]),
        ("if ($nothing) { }", ["unknown \"nothing\" variable", ""]),
        ("if ($uri ~ \"a(b\") { }", ["invalid regular expression \"a(b\"", "missing \")\""]),
        ("if { }", ["invalid number of arguments in \"if\" directive", "write `if (CONDITION) { ... }`"]),
        ("if ($uri = /a) ;", ["directive \"if\" has no opening \"{\"", ""]),
        ("if($uri = /a) { }", ["unknown directive \"if($uri\"", "expected white space between `if` and `(`"]),
    ] {
        let output = refused(lines);
        assert!(reasons.iter().all(|reason| output.contains(reason)), "{lines}: {output}");
    }
}

#[test]
fn the_caret_stands_under_what_is_wrong() {
    let output = refused("\nif ($uri ~ \"/[a\") {\n}\n");
    assert!(output.contains("if ($uri ~ \"/[a\") {\n  |              ^ missing \"]\""), "{output}");
}

#[test]
fn what_may_not_stand_in_an_if_is_named() {
    for (lines, name) in [
        ("location / { if ($uri) { alias /x; } }", "alias"),
        ("location / { if ($uri) { if ($args) { } } }", "if"),
        ("location / { if ($uri) { location /a { } } }", "location"),
        ("if ($uri) { add_header A b; }", "add_header"),
        ("if ($uri) { root /x; }", "root"),
    ] {
        let output = refused(lines);
        assert!(output.contains(&format!("\"{name}\" directive is not allowed here")), "{lines}: {output}");
    }
}

#[test]
fn settings_in_an_if_are_checked_like_others() {
    let output = refused("location / { if ($uri) { add_header A; error_page 99 /x; root /a; root /b; nonsense on; } }");
    for reason in
        ["arguments in \"add_header\"", "99", "\"root\" directive is duplicate", "unknown directive \"nonsense\""]
    {
        assert!(output.contains(reason), "{reason}: {output}");
    }
}

#[test]
fn what_takes_no_value_is_named() {
    for (lines, reason) in [
        ("set $uri /x;", "the duplicate \"uri\" variable"),
        ("set name x;", "invalid variable name \"name\""),
        ("set $ x;", "invalid variable name \"$\""),
        ("set ${a} x;", "expected `$a`, without braces"),
        ("set $a-b x;", "invalid variable name \"$a-b\""),
        ("set $1 x;", "invalid variable name \"$1\""),
        ("set $a;", "invalid number of arguments in \"set\" directive"),
    ] {
        let output = refused(lines);
        assert!(output.contains(reason), "{lines}: {output}");
    }
}

#[test]
fn several_mistakes_are_shown_at_once() {
    let output = refused("rewrite ( /a; rewrite ^ /b Last; if ($a == b) { set c d; } set $host x;");
    for reason in ["missing \")\"", "did you mean `last`?", "unexpected \"==\"", "invalid variable name", "duplicate"] {
        assert!(output.contains(reason), "{reason}: {output}");
    }
}

#[test]
fn what_is_never_reached_is_warned_of() {
    assert!(warned("return 200; set $a 1;").contains("a \"set\" that is never reached"));
    assert!(warned("location / { if ($uri) { break; return 200; } }").contains("a \"return\" that is never reached"));
    assert!(!warned("location / { if ($uri) { break; } return 200; }").contains("never reached"));
}

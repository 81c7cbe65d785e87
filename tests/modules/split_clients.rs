//! Clients divided by percentages.

use crate::support::*;

/// What `$part` is for each text, in a block with these lines.
fn parts(lines: &str, texts: &[&str]) -> Vec<String> {
    let split = format!("split_clients $http_x $part {{ {lines} }}");
    let site = Site::new().http(&split).conf("location / { return 200 $part; }").start();
    texts.iter().map(|text| site.get_with("/", &[("X", text)]).text().to_owned()).collect()
}

/// What `-t` says to a block with these lines, and whether it accepts it.
fn checked(lines: &str) -> (bool, String) {
    let checked = check_config(&format!("events {{ }}\nhttp {{ split_clients $host $x {{\n{lines}\n}} }}\n"));
    (checked.ok, checked.output)
}

#[track_caller]
fn refused(lines: &str, message: &str) {
    let (ok, output) = checked(lines);
    assert!(!ok && output.contains(message), "{output}");
}

/// The parts were taken down from nginx 1.22.
#[test]
fn the_same_text_falls_into_the_same_part_as_in_nginx() {
    let lines = "10% a; 20.5% b; 0.01% c; 30% d; * e;";
    let texts = ["", "a", "ab", "abc", "abcd", "abcde", "192.0.2.1", "2001:db8::1", "The quick brown fox"];
    assert_eq!(parts(lines, &texts), ["a", "d", "b", "a", "b", "d", "e", "e", "d"]);
}

#[test]
fn without_a_star_the_rest_is_empty() {
    assert_eq!(parts("0.01% a;", &["abc", "abcd"]), ["", ""]);
    assert_eq!(parts("* $all;", &["abc"]), ["$all"]);
}

#[test]
fn the_text_may_be_made_of_variables_and_more() {
    let split = "split_clients \"${http_x}AAA\" $one { 50% a; * b; } split_clients $http_x $other { 50% a; * b; }";
    let site = Site::new().http(split).conf("location / { return 200 $one$other; }").start();
    let both: Vec<String> =
        (0..32).map(|number| site.get_with("/", &[("X", &number.to_string())]).text().to_owned()).collect();
    for expected in ["aa", "ab", "ba", "bb"] {
        assert!(both.iter().any(|parts| parts == expected), "{expected} of {both:?}");
    }
}

#[test]
fn more_than_everybody_is_refused() {
    refused("60% a; 60% b;", "percent total is greater than 100%");
    refused("* a; 1% b;", "percent total is greater than 100%");
    let (ok, output) = checked("50% a; 50% b; * c;");
    assert!(ok && !output.contains("warning"), "{output}");
}

#[test]
fn what_is_no_percentage_is_refused() {
    for word in ["0%", "5", "0.001%", "-5%", "1.1.1%", "\"\""] {
        refused(&format!("{word} a;"), &format!("invalid percent value \"{}\"", word.trim_matches('"')));
    }
    refused("5%;", "invalid number of the split_clients parameters");
    refused("5% a b;", "invalid number of the split_clients parameters");
}

#[test]
fn what_does_not_do_what_it_seems_to_is_warned_of() {
    let (ok, output) = checked("5% $host; * a; * b;");
    assert!(ok && output.contains("a \"*\" that is never reached"), "{output}");
    assert!(output.contains("the value \"$host\" is not searched for variables"), "{output}");
}

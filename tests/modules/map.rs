//! Variables by other variables.

use crate::support::*;

/// A site that answers with `text`, in which the variables of `maps` stand.
fn site(maps: &str, text: &str) -> Running {
    Site::new().http(maps).conf(&format!("location / {{ return 200 \"{text}\"; }}")).start()
}

/// What `$y` is for each value of the field X, in a block with these lines.
fn values(lines: &str, fields: &[&str]) -> Vec<String> {
    let site = site(&format!("map $http_x $y {{ {lines} }}"), "$y");
    fields.iter().map(|field| site.get_with("/", &[("X", field)]).text().to_owned()).collect()
}

/// What `-t` says to lines of `http`, and whether it accepts them.
fn checked(http: &str) -> (bool, String) {
    let checked = check_config(&format!("events {{ }}\nhttp {{\n{http}\n}}\n"));
    (checked.ok, checked.output)
}

#[track_caller]
fn refused(http: &str, message: &str) {
    let (ok, output) = checked(http);
    assert!(!ok && output.contains(message), "{output}");
}

#[track_caller]
fn warned(http: &str, message: &str) {
    let (ok, output) = checked(http);
    assert!(ok && output.contains(message), "{output}");
}

#[test]
fn a_key_leads_to_its_value_in_any_case() {
    assert_eq!(
        values("Abc one; \"\" empty; 'a b' two; default rest;", &["aBC", "", "A B", "x"]),
        ["one", "empty", "two", "rest"]
    );
}

#[test]
fn without_a_default_the_rest_is_empty() {
    assert_eq!(values("a one;", &["a", "b", ""]), ["one", "", ""]);
}

#[test]
fn words_of_the_language_are_keys_behind_a_backslash() {
    let lines = r"default rest; \default 1; \hostnames 2; \include 3; \volatile 4; \~x 5; \\\x 6;";
    let fields = ["default", "hostnames", "include", "volatile", "~x", r"\x", "x"];
    assert_eq!(values(lines, &fields), ["1", "2", "3", "4", "5", "6", "rest"]);
}

#[test]
fn a_text_goes_before_the_first_expression_that_matches() {
    let lines = "~a$ second; ~. third; ba first; default rest;";
    assert_eq!(values(lines, &["ba", "BA", "ca", "c", ""]), ["first", "first", "second", "third", "rest"]);
}

#[test]
fn expressions_see_case_unless_they_are_told_not_to() {
    assert_eq!(values("~^ab exact; ~*^ab$ any; default rest;", &["abc", "AB", "Abc"]), ["exact", "any", "rest"]);
}

#[test]
fn host_names_may_have_wildcards() {
    let lines = "hostnames; example.org exact; *.example.org leading; *.a.example.org longer; .example.net both; \
                 www.* trailing; www.example.* longest; ~^ex expression; default rest;";
    let cases = [
        ("example.org", "exact"),
        ("EXAMPLE.ORG.", "exact"),
        ("x.example.org", "leading"),
        ("x.a.example.org", "longer"),
        ("example.net", "both"),
        ("a.b.example.net", "both"),
        ("www.x", "trailing"),
        ("www.example.org", "leading"),
        ("www.example.x.y", "longest"),
        ("exact.", "expression"),
        ("www.", "rest"),
        ("org", "rest"),
    ];
    assert_eq!(values(lines, &cases.map(|(host, _)| host)), cases.map(|(_, value)| value));
}

#[test]
fn without_hostnames_a_star_is_a_star() {
    let fields = ["*.example.org", "x.example.org", ".x", "a.x"];
    assert_eq!(values("*.example.org star; .x dot; default rest;", &fields), ["star", "rest", "dot", "rest"]);
}

#[test]
fn a_value_may_hold_variables_and_groups() {
    let lines = "~^(?<first>[^/]+)/(.+)$ \"$2|$first|$1|$request_method\"; default \"<$http_x>\";";
    assert_eq!(values(lines, &["a/b", "c"]), ["b|a|a|GET", "<c>"]);
}

#[test]
fn groups_can_be_used_where_the_variable_has_been() {
    let maps = "map $http_x $y { ~^(?<named>.)(.) yes; default no; }";
    let conf = "location ~ ^/(.*)$ { return 200 \"$y $1 $2 $named\"; }";
    let site = Site::new().http(maps).conf(conf).start();
    assert_eq!(site.get_with("/page", &[("X", "ab")]).text(), "yes a b a");
    assert_eq!(site.get_with("/page", &[("X", "z")]).text(), "no page  ");
}

#[test]
fn the_source_may_be_made_of_several_variables() {
    let site = site("map $request_method:$uri-$arg_a $y { GET:/x-1 one; POST:/x-1 two; default rest; }", "$y");
    assert_eq!(site.get("/x?a=1").text(), "one");
    assert_eq!(site.ask("POST", "/x?a=1", &[]).text(), "two");
    assert_eq!(site.get("/x").text(), "rest");
}

#[test]
fn one_map_may_build_on_another_that_comes_later() {
    let maps = "map $second $first { b c; default rest; } map $http_x $second { a b; }";
    let site = site(maps, "$first");
    assert_eq!(site.get_with("/", &[("X", "a")]).text(), "c");
    assert_eq!(site.get("/").text(), "rest");
}

#[test]
fn a_value_stays_for_the_request_unless_it_is_volatile() {
    let maps = "map $uri $kept { default $uri; } map $uri $fresh { volatile; default $uri; }";
    let conf = "location / { try_files $kept$fresh.none /other; } location /other { return 200 '$kept $fresh'; }";
    let site = Site::new().http(maps).conf(conf).start();
    assert_eq!(site.get("/a").text(), "/a /other");
}

#[test]
fn a_cycle_is_told_in_the_error_log_and_empty() {
    let maps = "map $http_x $one { stop end; default 1$two; } map $http_x $two { default 2$one; }";
    let site = site(maps, "$one");
    assert_eq!(site.get("/").text(), "12");
    let line = site.wait_for_log("cycle while evaluating variable \"one\"");
    assert!(line.contains("[error]") && line.contains("client: 127.0.0.1"), "{line}");
    assert_eq!(site.get_with("/", &[("X", "stop")]).text(), "end");
}

#[test]
fn keys_may_be_included() {
    let map = "map $http_x $y { include {root}/keys/*.map; include {root}/more.map; default rest; }";
    let site = Site::new()
        .file("keys/a.map", "a one;\n")
        .file("keys/b.map", "# nothing but\n~^b two;\n")
        .file("more.map", "c three;")
        .http(map)
        .conf("location / { return 200 $y; }")
        .start();
    let get = |field| site.get_with("/", &[("X", field)]).text().to_owned();
    assert_eq!(["a", "bb", "c", "d"].map(get), ["one", "two", "three", "rest"]);
}

#[test]
fn a_map_decides_what_is_logged() {
    let maps = "map $status $loggable { ~^[23] 0; default 1; }";
    let conf = "access_log {root}/log combined if=$loggable; location /good { return 200 a; }";
    let site = Site::new().http(maps).conf(conf).start();
    site.get("/good");
    site.get("/bad");
    let log = wait_for_file(&site.path("log"), |text| text.contains("/bad"));
    assert!(!log.contains("/good"), "{log}");
}

#[test]
fn what_is_said_twice_is_refused() {
    refused("map $host $x { a 1; A 2; }", "conflicting parameter \"A\"");
    refused("map $host $x { hostnames; .a 1; *.a 2; }", "conflicting parameter \"*.a\"");
    refused("map $host $x { default 1; default 2; }", "duplicate default map parameter");
    warned("map $host $x { a 1; } map $host $X { a 2; }", "the variable \"x\" is defined again");
}

#[test]
fn lines_that_mean_nothing_are_refused_each() {
    let (ok, output) = checked("map $host $x { a; b c d; hostname; ~( e; } map $host $y { a $x; }");
    assert!(!ok && !output.contains("unknown \"x\" variable"), "{output}");
    assert_eq!(output.matches("invalid number of the map parameters").count(), 3, "{output}");
    assert!(output.contains("did you mean `hostnames`?"), "{output}");
    assert!(output.contains("invalid regular expression \"(\"") && output.contains("missing \")\""), "{output}");
    refused("map $host $x { hostnames; a*.b 1; }", "invalid hostname or wildcard \"a*.b\"");
    refused("map $host $x { a { } }", "unexpected \"{\"");
}

#[test]
fn only_a_variable_of_its_own_can_be_defined() {
    refused("map $host x { }", "invalid variable name \"x\"");
    refused("map $host $ { }", "invalid variable name \"$\"");
    refused("map $host ${x} { }", "expected `$x`, without braces");
    refused("map $host $1 { }", "invalid variable name \"$1\"");
    refused("map $host $uri { }", "the duplicate \"uri\" variable");
    refused("map $nobody $x { } map $x $y { }", "unknown \"nobody\" variable");
}

#[test]
fn hostnames_behind_masks_is_warned_of() {
    warned("map $host $x { *.a 1; hostnames; *.b 2; }", "\"hostnames\" stands behind keys");
    assert_eq!(values("*.a star; hostnames; *.b leading;", &["*.a", "x.a", "x.b"]), ["star", "", "leading"]);
}

#[test]
fn the_sizes_of_nginxs_tables_are_accepted() {
    let (ok, output) = checked("map_hash_max_size 4096; map_hash_bucket_size 128;");
    assert!(ok && !output.contains("warning"), "{output}");
    refused("map_hash_max_size many;", "invalid number \"many\"");
}

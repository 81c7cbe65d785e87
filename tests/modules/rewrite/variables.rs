//! `set`: which variables take a value, and how long they keep it.

use crate::support::*;

#[track_caller]
fn texts<const N: usize>(conf: &str, paths: [&str; N]) -> [String; N] {
    let site = Site::new().conf(conf).start();
    paths.map(|path| site.get_with(path, &[("Foo", "client")]).text().to_owned())
}

#[test]
fn a_value_may_hold_variables_and_the_old_value() {
    let conf = "set $a \"x $uri\"; set $a \"$a-${a}b\"; return 200 $a;";
    assert_eq!(texts(conf, ["/q"]), ["x /q-x /qb"]);
}

#[test]
fn a_value_outlives_internal_redirects() {
    let conf = "location /last { set $a v; rewrite ^ /says last; } location /try { set $a v; try_files /none /says; } \
                location /page { error_page 404 = /says; set $a v; } location /says { return 200 \"$a $uri\"; }";
    assert_eq!(texts(conf, ["/last", "/try", "/page"]), ["v /says", "v /says", "v /says"]);
}

#[test]
fn names_are_the_same_in_any_case() {
    assert_eq!(texts("set $Name v; return 200 \"$name $NAME\";", ["/"]), ["v v"]);
}

#[test]
fn what_was_not_set_is_empty() {
    let conf = "if ($arg_a) { set $x 1; } return 200 \"[$x]\";";
    assert_eq!(texts(conf, ["/", "/?a=1"]), ["[]", "[1]"]);
}

#[test]
fn the_query_can_be_set() {
    let conf = "set $args x=1; location / { return 200 \"$args|$arg_x|$arg_y|$is_args|$query_string|$request_uri\"; }";
    assert_eq!(texts(conf, ["/q?y=2"]), ["x=1|1||?|x=1|/q?y=2"]);
    let conf = "location /a { set $args \"\"; rewrite ^ /b last; } location /b { return 200 \"[$args]\"; }";
    assert_eq!(texts(conf, ["/a?y=2"]), ["[]"]);
}

#[test]
fn a_field_or_an_argument_can_be_given_another_value() {
    let conf = "if ($uri = /s) { set $http_foo set; set $arg_k set; } return 200 \"$http_foo $arg_k\";";
    assert_eq!(texts(conf, ["/q?k=own", "/s?k=own"]), ["client own", "set set"]);
}

#[test]
fn a_group_with_a_name_can_be_set_too() {
    let conf = "location ~ ^/(?<name>.)(?<rest>.*)$ { if ($rest) { set $name long; } return 200 $name; }";
    assert_eq!(texts(conf, ["/a", "/ab"]), ["a", "long"]);
}

#[test]
fn a_group_of_an_escaped_path_is_escaped_until_a_rewrite_has_matched() {
    let conf = "location ~ ^/(.*)$ { set $a $1; rewrite ^/(.*)$ /k break; } add_header X $a;";
    assert_eq!(
        texts("location ~ ^/(.*)$ { set $a $1; return 200 \"$a|$1\"; }", ["/a%20b", "/ab"]),
        ["a%20b|a b", "ab|ab"]
    );
    assert_eq!(texts("location ~ ^/(.*)$ { rewrite ^/(.*)$ /k; set $a $1; return 200 $a; }", ["/a%20b"]), ["a b"]);
    Site::new().conf(conf).start();
}

#[test]
fn the_rate_can_be_set_and_nonsense_is_told_of() {
    let site = Site::new().conf("location / { set $limit_rate $arg_r; return 200 $limit_rate; }").start();
    assert_eq!(site.get("/?r=10k").text(), "10240");
    assert_eq!(site.get("/?r=fast").text(), "0");
    site.wait_for_log("[error]");
    site.wait_for_log("invalid $limit_rate \"fast\"");
}

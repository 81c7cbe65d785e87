//! Scripts as a whole: their order, where they run, and where not.

use crate::support::*;

#[track_caller]
fn texts<const N: usize>(conf: &str, paths: [&str; N]) -> [String; N] {
    let site = Site::new().file("page", "page").conf(conf).start();
    paths.map(|path| site.get(path).text().to_owned())
}

#[test]
fn directives_act_in_the_order_of_the_text() {
    let conf =
        "set $x 1; if ($arg_a) { set $x 2; } set $x \"$x$x\"; if ($arg_b) { return 200 \"b$x\"; } return 200 $x;";
    assert_eq!(texts(conf, ["/", "/?a=1", "/?a=1&b=1"]), ["11", "22", "b22"]);
    let conf = "location / { return 200 first; set $x 1; rewrite ^ /none; }";
    assert_eq!(texts(conf, ["/"]), ["first"]);
}

#[test]
fn an_if_stands_between_what_is_around_it() {
    let conf = "location / { if ($arg_a) { rewrite ^ /in; } rewrite ^/in$ /page break; return 200 $uri; } \
                location /page { return 200 no; } location /in { return 200 no; }";
    assert_eq!(texts(conf, ["/x", "/x?a=1"]), ["/x", "page"]);
}

#[test]
fn break_ends_the_script_and_stays() {
    let conf = "location / { if ($arg_a) { break; } return 200 behind; }";
    assert_eq!(texts(conf, ["/page", "/page?a=1"]), ["behind", "page"]);
    let conf = "if ($arg_a) { break; } rewrite ^ /moved; location / { return 200 $uri; }";
    assert_eq!(texts(conf, ["/x", "/x?a=1"]), ["/moved", "/x"]);
}

#[test]
fn nothing_is_inherited() {
    let conf = "location /a { rewrite ^ /none last; location /a/b { return 200 inner; } location /a/page { } }";
    assert_eq!(texts(conf, ["/a/b"]), ["inner"]);
}

#[test]
fn the_servers_script_runs_again_after_an_internal_redirect_and_not_after_last() {
    let count = "set $count \"$count.\";";
    let conf = format!(
        "{count} uninitialized_variable_warn off; location /last {{ rewrite ^ /says last; }} \
         location /try {{ try_files /none /says; }} location /page {{ error_page 404 = /says; return 404; }} \
         location /named {{ try_files /none @named; }} location @named {{ return 200 $count; }} \
         location /says {{ return 200 $count; }}"
    );
    assert_eq!(texts(&conf, ["/says", "/last", "/try", "/page", "/named"]), [".", ".", "..", "..", "."]);
}

#[test]
fn without_a_location_the_servers_script_runs_once() {
    let conf = "set $count \"$count.\"; uninitialized_variable_warn off; add_header X-Count $count;";
    let site = Site::new().file("page", "page").conf(conf).start();
    assert_eq!(site.get("/page").header("x-count"), Some("."));
}

#[test]
fn scripts_come_before_access_is_looked_at() {
    let conf = "location / { deny all; if ($arg_a) { return 200 open; } }";
    let site = Site::new().file("page", "page").conf(conf).start();
    assert_eq!((site.get("/page?a=1").text(), site.get("/page").status), ("open", 403));
}

#[test]
fn a_location_of_limit_except_has_no_script() {
    let conf = "location / { limit_except GET { deny all; } return 200 script; }";
    let site = Site::new().conf(conf).start();
    assert_eq!((site.get("/").text(), site.ask("DELETE", "/", &[]).status), ("script", 403));
}

#[test]
fn an_error_page_answers_what_a_condition_refuses() {
    let conf = "error_page 418 = @special; location / { if ($arg_a) { return 418; } return 200 plain; } \
                location @special { return 200 \"special $uri\"; }";
    assert_eq!(texts(conf, ["/x", "/x?a=1"]), ["plain", "special /x"]);
}

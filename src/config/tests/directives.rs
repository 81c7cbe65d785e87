//! Directives that cannot be understood.

use super::{check, check_server, configuration, loaded};
use crate::config::session::FINDINGS_REPORTED_MAX;

#[test]
fn a_misspelt_name_is_answered_with_the_nearest() {
    check_server(
        "    indx home.html;
#   ^^^^ unknown directive \"indx\"; did you mean `index`?
    server_nmae a;
#   ^^^^^^^^^^^ unknown directive \"server_nmae\"; did you mean `server_name`?",
    );
}

#[test]
fn a_name_like_no_other_is_just_unknown() {
    check_server(
        "    quux 1;
#   ^^^^ unknown directive \"quux\"; no directive has this name",
    );
}

#[test]
fn a_name_that_may_stand_here_is_nearer_than_one_that_may_not() {
    check(
        "http {
    listn 80;
#   ^^^^^ unknown directive \"listn\"; did you mean `listen`?
}",
    );
}

#[test]
fn what_nginx_has_and_webserv_has_not_is_told_so() {
    check(
        "http {
    proxy_pass http://a;
#   ^^^^^^^^^^ unsupported directive \"proxy_pass\"; nginx has this directive, webserv does not support it yet
    upstream a { server b; nonsense; }
#   ^^^^^^^^ unsupported directive \"upstream\"; nginx has this directive, webserv does not support it yet
}",
    );
}

#[test]
fn a_misplaced_directive_names_the_block_and_where_it_may_stand() {
    check(
        "    listen 80;
#   ^^^^^^ \"listen\" directive is not allowed here; may stand in `server`
  http {
# ---- stands in this `http` block
    listen 80;
#   ^^^^^^ \"listen\" directive is not allowed here; may stand in `server`
    server {
#   ------ stands in this `server` block
        worker_connections 1;
#       ^^^^^^^^^^^^^^^^^^ \"worker_connections\" directive is not allowed here; may stand in `events`
    }
}",
    );
}

#[test]
fn a_misplaced_block_is_one_error_whatever_is_in_it() {
    check(
        "  server { indx a; location / { } }
# ^^^^^^ \"server\" directive is not allowed here; may stand in `http`",
    );
}

#[test]
fn a_repetition_shows_the_first() {
    check_server(
        "    root /a;
#   ---- first here
    root /b;
#   ^^^^ \"root\" directive is duplicate; it may stand once in a block",
    );
    check(
        "  http { }
# ---- first here
  http { }
# ^^^^ \"http\" directive is duplicate; it may stand once in a block",
    );
}

#[test]
fn words_are_counted() {
    check_server(
        "    root;
#   ^^^^ invalid number of arguments in \"root\" directive; expected 1 word, found 0
    error_page 404;
#   ^^^^^^^^^^ invalid number of arguments in \"error_page\" directive; expected 2 words or more, found 1
    timeout 1 2 3 4;
#               ^^^ invalid number of arguments in \"timeout\" directive; expected 1 to 2 words, found 4
    location / { internal now; }
#                         ^^^ invalid number of arguments in \"internal\" directive; no word may stand behind the name
    location { }
#   ^^^^^^^^ invalid number of arguments in \"location\" directive; expected 1 to 2 words, found 0",
    );
}

#[test]
fn advice_says_how_the_directive_is_written() {
    let report = loaded("http { root = /srv; }").report;
    assert_eq!(report.diagnostics[0].help.as_deref(), Some("write `root PATH;`, without `=`"));
    let report = loaded("http { error_page; }").report;
    assert_eq!(report.diagnostics[0].help.as_deref(), Some("write `error_page CODE... URI;`"));
}

#[test]
fn a_block_where_none_belongs_and_a_missing_block() {
    check_server(
        "    root /srv { index a; }
#            ^ directive \"root\" is not terminated by \";\"; expected `;` here, not a block
    location /;
#             ^ directive \"location\" has no opening \"{\"; expected `{` here",
    );
    check(
        "    http;
#       ^ directive \"http\" has no opening \"{\"; expected `{` here",
    );
}

#[test]
fn values_are_judged_at_their_very_place() {
    check_server(
        "    sendfile yes;
#            ^^^ invalid value \"yes\" in \"sendfile\" directive, it must be \"on\" or \"off\"; expected `on` or `off`
    body_size 10x;
#               ^ invalid size \"10x\" in \"body_size\" directive; expected the unit k or m
    timeout \"1h 5 q\";
#                 ^ invalid time \"1h 5 q\" in \"timeout\" directive; expected one of the units ms, s, m, h, d, w, M (months), y
    satisfy ane;
#           ^^^ invalid value \"ane\" in \"satisfy\" directive; did you mean `any`?
    listen 80 defualt_server;
#             ^^^^^^^^^^^^^^ invalid parameter \"defualt_server\"; did you mean `default_server`?
    listen 99999;
#          ^^^^^ invalid number \"99999\" in \"listen\" directive; the number is too large
    listen eighty;
#          ^^^^^^ invalid number \"eighty\" in \"listen\" directive; expected a number, such as 8",
    );
}

#[test]
fn a_regular_expression_is_judged_at_the_letter() {
    check_server(
        "    match 'a(b';
#           ^ invalid regular expression \"a(b\"; missing \")\"",
    );
}

#[test]
fn escapes_and_quotes_do_not_shift_the_caret() {
    check_server(
        "    root \"\\\"a\\\"/$nowhere/b\";
#               ^^^^^^^^ unknown \"nowhere\" variable; neither webserv nor this configuration defines it",
    );
}

#[test]
fn a_raw_block_holds_lines_of_its_own() {
    let configuration = configuration("http { types { text/html html htm; a/b c; } server { } }");
    assert_eq!(super::set_at(&configuration, "/"), "-|||html=text/html,htm=text/html,c=a/b");
    check(
        "http { types {
    text/html { }
#   ^^^^^^^^^ unexpected \"{\" in \"types\"; no block may stand here
} }",
    );
}

#[test]
fn events_set_the_main_context() {
    let configuration = configuration("http { } events { worker_connections 77; }");
    assert_eq!(configuration.process.connections_max, 77);
}

#[test]
fn all_findings_come_in_one_run_and_in_order() {
    let loaded = loaded("wrong;\nhttp { server { root; listen x; location ~ ( { } } }\nworse;");
    let places: Vec<_> = loaded.report.diagnostics.iter().map(|finding| finding.place.unwrap().span).collect();
    assert!(places.len() == 5 && places.is_sorted(), "{:?}", loaded.report.diagnostics);
}

#[test]
fn the_list_of_findings_has_an_end() {
    let loaded = loaded(&"wrong;\n".repeat(FINDINGS_REPORTED_MAX + 7));
    assert_eq!((loaded.report.diagnostics.len(), loaded.report.left_out()), (FINDINGS_REPORTED_MAX, 7));
}

#[test]
fn syntax_errors_are_told_beside_the_others() {
    check_server(
        "    indx a;
#   ^^^^ unknown directive \"indx\"; did you mean `index`?
    location / { root /srv }
#                         ^ missing `;` after `/srv`; the directive ends here",
    );
}

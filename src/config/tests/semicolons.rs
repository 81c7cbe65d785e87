//! Semicolons that were forgotten at the end of a line, and lists over several lines that need none.

use super::{check, check_server, configuration, set_at};

#[test]
fn a_line_that_begins_with_a_directive_ends_the_one_before() {
    check_server(
        "    root /srv
#            ^ missing `;` after `/srv`; the directive ends here
    index a;",
    );
}

#[test]
fn a_directive_with_any_number_of_words_swallows_nothing() {
    check_server(
        "    server_name a
#                ^ missing `;` after `a`; the directive ends here
    listen 80;",
    );
    check_server(
        "    index a b
#            ^ missing `;` after `b`; the directive ends here
    error_page 404 /x;",
    );
}

#[test]
fn what_was_swallowed_is_a_directive_of_its_own() {
    check_server(
        "    listen 80
#            ^ missing `;` after `80`; the directive ends here
    server_name a
#                ^ missing `;` after `a`; the directive ends here
    body_size big;
#             ^^^ invalid size \"big\" in \"body_size\" directive; expected a size, such as 8k or 10m",
    );
}

#[test]
fn a_block_is_not_swallowed() {
    check_server(
        "    root /srv
#            ^ missing `;` after `/srv`; the directive ends here
    location / {
        indx a;
#       ^^^^ unknown directive \"indx\"; did you mean `index`?
    }",
    );
    check(
        "http { server {
    server_name a
#                ^ missing `;` after `a`; the directive ends here
    location / { }
} }",
    );
}

#[test]
fn a_name_alone_on_its_line_is_not_taken_for_complete() {
    check_server(
        "    root
#       ^ missing `;` after `root`; the directive ends here
    index a;",
    );
}

#[test]
fn an_unknown_directive_does_not_hide_what_it_swallowed() {
    check_server(
        "    rooot /srv
#   ^^^^^ unknown directive \"rooot\"; did you mean `root`?
    listen eighty;
#          ^^^^^^ invalid number \"eighty\" in \"listen\" directive; expected a number, such as 8",
    );
}

#[test]
fn lists_over_several_lines_are_left_alone() {
    let configuration = configuration(
        "http {
            log_format main '$uri '
                'root' '$host'
                \"index\";
            index a
                b
                c;
            types {
                text/html html
                          htm;
            }
            server {
                server_name a.example
                    b.example
                    root;
                error_page 404
                    405 /x;
            }
        }",
    );
    assert_eq!(set_at(&configuration, "/"), "-|a,b,c|404,405,/x|html=text/html,htm=text/html");
}

#[test]
fn a_directive_that_may_not_stand_here_is_a_word_like_others() {
    configuration("http { index a\nlisten\nserver\ndeny; }");
}

#[test]
fn quoted_words_begin_no_directive() {
    configuration("http { index a\n'root' /b; }");
}

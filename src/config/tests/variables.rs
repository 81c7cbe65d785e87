//! Variables: which there are, and which are meant.

use super::{check_server, configuration};
use crate::exchange::template::Part;
use crate::exchange::variables::{Reference, Slot};

#[test]
fn unknown_variables_are_answered_with_the_nearest() {
    check_server(
        "    root /srv/$hots/${uir}x;
#             ^^^^^ unknown \"hots\" variable; did you mean `$host`?
#                   ^^^^^ unknown \"uir\" variable; did you mean `$uri`?",
    );
}

#[test]
fn a_group_may_be_named_behind_its_use() {
    configuration("http { server { root /$Later; match '(?<later>x)'; answer $arg_x$1$http_a; } }");
}

#[test]
fn a_dollar_needs_a_name() {
    check_server(
        "    root /$/x;
#         ^ invalid variable name; expected a variable's name behind `$`
    answer \"a ${host\";
#             ^^^^^^ the closing bracket in \"${host\" variable is missing; expected `}` behind the name",
    );
}

#[test]
fn a_group_may_not_have_the_name_of_a_variable_of_webserv() {
    check_server(
        "    match '(?<uri>x)';
#          ^^^^^^^^^ the duplicate \"uri\" variable; webserv itself defines `$uri`",
    );
}

#[test]
fn a_failed_expression_does_not_make_its_names_unknown() {
    check_server(
        "    match '(?<user>x)(';
#                    ^ invalid regular expression \"(?<user>x)(\"; missing \")\"
    answer $user;",
    );
}

#[test]
fn names_are_the_same_in_any_case() {
    let mut variables = crate::config::variables::Variables::default();
    assert_eq!(variables.define("User"), Slot(0));
    let reference = variables.resolve("uSER", || unreachable!("it is known"));
    assert_eq!(Part::Variable(reference), Part::Variable(Reference::Slot(Slot(0))));
    assert!(!variables.too_many());
}

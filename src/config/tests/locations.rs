//! Locations: their patterns, and what may stand in which.

use super::{check_server, configuration};
use crate::exchange::site::Site;

#[test]
fn modifiers_may_stand_apart_or_glued() {
    let configuration = configuration(
        "http { server {
            location =/exact { } location = /exact2 { } location ~^/r(?<n>x) { } location ~* /R { }
            location ^~ /images/ { } location @name { }
        } }",
    );
    let server = &configuration.tree.addresses[0].default;
    let name = |path: &str| server.locate(path.as_bytes()).plan.name.to_string();
    assert_eq!(
        ["/exact", "/exact2", "/rx", "/a/r", "/images/r", "/none"].map(name),
        ["= /exact", "= /exact2", "~ ^/r(?<n>x)", "~* /R", "^~ /images/", ""]
    );
    assert_eq!(&*server.named("@name").unwrap().name, "@name");
    assert!(server.named("@other").is_none());
}

#[test]
fn groups_of_nested_expressions_are_all_kept() {
    let configuration = configuration(
        "http { server { location ~ ^/(?<user>[a-z]+)/ { location ~ /(?<file>[0-9]+)(x)?$ { answer $user$file$1; } } } }",
    );
    let located = configuration.tree.addresses[0].default.locate(b"/anna/42");
    let captured = located.captured.unwrap();
    let values: Vec<_> = captured
        .names
        .iter()
        .map(|(group, _)| String::from_utf8(captured.group(*group).unwrap().to_vec()).unwrap())
        .collect();
    assert_eq!(values, ["anna", "42"]);
    assert_eq!(captured.group(1).unwrap(), "42");
}

#[test]
fn wrong_patterns_are_shown_where_they_are_wrong() {
    check_server(
        "    location ~~ /x { }
#            ^^ invalid location modifier \"~~\"; expected `=`, `^~`, `~` or `~*`
    location ~ a(b { }
#               ^ invalid regular expression \"a(b\"; missing \")\"
    location ~*a(b { }
#               ^ invalid regular expression \"~*a(b\"; missing \")\"",
    );
}

#[test]
fn a_nested_location_must_be_reachable() {
    check_server(
        "    location /a {
#   -------- it stands in this location
#   -------- it stands in this location
        location /b { }
#                ^^ location \"/b\" is outside location \"/a\"; the paths that come here begin with `/a`
        location @x { }
#                ^^ named location \"@x\" can be on the server level only
        location /a/b { location ~ x { } }
    }
    location = /e { location /e/x { } }
#   -------- it stands in this location
#                            ^^^^ location \"/e/x\" cannot be inside the exact location \"/e\"
    location @n { location /n { } }
#   -------- it stands in this location
#                          ^^ location \"/n\" cannot be inside the named location \"@n\"",
    );
}

#[test]
fn the_same_location_twice_shows_both() {
    check_server(
        "    location /a { }
#   -------- first here
    location = /a { }
    location ^~ /a { }
#   ^^^^^^^^ duplicate location \"/a\"",
    );
}

#[test]
fn a_named_location_twice_is_a_warning() {
    check_server(
        "    location @a { }
#   -------- first here
    location @a { }
#   ^^^^^^^^ warning: duplicate location \"@a\", ignored",
    );
}

#[test]
fn a_location_that_matches_nothing_is_a_warning() {
    check_server(
        "    location \\.php$ { }
#            ^^^^^^ warning: location \"\\.php$\" matches nothing, for paths begin with \"/\"; did you mean `~ \\.php$`?
    location = images { }
#              ^^^^^^ warning: location \"images\" matches nothing, for paths begin with \"/\"; did you mean `/images`?",
    );
}

#[test]
fn limit_except_knows_its_methods() {
    check_server(
        "    location / {
        limit_except GTE { deny all; }
#                    ^^^ invalid method \"GTE\"; did you mean `GET`?
    }",
    );
}

#[test]
fn locations_are_nested_only_so_deep() {
    let depth = 40;
    let text = format!("http {{ server {{ {} {} }} }}", "location / {".repeat(depth), "}".repeat(depth));
    let report = super::loaded(&text).report;
    assert_eq!(report.diagnostics[0].message, "locations nested more than 32 deep");
}

//! Content types by extension.

use crate::support::*;

/// The content type of an empty file of this name.
fn content_type(conf: &str, name: &str) -> Option<String> {
    let site = Site::new().file(name, "").conf(conf).start();
    site.get(&format!("/{name}")).header("content-type").map(str::to_owned)
}

#[test]
fn without_types_there_are_nginxs_three_and_plain_text() {
    let cases = [("a.html", "text/html"), ("a.gif", "image/gif"), ("a.JPG", "image/jpeg"), ("a.css", "text/plain")];
    for (name, expected) in cases {
        assert_eq!(content_type("", name).as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn a_table_gives_the_type_of_an_extension() {
    let conf = "types { text/css css; text/x a A2; } default_type x/default;";
    assert_eq!(content_type(conf, "f.css").as_deref(), Some("text/css"));
    assert_eq!(content_type(conf, "f.a2").as_deref(), Some("text/x"));
    assert_eq!(content_type(conf, "f.html").as_deref(), Some("x/default"));
    assert_eq!(content_type(conf, "f").as_deref(), Some("x/default"));
}

#[test]
fn two_tables_in_one_block_are_one() {
    let conf = "types { text/a a; } types { text/b b; }";
    assert_eq!(content_type(conf, "f.a").as_deref(), Some("text/a"));
    assert_eq!(content_type(conf, "f.b").as_deref(), Some("text/b"));
}

#[test]
fn a_table_replaces_the_one_around_it() {
    let conf = "types { text/a a; } location / { types { text/b b; } }";
    assert_eq!(content_type(conf, "f.a").as_deref(), Some("text/plain"));
    assert_eq!(content_type(conf, "f.b").as_deref(), Some("text/b"));
}

#[test]
fn an_empty_table_leaves_everything_to_the_default() {
    let conf = "location / { types { } default_type application/octet-stream; }";
    assert_eq!(content_type(conf, "f.html").as_deref(), Some("application/octet-stream"));
}

#[test]
fn an_empty_default_sends_no_type() {
    assert_eq!(content_type("default_type \"\";", "f.x"), None);
}

#[test]
fn a_table_may_be_included() {
    let site = Site::new().file("more.types", "text/x x;").file("f.x", "").conf("types { include {root}/more.types; }");
    assert_eq!(site.start().get("/f.x").header("content-type"), Some("text/x"));
}

#[test]
fn an_extension_that_is_given_twice_is_warned_of_and_the_last_counts() {
    let conf = "types { text/a x; text/b x; }";
    assert_eq!(content_type(conf, "f.x").as_deref(), Some("text/b"));
    let checked = check_config(&format!("events {{ }} http {{ {conf} }}"));
    let expected = "duplicate extension \"x\", content type: \"text/b\", previous content type: \"text/a\"";
    assert!(checked.ok && checked.output.contains(expected), "{}", checked.output);
}

#[test]
fn the_type_is_that_of_the_uri_not_of_the_file_behind_an_alias() {
    let conf = "location = /page.html { alias {root}/stored; }";
    let site = Site::new().file("stored", "x").conf(conf).start();
    assert_eq!(site.get("/page.html").header("content-type"), Some("text/html"));
}

#[test]
fn the_sizes_of_nginxs_tables_are_accepted() {
    let checked = check_config("events { } http { types_hash_max_size 2048; types_hash_bucket_size 128; }");
    assert!(checked.ok, "{}", checked.output);
}

//! `if`: what holds.

use crate::support::*;

/// Which of the paths a condition holds for.
#[track_caller]
fn holds<'p>(condition: &str, paths: &[&'p str]) -> Vec<&'p str> {
    let conf = format!("if ({condition}) {{ return 200 yes; }} return 200 no;");
    let site = Site::new()
        .file("page", "")
        .file("folder/page", "")
        .with_folder(|root| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::write(root.join("program"), "").expect("the folder can be written to");
            std::fs::set_permissions(root.join("program"), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
            std::os::unix::fs::symlink("nowhere", root.join("dangling")).expect("the folder can be written to");
            std::os::unix::net::UnixListener::bind(root.join("socket")).expect("the folder can be written to");
        })
        .conf(&conf)
        .start();
    paths.iter().copied().filter(|path| site.get(path).text() == "yes").collect()
}

#[test]
fn a_variable_that_is_neither_empty_nor_zero() {
    assert_eq!(holds("$arg_a", &["/", "/?a=", "/?a=0", "/?a=00", "/?a=no", "/?a=1"]), ["/?a=00", "/?a=no", "/?a=1"]);
}

#[test]
fn a_variable_that_is_a_text_or_another() {
    let paths = ["/", "/?a=b", "/?a=B", "/?a=bc"];
    assert_eq!(holds("$arg_a = b", &paths), ["/?a=b"]);
    assert_eq!(holds("$arg_a != b", &paths), ["/", "/?a=B", "/?a=bc"]);
    assert_eq!(holds("$arg_a = \"\"", &paths), ["/"]);
    assert_eq!(holds("$arg_a = $arg_b", &["/", "/?a=x", "/?a=x&b=x"]), ["/", "/?a=x&b=x"]);
}

#[test]
fn a_variable_that_matches() {
    let paths = ["/", "/?a=xbx", "/?a=xBx"];
    assert_eq!(holds("$arg_a ~ b", &paths), ["/?a=xbx"]);
    assert_eq!(holds("$arg_a ~* b", &paths), ["/?a=xbx", "/?a=xBx"]);
    assert_eq!(holds("$arg_a !~ b", &paths), ["/", "/?a=xBx"]);
    assert_eq!(holds("$arg_a !~* b", &paths), ["/"]);
    assert_eq!(holds("$uri ~ \"^/[a-z]{2}( |/)\"", &["/en/", "/en%20x", "/eng/"]), ["/en/", "/en%20x"]);
}

#[test]
fn what_is_at_a_path() {
    let paths = ["/page", "/folder", "/program", "/none", "/dangling", "/socket", "/page/below"];
    let tested = |test: &str| holds(&format!("{test} $request_filename"), &paths);
    assert_eq!(tested("-f"), ["/page", "/program"]);
    assert_eq!(tested("-d"), ["/folder"]);
    assert_eq!(tested("-e"), ["/page", "/folder", "/program"]);
    assert_eq!(tested("-x"), ["/folder", "/program", "/socket"]);
    assert_eq!(tested("!-f"), ["/folder", "/none", "/dangling", "/socket", "/page/below"]);
    assert_eq!(tested("!-e"), ["/none", "/dangling", "/socket", "/page/below"]);
    assert_eq!(holds("-f $document_root/$arg_f", &["/?f=page", "/?f=none", "/"]), ["/?f=page"]);
}

#[test]
fn groups_can_be_used_behind_it() {
    let conf = "if ($arg_a ~ \"^(\\d+)-(?<rest>.*)$\") { return 200 \"$1|$2|$rest\"; } return 200 \"[$1]\";";
    let site = Site::new().conf(conf).start();
    assert_eq!(site.get("/?a=12-x").text(), "12|x|x");
    assert_eq!(site.get("/?a=x").text(), "[]");
}

#[test]
fn groups_are_those_of_the_last_expression_and_gone_where_it_does_not_match() {
    let conf = "location ~ ^/(.*)$ { if ($arg_a ~ ^(x)) { } return 200 \"[$1]\"; }";
    let site = Site::new().conf(conf).start();
    assert_eq!(site.get("/page?a=xy").text(), "[x]");
    assert_eq!(site.get("/page?a=y").text(), "[]");
}

#[test]
fn it_may_be_written_with_white_space_or_without() {
    for condition in ["($arg_a = b)", "( $arg_a = b )", "( $arg_a = \"b\")", "($arg_a = \"b\")"] {
        let site = Site::new().conf(&format!("if {condition}{{ return 200 yes; }} return 200 no;")).start();
        assert_eq!((site.get("/?a=b").text(), site.get("/").text()), ("yes", "no"), "{condition}");
    }
}

#[test]
fn a_method_can_be_refused() {
    let site = Site::new().conf("location / { if ($request_method = POST) { return 405; } return 200 ok; }").start();
    assert_eq!((site.ask("POST", "/", &[]).status, site.get("/").status), (405, 200));
}

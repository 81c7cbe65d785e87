//! What a block hands down to the blocks in it.

use super::{Folder, accepted, configuration, set, set_at};
use crate::config::load::load;
use std::sync::Arc;

#[test]
fn a_nested_block_starts_with_what_is_around_it() {
    let configuration =
        configuration("http { root /http; index h; server { location / { } location /own/ { root /own; } } }");
    assert_eq!(set_at(&configuration, "/"), "/http|h||");
    assert_eq!(set_at(&configuration, "/own/"), "/own|h||");
}

#[test]
fn what_stands_below_a_block_holds_in_it_too() {
    let configuration = configuration("http { server { location / { } root /late; } index late; }");
    assert_eq!(set_at(&configuration, "/"), "/late|late||");
}

#[test]
fn a_list_is_replaced_and_not_continued() {
    let configuration = configuration(
        "http { error_page 404 /a; error_page 500 /b; server { location / { } location /own/ { error_page 403 /c; error_page 401 /d; } } }",
    );
    assert_eq!(set_at(&configuration, "/"), "-||404,/a,500,/b|");
    assert_eq!(set_at(&configuration, "/own/"), "-||403,/c,401,/d|");
}

#[test]
fn settings_of_one_block_do_not_reach_its_neighbours() {
    let configuration =
        configuration("http { index h; server { location /a { root /a; } location /b { index b; } location /c { } } }");
    let [a, b, c] = ["/a", "/b", "/c"].map(|path| set_at(&configuration, path));
    assert_eq!([a, b, c], ["/a|h||", "-|b||", "-|h||"]);
}

#[test]
fn some_directives_are_not_handed_down() {
    let configuration = configuration("http { deny all; server { answer a; location / { } } }");
    let server = &configuration.tree.addresses[0].default;
    assert_eq!(set(&server.plan), "-||||denied|answers");
    assert_eq!(set_at(&configuration, "/"), "-||||denied");
}

#[test]
fn limit_except_is_a_plan_of_its_own_for_other_methods() {
    let configuration =
        configuration("http { server { location / { root /a; limit_except GET post { deny all; } } } }");
    let server = &configuration.tree.addresses[0].default;
    let plan = crate::exchange::site::Site::locate(&**server, b"/").plan;
    let except = plan.except.as_ref().unwrap();
    let methods: Vec<&str> = except.methods.iter().map(|method| method.as_str()).collect();
    assert_eq!(methods, ["GET", "HEAD", "POST"]);
    assert_eq!((set(&plan), set(&except.plan)), ("/a|||".to_owned(), "/a||||denied".to_owned()));
    assert_eq!((&*plan.name, &*except.plan.name), ("/", "/"));
}

#[test]
fn the_same_log_is_opened_once_and_kept_by_a_reload() {
    let folder =
        Folder::new(&[("main.conf", "http { log a.log; server { location / { } location /b { log b.log; } } }")]);
    let first = accepted(folder.load("main.conf"));
    assert_eq!(first.resources.log_files().count(), 2);
    std::fs::write(folder.path("main.conf"), "http { log a.log; server { } }").unwrap();
    let request = super::request(crate::config::load::Origin::File(folder.path("main.conf")), folder.path(""));
    let second = accepted(load(&request, Some(&first.resources)));
    let [(path, file)] = second.resources.log_files().collect::<Vec<_>>()[..] else { panic!("one log") };
    let kept = first.resources.log_files().find(|(known, _)| *known == path).unwrap().1;
    assert!(Arc::ptr_eq(file, kept));
}

#[test]
fn a_reload_ends_a_rotation() {
    let folder = Folder::new(&[("main.conf", "http { log a.log; server { } }")]);
    let first = accepted(folder.load("main.conf"));
    std::fs::rename(folder.path("a.log"), folder.path("a.log.1")).unwrap();
    let request = super::request(crate::config::load::Origin::File(folder.path("main.conf")), folder.path(""));
    drop(accepted(load(&request, Some(&first.resources))));
    assert!(!folder.path("a.log").exists(), "what is not taken up leaves no trace");
    accepted(load(&request, Some(&first.resources))).resources.take_effect();
    assert!(folder.path("a.log").exists());
}

#[test]
fn ten_thousand_servers_and_fifty_thousand_locations_are_built() {
    let mut text = String::from("http {\n");
    for number in 0..10_000 {
        text.push_str(&format!(
            "server {{\n listen {}; server_name s{number}.example;\n root /srv/{number};\n",
            1 + number % 7
        ));
        for location in ["/", "/a/", "/b/", "= /c", "/d/"] {
            text.push_str(&format!(" location {location} {{ index x; }}\n"));
        }
        text.push_str("}\n");
    }
    text.push('}');
    let configuration = configuration(&text);
    assert_eq!((configuration.tree.servers(), configuration.tree.addresses.len()), (10_000, 7));
    let routes = &configuration.tree.addresses[9_999 % 7];
    let (server, _) = routes.select(Some(b"s9999.example"));
    assert_eq!(set(&crate::exchange::site::Site::locate(&*server, b"/a/b").plan), "/srv/9999|x||");
}

//! `rewrite`: paths, queries, flags, redirects, cycles.

use crate::support::*;

/// A server that says which location has a request, and what the request has become.
fn site(conf: &str) -> Running {
    let says = "return 200 \"$uri|$args\";";
    Site::new().file("b.html", "page b").conf(&format!("location /to {{ {says} }} {conf}")).start()
}

#[track_caller]
fn text(conf: &str, path: &str) -> String {
    site(conf).get(path).text().to_owned()
}

/// The place that a redirect leads to, without the server's own address.
#[track_caller]
fn redirect(conf: &str, path: &str) -> (u16, String) {
    let site = site(conf);
    let answer = site.get(path);
    let location = answer.header("location").unwrap_or_default();
    let own = format!("http://localhost:{}", site.address().port());
    (answer.status, location.replace(&own, ""))
}

#[test]
fn last_chooses_the_location_again() {
    let conf = "location /a { rewrite ^/a(.*)$ /to$1 last; return 403; }";
    assert_eq!(text(conf, "/a/x?q"), "/to/x|q");
}

#[test]
fn break_stays_in_the_location() {
    let conf = "location /a { rewrite ^/a(.*)$ /b$1 break; return 403; } location /b { return 404; }";
    assert_eq!(text(conf, "/a.html"), "page b");
}

#[test]
fn without_a_flag_what_follows_sees_the_new_path() {
    let conf = "location /a { rewrite ^/a /b; rewrite ^/b /to/c; }";
    assert_eq!(text(conf, "/a"), "/to/c|");
    let conf = "location /a { rewrite ^/a(.*)$ /b$1; break; }";
    assert_eq!(text(conf, "/a.html"), "page b");
}

#[test]
fn what_does_not_match_changes_nothing() {
    let conf = "rewrite ^/other$ /b last; location / { rewrite ^/nor$ /b last; return 200 $uri; }";
    assert_eq!(text(conf, "/same"), "/same");
}

#[test]
fn the_servers_rewrites_come_before_the_location() {
    let conf = "rewrite ^/a$ /b last; rewrite ^/b$ /none last; location /b { return 200 b; }";
    assert_eq!(text(conf, "/a"), "b");
    let conf = "rewrite ^/a$ /b; rewrite ^/b$ /to;";
    assert_eq!(text(conf, "/a"), "/to|");
}

#[test]
fn the_query_of_the_request_stands_behind_that_of_the_replacement() {
    let to = |replacement: &str, path| text(&format!("location /a {{ rewrite ^/a(.*)$ {replacement} last; }}"), path);
    assert_eq!(to("/to", "/a?x=1"), "/to|x=1");
    assert_eq!(to("/to?k=$1", "/a/v?x=1"), "/to|k=/v&x=1");
    assert_eq!(to("/to?k=$1", "/a/v"), "/to|k=/v");
    assert_eq!(to("/to?k=$1?", "/a/v?x=1"), "/to|k=/v");
    assert_eq!(to("/to?", "/a/v?x=1"), "/to|");
    assert_eq!(to("/to?a?b", "/a/v"), "/to|a?b");
}

#[test]
fn a_group_is_escaped_where_it_becomes_a_part_of_the_query() {
    let conf = "location /a { rewrite ^/a/(.*)$ /to/$1?k=$1 last; }";
    assert_eq!(text(conf, "/a/x%20%26y"), "/to/x &y|k=x%20%26y");
    assert_eq!(text(conf, "/a/x+y"), "/to/x+y|k=x%2By");
}

#[test]
fn a_redirect_names_its_status() {
    let to = |flag: &str| redirect(&format!("location /a {{ rewrite ^/a(.*)$ /n$1 {flag}; }}"), "/a/x?q=1");
    assert_eq!(to("redirect"), (302, "/n/x?q=1".to_owned()));
    assert_eq!(to("permanent"), (301, "/n/x?q=1".to_owned()));
}

#[test]
fn a_replacement_with_a_scheme_is_a_redirect() {
    let to = |replacement: &str| redirect(&format!("rewrite ^/a(.*)$ {replacement};"), "/a/x?q=1");
    assert_eq!(to("http://e.example/n$1"), (302, "http://e.example/n/x?q=1".to_owned()));
    assert_eq!(to("https://e.example/n$1?"), (302, "https://e.example/n/x".to_owned()));
    assert_eq!(to("$scheme://e.example$1?k=v permanent"), (301, "http://e.example/x?k=v&q=1".to_owned()));
    assert_eq!(to("http://e.example$request_uri? break"), (302, "http://e.example/a/x?q=1".to_owned()));
}

#[test]
fn a_redirect_escapes_what_was_sent_escaped() {
    let to = |path| redirect("rewrite (?s)^/a(.*)$ /n$1 redirect;", path).1;
    assert_eq!(to("/a/x%20y"), "/n/x%20y");
    assert_eq!(to("/a/%3Fx"), "/n/?x");
    assert_eq!(to("/a/%0d%0aSet-Cookie:x"), "/n/%0D%0ASet-Cookie:x");
}

#[test]
fn an_error_page_may_stand_in_for_a_redirect() {
    let conf = "error_page 302 = /to; location /a { rewrite ^ /n redirect; }";
    assert!(text(conf, "/a").starts_with("/to|"));
}

#[test]
fn an_internal_location_can_be_reached() {
    let conf = "location /i { internal; return 200 inside; } location /a { rewrite ^ /i last; }";
    let site = site(conf);
    assert_eq!((site.get("/a").text(), site.get("/i").status), ("inside", 404));
}

#[test]
fn the_request_itself_stays_as_it_was() {
    let conf = "location /a { rewrite ^ /b?x last; } location /b { return 200 \"$request_uri $request\"; }";
    assert_eq!(text(conf, "/a%41?q"), "/a%41?q GET /a%41?q HTTP/1.1");
}

#[test]
fn what_goes_round_is_ended_and_shown() {
    let site = site("location /a { rewrite ^ /b last; } location /b { rewrite ^ /a last; } error_page 500 /to;");
    assert_eq!(site.get("/a").status, 500);
    let line = site.wait_for_log("redirection cycle");
    let expected =
        "rewrite or internal redirection cycle while processing \"/b\": \"/b\" -> \"/a\" -> \"/b\", client: ";
    assert!(line.contains(expected), "{line}");
}

#[test]
fn what_grows_for_ever_is_shown_from_its_beginning() {
    let site = site("location / { rewrite ^(.*)$ /x$1 last; }");
    assert_eq!(site.get("/a").status, 500);
    let line = site.wait_for_log("redirection cycle");
    assert!(line.contains(": \"/x/a\" -> \"/x/x/a\" -> \"/x/x/x/a\" -> "), "{line}");
}

#[test]
fn ten_turns_are_no_cycle() {
    let steps: String =
        (0..10).map(|step| format!("location /{step}- {{ rewrite ^ /{}- last; }} ", step + 1)).collect();
    let site = site(&format!("{steps} location /10- {{ return 200 end; }} location /start {{ rewrite ^ /0- last; }}"));
    assert_eq!(site.get("/0-").text(), "end");
    assert_eq!(site.get("/start").status, 500);
}

#[test]
fn all_ways_of_going_round_count_together() {
    let site = site("error_page 404 = @again; recursive_error_pages on; location @again { rewrite ^ /none last; }");
    assert_eq!(site.get("/a").status, 500);
    let line = site.wait_for_log("redirection cycle");
    assert!(line.contains("\"@again\" -> \"/none\""), "{line}");
}

#[test]
fn an_empty_path_is_an_error() {
    let site = site("location /a { set $nothing \"\"; rewrite ^ $nothing last; }");
    assert_eq!(site.get("/a").status, 500);
    site.wait_for_log("the rewritten URI has a zero length");
}

#[test]
fn no_path_leads_out_of_the_root() {
    let site = Site::new()
        .file("page", "page")
        .conf("location /a { rewrite ^/a(.*)$ /$1 break; } location /q { rewrite ^ /$arg_f break; }")
        .start();
    std::fs::write(site.path("../secret"), "secret").expect("the folder can be written to");
    for path in ["/a../secret", "/q?f=../secret", "/q?f=x/../../secret"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    site.wait_for_log("unsafe URI \"/../secret\" was detected");
    assert_eq!(site.get("/q?f=page").text(), "page");
}

#[test]
fn a_path_without_a_slash_is_no_neighbour_of_the_root() {
    let site = Site::new().file("page", "page").conf("location /a { rewrite ^/a/(.*)$ $1 break; }").start();
    let neighbour = format!("{}-secret", site.root());
    std::fs::write(&neighbour, "secret").expect("the folder can be written to");
    assert_eq!(site.get("/a/-secret").status, 404);
    assert_eq!(site.get("/a/page").text(), "page");
    std::fs::remove_file(&neighbour).expect("it is there");
}

#[test]
fn a_path_outside_of_its_alias_is_an_error() {
    let site = Site::new()
        .file("files/page", "page")
        .conf("location /a/ { alias {root}/files/; rewrite ^/a/out$ /b break; rewrite ^/a/in$ /a/page break; }")
        .start();
    assert_eq!(site.get("/a/in").text(), "page");
    assert_eq!(site.get("/a/out").status, 500);
    site.wait_for_log("\"alias\" cannot be used in location \"/a/\" where URI was rewritten to \"/b\"");
}

#[test]
fn an_expression_that_takes_too_many_steps_is_an_error() {
    let site = site("location / { rewrite ^/(?:(a|aa)\\1?)+$ /b; }");
    assert_eq!(site.get(&format!("/{}!", "a".repeat(60))).status, 500);
    site.wait_for_log("took too many steps");
    assert_eq!(site.get("/b.html").text(), "page b");
}

#[test]
fn a_front_controller_gets_what_is_no_file() {
    let conf = "location / { if (!-e $request_filename) { rewrite ^/(.*)$ /to?q=$1 last; } }";
    let site = site(conf);
    assert_eq!(site.get("/b.html").text(), "page b");
    assert_eq!(site.get("/post/1?x=y").text(), "/to|q=post/1&x=y");
    let conf = "location / { try_files $uri @front; } location @front { rewrite ^/(.*)$ /to?q=$1 last; }";
    let site = self::site(conf);
    assert_eq!(site.get("/b.html").text(), "page b");
    assert_eq!(site.get("/post/1?x=y").text(), "/to|q=post/1&x=y");
}

//! `webserv explain`: which listener, server and location answer, and why.

use crate::support::{Folder, Site};

const SERVERS: &str = "
    server { listen 8080 default_server; server_name _; return 444; }
    server {
        listen 8080; server_name example.org *.example.org; root {root};
        expires 1h;
        rewrite ^/old/(.*)$ /$1 last;
        location / { try_files $uri =404; }
        location /images/ { add_header X-Inner inner; location ~ png$ { return 204; } }
        location = /exact { return 200 x; }
        location ~ php$ { deny all; error_page 403 /a.html; }
        location ^~ /static/ { }
        location ~ own$ { allow 192.0.2.1; deny all; try_files /a.html =404; }
        location = /who { return 200 $http_a; }
    }
    server { listen 8080; server_name www.example.*; }";

fn folder() -> Folder {
    Site::new()
        .file("a.html", "text")
        .config(&format!("events {{ }} http {{\nadd_header X-Outer outer;\n{SERVERS}\n}}"))
        .unstarted()
}

/// What it says of a request.
#[track_caller]
fn explained(folder: &Folder, words: &[&str]) -> String {
    let output = folder.webserv(&[&["explain"], words].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn the_chosen_and_the_losers_are_told_with_their_lines_and_reasons() {
    let folder = folder();
    let text = explained(&folder, &["http://www.example.org:8080/old/a.html"]);
    says(
        &text,
        &[
            "listener   0.0.0.0:8080 (",
            "webserv.conf:",
            "its name `*.example.org` fits `www.example.org`",
            "not server _",
            "the default server, for names that no other has",
            "`www.example.*` fits, but a wildcard at the start wins",
            "location   location / (",
            "not location = /exact",
            "not location ~ php$",
            "does not match `/a.html`",
        ],
    );
}

#[test]
fn the_way_there_names_rewrites_files_and_handlers() {
    let folder = folder();
    let text = explained(&folder, &["http://example.org:8080/old/a.html"]);
    let file = format!("the file {}", folder.path("a.html").display());
    says(&text, &["matches \"/old/a.html\"", "the URI becomes /a.html", "static_files decides", &file, "200 OK"]);
}

#[test]
fn the_directives_that_hold_are_those_of_the_innermost_block() {
    let folder = folder();
    let text = explained(&folder, &["http://example.org:8080/images/x"]);
    says(&text, &["add_header X-Inner inner; (", "expires 1h; ("]);
    assert!(!text.contains("add_header X-Outer") && !text.contains("rewrite ^/old"), "{text}");
    let nested = explained(&folder, &["http://example.org:8080/images/x.png"]);
    says(&nested, &["location ~ png$", "fits, and a location within it is better", "return 204;"]);
}

#[test]
fn an_error_page_is_shown_with_what_led_to_it() {
    let text = explained(&folder(), &["POST", "http://example.org:8080/x.php"]);
    says(&text, &["access forbidden by rule", "access decides", "status 403", "the URI becomes /a.html"]);
}

#[test]
fn fields_and_the_client_s_address_count() {
    let folder = folder();
    let url = "http://example.org:8080/own";
    says(&explained(&folder, &[url]), &["403 Forbidden"]);
    says(&explained(&folder, &[url, "--from", "192.0.2.1"]), &["200 OK"]);
    let who = explained(&folder, &["http://example.org:8080/who", "-H", "A: b"]);
    says(&who, &["200 OK", "1 bytes that are in memory"]);
    says(&explained(&folder, &["http://127.0.0.1:8080/own", "-H", "Host: nobody"]), &["closed without a word"]);
}

#[test]
fn programs_get_json() {
    let text = explained(&folder(), &["http://example.org:8080/exact", "--format", "json"]);
    says(&text, &["\"status\":200", "\"location\":{\"what\":\"location = /exact\"", "\"directives\":["]);
}

#[test]
fn what_cannot_be_explained_is_said() {
    let folder = folder();
    for (url, said) in [
        ("http://example.org/", "nobody listens on port 80; there is 0.0.0.0:8080"),
        ("ftp://example.org/", "invalid URL"),
        ("http://exa mple/", "invalid URL"),
    ] {
        let output = folder.webserv(&["explain", url]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(said), "{url}: {errors}");
    }
}

#[test]
fn a_host_field_says_which_server_is_asked_for() {
    let text = explained(&folder(), &["http://127.0.0.1:8080/a.html", "-H", "Host: www.example.org:8080"]);
    says(&text, &["listener   0.0.0.0:8080", "its name `*.example.org` fits `www.example.org`"]);
}

#[test]
fn an_if_that_holds_shows_its_settings_and_not_those_that_it_replaces() {
    let folder = Site::new()
        .config(
            "events { } http { add_header X-H h; server { listen 8080; location / {
    add_header X-L l; alias {root}/; expires 1h; try_files $uri =404;
    if ($arg_a) { add_header X-I i; set $b 1; }
    if ($arg_c) { root /other; return 200; }
} } }",
        )
        .unstarted();
    let plain = explained(&folder, &["http://a:8080/"]);
    says(&plain, &["the condition does not hold", "add_header X-L l;", "try_files $uri =404;"]);
    let inside = explained(&folder, &["http://a:8080/?a=1"]);
    says(
        &inside,
        &["location   location / (", "the condition holds", "add_header X-I i;", "set $b 1;", "alias /", "expires 1h;"],
    );
    assert!(!inside.contains("add_header X-L") && !inside.contains("try_files"), "{inside}");
    let last = explained(&folder, &["http://a:8080/?a=1&c=1"]);
    says(&last, &["root /other;", "add_header X-L l;"]);
    assert!(!last.contains("alias") && !last.contains("add_header X-I"), "{last}");
}

#[test]
fn limit_except_shows_its_settings_to_the_methods_it_is_for() {
    let folder = Site::new()
        .config(
            "events { } http { server { listen 8080; location / {
    allow all; expires 1h; add_header_inherit merge; add_header X-L l; limit_except GET { deny all; }
} } }",
        )
        .unstarted();
    let get = explained(&folder, &["http://a:8080/"]);
    assert!(get.contains("allow all;") && !get.contains("deny all;"), "{get}");
    let post = explained(&folder, &["POST", "http://a:8080/"]);
    says(&post, &["deny all;", "expires 1h;", "add_header X-L l;", "403 Forbidden"]);
    assert!(!post.contains("allow all;"), "{post}");
}

#[test]
fn headers_that_are_merged_are_all_shown() {
    let folder = Site::new()
        .config(
            "events { } http { add_header X-H h; server { listen 8080; add_header_inherit merge; add_header X-S s;
    location /a { add_header X-A a; }
    location /b { add_header_inherit off; }
} }",
        )
        .unstarted();
    says(&explained(&folder, &["http://a:8080/a"]), &["add_header X-A a;", "add_header X-S s;", "add_header X-H h;"]);
    let off = explained(&folder, &["http://a:8080/b"]);
    assert!(!off.contains("add_header X-"), "{off}");
}

#[test]
fn the_steps_of_a_subrequest_are_its_own() {
    let folder = Site::new()
        .file("a.html", "text")
        .config(
            "events { } http { server { listen 8080; root {root};
    location /a { auth_request /check/; auth_request_set $b $status; }
    location /check/ { internal; try_files /a.html =404; }
} }",
        )
        .unstarted();
    let text = explained(&folder, &["http://a:8080/a.html"]);
    says(
        &text,
        &[
            "location /a (",
            "the longest beginning of `/a.html`",
            "not location /check/ (",
            "`/a.html` does not begin so",
            "asks for /check/ in a subrequest",
            "| /check/ goes to location /check/",
            "the subrequest is answered with 200",
        ],
    );
}

#[test]
fn a_unix_socket_is_asked_by_its_path() {
    let folder = Site::new()
        .config(
            "events { } http {
    server { listen unix:/run/a.sock; listen 8080; server_name a; allow unix:; deny all; return 204; }
    server { listen unix:/run/a.sock; server_name b; return 403; }
}",
        )
        .unstarted();
    let text = explained(&folder, &["http://unix:/run/a.sock:/x?y", "-H", "Host: a"]);
    says(&text, &["GET http://a/x?y", "listener   unix:/run/a.sock", "its name `a` fits `a`", "204 No Content"]);
    says(&explained(&folder, &["unix:/run/a.sock"]), &["GET http://localhost/", "no name fits `localhost`"]);
    let output = folder.webserv(&["explain", "http://unix:/run/b.sock:/"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("nobody listens on unix:/run/b.sock; there is unix:/run/a.sock"), "{errors}");
}

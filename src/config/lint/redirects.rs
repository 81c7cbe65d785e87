//! Redirects and header fields whose text clients can shape.

use webserv_grammar::Word;

use super::super::diagnostics::Diagnostic;
use super::super::lines::Line;
use super::{Found, Lint};
use crate::config::view::{View, variables};

/// `$uri` in a redirect or a header.
pub(super) static UNESCAPED_URI: Lint = Lint {
    code: "unescaped-uri",
    finds: "`$uri` or `$document_uri` in the URL of a redirect, or in the value of a header field.",
    matters: "The variable is the path decoded: `/a%0d%0aSet-Cookie:%20b=c` holds a line end. nginx sends that as it \
              stands, and so lets a client write header fields into the answer. webserv sends spaces in their place; but \
              the redirect still leads elsewhere for each path with `%20`, `%2F` or `%3F` in it, and loses the query.",
    instead: "Write `$request_uri`, which is the path and the query as the client sent them.",
    wrong: "server { listen 8080; return 301 https://example.org$uri; }",
    right: "server { listen 8080; return 301 https://example.org$request_uri; }",
    found: Found::Checking(unescaped_uris),
};

/// A redirect to a place that the client names.
pub(super) static OPEN_REDIRECT: Lint = Lint {
    code: "open-redirect",
    finds: "A redirect whose host is taken from a parameter, a cookie or a header field of the request.",
    matters: "Anybody can write a link to this site that leads to another one, and visitors trust the link for its \
              beginning.",
    instead: "Take only the path from the request, behind a host and a slash; or look the place up in a `map` of those \
              that are allowed.",
    wrong: "server { listen 8080; location = /go { return 302 $arg_to; } }",
    right: "server { listen 8080; location = /go { return 302 https://example.org/$arg_to; } }",
    found: Found::Checking(open_redirects),
};

fn unescaped_uris(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for line in view.lines(&[REDIRECTING, WITH_VALUE].concat()) {
        let redirect = redirect_target(line);
        let Some(word) = redirect.or_else(|| header_value(line)) else { continue };
        let uris = variables(&word.text).into_iter().filter(|named| matches!(&*named.name, "uri" | "document_uri"));
        for named in uris {
            let place = view.session.sources.place_in_word(line.file, word, named.at..named.at + named.length);
            let what = if redirect.is_some() { "a redirect" } else { "a header field" };
            let message = format!("\"${}\" in {what} is the path decoded", named.name);
            let finding = Diagnostic::warning(place, message).label("may hold line ends, spaces and question marks");
            findings.push(finding.help("write `$request_uri`: path and query as the client sent them"));
        }
    }
    findings
}

fn open_redirects(view: &View<'_>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for line in view.lines(REDIRECTING) {
        let Some(word) = redirect_target(line) else { continue };
        let host_end = host_end(&word.text);
        let chosen = variables(&word.text).into_iter().find(|named| named.at < host_end && is_clients(&named.name));
        if let Some(named) = chosen {
            let place = view.session.sources.place_in_word(line.file, word, named.at..named.at + named.length);
            let message = format!("\"${}\" lets clients choose the host of a redirect", named.name);
            let finding = Diagnostic::warning(place, message).label("comes from the request as it is");
            findings.push(finding.help("put a host and a slash before it, or look the place up in a `map`"));
        }
    }
    findings
}

/// The word that clients are redirected to, if the directive redirects.
fn redirect_target<'a>(line: &Line<'a>) -> Option<&'a Word> {
    let absolute = |word: &Word| ["http://", "https://", "$scheme"].iter().any(|begin| word.text.starts_with(begin));
    match (&*line.name.text, line.words) {
        ("return", [url]) => Some(url).filter(|url| absolute(url)),
        ("return", [code, url]) => Some(url).filter(|_| REDIRECTS.contains(&&*code.text)),
        ("rewrite", [_, url]) => Some(url).filter(|url| absolute(url)),
        ("rewrite", [_, url, flag]) => {
            Some(url).filter(|url| absolute(url) || matches!(&*flag.text, "redirect" | "permanent"))
        }
        ("error_page", [.., url]) => Some(url).filter(|url| url.text.contains("://")),
        _ => None,
    }
}

/// The value of a header field that the directive sets.
fn header_value<'a>(line: &Line<'a>) -> Option<&'a Word> {
    match (&*line.name.text, line.words) {
        ("add_header" | "add_trailer" | "proxy_set_header", [_, value, ..]) => Some(value),
        _ => None,
    }
}

/// How far the host of a URL reaches; nothing of a path on this server is one.
fn host_end(url: &str) -> usize {
    if url.starts_with('/') && !url.starts_with("//") {
        return 0;
    }
    let host = url.find("://").map_or(if url.starts_with("//") { 2 } else { 0 }, |at| at + "://".len());
    url[host..].find(['/', '?', '#']).map_or(url.len(), |end| host + end)
}

/// Whether a variable is what the client wrote, and a link can make it write. Its own `Host` no link can set.
fn is_clients(name: &str) -> bool {
    let chosen = ["arg_", "cookie_", "http_"].iter().any(|family| name.starts_with(family));
    (chosen && name != "http_host") || matches!(name, "args" | "query_string")
}

/// What may redirect, and what sets a field; as the two functions above have it.
const REDIRECTING: &[&str] = &["return", "rewrite", "error_page"];
const WITH_VALUE: &[&str] = &["add_header", "add_trailer", "proxy_set_header"];

/// The codes of `return` behind which a URL stands.
const REDIRECTS: [&str; 5] = ["301", "302", "303", "307", "308"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::lint as check;

    #[test]
    fn the_decoded_path_does_not_belong_into_redirects_and_headers() {
        check(
            &UNESCAPED_URI,
            "server {
    return 301 https://a$uri?x;
#                       ^^^^ \"$uri\" in a redirect is the path decoded; may hold line ends, spaces and question marks
    location /a { return http://a${document_uri}; }
#                                ^^^^^^^^^^^^^^^ \"$document_uri\" in a redirect is the path decoded; may hold line ends, spaces and question marks
    location /b { return 200 $uri; }
    location /c { rewrite ^ /d$uri permanent; rewrite ^ $uri/ last; }
#                             ^^^^ \"$uri\" in a redirect is the path decoded; may hold line ends, spaces and question marks
    location /d { add_header X \"\\\"$uri\" always; try_files $uri =404; }
#                                 ^^^^ \"$uri\" in a header field is the path decoded; may hold line ends, spaces and question marks
    error_page 404 =301 https://a$uri;
#                                ^^^^ \"$uri\" in a redirect is the path decoded; may hold line ends, spaces and question marks
    error_page 404 $uri;
    location /e { return 302 $request_uri$uri_x; }
}",
        );
    }

    #[test]
    fn the_host_of_a_redirect_is_no_matter_of_the_client() {
        check(
            &OPEN_REDIRECT,
            "server {
    location /a { return 302 $arg_to; }
#                            ^^^^^^^ \"$arg_to\" lets clients choose the host of a redirect; comes from the request as it is
    location /b { return 302 https://$cookie_site/x; }
#                                    ^^^^^^^^^^^^ \"$cookie_site\" lets clients choose the host of a redirect; comes from the request as it is
    location /c { return 302 https://a.example$arg_next; }
#                                             ^^^^^^^^^ \"$arg_next\" lets clients choose the host of a redirect; comes from the request as it is
    location /d { return 302 https://a.example/$arg_next; }
    location /e { return 301 https://$host$request_uri; }
    location /f { return 301 https://$http_host$request_uri; }
    location /g { return 301 /x?$args; }
    location /h { return 301 $scheme://a.example?to=$arg_to; }
    location /i { rewrite ^ $http_x_to redirect; }
#                           ^^^^^^^^^^ \"$http_x_to\" lets clients choose the host of a redirect; comes from the request as it is
    location /j { return 200 $arg_to; }
}",
        );
    }
}

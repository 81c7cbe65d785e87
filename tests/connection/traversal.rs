//! No spelling of a path leads out of the document root.

use crate::support::Site;

/// Ways to write `../secret.txt`, seen from `/sub/`.
const SPELLINGS: &[&str] = &[
    "/../secret.txt",
    "/sub/../../secret.txt",
    "/./../secret.txt",
    "/..//secret.txt",
    "//../secret.txt",
    "///../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E/secret.txt",
    "/.%2e/secret.txt",
    "/%2e./secret.txt",
    "/..%2fsecret.txt",
    "/..%2Fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/sub%2f..%2f..%2fsecret.txt",
    "/sub/%2e%2e/%2e%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/%252e%252e%252fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/%2e%2e%5csecret.txt",
    "/..%00/secret.txt",
    "/..%00secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/%c0%ae%c0%ae%c0%afsecret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt",
    "/%u002e%u002e/secret.txt",
    "/..;/secret.txt",
    "/.../secret.txt",
    "/....//secret.txt",
    "/..?/../secret.txt",
    "/sub/..%2f..%2fsecret.txt",
    "/~/../../secret.txt",
    "http://localhost/../secret.txt",
    "http://localhost/%2e%2e/secret.txt",
    "/%",
    "/%2",
    "/%zz/../../secret.txt",
];

#[test]
fn no_spelling_leads_out_of_the_root() {
    let site = Site::new()
        .file("secret.txt", "secret")
        .file("public/home.html", "hello")
        .dir("public/sub")
        .conf("root {root}/public; autoindex on;")
        .start();
    assert_eq!(site.get("/home.html").text(), "hello");
    for spelling in SPELLINGS {
        let answer = site.get(spelling);
        assert!(!answer.text().contains("secret"), "{spelling}:\n{}{}", answer.head, answer.text());
        // `/..?/../secret.txt` is the root with a query, in front of which `..` leads nowhere.
        assert!([301, 400, 403, 404].contains(&answer.status), "{spelling}: {}", answer.status);
    }
}

#[test]
fn no_spelling_leads_out_of_an_alias() {
    let site = Site::new()
        .file("secret.txt", "secret")
        .file("files/home.html", "hello")
        .conf("root {root}/nowhere; location /files { alias {root}/files/; } location /f/ { alias {root}/files/; }")
        .start();
    for path in
        ["/files../secret.txt", "/files..%2fsecret.txt", "/f/../secret.txt", "/f/..%2f/secret.txt", "/f../secret.txt"]
    {
        let answer = site.get(path);
        assert!([400, 403, 404].contains(&answer.status), "{path}: {}", answer.status);
    }
    assert_eq!(site.get("/f/home.html").text(), "hello");
}

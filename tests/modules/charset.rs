//! The charset of content: told, and recoded to.

use crate::support::*;

const MAP: &str = "charset_map koi8-r utf-8 { 80 E282AC; 9A C2A0; C1 D0B0; C2 D0B1; }";

#[test]
fn the_content_type_tells_the_charset() {
    let site = Site::new()
        .file("page.html", "hello")
        .file("a.gif", "GIF89a")
        .conf("charset utf-8; location /moved { return 301 /; } location /other { return 303 /; }")
        .start();
    let told = |path: &str| site.get(path).header("content-type").map(str::to_owned);
    assert_eq!(told("/page.html").as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(told("/a.gif").as_deref(), Some("image/gif"));
    assert_eq!(told("/none").as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(told("/moved").as_deref(), Some("text/html"));
    assert_eq!(told("/other").as_deref(), Some("text/html; charset=utf-8"));
}

#[test]
fn ranges_and_conditions_are_as_before() {
    let site = Site::new().file("page.html", "hello").conf("charset utf-8;").start();
    let whole = site.get("/page.html");
    let part = site.get_with("/page.html", &[("Range", "bytes=1-2")]);
    assert_eq!((part.status, part.text()), (206, "el"));
    assert_eq!(part.header("content-type"), Some("text/html; charset=utf-8"));
    let tag = whole.header("etag").unwrap().to_owned();
    let same = site.get_with("/page.html", &[("If-None-Match", &tag)]);
    assert_eq!((same.status, same.header("content-type")), (304, None));
}

#[test]
fn types_say_which_content_it_is_for() {
    let site = Site::new()
        .file("a.css", "a")
        .file("a.html", "a")
        .file("a.gif", "a")
        .http("types { text/html html; text/css css; image/gif gif; } charset utf-8;")
        .conf("charset_types text/css; location /all/ { charset_types *; }")
        .file("all/a.gif", "a")
        .start();
    let told = |path: &str| site.get(path).header("content-type").map(str::to_owned);
    assert_eq!(told("/a.css").as_deref(), Some("text/css; charset=utf-8"));
    assert_eq!(told("/a.html").as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(told("/a.gif").as_deref(), Some("image/gif"));
    assert_eq!(told("/all/a.gif").as_deref(), Some("image/gif; charset=utf-8"));
}

#[test]
fn a_charset_may_depend_on_the_request() {
    let site = Site::new().file("page.html", "x").conf("charset $arg_c;").start();
    assert_eq!(site.get("/page.html?c=koi8-r").header("content-type"), Some("text/html; charset=koi8-r"));
    assert_eq!(site.get("/page.html").header("content-type"), Some("text/html"));
}

#[test]
fn files_are_recoded_to_utf8() {
    let koi: Vec<u8> = [b"x\x80\xc1\xc2\xff".repeat(250_000), b"end".to_vec()].concat();
    let site = Site::new()
        .file("page.html", &koi)
        .file("small.html", b"\xc1")
        .http(MAP)
        .conf("source_charset koi8-r; charset utf-8;")
        .start();
    let answer = site.get("/page.html");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, Some("chunked")));
    assert_eq!(answer.text(), "x€аб?".repeat(250_000) + "end");
    assert_eq!(site.get("/small.html").text(), "а");
    assert_eq!(site.get_with("/small.html", &[("Range", "bytes=0-0")]).status, 200);
}

#[test]
fn files_are_recoded_from_utf8() {
    let text = "x€аб日😀".repeat(20_000);
    let site = Site::new().file("page.html", &text).http(MAP).conf("source_charset utf-8; charset koi8-r;").start();
    assert_eq!(site.get("/page.html").body, b"x\x80\xc1\xc2&#26085;&#128512;".repeat(20_000));
}

#[test]
fn content_of_the_same_size_keeps_its_length() {
    let site = Site::new()
        .file("page.html", b"a\x80".repeat(50_000))
        .http("charset_map x y { 80 90; }")
        .conf("source_charset x; charset y; location /text { return 200 \"abc\"; }")
        .start();
    let answer = site.get("/page.html");
    assert_eq!(answer.header("content-length"), Some("100000"));
    assert_eq!(answer.body, b"a\x90".repeat(50_000));
    assert_eq!(site.head("/page.html").header("content-length"), Some("100000"));
    assert_eq!(site.get("/text").header("content-type"), Some("text/plain; charset=y"));
}

#[test]
fn a_type_with_a_charset_is_overridden_where_that_is_said() {
    let site = Site::new()
        .file("a.html", "а")
        .http(MAP)
        .conf(
            "types { 'text/html; charset=utf-8' html; } charset koi8-r;
             location /on/ { alias {root}/; override_charset on; }",
        )
        .start();
    let left = site.get("/a.html");
    assert_eq!((left.header("content-type"), &*left.body), (Some("text/html; charset=utf-8"), "а".as_bytes()));
    let recoded = site.get("/on/a.html");
    assert_eq!((recoded.header("content-type"), &*recoded.body), (Some("text/html; charset=koi8-r"), &b"\xc1"[..]));
}

#[test]
fn a_recoding_that_no_map_tells_is_refused() {
    for (lines, reason) in [
        ("server { source_charset koi8-r; charset utf-8; }", "no \"charset_map\" between the charsets"),
        ("charset_map a b { 80 zz; }", "invalid value \"zz\""),
        ("server { charset_map a b { } }", "\"charset_map\" directive is not allowed here"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ {lines} server {{ }} }}"));
        assert!(!checked.ok && checked.output.contains(reason), "{lines}: {}", checked.output);
    }
}

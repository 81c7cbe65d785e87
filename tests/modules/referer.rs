//! Where a request says that it comes from.

use crate::support::*;

/// What `$invalid_referer` is for a field.
fn invalid(site: &Running, path: &str, referer: &str) -> String {
    site.get_with(path, &[("Referer", referer)]).text().to_owned()
}

#[test]
fn the_forms_of_valid_referers_are_those_of_nginx() {
    let site = Site::new()
        .conf(
            "server_name a.example *.b.example ~^r\\d;
             valid_referers none blocked server_names *.w.example x.* y.example/path ~\\.google\\.;
             return 200 \"$invalid_referer\";",
        )
        .start();
    assert_eq!(site.get("/").text(), "");
    for valid in [
        "",
        "a",
        "http://i.r",
        "http://a.example",
        "https://A.EXAMPLE:8080/x",
        "ftp://a.example/",
        "http://q.b.example/",
        "http://r1/aaaa",
        "http://z.w.example",
        "http://x.foo/",
        "http://y.example/path/a",
        "http://y.example:80/path",
        "http://www.google.com/",
        "http://evil/?.google.",
    ] {
        assert_eq!(invalid(&site, "/", valid), "", "{valid}");
    }
    for other in
        ["http://i.ru", "http://y.example/pat", "http://///////////", "http://user@a.example/", "http://xr1.example/"]
    {
        assert_eq!(invalid(&site, "/", other), "1", "{other}");
    }
}

#[test]
fn a_missing_field_is_invalid_unless_none_stands_there() {
    let site = Site::new().conf("valid_referers a.example; return 200 \"[$invalid_referer]\";").start();
    assert_eq!(site.get("/").text(), "[1]");
}

#[test]
fn without_valid_referers_nothing_is_invalid() {
    let site = Site::new().conf("return 200 \"[$invalid_referer]\";").start();
    assert_eq!(site.get("/").text(), "[]");
    assert_eq!(invalid(&site, "/", "http://a.example/"), "[]");
}

#[test]
fn server_names_are_those_of_the_server_itself() {
    let site = Site::new()
        .http("server { listen 127.0.0.1:0; server_name other.example; }")
        .conf("server_name localhost; location / { valid_referers server_names; return 200 \"$invalid_referer\"; }")
        .start();
    assert_eq!((&*invalid(&site, "/", "http://localhost/"), &*invalid(&site, "/", "http://other.example/")), ("", "1"));
}

#[test]
fn nginxs_tuning_of_its_tables_is_accepted() {
    let checked = check_config(
        "events { } http { server { referer_hash_max_size 4096; referer_hash_bucket_size 128; valid_referers a; } }",
    );
    assert!(checked.ok, "{}", checked.output);
}

//! Which location answers, chosen as nginx chooses.

use crate::support::Site;

#[test]
fn exact_then_longest_prefix_or_expression() {
    let site = Site::new()
        .conf(
            r#"location = / { return 200 exact; }
            location / { return 200 prefix; }
            location /images/ { return 200 images; }
            location ^~ /static/ { return 200 static; location ~ [.]deep$ { return 200 deep; } }
            location ~ [.](?<kind>gif|jpg)$ { return 200 "expression $kind"; }
            location ~* [.]PNG$ { return 200 caseless; }
            location /nested/ { return 200 outer; location /nested/in/ { return 200 inner; } }
            location "/with space/" { return 200 space; }"#,
        )
        .start();
    for (path, expected) in [
        ("/", "exact"),
        ("/?a", "exact"),
        ("/x", "prefix"),
        ("/images/x", "images"),
        ("/images/x.gif", "expression gif"),
        ("/images", "prefix"),
        ("/static/x.gif", "static"),
        ("/static/x.deep", "deep"),
        ("/x.png", "caseless"),
        ("/x.GIF", "prefix"),
        ("/nested/x", "outer"),
        ("/nested/in/x", "inner"),
        ("/with%20space/", "space"),
        ("/images/../nested/in/", "inner"),
        ("/%69mages/", "images"),
    ] {
        assert_eq!(site.get(path).text(), expected, "{path}");
    }
}

//! Links that only somebody who knows a secret can make.

use crate::support::*;

fn site() -> Running {
    Site::new()
        .conf(
            "location /p { secure_link_secret word; return 200 \"[$secure_link]\"; }
             location /s { secure_link $arg_md5,$arg_expires; secure_link_md5 \"$secure_link_expires$uri secret\";
                           return 200 \"[$secure_link][$secure_link_expires]\"; }
             location /o { secure_link $arg_md5; secure_link_md5 \"$uri secret\"; return 200 \"[$secure_link]\"; }",
        )
        .start()
}

#[test]
fn a_link_by_path_is_signed_by_its_secret() {
    let site = site();
    // The MD5 of "linkword", and of "link?xword".
    let (plain, with_query) = ("29245bdc2d04a9e0e729927ed0f84e26", "ecb5eb2086ddf50f6bb3940d89560bfc");
    assert_eq!(site.get(&format!("/p/{plain}/link")).text(), "[link]");
    assert_eq!(site.get(&format!("/p/{}/link", plain.to_uppercase())).text(), "[link]");
    assert_eq!(site.get(&format!("/p/{with_query}/link?x")).text(), "[link?x]");
    for other in ["link?x", "lin", "", "x/link"] {
        assert_eq!(site.get(&format!("/p/{plain}/{other}")).text(), "[]", "{other}");
    }
}

#[test]
fn a_link_is_good_for_its_time() {
    let site = site();
    // The MD5 of "5/s secret", and of "4000000000/s secret".
    assert_eq!(site.get("/s?md5=vspeFYrRvnLSVKX57IW0_g&expires=5").text(), "[0][5]");
    assert_eq!(site.get("/s?md5=M9m-pkUVAhAlB1gvFR_dUA&expires=4000000000").text(), "[1][4000000000]");
    assert_eq!(site.get("/s?md5=vspeFYrRvnLSVKX57IW0_g&expires=6").text(), "[][6]");
    assert_eq!(site.get("/s?md5=vspeFYrRvnLSVKX57IW0_g&expires=").text(), "[][]");
}

#[test]
fn a_link_may_have_no_end() {
    let site = site();
    // The MD5 of "/o secret".
    assert_eq!(site.get("/o?md5=DgZS267H0cwduy3GzK8w-A").text(), "[1]");
    assert_eq!(site.get("/o?md5=DgZS267H0cwduy3GzK8w-A==").text(), "[1]");
    assert_eq!(site.get("/o?md5=AAAAAAAAAAAAAAAAAAAAAA").text(), "[]");
}

#[test]
fn the_two_ways_cannot_be_mixed() {
    let checked = check_config("events { } http { server { location / { secure_link $uri; secure_link_secret a; } } }");
    assert!(!checked.ok && checked.output.contains("cannot be mixed"), "{}", checked.output);
}

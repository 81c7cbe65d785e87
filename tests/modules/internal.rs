//! `internal`.

use crate::support::Site;

#[test]
fn only_internal_redirects_lead_there() {
    let site = Site::new()
        .file("hidden/page.html", "the page")
        .conf("error_page 404 /hidden/page.html; location /hidden/ { internal; }")
        .start();
    assert_eq!(site.get("/missing").text(), "the page");
    let direct = site.get("/hidden/page.html");
    assert_eq!((direct.status, direct.text()), (404, "the page"), "by its error page, not as itself");
}

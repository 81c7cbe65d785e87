//! Each site answers its visits.

use super::Shape;

#[test]
fn pages_with_assets_are_hardened_and_cached_by_their_types() {
    Shape::new("h5bp").visit(&[]);
}

#[test]
fn a_blog_sends_everything_that_is_no_file_to_its_program() {
    // Its documentation says `$uri/` in the redirect.
    Shape::new("wordpress").visit(&["unescaped-uri"]);
}

#[test]
fn an_application_of_one_page_answers_all_its_routes() {
    Shape::new("single_page").visit(&[]);
}

#[test]
fn repositories_have_pages_files_and_old_addresses() {
    Shape::new("cgit").visit(&[]);
}

#[test]
fn a_site_that_moved_leads_to_its_new_addresses() {
    Shape::new("redirects").visit(&[]);
}

#[test]
fn a_closed_site_lets_those_in_who_work_on_it() {
    let site = Shape::new("maintenance").visit(&[]);
    site.write("www/closed", "");
    super::visit(&site, &super::folder("maintenance").join("visits-closed"));
    std::fs::remove_file(site.path("www/closed")).unwrap();
    assert_eq!(site.get("/").text(), "home\n");
}

#[test]
fn a_site_before_its_release_asks_strangers_for_a_password() {
    Shape::new("staging").visit(&[]);
}

#[test]
fn downloads_are_listed_and_signed() {
    Shape::new("downloads").visit(&[]);
}

#[test]
fn visitors_are_split_and_keep_what_they_were_given() {
    Shape::new("experiment").visit(&[]);
}

#[test]
fn visitors_are_answered_by_where_they_come_from() {
    Shape::new("countries").visit(&[]);
}

#[test]
fn every_page_has_one_address() {
    Shape::new("canonical").visit(&[]);
}

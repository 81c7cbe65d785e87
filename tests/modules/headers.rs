//! Fields that the configuration adds, and where a redirect's `Location` stands.

use crate::support::*;

#[test]
fn an_added_field_knows_the_status_it_is_sent_with() {
    let conf = "add_header X-Status $status always; error_page 403 =410 /gone; location /403 { return 403; }
                location /said { return 202 \"said $status\"; }";
    let site = Site::new().file("page", "x").conf(conf).start();
    let status = |path| site.get(path).header("x-status").map(str::to_owned);
    assert_eq!(status("/page").as_deref(), Some("200"));
    assert_eq!(status("/none").as_deref(), Some("404"));
    assert_eq!(site.get("/said").text(), "said 202");
    assert_eq!(status("/said").as_deref(), Some("202"));
}

#[test]
fn a_location_made_absolute_stands_before_connection_and_one_that_was_configured_behind_it() {
    let conf = "location /own { return 302 /x; } location /other { return 302 http://b.example/; }";
    let site = Site::new().conf(conf).start();
    let before = |path: &str| {
        let mut client = site.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        let text = String::from_utf8(client.try_rest().0).unwrap();
        text.find("\r\nLocation: ").unwrap() < text.find("\r\nConnection: ").unwrap()
    };
    assert_eq!((before("/own"), before("/other")), (true, false));
}

#[test]
fn a_folder_behind_two_slashes_is_not_redirected_to_another_host() {
    let site = Site::new().dir("b.example").conf("merge_slashes off;").start();
    let answer = site.get("//b.example");
    let location = answer.header("location").unwrap();
    assert_eq!(answer.status, 301);
    assert!(location.starts_with("http://") && location.ends_with("//b.example/"), "{location}");
}

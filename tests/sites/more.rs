//! What a table of visits cannot say: many sites, many requests, at the same time.

use std::fmt::Write;

use super::Shape;

/// So many files lie in the folder of sites.
const SITES: usize = 200;

/// `hosts` with its sites.
fn hosts() -> Shape {
    (0..SITES).fold(Shape::new("hosts"), |shape, number| {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "server {{ listen 127.0.0.1:8080; server_name site{number:03}.example.org www.site{number:03}.example.org;
             location / {{ return 200 \"site {number:03}\\n\"; }} expect /x status=200 location=/; }}"
        );
        shape.file(&format!("sites/{number:03}.conf"), &text)
    })
}

#[test]
fn two_hundred_sites_share_an_address() {
    let site = hosts().visit(&[]);
    for number in 0..SITES {
        let name = format!("site{number:03}.example.org");
        assert_eq!(site.get_with("/", &[("Host", &name)]).text(), format!("site {number:03}\n"));
    }
}

#[test]
fn a_site_is_added_and_another_taken_away_by_a_reload() {
    let site = hosts().start(&[]);
    let status = |name: &str| site.get_with("/", &[("Host", name)]).status;
    assert_eq!((status("site000.example.org"), status("new.example.org")), (200, 421));
    let new = "server { listen 127.0.0.1:0; server_name new.example.org; return 204; }";
    site.write("sites/new.conf", new);
    std::fs::remove_file(site.path("sites/000.conf")).unwrap();
    site.reload();
    assert_eq!((status("site000.example.org"), status("new.example.org")), (421, 204));
}

#[test]
fn logins_are_tried_a_few_times() {
    let site = Shape::new("wordpress").start(&["unescaped-uri"]);
    let statuses: Vec<_> = (0..5).map(|_| site.ask("POST", "/wp-login.php", &[]).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(site.get("/wp-admin/index.php").status, 200);
}

#[test]
fn a_visitor_has_one_download_at_a_time_and_the_rest_of_the_site() {
    let site = Shape::new("downloads").start(&[]);
    site.write("files/releases/large", vec![b'x'; 1 << 20]);
    let mut first = site.connect();
    first.send("GET /releases/large HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(String::from_utf8_lossy(&first.read_some()).starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(site.get("/releases/webserv.tar.gz").status, 429);
    assert_eq!(site.get("/readme.txt").status, 200);
}

#[test]
fn about_half_of_all_visitors_see_each_page_and_always_the_same() {
    let site = Shape::new("experiment").start(&[]);
    let seen = |number: u8| {
        let address = format!("198.51.100.{number}");
        site.get_with("/", &[("X-Forwarded-For", &address)]).text().to_owned()
    };
    let first: Vec<_> = (0..100).map(seen).collect();
    let share = first.iter().filter(|page| *page == "front a\n").count();
    assert!((35..=65).contains(&share), "{share} of 100");
    assert_eq!((0..20).map(seen).collect::<Vec<_>>(), first[..20]);
}

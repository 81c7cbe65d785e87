//! `server_name`: which server answers for a host.

use crate::support::Site;

#[test]
fn an_exact_name_comes_before_wildcards_and_these_before_expressions() {
    let mut servers = String::new();
    for name in
        ["www.example.org", "*.example.org", "*.org", "mail.*", ".example.com", "~^(?<sub>.+)[.]example[.]net$", "''"]
    {
        servers += &format!("server {{ listen 127.0.0.1:0; server_name {name}; return 200 \"$server_name $sub\"; }}\n");
    }
    let first = "server { listen 127.0.0.1:0; server_name _; return 200 default; }\n";
    let site = Site::new().config(&format!("events {{ }}\nhttp {{\n{first}{servers}}}\n")).start();
    for (host, expected) in [
        ("www.example.org", "www.example.org "),
        ("WWW.Example.Org.", "www.example.org "),
        ("a.b.example.org", "*.example.org "),
        ("other.org", "*.org "),
        ("mail.org", "*.org "),
        ("mail.example", "mail.* "),
        ("example.com", "example.com "),
        ("a.example.com", "example.com "),
        ("x.example.net", "~^(?<sub>.+)[.]example[.]net$ x"),
        ("nobody.example", "default"),
    ] {
        assert_eq!(site.get_with("/", &[("Host", host)]).text(), expected, "{host}");
    }
    assert_eq!(site.request("GET / HTTP/1.0\r\n\r\n").text(), " ", "without a host: the empty name");
}

#[test]
fn thousands_of_servers_are_told_apart() {
    let servers: String = (0..2_000)
        .map(|number| {
            let locations: String =
                (0..5).map(|at| format!("location /{at}/ {{ return 200 {number}/{at}; }}")).collect();
            format!("server {{ listen unix:{{root}}/socket; server_name s{number}.example; {locations} }}\n")
        })
        .collect();
    let site = Site::new().config(&format!("events {{ }}\nhttp {{\n{servers}}}\n")).start();
    let mut client = site.connect_unix(&site.path("socket"));
    for number in [0, 1, 999, 1_999] {
        client.send(format!("GET /{}/ HTTP/1.1\r\nHost: s{number}.example\r\n\r\n", number % 5));
        assert_eq!(client.answer().text(), format!("{number}/{}", number % 5));
    }
}

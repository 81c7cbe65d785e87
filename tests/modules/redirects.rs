//! `absolute_redirect`, `port_in_redirect` and `server_name_in_redirect`.

use crate::support::Site;

#[test]
fn a_redirect_may_leave_out_the_port_or_all_but_the_path_or_name_the_server() {
    let location = |conf: &str| {
        let site =
            Site::new().conf(&format!("server_name first.example; {conf} location / {{ return 301 /new; }}")).start();
        let port = site.address().port();
        let answer = site.get_with("/", &[("Host", "asked.example")]);
        answer.header("location").expect("it is a redirect").replace(&port.to_string(), "PORT")
    };
    assert_eq!(location(""), "http://asked.example:PORT/new");
    assert_eq!(location("port_in_redirect off;"), "http://asked.example/new");
    assert_eq!(location("server_name_in_redirect on;"), "http://first.example:PORT/new");
    assert_eq!(location("absolute_redirect off;"), "/new");
}

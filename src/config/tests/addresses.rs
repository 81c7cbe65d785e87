//! Servers that share addresses and names.

use super::{check, configuration, set};
use crate::route::tree::Tree;

fn root_for(tree: &Tree, address: usize, host: &str) -> String {
    set(&tree.addresses[address].select(Some(host.as_bytes())).0.plan)
}

#[test]
fn servers_of_one_address_are_told_apart_by_name() {
    let tree = configuration(
        "http {
            server { listen 80; server_name a.example *.a.example; root /a; }
            server { listen 80; server_name b.example; root /b; listen 81; }
        }",
    )
    .tree;
    assert_eq!(
        tree.addresses.iter().map(|routes| routes.address.to_string()).collect::<Vec<_>>(),
        ["0.0.0.0:80", "0.0.0.0:81"]
    );
    assert_eq!(
        ["a.example", "x.a.example", "B.example", "other"].map(|host| root_for(&tree, 0, host)),
        ["/a|||", "/a|||", "/b|||", "/a|||"]
    );
    assert_eq!(root_for(&tree, 1, "a.example"), "/b|||");
}

#[test]
fn the_default_server_has_all_other_names() {
    let tree = configuration(
        "http { server { listen 80; root /a; } server { listen 80 default_server; server_name b; root /b; } }",
    )
    .tree;
    assert_eq!(root_for(&tree, 0, "other"), "/b|||");
}

#[test]
fn a_name_s_expression_captures() {
    let tree =
        configuration("http { server { listen 80; server_name ~^(?<user>.+)\\.example$; root /home/$user; } }").tree;
    let (_, captured) = tree.addresses[0].select(Some(b"Anna.example"));
    let captured = captured.unwrap();
    assert_eq!(captured.group(captured.names[0].0).unwrap(), "anna");
}

#[test]
fn a_server_without_listen_has_the_default_address() {
    let tree = configuration("http { server { } }").tree;
    let port = if rustix::process::geteuid().is_root() { 80 } else { 8000 };
    assert_eq!(tree.addresses[0].address.to_string(), format!("0.0.0.0:{port}"));
}

#[test]
fn one_address_twice_in_a_server_is_an_error() {
    check(
        "http { server {
    listen 80;
#   ------ the same address in the same server
    listen 80;
#   ^^^^^^ a duplicate listen 0.0.0.0:80
} }",
    );
}

#[test]
fn one_default_server_and_one_set_of_options() {
    check(
        "http { server { server_name a;
    listen 80 default_server deferred;
#   ------ first here
#   ------ first here
} server { server_name b;
    listen 80 default_server deferred;
#   ^^^^^^ a duplicate default server for 0.0.0.0:80
#   ^^^^^^ duplicate listen options for 0.0.0.0:80
} }",
    );
}

#[test]
fn a_name_that_another_server_has_is_a_warning() {
    check(
        "http { server { listen 80;
    server_name a.example;
#               --------- this server has the name
} server { listen 80;
    server_name A.example b;
#               ^^^^^^^^^ warning: conflicting server name \"a.example\" on 0.0.0.0:80, ignored
} }",
    );
}

#[test]
fn a_wrong_listen_does_not_make_servers_collide() {
    check(
        "http { server { listen eighty; server_name a; }
#                      ^^^^^^ invalid number \"eighty\" in \"listen\" directive; expected a number, such as 8
    server { server_name a; }
}",
    );
}

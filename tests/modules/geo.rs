//! Variables by the client's address.

use std::fmt::Write as _;

use crate::support::*;

/// What `$place` is for each address in the field X, in a block with these lines.
fn places(lines: &str, addresses: &[&str]) -> Vec<String> {
    let geo = format!("geo $http_x $place {{ {lines} }}");
    let site = Site::new().http(&geo).conf("location / { return 200 $place; }").start();
    addresses.iter().map(|address| site.get_with("/", &[("X", address)]).text().to_owned()).collect()
}

/// What `$place` is for a client on 127.0.0.1 and what its proxies say.
fn told(lines: &str, forwarded: &[&str]) -> String {
    let site = Site::new().http(&format!("geo $place {{ {lines} }}")).conf("location / { return 200 $place; }").start();
    let fields: Vec<_> = forwarded.iter().map(|line| ("X-Forwarded-For", *line)).collect();
    site.get_with("/", &fields).text().to_owned()
}

/// What `-t` says to a block with these lines, and whether it accepts it.
fn checked(lines: &str) -> (bool, String) {
    let checked = check_config(&format!("events {{ }}\nhttp {{ geo $x {{\n{lines}\n}} }}\n"));
    (checked.ok, checked.output)
}

#[track_caller]
fn refused(lines: &str, message: &str) {
    let (ok, output) = checked(lines);
    assert!(!ok && output.contains(message), "{output}");
}

#[track_caller]
fn warned(lines: &str, message: &str) {
    let (ok, output) = checked(lines);
    assert!(ok && output.contains(message), "{output}");
}

#[test]
fn the_clients_address_decides() {
    assert_eq!(told("default away; 127.0.0.0/8 home;", &[]), "home");
    assert_eq!(told("default away; 10.0.0.0/8 home;", &[]), "away");
    assert_eq!(told("10.0.0.0/8 home;", &[]), "");
}

#[test]
fn the_longest_network_decides() {
    let lines = "default rest; 127.0.0.0/24 US; 127.0.0.1/32 RU; 10.1.0.0/16 UK; ::1 six; 2001:db8::/32 doc;";
    let addresses = ["127.0.0.2", "127.0.0.1", "10.1.2.3", "10.2.0.0", "::1", "2001:DB8::5", "::2", "::ffff:10.1.0.9"];
    assert_eq!(places(lines, &addresses), ["US", "RU", "UK", "rest", "six", "doc", "rest", "UK"]);
}

#[test]
fn what_is_no_address_is_the_highest_one() {
    let lines = "default rest; 255.255.255.255 none;";
    assert_eq!(
        places(lines, &["", "unknown", "10.0.0.1:80", "[::1]", "10.0.0.1"]),
        ["none", "none", "none", "none", "rest"]
    );
    let geo = "geo $place { default rest; 255.255.255.255 none; }";
    let site = Site::new().http(geo).conf("listen unix:{root}/socket; location / { return 200 $place; }").start();
    assert_eq!(site.connect_unix(&site.path("socket")).get("/").text(), "none");
}

#[test]
fn a_network_can_be_deleted() {
    let lines = "10.0.0.0/8 wide; 10.1.0.0/16 narrow; delete 10.1.0.0/16; delete ::/3;";
    assert_eq!(places(lines, &["10.1.0.0"]), ["wide"]);
    warned(lines, "no network \"::/3\" to delete");
}

#[test]
fn of_the_same_network_the_last_counts() {
    assert_eq!(places("10.0.0.0/8 a; 10.0.0.1/8 b;", &["10.0.0.0"]), ["b"]);
    warned("10.0.0.0/8 a; 10.0.0.0/8 b;", "duplicate network \"10.0.0.0/8\", value: \"b\", old value: \"a\"");
    warned("default a; ::/0 b;", "duplicate network \"::/0\", value: \"b\", old value: \"a\"");
    warned("10.0.0.1/8 a;", "low address bits of 10.0.0.1/8 are meaningless");
}

#[test]
fn lines_may_be_included() {
    let geo = "geo $http_x $place { default rest; include {root}/nets/*.conf; 10.0.0.0/8 ten; }";
    let site = Site::new()
        .file("nets/a.conf", "11.0.0.0/8 eleven;")
        .file("nets/b.conf", "# nothing but\n12.0.0.0/8 twelve;")
        .http(geo)
        .conf("location / { return 200 $place; }")
        .start();
    let get = |address| site.get_with("/", &[("X", address)]).text().to_owned();
    assert_eq!(["10.0.0.1", "11.0.0.1", "12.0.0.1", "13.0.0.1"].map(get), ["ten", "eleven", "twelve", "rest"]);
}

#[test]
fn trusted_proxies_tell_whose_address_it_is() {
    let lines = "default rest; 192.0.2.0/24 doc; 127.0.0.0/8 local; 10.0.0.0/8 ten; 2001:db8::/32 six;";
    assert_eq!(told(lines, &["192.0.2.1"]), "local");
    let one = format!("proxy 127.0.0.0/8; proxy 10.0.0.0/8; {lines}");
    assert_eq!(told(&one, &["192.0.2.1"]), "doc");
    assert_eq!(told(&one, &["192.0.2.1, 10.0.0.1"]), "ten");
    assert_eq!(told(&one, &["10.0.0.1", "2001:db8::1"]), "six");
    assert_eq!(told(&one, &["nobody"]), "local");
    let all = format!("proxy_recursive; {one}");
    assert_eq!(told(&all, &["11.0.0.1, 192.0.2.1, 10.0.0.1"]), "doc");
    assert_eq!(told(&all, &["192.0.2.1", "10.0.0.2, 10.0.0.1"]), "doc");
}

#[test]
fn addresses_may_be_ranges() {
    let lines = "ranges; default rest; 127.0.0.0-127.0.0.0 one; 127.0.0.1-127.0.0.1 two; 10.1.0.0-10.1.255.255 wide; \
                 10.1.5.0-10.1.5.9 narrow; 9.0.0.0-10.0.255.255 long; 255.255.255.0-255.255.255.255 none;";
    let addresses =
        ["127.0.0.0", "127.0.0.1", "127.0.0.2", "10.1.4.0", "10.1.5.9", "10.1.5.10", "9.200.0.0", "::1", ""];
    assert_eq!(places(lines, &addresses), ["one", "two", "rest", "wide", "narrow", "wide", "long", "none", "none"]);
    assert_eq!(places("ranges; 1.0.0.0-1.0.0.9 x; delete 1.0.0.0-1.0.0.9;", &["1.0.0.1"]), [""]);
}

#[test]
fn ranges_that_meet_badly_are_told() {
    let range = "ranges; 1.0.0.4-1.0.0.8 a;";
    refused(&format!("{range} 1.0.0.6-1.0.0.9 b;"), "range \"1.0.0.6-1.0.0.9\" overlaps \"1.0.0.4-1.0.0.8\"");
    let message = "duplicate range \"1.0.0.4-1.0.0.8\", value: \"b\", old value: \"a\"";
    warned(&format!("{range} 1.0.0.4-1.0.0.8 b;"), message);
    warned("ranges; default a; default b;", "duplicate default geo range value: \"b\", old value: \"a\"");
    warned(&format!("{range} delete 1.0.0.4-1.0.0.5;"), "no address range \"1.0.0.4-1.0.0.5\" to delete");
    for wrong in ["1.0.0.1", "1.0.0.2-1.0.0.1", "::1-::2", "x"] {
        refused(&format!("ranges; {wrong} a;"), &format!("invalid range \"{wrong}\""));
    }
    refused("1.0.0.1 a; ranges;", "the \"ranges\" directive must be the first directive inside \"geo\" block");
}

#[test]
fn each_line_that_is_wrong_is_told() {
    let (ok, output) = checked("localhost a; 10.0.0.0/33 b; 10.0.0.0/8; range; proxy unix:; 1.0.0.1-1.0.0.2 c;");
    assert!(!ok, "{output}");
    for network in ["localhost", "10.0.0.0/33", "unix:", "1.0.0.1-1.0.0.2"] {
        assert!(output.contains(&format!("invalid network \"{network}\"")), "{network}: {output}");
    }
    assert_eq!(output.matches("invalid number of the geo parameters").count(), 2, "{output}");
    assert!(output.contains("did you mean `ranges`?") && output.contains("ranges need `ranges;`"), "{output}");
}

#[test]
fn the_address_stands_in_one_variable() {
    for (words, message) in [
        ("$a$b $x", "unknown \"a\" variable"),
        ("$host$uri $x", "invalid variable name \"$host$uri\""),
        ("host $x", "invalid variable name \"host\""),
        ("$host x", "invalid variable name \"x\""),
        ("$uri", "the duplicate \"uri\" variable"),
    ] {
        let checked = check_config(&format!("events {{ }} http {{ geo {words} {{ }} }}"));
        assert!(!checked.ok && checked.output.contains(message), "{}", checked.output);
    }
}

#[test]
fn a_map_may_build_on_it() {
    let maps = "map $near $speed { 1 fast; default slow; } geo $near { default 0; 127.0.0.0/8 1; }";
    let site = Site::new().http(maps).conf("location / { return 200 $speed; }").start();
    assert_eq!(site.get("/").text(), "fast");
}

#[test]
fn many_networks_are_found() {
    let mut networks = String::from("default rest;\n");
    for number in 0..20_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        writeln!(networks, "{}.{a}.{b}.{c}/32 v{};", 20 + number % 7, number % 10).unwrap();
        writeln!(networks, "2001:db8:{number:x}::/48 s{};", number % 10).unwrap();
    }
    let geo = "geo $http_x $place { include {root}/networks; }";
    let site = Site::new().file("networks", networks).http(geo).conf("location / { return 200 $place; }").start();
    let get = |address| site.get_with("/", &[("X", address)]).text().to_owned();
    let addresses = ["20.0.0.7", "20.0.78.31", "21.0.78.31", "2001:db8:4e1f:1::9", "2001:db8:4e20::"];
    assert_eq!(addresses.map(get), ["v7", "v9", "rest", "s9", "rest"]);
}

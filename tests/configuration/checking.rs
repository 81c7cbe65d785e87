//! `-t` and `-T`: what is said of a configuration, and the exit code.

use crate::support::{Site, check_config, webserv};

#[test]
fn a_good_configuration_is_called_so() {
    let checked = check_config("events { }\nhttp { server { listen 127.0.0.1:0; return 200 hello; } }\n");
    assert!(checked.ok, "{}", checked.output);
    assert!(checked.output.contains("webserv.conf syntax is ok"), "{}", checked.output);
    assert!(checked.output.contains("webserv.conf test is successful"), "{}", checked.output);
}

#[test]
fn a_bad_configuration_is_called_so_with_its_place() {
    let checked = check_config("http {\n    server {\n        indx home.html;\n    }\n}\n");
    assert!(!checked.ok);
    let output = &checked.output;
    assert!(output.contains("webserv.conf:3:9"), "file, line and column:\n{output}");
    assert!(output.contains("indx home.html;"), "an excerpt:\n{output}");
    assert!(output.contains("^^^^"), "carets below it:\n{output}");
    assert!(output.contains("index"), "what may have been meant:\n{output}");
    assert!(output.contains("webserv.conf test failed"), "{output}");
}

#[test]
fn all_errors_are_told_in_one_run() {
    let checked = check_config(
        "worker_processes many;\nhttp {\n    server {\n        listen 127.0.0.1:99999;\n        root a b;\n        \
         unknown_thing on;\n        keepalive_timeout soon;\n    }\n    location / { }\n}\n",
    );
    assert!(!checked.ok);
    for place in [":1:", ":4:", ":5:", ":6:", ":7:", ":9:"] {
        assert!(checked.output.contains(&format!("webserv.conf{place}")), "no error at {place}\n{}", checked.output);
    }
}

#[test]
fn errors_of_form_are_told_with_errors_of_meaning() {
    let checked = check_config("http {\n    server {\n        root a\n        index b;\n        indx c;\n    }\n");
    assert!(!checked.ok);
    assert!(checked.output.contains("indx"), "{}", checked.output);
    assert!(
        checked.output.contains("webserv.conf:3:") || checked.output.contains("webserv.conf:4:"),
        "{}",
        checked.output
    );
    assert!(checked.output.contains('}'), "the brace that is missing:\n{}", checked.output);
}

#[test]
fn files_that_are_included_are_named() {
    let folder = Site::new()
        .file("good.conf", "index a;\n")
        .file("bad.conf", "index b;\n\n  bad c;\n")
        .config("http {\n    server {\n        include {root}/*.conf;\n    }\n}\n")
        .unstarted();
    let output = folder.webserv(&["-t"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("bad.conf:3:3"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let output = webserv(&["-t", "-c", "/nowhere/webserv.conf"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("/nowhere/webserv.conf") && text.contains("No such file or directory"), "{text}");
}

#[test]
fn quietly_checked_a_good_configuration_is_not_mentioned() {
    let good = Site::new().unstarted().webserv(&["-t", "-q"]);
    assert_eq!((good.status.code(), &*good.stderr, &*good.stdout), (Some(0), &b""[..], &b""[..]));
    let bad = Site::new().conf("bad;").unstarted().webserv(&["-q", "-t"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("unknown directive"));
}

#[test]
fn a_dump_has_all_files_with_their_names() {
    let folder = Site::new()
        .file("one.conf", "index one; # here\n")
        .config("events { }\nhttp { server { listen 127.0.0.1:0; include {root}/one.conf; } }\n")
        .unstarted();
    let output = folder.webserv(&["-T"]);
    let dump = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let main = format!("# configuration file {}:\n", folder.configuration().display());
    let included = format!("# configuration file {}:\nindex one; # here\n", folder.path("one.conf").display());
    assert!(dump.starts_with(&main), "{dump}");
    assert!(dump.contains(&included), "{dump}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("test is successful"));
}

#[test]
fn checking_changes_nothing() {
    let folder = Site::new().http("access_log {root}/access.log;").conf("listen unix:{root}/socket;").unstarted();
    assert_eq!(folder.webserv(&["-t"]).status.code(), Some(0));
    assert!(!folder.pid_file().exists());
    assert!(!folder.path("socket").exists());
}

#[test]
fn checking_beside_a_running_server_disturbs_nobody() {
    let site = Site::new().file("home.html", "hello").start();
    let port = site.address().port();
    site.write("again.conf", format!("events {{ }} http {{ server {{ listen 127.0.0.1:{port}; }} }}"));
    let output = webserv(&["-t", "-c", site.path("again.conf").to_str().expect("a plain name")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(site.get("/home.html").text(), "hello");
}

#[test]
fn what_nginx_has_and_webserv_has_not_comes_with_advice() {
    for (line, advice) in [
        ("gzip on;", "go out as they are"),
        ("ssl_certificate a;", "TLS proxy"),
        ("proxy_pass http://a;", "forwards no requests"),
        ("fastcgi_pass unix:/a;", "speaks to no running program yet"),
        ("ssi on;", "`add_before_body`"),
        ("perl a;", "no scripts inside itself"),
        ("geoip_country a;", "`geo $NAME"),
        ("more_set_headers a;", "`add_header NAME VALUE always`"),
    ] {
        let checked = check_config(&format!("http {{ server {{ {line} }} }}"));
        let name = line.split(' ').next().unwrap();
        assert!(checked.output.contains(&format!("unsupported directive \"{name}\"")), "{}", checked.output);
        assert!(checked.output.contains(advice), "{line}: {}", checked.output);
    }
    for block in ["stream { server { listen 1; } }", "mail { }"] {
        let checked = check_config(&format!("{block}\nhttp {{ server {{ }} }}"));
        assert!(checked.output.contains("webserv serves HTTP alone"), "{}", checked.output);
    }
}

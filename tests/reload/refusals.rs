//! A reload that fails changes nothing and says why.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use super::configuration;
use crate::support::{Running, Site};

#[track_caller]
fn refused(site: &Running, text: &str) -> String {
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "old");
    let lines = site.try_reconfigure(text).expect_err("the configuration is refused");
    assert_eq!(client.get("/").text(), "old");
    assert_eq!(site.get("/").text(), "old");
    lines
}

fn site() -> Running {
    Site::new().config(&configuration("return 200 old;")).start()
}

#[test]
fn errors_are_told_with_file_and_line_one_by_one() {
    let site = site();
    let lines = refused(&site, &configuration("indx a;\nkeepalive_timeout soon;\nreturn 200 new;"));
    let errors: Vec<_> = lines.lines().filter(|line| line.contains("[emerg]")).collect();
    assert_eq!(errors.len(), 2, "{lines}");
    assert!(errors[0].contains("webserv.conf:7") && errors[0].contains("indx"), "{lines}");
    assert!(errors[1].contains("webserv.conf:8") && errors[1].contains("soon"), "{lines}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    let site = site();
    refused(&site, "http {\n    server {\n");
    refused(&site, "include {root}/missing.conf;");
    std::fs::remove_file(site.configuration()).expect("it is there");
    let lines = site.try_reload().expect_err("it is gone");
    assert!(lines.contains("No such file or directory"), "{lines}");
    assert_eq!(site.get("/").text(), "old");
}

#[test]
fn a_port_that_is_taken_is_told_and_no_other_is_kept_open() {
    let site = site();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound");
    let listens = format!("listen unix:{{root}}/socket;\nlisten {address};\nreturn 200 new;");
    let lines = refused(&site, &configuration(&listens));
    let line = lines.lines().find(|line| line.contains("[emerg]")).unwrap_or_else(|| panic!("no reason:\n{lines}"));
    assert!(line.contains(&address.to_string()) && line.contains("Address already in use"), "{line}");
    assert!(line.contains("webserv.conf:8"), "the place is told: {line}");
    assert!(!site.path("socket").exists(), "what was opened is closed again");
    assert_eq!(site.addresses().len(), 1);
}

#[test]
fn a_log_that_cannot_be_opened_is_told() {
    let site = site();
    let lines = refused(&site, &configuration("access_log {root}/no/folder/access.log;\nreturn 200 new;"));
    assert!(lines.contains("/no/folder/access.log") && lines.contains("webserv.conf:7"), "{lines}");
}

#[test]
fn a_refused_load_and_a_check_leave_no_log_behind() {
    let site = Site::new().config(&configuration("access_log {root}/old.log;\nreturn 200 old;")).start();
    std::fs::rename(site.path("old.log"), site.path("rotated.log")).unwrap();
    let new = "access_log {root}/old.log;\naccess_log {root}/new.log;\nerror_log {root}/errors.log;\n";
    refused(&site, &configuration(&format!("{new}nonsense;")));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    refused(&site, &configuration(&format!("{new}listen {};", taken.local_addr().unwrap())));
    assert!(!site.webserv(&["-t", "-g", "nonsense;"]).status.success());
    assert!(site.webserv(&["-t"]).status.success());
    let left = ["new.log", "errors.log", "old.log"].map(|name| site.path(name).exists());
    assert_eq!(left, [false; 3]);
    assert_eq!(site.access_log("rotated.log", 6).len(), 6, "lines go on to the file that was open");
    site.reconfigure(&configuration(&format!("{new}return 200 new;")));
    assert_eq!(site.get("/").text(), "new");
    assert_eq!((site.access_log("old.log", 1).len(), site.access_log("new.log", 1).len()), (1, 1));
}

#[test]
fn a_log_on_a_full_disk_is_told() {
    let site = site();
    let full = site.path("full");
    std::fs::create_dir(&full).unwrap();
    let mount = |words: &[&str]| std::process::Command::new(words[0]).args(&words[1..]).arg(&full).status();
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"]);
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a file system of a size of its own can only be mounted by root");
        return;
    }
    let until_full = std::fs::write(full.join("content"), vec![0; 128 << 10]);
    let result = site.try_reconfigure(&configuration("access_log {root}/full/log;\nreturn 200 new;"));
    let left = full.join("log").exists();
    let unmounted = mount(&["umount"]);
    assert!(until_full.is_err() && !left && unmounted.unwrap().success());
    let lines = result.expect_err("the disk is full");
    assert_eq!(site.get("/").text(), "old");
    assert!(lines.contains("/full/log\" failed (28: No space left on device)"), "{lines}");
}

#[test]
fn what_the_user_cannot_read_and_who_does_not_exist_is_told_after_the_drop_too() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root becomes another user");
        return;
    }
    let as_nobody = |server: &str| format!("user nobody;\n{}", configuration(server));
    let site = Site::new().config(&as_nobody("return 200 old;")).start();
    let open_to_all = |path: &std::path::Path| std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    open_to_all(site.configuration().parent().unwrap());
    site.write("secret", "return 200 new;");
    std::fs::set_permissions(site.path("secret"), Permissions::from_mode(0o600)).unwrap();
    let lines = refused(&site, &as_nobody("include {root}/secret;"));
    assert!(lines.contains("/secret\" failed (13: Permission denied)"), "{lines}");
    let lines = refused(&site, &format!("user nosuchuser;\n{}", configuration("return 200 new;")));
    assert!(lines.contains("getpwnam(\"nosuchuser\") failed"), "{lines}");
    open_to_all(&site.path("secret"));
    site.reconfigure(&as_nobody("include {root}/secret;"));
    assert_eq!(site.get("/").text(), "new");
}

#[test]
fn after_a_refusal_the_next_good_configuration_is_taken() {
    let site = site();
    for number in 0..5 {
        refused(&site, &configuration("nonsense;"));
        site.reconfigure(&configuration(&format!("return 200 {number};")));
        assert_eq!(site.get("/").text(), number.to_string());
        site.reconfigure(&configuration("return 200 old;"));
    }
}

#[test]
fn a_file_emptied_while_it_is_written_ends_no_service() {
    let site = Site::new().conf("return 200 said;").start();
    for text in ["", "\n", "# to be written\n"] {
        std::fs::write(site.configuration(), text).unwrap();
        let Err(lines) = site.try_reload() else { panic!("{text:?} was taken up") };
        assert!(lines.contains("no directives"), "{lines}");
        assert_eq!(site.get("/").text(), "said");
    }
}

//! What is written to the logs.

use crate::support::*;

#[test]
fn a_missing_file_is_logged_unless_it_is_turned_off() {
    let conf = "location /quiet/ { log_not_found off; }";
    let site = Site::new().conf(conf).start();
    assert_eq!(site.get("/quiet/none").status, 404);
    assert_eq!(site.get("/none").status, 404);
    let log = site.wait_for_log("/none\" failed (2: No such file or directory)");
    assert!(!log.contains("/quiet/none\" failed"), "{log}");
    assert!(!site.error_log().contains("/quiet/none\" failed"));
}

#[test]
fn flags_are_on_or_off() {
    let checked = check_config("events { } http { log_not_found no; }");
    assert!(!checked.ok && checked.output.contains("it must be \"on\" or \"off\""), "{}", checked.output);
    assert!(check_config("events { } http { log_subrequest on; }").ok);
}

//! What `error_log` refuses. Lines are in `logs`.

use crate::support::Site;

fn told(server: &str) -> String {
    let output = Site::new().conf(server).unstarted().webserv(&["-t"]);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_level_that_does_not_exist_is_an_error_with_those_that_do() {
    let text = told("error_log {root}/log err;");
    assert!(text.contains("invalid log level \"err\"") && text.contains("`warn`"), "{text}");
}

#[test]
fn a_wrong_parameter_of_syslog_is_named() {
    let text = told("error_log syslog:server=127.0.0.1,facility=locl7;");
    assert!(text.contains("unknown syslog facility \"locl7\"") && text.contains("did you mean `local7`?"), "{text}");
}

#[test]
fn a_file_named_off_is_probably_not_meant() {
    assert!(told("error_log off;").contains("writes to a file named \"off\""));
}

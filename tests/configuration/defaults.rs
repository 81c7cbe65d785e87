//! Without a configuration the program serves a welcome page, so that a first try shows something.

use std::path::Path;

use crate::support::webserv_in;

#[test]
fn without_a_configuration_there_is_a_built_in_one() {
    if Path::new("/etc/webserv/webserv.conf").exists() {
        return;
    }
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = webserv_in(checkout, &["-T"]);
    let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(text.contains("8080") && text.contains("html"), "{text}");
}

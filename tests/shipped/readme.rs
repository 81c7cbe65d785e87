//! What README shows works.

use super::{copy, read, shipped};
use crate::support::Site;

#[test]
fn its_configuration_is_accepted() {
    let readme = read("README.md");
    let (_, behind) = readme.split_once("## A configuration\n\n").expect("README shows one");
    let text: String =
        behind.lines().take_while(|line| line.starts_with("    ")).map(|line| line.to_owned() + "\n").collect();
    let text = text.replace("include mime.types", "include {root}/conf.d/mime.types");
    let folder = Site::new().config(&text).with_folder(|root| copy(&shipped("conf.d"), &root.join("conf.d")));
    let output = folder.unstarted().webserv(&["-t"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("warning"), "{text}\n{said}");
}

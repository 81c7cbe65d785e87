//! Files changed by HTTP.

mod conditions;
mod configured;
mod interrupted;
mod put;
mod removed;
mod transfers;

use std::fs;

use crate::support::*;

/// A site whose files may be changed, without a limit for what is sent.
fn site(conf: &str) -> Site {
    let methods = "dav_methods PUT DELETE MKCOL COPY MOVE;";
    Site::new().main("error_log stderr info;").http("client_max_body_size 0;").conf(&format!("{methods} {conf}"))
}

/// The answer to a PUT.
#[track_caller]
fn put(site: &Running, path: &str, content: &str, fields: &str) -> Answer {
    let length = content.len();
    site.request(format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{fields}\r\n{content}"))
}

/// The names in a folder of the site, sorted.
#[track_caller]
fn names(site: &Running, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(site.path(folder)).expect("it is a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The content of a file of the site.
#[track_caller]
fn content(site: &Running, name: &str) -> String {
    fs::read_to_string(site.path(name)).expect("it is a file")
}

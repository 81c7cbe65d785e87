//! What the directives come to.

use super::*;
use crate::config::testing::{plan_at, refused};

/// What the plan of `/` has, as text.
fn handlers(text: &str) -> String {
    format!("{:?}", plan_at::<Dav>(text, "/").handlers)
}

#[test]
fn without_methods_nothing_changes_files() {
    assert_eq!(handlers("server { dav_access all:rw; }"), "[]");
    assert_eq!(handlers("dav_methods PUT; server { location / { dav_methods off; } }"), "[]");
}

#[test]
fn methods_are_inherited_or_replaced() {
    assert!(handlers("dav_methods put Delete; server { }").contains("[Put, Delete]"));
    assert!(handlers("dav_methods PUT; server { location / { dav_methods MOVE; } }").contains("[Move]"));
}

#[test]
fn permissions_are_those_of_files_and_whoever_reads_a_folder_may_enter_it() {
    let permissions = |access: &str| {
        let text = handlers(&format!("server {{ dav_methods PUT; dav_access {access}; }}"));
        let (_, rest) = text.split_once("access: ").unwrap();
        let access: u32 = rest.split_once(',').unwrap().0.parse().unwrap();
        let settings = Settings { access, ..Conf::default().settings };
        (settings.access, settings.folder_access())
    };
    assert_eq!(permissions("user:rw"), (0o600, 0o700));
    assert_eq!(permissions("user:r"), (0o400, 0o500));
    assert_eq!(permissions("group:rw all:r"), (0o664, 0o775));
    assert_eq!(permissions("all:w"), (0o602, 0o702));
    assert_eq!(Conf::default().settings.access, 0o600);
}

#[test]
fn methods_and_permissions_that_are_none_are_refused() {
    assert!(refused::<Dav>("dav_methods PROPFIND;").contains("invalid value \"PROPFIND\""));
    for access in ["user", "user:rx", "others:r", "user:r,w"] {
        assert!(refused::<Dav>(&format!("dav_access {access};")).contains("invalid value"), "{access}");
    }
}

#[test]
fn names_of_unfinished_files_are_known_in_any_segment() {
    for uri in ["/.webserv-upload-1", "/a/.webserv-upload-/b", "/.webserv-upload-"] {
        assert!(is_reserved(uri.as_bytes()), "{uri}");
    }
    assert!(!is_reserved(b"/webserv-upload-1/.webserv-uploads"));
}

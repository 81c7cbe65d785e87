//! Trees removed, copied and looked through, in one go and in the smallest pieces.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use std::os::fd::AsFd;
use std::time::Instant;

use super::duplication::BUFFER_BYTES;
use super::links::leads_out;
use super::*;

/// A folder with `tree`: a file, a file below two folders, links, and beside it `outside` with a file.
fn place() -> (tempfile::TempDir, OwnedFd) {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::create_dir_all(at("tree/a/b")).unwrap();
    fs::create_dir(at("outside")).unwrap();
    fs::write(at("outside/kept"), "kept").unwrap();
    fs::write(at("tree/one"), "1").unwrap();
    fs::write(at("tree/a/b/two"), "22").unwrap();
    fs::set_permissions(at("tree/a/b/two"), fs::Permissions::from_mode(0o604)).unwrap();
    symlink("../outside", at("tree/link")).unwrap();
    symlink("b/two", at("tree/a/inner")).unwrap();
    let fd = open(&place, "");
    (place, fd)
}

fn open(place: &tempfile::TempDir, name: &str) -> OwnedFd {
    rustix::fs::open(place.path().join(name), FOLDER, Mode::empty()).unwrap()
}

/// Time that is up: the least that can be done in one go.
fn now() -> Instant {
    Instant::now()
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn copy_of(place: &tempfile::TempDir, fd: &OwnedFd, whole: bool) -> Duplication {
    let into = new_folder(fd.as_fd(), c"copy").unwrap();
    Duplication::of(open(place, "tree").as_fd(), into, whole).unwrap()
}

#[test]
fn a_tree_is_removed_and_its_links_are_not_followed() {
    let (place, fd) = place();
    assert!(Removal::of(fd, c"tree".to_owned()).unwrap().advance(later()).unwrap());
    assert!(!place.path().join("tree").exists());
    assert!(place.path().join("outside/kept").exists());
}

#[test]
fn what_is_no_folder_is_no_tree() {
    let (place, fd) = place();
    symlink("tree", place.path().join("way")).unwrap();
    for name in [c"way", c"tree/one"] {
        let error = Removal::of(fd.try_clone().unwrap(), name.to_owned()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{name:?}");
    }
}

#[test]
fn a_large_tree_takes_several_goes() {
    let (place, fd) = place();
    for number in 0..200 {
        fs::write(place.path().join(format!("tree/{number}")), "").unwrap();
    }
    let mut copying = copy_of(&place, &fd, true);
    let mut goes = 1;
    while !copying.advance(now()).unwrap() {
        goes += 1;
    }
    assert!(goes > 3, "{goes}");
    let mut removal = Removal::of(fd, c"copy".to_owned()).unwrap();
    assert!(!removal.advance(now()).unwrap());
    while !removal.advance(now()).unwrap() {}
    assert!(!place.path().join("copy").exists());
}

#[test]
fn a_tree_too_deep_is_said_to_be() {
    let (place, fd) = place();
    let deep = "d/".repeat(DEPTH_MAX + 1);
    fs::create_dir_all(place.path().join("tree").join(deep)).unwrap();
    let failure = Removal::of(fd, c"tree".to_owned()).unwrap().advance(later()).unwrap_err();
    assert_eq!(failure.error.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
    assert_eq!(failure.path.components().count(), DEPTH_MAX);
}

#[test]
fn a_copy_has_the_files_with_their_permissions_and_times_and_no_links() {
    let (place, fd) = place();
    let mut copying = copy_of(&place, &fd, true);
    assert!(copying.advance(later()).unwrap());
    assert_eq!(copying.left_out, 2);
    let facts = |name: &str| {
        let status = fs::symlink_metadata(place.path().join(name)).unwrap();
        (status.permissions().mode(), status.modified().unwrap())
    };
    assert_eq!(fs::read(place.path().join("copy/a/b/two")).unwrap(), b"22");
    for name in ["", "/one", "/a", "/a/b", "/a/b/two"] {
        assert_eq!(facts(&format!("tree{name}")), facts(&format!("copy{name}")), "{name}");
    }
    assert!(fs::symlink_metadata(place.path().join("copy/link")).is_err());
}

#[test]
fn a_copy_within_the_tree_does_not_contain_itself() {
    let (place, _) = place();
    let inner = open(&place, "tree/a");
    let into = new_folder(inner.as_fd(), c"copy").unwrap();
    let mut copying = Duplication::of(open(&place, "tree").as_fd(), into, true).unwrap();
    assert!(copying.advance(later()).unwrap());
    assert!(place.path().join("tree/a/copy/a/b/two").exists());
    assert!(!place.path().join("tree/a/copy/a/copy").exists());
}

#[test]
fn the_folder_alone_may_be_copied() {
    let (place, fd) = place();
    assert!(copy_of(&place, &fd, false).advance(later()).unwrap());
    assert_eq!(fs::read_dir(place.path().join("copy")).unwrap().count(), 0);
}

#[test]
fn a_file_is_copied_by_the_system_or_by_hand() {
    let place = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3 * BUFFER_BYTES + 5).map(|at| (at >> 3) as u8).collect();
    fs::write(place.path().join("from"), &content).unwrap();
    for by_system in [true, false] {
        let from = OwnedFd::from(fs::File::open(place.path().join("from")).unwrap());
        let into = fs::File::create(place.path().join("into")).unwrap();
        let mut copying = FileCopy::of(from, into.as_fd()).unwrap();
        copying.copy_by_hand(!by_system);
        while !copying.advance(now()).unwrap() {}
        assert!(fs::read(place.path().join("into")).unwrap() == content);
    }
}

#[test]
fn a_link_that_leads_out_of_its_tree_is_found() {
    let (place, _) = place();
    let search = |name: &str| {
        let mut search = LinkSearch::of(open(&place, name).as_fd()).unwrap();
        assert!(search.advance(later()).unwrap());
        search.found
    };
    assert!(search("tree") && !search("tree/a"));
    symlink("/etc", place.path().join("tree/a/absolute")).unwrap();
    symlink("../../../x", place.path().join("outside/link")).unwrap();
    assert!(search("outside") && !search("tree/a"));
}

#[test]
fn leading_out_is_judged_by_depth() {
    let cases = [("..", 0, true), ("..", 1, false), ("a/../..", 0, true), ("a/..", 0, false), ("/..", 0, false)];
    for (target, depth, out) in cases {
        assert_eq!(leads_out(target.as_bytes(), depth), out, "{target} at {depth}");
    }
}

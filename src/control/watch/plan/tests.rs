//! What is planned for folders on disk, and what events in them mean.

use std::os::unix::fs::symlink;

use notify::event::{CreateKind, DataChange, Flag, MetadataKind, RemoveKind, RenameMode};
use tempfile::TempDir;

use super::*;
use crate::config::{Origin, Request, load};

/// A folder to put things into; its own path has no link.
fn folder(names: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    for name in names {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    (folder, path)
}

/// What is planned for a configuration of this text, in `root`.
fn plan(root: &Path, main: &str, text: &str) -> Plan {
    let file = root.join(main);
    if !text.is_empty() {
        fs::write(&file, text).unwrap();
    }
    let request = Request {
        origin: Origin::File(file),
        prefix: root.to_owned(),
        globals: Vec::new(),
        error_log: None,
        as_root: false,
        modules: &[],
    };
    Plan::of(&load(&request, None).watched)
}

/// The planned folders in `root`, with the names that matter in each.
fn shown(plan: &Plan, root: &Path) -> Vec<String> {
    let below = plan.folders.iter().filter_map(|(path, folder)| Some((path.strip_prefix(root).ok()?, folder)));
    let line = |(path, folder): (&Path, &Folder)| {
        let names = folder.names.iter().map(|name| name.to_str().unwrap());
        let words: Vec<&str> = names.chain(folder.patterns.iter().map(Pattern::as_str)).collect();
        format!("{}: {}", path.display(), words.join(" "))
    };
    below.map(line).collect()
}

fn event(kind: EventKind, path: &Path) -> Event {
    Event::new(kind).add_path(path.to_owned())
}

const CHANGED: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

#[test]
fn the_folders_of_files_and_patterns_are_watched_and_no_file() {
    let (_kept, root) = folder(&["conf/mime.types", "sites/a.conf", "sites/b.conf", "other/file"]);
    let plan = plan(&root, "conf/main.conf", "include mime.types; include ../sites/*.conf; include lacking/x;");
    assert_eq!(
        shown(&plan, &root),
        [": conf sites", "conf: lacking main.conf mime.types", "sites: a.conf b.conf *.conf"]
    );
}

#[test]
fn each_folder_on_the_way_that_holds_a_link_is_watched_for_it() {
    let (_kept, root) = folder(&["releases/1/conf/main.conf", "shared/real.conf"]);
    symlink("releases/1", root.join("current")).unwrap();
    symlink("current/../../shared/real.conf", root.join("releases/1/conf/relative.conf")).unwrap();
    symlink(root.join("shared/real.conf"), root.join("releases/1/conf/absolute.conf")).unwrap();
    symlink("../../current", root.join("releases/1/current")).unwrap();
    let text = "include absolute.conf; include ../current/conf/*.none;";
    let plan = plan(&root, "current/conf/main.conf", text);
    assert_eq!(
        shown(&plan, &root),
        [
            ": current releases shared",
            "releases: 1",
            "releases/1: conf current",
            "releases/1/conf: absolute.conf main.conf *.none",
            "shared: real.conf",
        ]
    );
}

#[test]
fn of_what_is_missing_the_last_folder_that_exists_is_watched() {
    let (_kept, root) = folder(&["main.conf"]);
    symlink("nowhere", root.join("dangling")).unwrap();
    let planned = plan(&root, "main.conf", "include no/such/*.conf; include dangling/file;");
    assert_eq!(shown(&planned, &root), [": dangling main.conf no nowhere"]);
    let lost = plan(&root, "lost/main.conf", "");
    assert_eq!(shown(&lost, &root), [": lost"]);
    let none = Plan::of(&Watched::default());
    assert_eq!(none.folders().len(), 0);
}

#[test]
fn a_circle_of_links_ends() {
    let (_kept, root) = folder(&["main.conf"]);
    symlink("two", root.join("one")).unwrap();
    symlink("one", root.join("two")).unwrap();
    let plan = plan(&root, "main.conf", "include one/file; include one/*.conf; include one;");
    assert_eq!(shown(&plan, &root), [": main.conf one two"]);
}

#[test]
fn patterns_of_folders_are_followed_into_each() {
    let (_kept, root) =
        folder(&["main.conf", "sites/a/site.conf", "sites/b/other", "sites/.hidden/site.conf", "sites/c"]);
    let plan = plan(&root, "main.conf", "include sites/*/site.conf;");
    let expected = [": main.conf sites", "sites: a b c *", "sites/a: site.conf", "sites/b: site.conf"];
    assert_eq!(shown(&plan, &root), expected);
}

#[test]
fn the_uppermost_folders_are_left_alone_unless_something_hangs_on_them() {
    let (_kept, root) = folder(&["main.conf"]);
    let plan = plan(&root, "main.conf", "");
    assert!(plan.folders().all(|path| path.components().count() > UPPERMOST));
    let mut planner = Planner::default();
    planner.file(Path::new("/no-such-file.conf"));
    assert_eq!(planner.finish().folders().collect::<Vec<_>>(), [Path::new("/")]);
}

#[test]
fn a_folder_made_anew_is_another_plan() {
    let (_kept, root) = folder(&["main.conf", "sites/a.conf"]);
    let text = "include sites/*.conf;";
    let before = plan(&root, "main.conf", text);
    assert_eq!(plan(&root, "main.conf", text), before);
    fs::rename(root.join("sites"), root.join("old")).unwrap();
    fs::create_dir(root.join("sites")).unwrap();
    fs::write(root.join("sites/a.conf"), "").unwrap();
    assert_ne!(plan(&root, "main.conf", text), before);
}

#[test]
fn only_events_about_what_was_read_matter() {
    let (_kept, root) = folder(&["main.conf", "sites/a.conf"]);
    let plan = plan(&root, "main.conf", "include sites/*.conf;");
    let meaning = |kind, name| plan.meaning(&event(kind, &root.join(name)));
    let created = EventKind::Create(CreateKind::File);
    assert_eq!(meaning(CHANGED, "main.conf"), Meaning::Look);
    assert_eq!(meaning(created, "sites/new.conf"), Meaning::Look);
    assert_eq!(meaning(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), "main.conf"), Meaning::Look);
    for other in ["webserv.pid", "sites/.a.conf.swp", "sites/a.conf~", "sites/.new.conf", "elsewhere/main.conf"] {
        assert_eq!(meaning(created, other), Meaning::Nothing, "{other}");
    }
    let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
    let both = event(renamed, &root.join("temporary")).add_path(root.join("main.conf"));
    assert_eq!(plan.meaning(&both), Meaning::Look);
}

#[test]
fn reading_means_nothing_and_the_end_of_writing_does() {
    let (_kept, root) = folder(&["main.conf"]);
    let plan = plan(&root, "main.conf", "");
    let meaning = |kind| plan.meaning(&event(EventKind::Access(kind), &root.join("main.conf")));
    assert_eq!(meaning(AccessKind::Open(AccessMode::Any)), Meaning::Nothing);
    assert_eq!(meaning(AccessKind::Read), Meaning::Nothing);
    assert_eq!(meaning(AccessKind::Close(AccessMode::Read)), Meaning::Nothing);
    assert_eq!(meaning(AccessKind::Close(AccessMode::Write)), Meaning::Look);
}

#[test]
fn a_watched_folder_that_goes_and_events_that_were_lost_ask_for_new_watches() {
    let (_kept, root) = folder(&["main.conf", "sites/a.conf"]);
    let plan = plan(&root, "main.conf", "include sites/*.conf;");
    let sites = root.join("sites");
    let moved = EventKind::Modify(ModifyKind::Name(RenameMode::From));
    assert_eq!(plan.meaning(&event(moved, &sites)), Meaning::WatchAnew);
    assert_eq!(plan.meaning(&event(EventKind::Remove(RemoveKind::Folder), &sites)), Meaning::WatchAnew);
    assert_eq!(plan.meaning(&event(EventKind::Create(CreateKind::Folder), &sites)), Meaning::Look);
    assert_eq!(plan.meaning(&Event::new(EventKind::Other).set_flag(Flag::Rescan)), Meaning::WatchAnew);
}

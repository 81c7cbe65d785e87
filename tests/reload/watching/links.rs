//! Files are reached by symbolic links, and the links are led elsewhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{ignored, replace, says, taken, watching};
use crate::support::{Running, Site};

/// `ln -sfn` as coreutils has it: a link beside the old one, renamed over it.
fn relink(target: &str, link: &Path) {
    let beside = link.with_extension("link");
    symlink(target, &beside).unwrap();
    fs::rename(beside, link).unwrap();
}

fn linked(files: &[(&str, &str)], links: &[(&str, &str)], include: &str) -> Running {
    let mut site = Site::new();
    for (name, answer) in files {
        site = site.file(name, says(answer));
    }
    let make = |root: &Path| links.iter().for_each(|(link, target)| symlink(target, root.join(link)).unwrap());
    site.with_folder(make).config(&watching(&format!("include {{root}}/{include};"))).start()
}

#[test]
fn a_link_to_a_file_that_is_led_elsewhere_is_a_change() {
    let files = [("one.conf", "one"), ("two.conf", "two"), ("more/three.conf", "three")];
    let site = linked(&files, &[("answer.conf", "one.conf")], "answer.conf");
    let link = site.path("answer.conf");
    taken(&site, || relink("two.conf", &link), "two");
    taken(&site, || relink("more/three.conf", &link), "three");
    // What it leads to now is watched where it is.
    taken(&site, || replace(&site.path("more/three.conf"), &says("four")), "four");
    let older = || {
        fs::remove_file(&link).unwrap();
        symlink("one.conf", &link).unwrap();
    };
    taken(&site, older, "one");
    ignored(&site, || {
        fs::remove_file(&link).unwrap();
        fs::write(&link, says("one")).unwrap();
    });
}

#[test]
fn a_link_to_a_folder_on_the_way_that_is_led_elsewhere_is_a_change() {
    let files = [("releases/1/conf/answer.conf", "one"), ("releases/2/conf/answer.conf", "two")];
    let site = linked(&files, &[("current", "releases/1")], "current/conf/answer.conf");
    let current = site.path("current");
    taken(&site, || relink("releases/2", &current), "two");
    taken(&site, || relink("releases/1", &current), "one");
    taken(&site, || replace(&site.path("releases/1/conf/answer.conf"), &says("three")), "three");
    ignored(&site, || {
        fs::create_dir_all(site.path("releases/3/conf")).unwrap();
        fs::write(site.path("releases/3/conf/answer.conf"), says("three")).unwrap();
        relink("releases/3", &current);
    });
    taken(&site, || replace(&site.path("releases/3/conf/answer.conf"), &says("four")), "four");
}

#[test]
fn a_chain_of_links_is_watched_at_each_of_its_ends() {
    let files = [("deep/er/one.conf", "one"), ("deep/er/two.conf", "two")];
    let links = [("answer.conf", "first/second.conf"), ("first", "deep"), ("deep/second.conf", "er/one.conf")];
    let site = linked(&files, &links, "answer.conf");
    taken(&site, || relink("er/two.conf", &site.path("deep/second.conf")), "two");
    taken(&site, || replace(&site.path("deep/er/two.conf"), &says("three")), "three");
}

#[test]
fn a_volume_that_kubernetes_swaps_is_taken_up_each_time() {
    let files = [("conf.d/..2026_1/answer.conf", "one")];
    let links = [("conf.d/..data", "..2026_1"), ("conf.d/answer.conf", "..data/answer.conf")];
    let site = linked(&files, &links, "conf.d/*.conf");
    for (number, answer) in [(2, "two"), (3, "three"), (4, "four")] {
        let swap = || {
            site.write(&format!("conf.d/..2026_{number}/answer.conf"), says(answer));
            symlink(format!("..2026_{number}"), site.path("conf.d/..data_tmp")).unwrap();
            fs::rename(site.path("conf.d/..data_tmp"), site.path("conf.d/..data")).unwrap();
            fs::remove_dir_all(site.path(&format!("conf.d/..2026_{}", number - 1))).unwrap();
        };
        taken(&site, swap, answer);
    }
}

#[test]
fn the_main_file_may_become_a_link() {
    let site = linked(&[("answer.conf", "one")], &[], "answer.conf");
    let text = fs::read_to_string(site.configuration()).unwrap();
    ignored(&site, || {
        site.write("kept/main.conf", &text);
        relink("site/kept/main.conf", &site.configuration());
    });
    let changed = text.replace(&format!("include {}/answer.conf;", site.root()), "return 200 two;");
    taken(&site, || replace(&site.path("kept/main.conf"), &changed), "two");
}

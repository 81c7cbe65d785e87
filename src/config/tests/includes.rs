//! Files that include files.

use super::{Folder, accepted, loaded, set_at};
use crate::config::dump::dump;
use crate::config::load::{Origin, load};

#[test]
fn an_included_file_stands_where_its_include_stands() {
    let folder = Folder::new(&[
        ("main.conf", "http { include sites/*.conf; include types; index main; }"),
        ("sites/b.conf", "server { listen 2; root /b; }"),
        ("sites/a.conf", "server { listen 1; root /a; include snippet; }"),
        ("snippet", "error_page 404 /x;"),
        ("sites/.hidden.conf", "wrong"),
        ("types", "types { include more; }"),
        ("more", "text/html html;"),
    ]);
    let configuration = accepted(folder.load("main.conf"));
    let set: Vec<String> = configuration.tree.addresses.iter().map(|routes| super::set(&routes.default.plan)).collect();
    assert_eq!(set, ["/a|main|404,/x|html=text/html", "/b|main||html=text/html"]);
}

#[test]
fn a_pattern_that_fits_nothing_is_no_error_but_a_missing_file_is() {
    let folder =
        Folder::new(&[("main.conf", "include none/*.conf;\ninclude mime.type;\ninclude no/such;"), ("mime.types", "")]);
    assert_eq!(
        folder.findings("main.conf"),
        [
            "open() \"mime.type\" failed (2: No such file or directory) (did you mean \"mime.types\"?) in main.conf:2",
            "open() \"no/such\" failed (2: No such file or directory) (there is no folder \"no\") in main.conf:3",
        ]
    );
    let labels: Vec<String> = folder.load("main.conf").report.diagnostics.into_iter().map(|f| f.label).collect();
    assert_eq!(labels[0], "did you mean `mime.types`?");
    assert!(labels[1].starts_with("there is no folder "), "{labels:?}");
}

#[test]
fn a_missing_main_file_is_an_error_without_a_place() {
    let folder = Folder::new(&[]);
    assert_eq!(folder.findings("no.conf"), ["open() \"no.conf\" failed (2: No such file or directory)"]);
}

#[test]
fn a_circle_is_found_and_shown() {
    let folder =
        Folder::new(&[("main.conf", "http { include a; }"), ("a", "include b;"), ("b", "server { include a; }")]);
    let report = folder.load("main.conf").report;
    let [finding] = &report.diagnostics[..] else { panic!("{:?}", report.diagnostics) };
    assert!(finding.message.ends_with("a\" includes itself"), "{}", finding.message);
    assert_eq!(&*report.sources.source(finding.place.unwrap().file).text, "server { include a; }");
    assert_eq!(finding.related.len(), 1);
}

#[test]
fn a_file_that_includes_itself_is_a_circle() {
    let folder = Folder::new(&[("main.conf", "include main.conf;")]);
    assert_eq!(folder.findings("main.conf"), ["\"main.conf\" includes itself (this closes the circle) in main.conf:1"]);
}

#[test]
fn files_include_each_other_only_so_deep() {
    let files: Vec<(String, String)> =
        (0..40).map(|number| (number.to_string(), format!("include {};", number + 1))).collect();
    let folder = Folder::new(&files.iter().map(|(name, text)| (&**name, &**text)).collect::<Vec<_>>());
    assert_eq!(folder.findings("0"), ["files include each other more than 32 deep in 31:1"]);
}

#[test]
fn files_that_double_each_other_are_refused() {
    let files: Vec<(String, String)> =
        (0..24).map(|number| (number.to_string(), format!("include {0};include {0};", number + 1))).collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    files.push(("24", ""));
    let findings = Folder::new(&files).findings("0");
    assert!(findings[0].starts_with("more than 1000000 files in all"), "{findings:?}");
}

#[test]
fn an_error_in_a_file_that_is_included_twice_is_told_once() {
    let folder = Folder::new(&[
        ("main.conf", "http { server { include a; listen 1; } server { include a; listen 2; } }"),
        ("a", "indx x;"),
    ]);
    assert_eq!(folder.findings("main.conf"), ["unknown directive \"indx\" (did you mean \"index\"?) in a:1"]);
}

#[test]
fn a_missing_semicolon_does_not_hide_an_include() {
    let folder = Folder::new(&[("main.conf", "http { server { root /srv\n include a; } }"), ("a", "indx x;")]);
    assert_eq!(
        folder.findings("main.conf"),
        [
            "missing `;` after `/srv` (the directive ends here) in main.conf:1",
            "unknown directive \"indx\" (did you mean \"index\"?) in a:1"
        ]
    );
}

#[test]
fn what_is_not_utf_8_is_shown_with_its_byte() {
    let folder = Folder::new(&[("main.conf", "")]);
    std::fs::write(folder.path("main.conf"), b"http {\n # caf\xe9\n indx; }").unwrap();
    assert_eq!(
        folder.findings("main.conf"),
        [
            "the file is not UTF-8 (the byte 0xE9 begins no character) in main.conf:2",
            "unknown directive \"indx\" (did you mean \"index\"?) in main.conf:3"
        ]
    );
}

#[test]
fn globals_are_directives_of_the_main_context() {
    let mut request = super::request(Origin::BuiltIn("http { server { } }".to_owned()), "/srv");
    request.globals = vec!["events { worker_connections 5; }".to_owned(), "wrong;".to_owned()];
    let loaded = load(&request, None);
    let [finding] = &loaded.report.diagnostics[..] else { panic!("{:?}", loaded.report.diagnostics) };
    assert_eq!(loaded.report.sources.source(finding.place.unwrap().file).name, "command line (-g)");
    request.globals.pop();
    let configuration = accepted(load(&request, None));
    assert_eq!(configuration.process.connections_max, 5);
    assert_eq!(set_at(&configuration, "/"), "-|||");
}

#[test]
fn a_dump_has_each_file_under_its_name() {
    let folder = Folder::new(&[("main.conf", "include a;\n"), ("a", "http { }")]);
    let report = folder.load("main.conf").report;
    let folder_name = folder.path("");
    let dumped = dump(&report.sources).replace(&*folder_name.to_string_lossy(), "/etc/");
    assert_eq!(dumped, "# configuration file /etc/main.conf:\ninclude a;\n\n# configuration file /etc/a:\nhttp { }\n");
    assert_eq!(dump(&loaded("http { }").report.sources), "# built-in configuration:\nhttp { }\n");
}

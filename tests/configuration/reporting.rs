//! `-t --format json`: what is told to programs.

use crate::support::{Folder, Site};

fn broken() -> Folder {
    Site::new()
        .file("included.conf", "index a;\nindx \"é\" b;\n")
        .config("http {\n    server {\n        root /a;\n        root /b;\n        include {root}/included.conf;\n    }\n}\n")
        .unstarted()
}

/// Standard output of `-t --format json` with the folder's path left out, and the exit code.
fn json(folder: &Folder) -> (Option<i32>, String) {
    let output = folder.webserv(&["-t", "--format", "json"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "all is said on standard output");
    let text = String::from_utf8(output.stdout).unwrap();
    let above = folder.configuration().parent().unwrap().display().to_string();
    (output.status.code(), text.replace(&above, ""))
}

#[test]
fn all_findings_are_one_document() {
    let (code, text) = json(&broken());
    assert_eq!(code, Some(1));
    // The first line has what the tests put in front, which shifts columns there only.
    insta::assert_snapshot!(text.replace("},{", "},\n{"), @r#"
    {"ok":false,"configuration":"/webserv.conf","errors":2,"warnings":0,"left_out":0,"diagnostics":[{"level":"error","code":null,"message":"\"root\" directive is duplicate","file":"/webserv.conf","line":4,"column":9,"end_line":4,"end_column":13,"labels":["it may stand once in a block"],"related":[{"message":"first here","file":"/webserv.conf","line":3,"column":9,"end_line":3,"end_column":13}],"help":null},
    {"level":"error","code":null,"message":"unknown directive \"indx\"","file":"/site/included.conf","line":2,"column":1,"end_line":2,"end_column":5,"labels":["did you mean `index`?"],"related":[],"help":null}]}
    "#);
}

#[test]
fn a_good_configuration_has_no_findings() {
    let (code, text) = json(&Site::new().unstarted());
    assert_eq!(code, Some(0));
    assert_eq!(
        text,
        "{\"ok\":true,\"configuration\":\"/webserv.conf\",\"errors\":0,\"warnings\":0,\"left_out\":0,\"diagnostics\":[]}\n"
    );
}

#[test]
fn a_warning_has_its_code() {
    let folder = Site::new().conf("types { a/b x; c/d x; }").unstarted();
    let (code, text) = json(&folder);
    assert_eq!(code, Some(0));
    assert!(
        text.contains(r#""warnings":1,"#) && text.contains(r#""level":"warning","code":"duplicate-mime-type""#),
        "{text}"
    );
    let output = folder.webserv(&["-t", "--format", "text"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("previous content type: \"a/b\" [duplicate-mime-type]"), "{text}");
}

#[test]
fn a_finding_without_a_place_has_none() {
    let folder = Site::new().config("").unstarted();
    std::fs::remove_file(folder.configuration()).unwrap();
    let (code, text) = json(&folder);
    assert_eq!(code, Some(1));
    assert!(text.contains(r#""file":null,"line":null,"column":null,"end_line":null,"end_column":null"#), "{text}");
}

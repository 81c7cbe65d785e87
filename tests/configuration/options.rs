//! The options that say where things are, and those that only print.

use crate::support::{Site, webserv};

fn printed(words: &[&str]) -> (Option<i32>, String, String) {
    let output = webserv(words);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_version_is_told() {
    let (code, _, errors) = printed(&["-v"]);
    assert_eq!(code, Some(0));
    assert_eq!(errors, format!("webserv version: webserv/{}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_long_version_tells_the_modules() {
    let (code, _, errors) = printed(&["-V"]);
    assert_eq!(code, Some(0));
    assert!(errors.starts_with("webserv version: webserv/"), "{errors}");
    assert!(errors.lines().any(|line| line.starts_with("modules: ") && line.contains("index")), "{errors}");
}

#[test]
fn help_names_every_option() {
    for word in ["-h", "-?", "--help"] {
        let (code, output, _) = printed(&[word]);
        assert_eq!(code, Some(0), "{word}");
        for option in ["-c", "-p", "-g", "-e", "-q", "-t", "-T", "-s", "-v", "-V", "-h"] {
            assert!(output.contains(option), "{word}: {option} is missing:\n{output}");
        }
    }
}

#[test]
fn an_unknown_option_is_refused() {
    for words in [&["-x"][..], &["--nonsense"], &["serve-me"], &["-s", "restart"], &["-c"], &["-t", "file.conf"]] {
        let (code, output, errors) = printed(words);
        assert!(code.is_some_and(|code| code != 0), "{words:?}");
        assert!(output.is_empty() && errors.starts_with("webserv: "), "{words:?}: {errors}");
    }
}

#[test]
fn directives_can_be_given_on_the_command_line() {
    let site = Site::new().word("-g").word("worker_processes 2; error_log {root}/global.log info;").start();
    assert_eq!(site.get("/missing").status, 404);
    let _lines = site.access_log("global.log", 1);
    let bad = Site::new().unstarted().webserv(&["-t", "-g", "worker_processes many;"]);
    assert_eq!(bad.status.code(), Some(1));
    let text = String::from_utf8_lossy(&bad.stderr);
    assert!(text.contains("worker_processes many;"), "{text}");
}

#[test]
fn the_prefix_is_where_relative_paths_begin() {
    let site = Site::new().file("pages/home.html", "hello").conf("root pages; access_log here.log;").start();
    assert_eq!(site.get("/home.html").text(), "hello");
    assert_eq!(site.access_log("here.log", 1).len(), 1);
}

#[test]
fn errors_go_to_the_given_log_until_the_configuration_is_read() {
    let folder = Site::new().conf("bad;").unstarted();
    let log = folder.path("early.log");
    let output = folder.webserv(&["-e", log.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(1));
    let everything =
        String::from_utf8_lossy(&output.stderr).into_owned() + &std::fs::read_to_string(log).unwrap_or_default();
    assert!(everything.contains("unknown directive"), "{everything}");
}

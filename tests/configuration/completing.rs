//! `webserv completions`, `webserv variables` and the list of words: what the tables say, for shells and editors.

use std::process::{Command, Stdio};

use webserv::config::lint::LINTS;
use webserv::config::manual;
use webserv::modules::MODULES;

use crate::support::webserv;

#[track_caller]
fn printed(words: &[&str]) -> String {
    let output = webserv(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for the last of these words.
#[track_caller]
fn offered(words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "{}\nCOMP_WORDS=(webserv {})\nCOMP_CWORD={}\n_webserv\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        printed(&["completions", "bash"]),
        quoted.join(" "),
        words.len()
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.conf"), "").unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("bash is installed");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    assert_eq!(offered(&["d"]), ["directives"]);
    assert_eq!(offered(&["-t", "--f"]), ["--format"]);
    assert_eq!(offered(&["-t", "--format", ""]), ["text", "json"]);
    assert_eq!(offered(&["-s", "re"]), ["reload", "reopen"]);
    assert_eq!(offered(&["fmt", "--"]), ["--check", "--diff"]);
    assert_eq!(offered(&["completions", ""]), ["bash", "zsh", "fish"]);
    let all = offered(&[""]);
    for word in ["fmt", "lint", "variables", "-c", "-t", "--deny"] {
        assert!(all.iter().any(|offered| offered == word), "{word}: {all:?}");
    }
}

#[test]
fn bash_completes_names_from_the_tables() {
    let mut names: Vec<&str> = manual::directives(MODULES).iter().map(|found| found.entry.name).collect();
    names.dedup();
    assert_eq!(offered(&["directives", ""]), names);
    assert_eq!(
        offered(&["directives", "server_n"]),
        ["server_name", "server_name_in_redirect", "server_names_hash_bucket_size", "server_names_hash_max_size"]
    );
    assert_eq!(offered(&["lint", ""]), LINTS.iter().map(|lint| lint.code).collect::<Vec<_>>());
    assert_eq!(offered(&["-t", "--deny", "alias"]), ["alias-slash"]);
    assert_eq!(offered(&["variables", "request_u"]), ["request_uri"]);
}

#[test]
fn bash_completes_paths_where_paths_belong() {
    let mut files = offered(&["-c", ""]);
    files.sort(); // bash sorts them when it shows them
    assert_eq!(files, ["a.conf", "sub"]);
    assert_eq!(offered(&["-p", ""]), ["sub"]);
    assert_eq!(offered(&["fmt", "a"]), ["a.conf"]);
    assert_eq!(offered(&["-c", "fmt", "d"]), ["directives"], "an option's value is no command");
}

#[test]
fn the_scripts_for_other_shells_hold_the_same_words() {
    for shell in ["zsh", "fish"] {
        let script = printed(&["completions", shell]);
        for word in ["server_name", "request_uri", "alias-slash", "directives", "reload"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // Where the shell is installed it says whether it understands the script.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        std::fs::write(&path, script).unwrap();
        if let Ok(status) = Command::new(shell).arg("-n").arg(&path).status() {
            assert!(status.success(), "{shell}");
        }
    }
    assert_eq!(webserv(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn a_variable_is_explained_with_or_without_its_sign() {
    let one = printed(&["variables", "$request_uri"]);
    assert!(one.starts_with("    $request_uri: "), "{one}");
    assert_eq!(printed(&["variables", "Request_URI"]), one);
    assert!(printed(&["variables"]).contains(&one));
    assert!(printed(&["variables", "$arg_page"]).starts_with("    $arg_NAME: "));
    let output = webserv(&["variables", "request_url"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean \"$request_uri\"?"));
}

#[test]
fn editors_get_a_list_of_all_words() {
    let text = printed(&["directives", "--words"]);
    let words: Vec<&str> = text.lines().collect();
    assert!(["server", "try_files", "$request_uri", "$arg_"].iter().all(|word| words.contains(word)), "{text}");
    assert!(words.iter().all(|word| !word.contains(' ')), "{text}");
}

#[test]
fn fish_offers_values_and_not_files_and_goes_on_behind_an_option_s_file() {
    let script = printed(&["completions", "fish"]);
    for line in [
        " -s s -x -a 'stop quit reload reopen'",
        "complete -c webserv -n '__fish_seen_subcommand_from explain' -l format -x -a 'text json'",
    ] {
        assert!(script.contains(line), "{line}: {script}");
    }
    let Ok(output) = Command::new("fish")
        .args(["--no-config", "-c"])
        .arg(format!("{script}\ncomplete -C'webserv -t -c a.conf --d'"))
        .output()
    else {
        return; // No such shell here.
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).split_whitespace().next(), Some("--deny"));
}

#[test]
fn zsh_reads_its_script() {
    let script = printed(&["completions", "zsh"]);
    assert!(script.contains("'--from[the address of the client]:address: '"), "{script}");
    let Ok(output) = Command::new("zsh").args(["-f", "-n", "-c", &script]).output() else {
        return; // No such shell here.
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

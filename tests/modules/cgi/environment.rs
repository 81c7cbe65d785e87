//! What scripts are given: variables, a folder, three descriptors.

use super::*;

#[test]
fn nothing_of_the_servers_own_environment_is_passed_on() {
    let site = site().shell("run", &format!("{HEAD}env")).start();
    let answer = site.get("/cgi-bin/run");
    let names: Vec<&str> = answer.text().lines().filter_map(|line| line.split('=').next()).collect();
    for name in ["HOME", "USER", "CARGO_MANIFEST_DIR", "LANG", "HTTP_PROXY"] {
        assert!(!names.contains(&name), "{name}:\n{}", answer.text());
    }
    assert!(answer.text().contains("\nPATH=/usr/local/bin:/usr/bin:/bin\n"), "{}", answer.text());
}

#[test]
fn a_script_has_no_descriptors_but_its_three_streams() {
    let site = site().shell("run", &format!("{HEAD}ls /proc/$$/fd")).start();
    let answer = site.get("/cgi-bin/run");
    // The shell itself has its script open, as 10.
    let descriptors: Vec<&str> = answer.text().lines().filter(|number| *number != "10").collect();
    assert_eq!(descriptors, ["0", "1", "2"]);
    let python = "import os\nprint('Content-Type: text/plain\\n')\nprint(sorted(map(int, os.listdir('/proc/self/fd')))[:3])\n\
                  print(len(os.listdir('/proc/self/fd')))";
    let site = super::site().file("cgi-bin/run.py", python).start();
    // The listing is one while it is made.
    assert_eq!(site.get("/cgi-bin/run.py").text(), "[0, 1, 2]\n4\n");
}

#[test]
fn a_script_runs_in_its_own_folder_or_in_another() {
    let site = site().shell("run", &format!("{HEAD}pwd")).start();
    assert_eq!(site.get("/cgi-bin/run").text().trim_end(), site.path("cgi-bin").display().to_string());
    let site = site_with("cgi_working_dir {root}/work;").dir("work").shell("run", &format!("{HEAD}pwd")).start();
    assert_eq!(site.get("/cgi-bin/run").text().trim_end(), site.path("work").display().to_string());
}

#[test]
fn variables_are_set_and_taken_away() {
    let site =
        site_with("cgi_set_var GREETING \"hello, $arg_name\"; cgi_set_var REMOTE_PORT \"\"; cgi_path /bin:/usr/bin;")
            .shell("run", &format!("{HEAD}echo \"$GREETING,$REMOTE_PORT,$PATH\""))
            .start();
    assert_eq!(site.get("/cgi-bin/run?name=you").text(), "hello, you,,/bin:/usr/bin\n");
}

#[test]
fn credentials_are_passed_on_only_when_asked_for() {
    let run = format!("{HEAD}echo \"[$HTTP_AUTHORIZATION]\"");
    let asked = |conf: &str| {
        let site = site_with(conf).shell("run", &run).start();
        site.get_with("/cgi-bin/run", &[("Authorization", "Basic eDp5")]).text().to_owned()
    };
    assert_eq!(asked(""), "[]\n");
    assert_eq!(asked("cgi_pass_authorization on;"), "[Basic eDp5]\n");
}

#[test]
fn a_user_whose_password_was_right_is_told_of_and_no_other() {
    let run = format!("{HEAD}echo \"[$REMOTE_USER $AUTH_TYPE]\"");
    let asked = |conf: &str| {
        let site = site_with(conf).file("users", "x:{PLAIN}y\n").shell("run", &run).start();
        site.get_with("/cgi-bin/run", &[("Authorization", "Basic eDp5")]).text().to_owned()
    };
    assert_eq!(asked(""), "[ ]\n");
    assert_eq!(asked("auth_basic here; auth_basic_user_file {root}/users;"), "[x Basic]\n");
}

#[test]
fn the_path_behind_a_script_is_told_with_its_translation() {
    let site =
        site().shell("run", &format!("{HEAD}echo \"$SCRIPT_NAME|$PATH_INFO|$PATH_TRANSLATED|$REQUEST_URI\"")).start();
    let root = site.root();
    assert_eq!(
        site.get("/cgi-bin/run/a%20b/c?d").text(),
        format!("/cgi-bin/run|/a b/c|{root}/a b/c|/cgi-bin/run/a%20b/c?d\n")
    );
}

#[test]
fn limits_are_set_on_the_script() {
    let limits = "import resource, sys\nname = getattr(resource, 'RLIMIT_' + sys.argv[1])\n\
                  while resource.getrlimit(name)[0] == resource.RLIM_INFINITY: pass\n\
                  print(resource.getrlimit(name)[0])";
    let site = site_with("cgi_limit_memory 256m; cgi_limit_cpu 7s; cgi_limit_processes 12345;")
        .file("limits.py", limits)
        .shell("run", &format!("{HEAD}for name in AS CPU NPROC; do /usr/bin/python3 ../limits.py $name; done"))
        .start();
    let answer = site.get("/cgi-bin/run");
    assert_eq!(answer.text(), "268435456\n7\n12345\n");
}

#[test]
fn a_script_that_needs_more_memory_than_it_may_have_fails_alone() {
    let script =
        "print('Content-Type: text/plain\\n')\ntry:\n    x = bytearray(1 << 30)\nexcept MemoryError:\n    print('no')";
    let site = site_with("cgi_limit_memory 256m;").file("cgi-bin/run.py", script).start();
    assert_eq!(site.get("/cgi-bin/run.py").text(), "no\n");
}

#[test]
fn a_script_that_takes_too_much_processor_time_is_ended() {
    let site = site_with("cgi_limit_cpu 1s;").shell("run", "while :; do :; done").start();
    assert_eq!(site.get("/cgi-bin/run").status, 502);
    site.wait_for_log("ended with signal: 24 (SIGXCPU)");
}

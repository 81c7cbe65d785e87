//! Programs that people run as CGI: php-cgi, Perl, Python, git's own, cgit.
//!
//! `tests/run` installs them where it can. A test whose program is missing fails and says what is to be installed.

use std::path::Path;
use std::process::Command;

use super::*;

/// The first of these paths that is there.
#[track_caller]
fn program(package: &str, paths: &[&str]) -> String {
    let found = paths.iter().find(|path| Path::new(path).exists());
    found.unwrap_or_else(|| panic!("none of {paths:?} is there: apt-get install {package}")).to_string()
}

fn post(path: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn php() {
    let php = program("php-cgi", &["/usr/bin/php-cgi"]);
    let page = "<?php header('X-A: b'); setcookie('c', 'd'); http_response_code(201);\n\
                echo $_GET['a'], ' ', $_POST['b'] ?? '-', ' ', $_SERVER['PATH_INFO'] ?? '-', ' ', __FILE__;";
    let site = Site::new().conf(&format!("cgi .php; cgi_interpreter .php {php};")).file("page.php", page).start();
    let file = site.path("page.php").display().to_string();
    let answer = site.get("/page.php?a=1");
    assert_eq!((answer.status, answer.text()), (201, &*format!("1 - - {file}")));
    assert_eq!((answer.header("x-a"), answer.header("set-cookie")), (Some("b"), Some("c=d")));
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{}", answer.head);
    let answer = site.request(post("/page.php/info?a=2", "application/x-www-form-urlencoded", "b=3"));
    assert_eq!(answer.text(), format!("2 3 /info {file}"));
}

#[test]
fn perl() {
    program("perl", &["/usr/bin/perl"]);
    let script = "#!/usr/bin/perl\nuse strict;\nmy $body = '';\nread(STDIN, $body, $ENV{CONTENT_LENGTH} || 0);\n\
                  print \"Content-Type: text/plain\\r\\n\\r\\n\";\nprint scalar reverse($body), \" $ENV{QUERY_STRING}\";\n";
    let site = site().script("run.pl", script).start();
    assert_eq!(site.request(post("/cgi-bin/run.pl?q", "text/plain", "abc")).text(), "cba q");
}

#[test]
fn python() {
    program("python3", &["/usr/bin/python3"]);
    let script = "#!/usr/bin/python3\nimport os, sys, urllib.parse\n\
                  form = urllib.parse.parse_qs(sys.stdin.read(int(os.environ['CONTENT_LENGTH'])))\n\
                  print('Content-Type: text/plain\\n')\nprint(form['name'][0])\n";
    let site = site().script("run", script).start();
    let answer = site.request(post("/cgi-bin/run", "application/x-www-form-urlencoded", "name=J%C3%BCrgen+M"));
    assert_eq!(answer.text(), "J\u{fc}rgen M\n");
}

/// Runs git in a folder, with nothing of the machine's own settings.
#[track_caller]
fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(words).env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", folder);
    for (name, value) in [("NAME", "Tester"), ("EMAIL", "tester@example.org")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.env("GIT_TERMINAL_PROMPT", "0").output().expect("git is there: apt-get install git");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {words:?}: {text}");
    text
}

/// A site with the repository `git/repo.git`, which has one commit, and `site/work`, where it was made.
fn with_repository(site: Site) -> Site {
    site.dir("git").dir("work").with_folder(|root| {
        let (repositories, work) = (root.join("git"), root.join("work"));
        git(&repositories, &["init", "--quiet", "--bare", "-b", "main", "repo.git"]);
        git(&repositories.join("repo.git"), &["config", "http.receivepack", "true"]);
        git(&work, &["init", "--quiet", "-b", "main"]);
        fs::write(work.join("README"), "a first file\n").expect("the folder can be written to");
        git(&work, &["add", "README"]);
        git(&work, &["commit", "--quiet", "-m", "Begin"]);
        git(&work, &["push", "--quiet", "../git/repo.git", "main"]);
    })
}

fn git_backend() -> String {
    program("git", &["/usr/lib/git-core/git-http-backend", "/usr/local/libexec/git-core/git-http-backend"])
}

#[test]
fn git_clones_and_pushes() {
    let conf = format!(
        "client_max_body_size 0; location /git/ {{ cgi_script {}; cgi_set_var GIT_PROJECT_ROOT {{root}}/git;\n\
         cgi_set_var GIT_HTTP_EXPORT_ALL 1; cgi_set_var HOME {{root}}; }}",
        git_backend()
    );
    let site = with_repository(Site::new().conf(&conf)).dir("clones").start();
    let url = format!("http://{}/git/repo.git", site.address());
    let clones = site.path("clones");
    git(&clones, &["clone", "--quiet", &url, "one"]);
    let one = clones.join("one");
    assert_eq!(fs::read_to_string(one.join("README")).expect("it was cloned"), "a first file\n");
    // Large enough to be sent in chunks.
    let large: String =
        (0..400_000u64).map(|number| format!("{:x}\n", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    fs::write(one.join("large"), &large).expect("the folder can be written to");
    git(&one, &["add", "large"]);
    git(&one, &["commit", "--quiet", "-m", "Add much"]);
    git(&one, &["push", "--quiet", "origin", "main"]);
    git(&clones, &["clone", "--quiet", &url, "two"]);
    assert!(fs::read_to_string(clones.join("two/large")).expect("it was cloned") == large);
}

#[test]
fn cgit() {
    let cgit = program("cgit", &["/usr/lib/cgit/cgit.cgi"]);
    let conf = format!("location /cgit/ {{ cgi_script {cgit}; cgi_set_var CGIT_CONFIG {{root}}/cgitrc; }}");
    let site = with_repository(Site::new().conf(&conf)).with_folder(|root| {
        let text = format!("virtual-root=/cgit/\nrepo.url=repo\nrepo.path={}/git/repo.git\n", root.display());
        fs::write(root.join("cgitrc"), text).expect("the folder can be written to");
    });
    let site = site.start();
    let index = site.get("/cgit/");
    assert!(index.status == 200 && index.text().contains("href='/cgit/repo/'"), "{}", index.text());
    let log = site.get("/cgit/repo/log/");
    assert!(log.text().contains("Begin"), "{}", log.text());
    assert!(site.get("/cgit/repo/plain/README").text() == "a first file\n");
}

//! Rules that keep nobody out, and password files that others can read.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use webserv_grammar::Word;

use super::super::diagnostics::Diagnostic;
use super::super::lines::Line;
use super::serving::{folders, is_for_all, served};
use super::{Found, Lint};
use crate::config::view::{Block, View};

/// An `allow` that nothing is refused behind.
pub(super) static ALLOW_WITHOUT_DENY: Lint = Lint {
    code: "allow-without-deny",
    finds: "The last rule of a block is an `allow` for some.",
    matters: "The first rule that fits decides, and whom no rule fits may come in. So an `allow` that no `deny` follows \
              allows nothing that was not allowed before, and one behind `deny all` is never reached.",
    instead: "Write `deny all` behind the last `allow`.",
    wrong: "server { listen 8080; location /a/ { allow 10.0.0.0/8; } }",
    right: "server { listen 8080; location /a/ { allow 10.0.0.0/8; deny all; } }",
    found: Found::Checking(allow_without_deny),
};

/// A password file that everybody on the machine can read.
pub(super) static PASSWORD_FILE_READABLE: Lint = Lint {
    code: "password-file-readable",
    finds: "The file of an `auth_basic_user_file` can be read by every user of the machine.",
    matters: "Whoever has the hashes can try passwords at leisure.",
    instead: "Give the file to the group of the server, and take the rights from all others: `chown root:www-data FILE`, \
              `chmod 640 FILE`.",
    wrong: "server { listen 8080; location /a/ { auth_basic a; auth_basic_user_file users-644; } }",
    right: "server { listen 8080; location /a/ { auth_basic a; auth_basic_user_file users-640; } }",
    found: Found::Checking(readable_password_files),
};

/// A password file that clients can ask for.
pub(super) static PASSWORD_FILE_SERVABLE: Lint = Lint {
    code: "password-file-servable",
    finds: "The file of an `auth_basic_user_file` lies in a folder that files are served from, and no location refuses it.",
    matters: "Clients can fetch the hashes, and try passwords at leisure.",
    instead: "Put the file elsewhere; or refuse it, best with all files whose name begins with a dot.",
    wrong: "server {\n    listen 8080;\n    root www;\n    auth_basic a;\n    auth_basic_user_file www/users;\n}",
    right: "server {\n    listen 8080;\n    root www;\n    auth_basic a;\n    auth_basic_user_file users-640;\n}",
    found: Found::Checking(servable_password_files),
};

fn allow_without_deny(view: &View<'_>) -> Vec<Diagnostic> {
    view.blocks().filter(|block| block.has("allow")).filter_map(open_to_all).collect()
}

fn open_to_all(block: &Block<'_>) -> Option<Diagnostic> {
    let mut rules = block.lines.iter().filter(|line| matches!(&*line.name.text, "allow" | "deny"));
    let last = rules.next_back().filter(|line| line.name.text == "allow" && !is_for_all(line))?;
    let before = rules.find(|line| is_for_all(line));
    let place = last.place(last.name);
    Some(match before {
        Some(all) => Diagnostic::warning(place, "an \"allow\" that is never reached")
            .label("the first rule that fits decides")
            .related(all.place(all.name), "this one fits everybody"),
        None => Diagnostic::warning(place, "an \"allow\" that keeps nobody out")
            .label("whom no rule fits may come in")
            .help("write `deny all;` behind it"),
    })
}

/// Each literal path of an `auth_basic_user_file`, with its line and word.
fn password_files<'v>(view: &'v View<'_>) -> impl Iterator<Item = (&'v Line<'v>, &'v Word, PathBuf)> {
    let lines = view.blocks().flat_map(|block| block.all("auth_basic_user_file"));
    lines.filter_map(|line| {
        let word = line.words.first().filter(|word| !word.text.contains('$'))?;
        Some((line, word, view.beside(&word.text)))
    })
}

fn readable_password_files(view: &View<'_>) -> Vec<Diagnostic> {
    let readable = password_files(view).filter(|(_, _, path)| {
        std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & READABLE_BY_OTHERS != 0)
    });
    readable
        .map(|(line, word, path)| {
            let message = format!("everybody on this machine can read \"{}\"", path.display());
            let finding =
                Diagnostic::warning(line.place(word), message).label("holds what passwords can be found out with");
            finding.help(format!("chmod o-rwx {}", path.display()))
        })
        .collect()
}

fn servable_password_files(view: &View<'_>) -> Vec<Diagnostic> {
    let mut by_folder = None;
    let mut findings = Vec::new();
    for (line, word, path) in password_files(view) {
        let folders = by_folder.get_or_insert_with(|| folders(view));
        let around = path.ancestors().filter_map(|folder| folders.get(folder)).flatten();
        let served = around.copied().find_map(|block| served(view, block, &path));
        let Some((uri, block)) = served else { continue };
        let message = format!("\"{}\" can be fetched as \"{uri}\"", path.display());
        let finding = Diagnostic::warning(line.place(word), message).label("lies in a folder that is served");
        findings.push(match block.place() {
            Some(place) => finding.related(place, "served here"),
            None => finding,
        });
    }
    findings
}

const READABLE_BY_OTHERS: u32 = 0o004;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{lint as check, lint_messages};

    #[test]
    fn an_allow_is_followed_by_a_deny() {
        check(
            &ALLOW_WITHOUT_DENY,
            "server {
    location /a { allow 10.0.0.0/8; allow ::1; }
#                                   ^^^^^ an \"allow\" that keeps nobody out; whom no rule fits may come in
    location /b { allow 10.0.0.0/8; deny all; }
    location /c { deny all; allow 10.0.0.0/8; }
#                           ^^^^^ an \"allow\" that is never reached; the first rule that fits decides
#                 ---- this one fits everybody
    location /d { deny 10.0.0.1; allow all; }
    location /e { allow 10.0.0.1; deny 10.0.0.0/8; }
}",
        );
    }

    #[test]
    fn a_password_file_in_a_served_folder_can_be_fetched() {
        let found = |text: &str| lint_messages(&PASSWORD_FILE_SERVABLE, text);
        let own = "auth_basic_user_file /srv/www/.users;";
        assert_eq!(
            found(&format!("server {{ root /srv/www; {own} }}")),
            ["\"/srv/www/.users\" can be fetched as \"/.users\""]
        );
        assert_eq!(
            found(&format!("server {{ root /x; location /a/ {{ alias /srv/www/; {own} }} }}")),
            ["\"/srv/www/.users\" can be fetched as \"/a/.users\""]
        );
        let elsewhere = format!("server {{ root /srv; }} server {{ root /a; location /b {{ {own} }} }}");
        assert_eq!(found(&elsewhere), ["\"/srv/www/.users\" can be fetched as \"/www/.users\""]);
        for refused in [
            format!("server {{ root /srv/www; {own} location ~ /\\. {{ deny all; }} }}"),
            format!("server {{ root /srv/www; {own} location ~ /\\. {{ return 404; }} }}"),
            format!("server {{ root /srv/www; {own} location = /.users {{ internal; }} }}"),
            format!("server {{ root /srv/other; {own} }}"),
            "server { root /srv/www; auth_basic_user_file /srv/$host/.users; }".to_owned(),
        ] {
            assert_eq!(found(&refused), [""; 0], "{refused}");
        }
    }

    #[test]
    fn a_password_file_is_not_for_all_users() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display();
        for (mode, count) in [(0o644, 1), (0o640, 0)] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let text = format!("server {{ auth_basic_user_file {path}; }}");
            assert_eq!(lint_messages(&PASSWORD_FILE_READABLE, &text).len(), count, "{mode:o}");
        }
        assert_eq!(lint_messages(&PASSWORD_FILE_READABLE, "server { auth_basic_user_file /nowhere; }"), [""; 0]);
    }
}

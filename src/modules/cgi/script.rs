//! Which script a request is for, and what of its path belongs to the script (`PATH_INFO`).

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bytes::Bytes;
use rustix::fs::Access;
use rustix::io::Errno;

use super::settings::{Conf, Fixed, Scripts};
use crate::base::reason::Reason;
use crate::base::report::Severity;
use crate::exchange::files::Fault;
use crate::exchange::plan::Outcome;
use crate::exchange::{Exchange, Shown};
use crate::runtime::Kind;

/// A script, as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// The file: `SCRIPT_FILENAME`.
    pub(super) file: Vec<u8>,
    /// `SCRIPT_NAME`: the part of the URI that stands for the file.
    pub(super) name: Bytes,
    /// `PATH_INFO`: what stands behind it.
    pub(super) path_info: Bytes,
}

impl Script {
    /// The script that answers, or none when something else does.
    ///
    /// # Errors
    /// It is not there, or may not be read: what a file would be answered with.
    pub(super) fn find(exchange: &Exchange, conf: &Conf) -> Result<Option<Self>, Outcome> {
        if exchange.uri.contains(&0) {
            return Ok(None);
        }
        let script = match &conf.fixed {
            Some(fixed) => Some(Self::fixed(exchange, fixed)?),
            None => Self::named(exchange, &conf.scripts)?,
        };
        if let Some(script) = &script
            && conf.interpreter(&script.file).is_some()
            && let Err(error) = rustix::fs::access(as_path(&script.file), Access::READ_OK)
        {
            return Err(refused(exchange, &script.file, &error.into()));
        }
        Ok(script)
    }

    /// Its own name, without its folder.
    pub(super) fn file_name(&self) -> &[u8] {
        let start = memchr::memrchr(b'/', &self.file).map_or(0, |slash| slash + 1);
        &self.file[start..]
    }

    /// The folder it lies in.
    pub(super) fn folder(&self) -> &[u8] {
        match memchr::memrchr(b'/', &self.file) {
            None | Some(0) => b"/",
            Some(slash) => &self.file[..slash],
        }
    }

    /// Whether it makes the whole answer itself (RFC 3875 section 5).
    pub(super) fn is_nph(&self) -> bool {
        self.file_name().starts_with(b"nph-")
    }

    fn fixed(exchange: &Exchange, fixed: &Fixed) -> Result<Self, Outcome> {
        let file = fixed.path.render(exchange).into_owned();
        match exchange.file_status(&file) {
            Ok(status) if status.kind == Kind::Regular => {}
            Ok(_) => return Err(not_regular(exchange, &file)),
            Err(error) => return Err(refused(exchange, &file, &error)),
        }
        let length = if exchange.uri.starts_with(fixed.prefix.as_bytes()) { fixed.prefix.len() } else { 0 };
        Ok(Self { file, name: exchange.uri.slice(..length), path_info: exchange.uri.slice(length..) })
    }

    /// The first regular file on the way that the path leads, if it is a script.
    fn named(exchange: &Exchange, scripts: &Scripts) -> Result<Option<Self>, Outcome> {
        let path = exchange.filename();
        let length = match exchange.file_status(&path) {
            Ok(status) if status.kind == Kind::Regular => path.len(),
            Ok(status) if status.kind == Kind::Directory => return Ok(None),
            Ok(_) if *scripts == Scripts::All => return Err(not_regular(exchange, &path)),
            Ok(_) => return Ok(None),
            Err(error) => match Self::walk(exchange, &path, &error) {
                Some(length) => length,
                // In a folder of scripts nothing else would answer.
                None if *scripts == Scripts::All && !path.ends_with(b"/") => {
                    return Err(refused(exchange, &path, &error));
                }
                None => return Ok(None),
            },
        };
        let (file, behind) = path.split_at(length);
        if !scripts.has(file) {
            return Ok(None);
        }
        let name_length = match exchange.uri.strip_suffix(behind) {
            Some(name) => name.len(),
            // An alias that stands for the whole path.
            None => exchange.uri.len(),
        };
        Ok(Some(Self {
            name: exchange.uri.slice(..name_length),
            path_info: Bytes::copy_from_slice(behind),
            file: file.to_vec(),
        }))
    }

    /// How much of a path that leads nowhere leads to a regular file. One is on the way only where something that is no
    /// folder was taken for one; a path too long to be asked for is walked to find out.
    fn walk(exchange: &Exchange, path: &[u8], error: &io::Error) -> Option<usize> {
        if !matches!(Errno::from_io_error(error), Some(Errno::NOTDIR | Errno::NAMETOOLONG)) {
            return None;
        }
        // Folders that are there make up a path that is short enough, so this ends soon.
        for slash in memchr::memchr_iter(b'/', path).filter(|slash| *slash > 0) {
            match exchange.file_status(&path[..slash]) {
                Ok(status) if status.kind == Kind::Regular => return Some(slash),
                Ok(status) if status.kind == Kind::Directory => {}
                Ok(_) | Err(_) => return None,
            }
        }
        None
    }
}

fn not_regular(exchange: &Exchange, path: &[u8]) -> Outcome {
    exchange.report(Severity::Crit, format_args!("\"{}\" is not a regular file", Shown(path)));
    Outcome::Fail(crate::http::Status::NOT_FOUND)
}

/// What a file in its place would be answered with.
fn refused(exchange: &Exchange, path: &[u8], error: &io::Error) -> Outcome {
    let fault = Fault::of(error);
    let severity = if fault == Fault::Failed { Severity::Crit } else { Severity::Error };
    if fault != Fault::Missing || exchange.plan.settings.log_not_found {
        exchange.report(severity, format_args!("CGI script \"{}\" cannot be read {}", Shown(path), Reason(error)));
    }
    Outcome::Fail(fault.status())
}

fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use tempfile::TempDir;

    use super::*;
    use crate::exchange::plan::PlanBuilder;
    use crate::exchange::settings::Alias;
    use crate::exchange::template::Template;
    use crate::exchange::test_support::Bench;

    /// A root with `cgi-bin/run`, `page.cgi` and `page.html`, and what is asked of it.
    struct Scene {
        root: TempDir,
        conf: Conf,
        alias: Option<Alias>,
    }

    impl Scene {
        fn new(scripts: Scripts) -> Self {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("cgi-bin")).unwrap();
            for name in ["cgi-bin/run", "page.cgi", "page.html"] {
                fs::write(root.path().join(name), "").unwrap();
            }
            Self { root, conf: Conf { scripts, ..Conf::default() }, alias: None }
        }

        /// The script's file below the root, its name and its path info, as `FILE NAME INFO`.
        fn find(&self, target: &str) -> String {
            let mut plan = PlanBuilder::new("/");
            plan.settings.root.path = Template::literal(self.root.path().to_str().unwrap());
            plan.settings.root.alias = self.alias;
            let exchange = Bench::new().exchange_in(plan, &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
            match Script::find(&exchange, &self.conf) {
                Ok(None) => "-".to_owned(),
                Ok(Some(script)) => {
                    let file = Path::new(OsStr::from_bytes(&script.file));
                    let file = file.strip_prefix(self.root.path()).unwrap_or(file).display().to_string();
                    format!("{file} {} {}", Shown(&script.name), Shown(&script.path_info)).trim_end().to_owned()
                }
                Err(Outcome::Fail(status)) => status.to_string(),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    fn endings(endings: &[&str]) -> Scripts {
        Scripts::Endings(endings.iter().map(|ending| (*ending).into()).collect())
    }

    #[test]
    fn in_a_folder_of_scripts_every_file_is_one() {
        let scene = Scene::new(Scripts::All);
        assert_eq!(scene.find("/cgi-bin/run?a"), "cgi-bin/run /cgi-bin/run");
        assert_eq!(scene.find("/page.html"), "page.html /page.html");
    }

    #[test]
    fn what_stands_behind_a_script_is_its_path_info() {
        let scene = Scene::new(Scripts::All);
        assert_eq!(scene.find("/cgi-bin/run/"), "cgi-bin/run /cgi-bin/run /");
        assert_eq!(scene.find("/cgi-bin/run/a%20b/c"), "cgi-bin/run /cgi-bin/run /a b/c");
        let long = format!("/{}", "x".repeat(5000));
        assert_eq!(scene.find(&format!("/cgi-bin/run{long}")), format!("cgi-bin/run /cgi-bin/run {long}"));
    }

    #[test]
    fn folders_are_left_to_others_and_missing_files_are_not_found() {
        let scene = Scene::new(Scripts::All);
        assert_eq!([scene.find("/cgi-bin/"), scene.find("/cgi-bin"), scene.find("/")], ["-", "-", "-"]);
        assert_eq!([scene.find("/cgi-bin/none"), scene.find("/none/run")], ["404", "404"]);
        assert_eq!(scene.find(&format!("/{}", "x".repeat(300))), "404");
    }

    #[test]
    fn by_ending_other_files_are_left_to_others() {
        let scene = Scene::new(endings(&[".cgi", ".pl"]));
        assert_eq!(scene.find("/page.cgi"), "page.cgi /page.cgi");
        assert_eq!(scene.find("/page.cgi/x.html"), "page.cgi /page.cgi /x.html");
        for target in ["/page.html", "/page.html/x.cgi", "/none.cgi", "/cgi-bin/run"] {
            assert_eq!(scene.find(target), "-", "{target}");
        }
    }

    #[test]
    fn under_an_alias_the_name_is_that_of_the_uri() {
        let mut scene = Scene::new(Scripts::All);
        scene.alias = Some(Alias::Prefix("/s".len()));
        assert_eq!(scene.find("/s/cgi-bin/run/x"), "cgi-bin/run /s/cgi-bin/run /x");
    }

    #[test]
    fn one_script_may_answer_for_a_whole_location() {
        let mut scene = Scene::new(Scripts::Off);
        let path = Template::literal(scene.root.path().join("page.cgi").to_str().unwrap());
        scene.conf.fixed = Some(Fixed { path, prefix: "/git".into() });
        assert_eq!(scene.find("/git/repo/info"), "page.cgi /git /repo/info");
        assert_eq!(scene.find("/other/x"), "page.cgi  /other/x");
        scene.conf.fixed = Some(Fixed { path: Template::literal("/nowhere/at/all"), prefix: "".into() });
        assert_eq!(scene.find("/git/repo"), "404");
    }

    #[test]
    fn what_its_interpreter_may_not_read_is_forbidden() {
        if rustix::process::geteuid().is_root() {
            return;
        }
        let mut scene = Scene::new(Scripts::All);
        let path = scene.root.path().join("page.cgi");
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
        scene.conf.interpreters = Arc::from([super::super::settings::Interpreter {
            ending: ".cgi".into(),
            program: "/bin/sh".into(),
            arguments: Box::default(),
        }]);
        assert_eq!(scene.find("/page.cgi"), "403");
    }

    #[test]
    fn a_name_says_whether_the_answer_is_made_by_the_script_alone() {
        let script = |file: &str| Script { file: file.into(), name: Bytes::new(), path_info: Bytes::new() };
        assert!(script("/a/nph-b").is_nph());
        assert!(!script("/nph-a/b").is_nph());
        assert_eq!(script("/a/b").folder(), b"/a");
        assert_eq!(script("/b").folder(), b"/");
    }
}

//! Access logs from their configuration to their lines.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::base::log_buffer;
use crate::config::load::{Configuration, Loaded, Origin as Text, Request, load};
use crate::config::schema::{AnyModule, Erased};
use crate::exchange::site::Site;
use crate::exchange::test_support::Bench;

static MODULES: &[&dyn AnyModule] = &[&Erased::<crate::modules::root::Root>::NEW, &Erased::<AccessLog>::NEW];

fn loaded(text: &str, prefix: &Path) -> Loaded {
    let origin = Text::BuiltIn(text.to_owned());
    load(
        &Request {
            origin,
            prefix: prefix.to_owned(),
            globals: Vec::new(),
            error_log: None,
            as_root: rustix::process::geteuid().is_root(),
            modules: MODULES,
        },
        None,
    )
}

/// A configuration in a folder of its own, and requests to it.
struct Logged {
    folder: tempfile::TempDir,
    configuration: Configuration,
    bench: Bench,
}

impl Logged {
    #[track_caller]
    fn new(http: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let loaded = loaded(&format!("http {{ {http} }}"), folder.path());
        let configuration = loaded.result.unwrap_or_else(|()| panic!("refused: {:?}", loaded.report.diagnostics));
        Self { folder, configuration, bench: Bench::new() }
    }

    /// A request that is done.
    fn request(&self, target: &str) {
        let mut exchange = self.bench.exchange(&format!("GET {target} HTTP/1.0\r\n\r\n"));
        exchange.plan = self.configuration.tree.addresses[0].default.locate(&exchange.uri).plan;
        for logger in &Arc::clone(&exchange.plan).loggers {
            logger.log(&exchange);
        }
    }

    fn turn(&mut self, seconds: u64) {
        self.bench.clock.advance(Duration::from_secs(seconds));
        self.bench.turn();
        let now = self.bench.exchange("GET / HTTP/1.0\r\n\r\n").handle.now();
        log_buffer::flush_due(now);
        log_buffer::flush_turn(now);
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_else(|error| error.kind().to_string())
    }
}

/// The messages of what is wrong with lines of `http`, and what they are about.
fn wrong(http: &str) -> Vec<(String, String)> {
    let text = format!("http {{ {http} server {{ }} }}");
    let folder = tempfile::tempdir().unwrap();
    let diagnostics = loaded(&text, folder.path()).report.diagnostics;
    let about = |place: Place| place.span.slice(&text).to_owned();
    diagnostics.into_iter().map(|finding| (finding.message, finding.place.map(about).unwrap_or_default())).collect()
}

#[track_caller]
fn check(http: &str, message: &str, about: &str) {
    assert_eq!(wrong(http), [(message.to_owned(), about.to_owned())], "{http}");
}

#[test]
fn without_a_directive_nothing_is_written() {
    let logged = Logged::new("server { }");
    assert!(logged.configuration.tree.addresses[0].default.plan().loggers.is_empty());
}

#[test]
fn blocks_inherit_replace_and_switch_off() {
    let mut logged = Logged::new(
        "log_format path '$uri'; access_log all path; server {
            location /own { access_log a path; access_log b path; location /own/deeper { } }
            location /off { access_log off; access_log never path; location /off/on { access_log c path; } }
        }",
    );
    for path in ["/x", "/own/", "/own/deeper", "/off/", "/off/on"] {
        logged.request(path);
    }
    logged.turn(0);
    assert_eq!(logged.read("all"), "/x\n");
    assert_eq!((logged.read("a"), logged.read("b")), ("/own/\n/own/deeper\n".into(), "/own/\n/own/deeper\n".into()));
    assert_eq!(logged.read("c"), "/off/on\n");
    assert!(!logged.folder.path().join("never").exists());
}

#[test]
fn texts_of_a_format_stand_one_behind_the_other() {
    let mut logged = Logged::new(
        r#"log_format json escape=json '{"uri":"$uri",' '"args":"$args"}'; access_log log json; server { }"#,
    );
    logged.request("/a%22b");
    logged.request("/?x\\y");
    logged.turn(0);
    assert_eq!(logged.read("log"), "{\"uri\":\"/a\\\"b\",\"args\":\"\"}\n{\"uri\":\"/\",\"args\":\"x\\\\y\"}\n");
}

#[test]
fn a_condition_decides_about_each_line() {
    let mut logged = Logged::new("log_format u '$uri'; access_log log u if=$arg_log; server { }");
    for target in ["/a?log=1", "/b?log=0", "/c?log=", "/d", "/e?log=00"] {
        logged.request(target);
    }
    logged.turn(0);
    assert_eq!(logged.read("log"), "/a\n/e\n");
}

#[test]
fn buffered_lines_wait_for_their_time() {
    let mut logged = Logged::new("log_format u '$uri'; access_log log u buffer=1k flush=5s; server { }");
    logged.request("/a");
    logged.turn(4);
    assert_eq!(logged.read("log"), "");
    logged.request("/b");
    logged.turn(1);
    assert_eq!(logged.read("log"), "/a\n/b\n");
}

#[test]
fn a_path_with_variables_is_taken_from_the_prefix_too() {
    let logged =
        Logged::new("root .; log_format u '$uri'; access_log $arg_name.log u; open_log_file_cache max=10; server { }");
    logged.request("/1?name=a");
    logged.request("/2?name=b");
    logged.request("/3?name=a");
    assert_eq!((logged.read("a.log"), logged.read("b.log")), ("/1\n/3\n".into(), "/2\n".into()));
}

#[test]
fn formats_have_names_of_their_own() {
    check("log_format a x; log_format a y;", "duplicate \"log_format\" name \"a\"", "a");
    check("log_format combined x;", "duplicate \"log_format\" name \"combined\"", "combined");
    check("access_log log combine;", "unknown log format \"combine\"", "combine");
    check("access_log log buffer=1k;", "unknown log format \"buffer=1k\"", "buffer=1k");
    check("log_format a escape=xml x;", "unknown log format escaping \"xml\"", "xml");
    check("log_format a '$nonsense';", "unknown \"nonsense\" variable", "$nonsense");
}

#[test]
fn mistakes_in_parameters_are_shown_where_they_are() {
    check("access_log off x;", "invalid parameter \"x\"", "x");
    check("access_log log combined buffer=0;", "invalid buffer size \"0\"", "0");
    check("access_log log combined buffer=1g;", "invalid buffer size \"1g\"", "1g");
    check("access_log log combined buffer=65m;", "the buffer size \"65m\" is too large", "65m");
    check("access_log log combined buffer=1k flush=x;", "invalid flush time \"x\"", "x");
    check("access_log log combined flush=1s;", "no buffer is defined for access_log \"log\"", "flush=1s");
    check("access_log log combined bufer=1k;", "invalid parameter \"bufer=1k\"", "bufer=1k");
    check("access_log log combined gzip;", "webserv does not compress logs while it writes them", "gzip");
    check("access_log $host combined buffer=1k;", "buffered logs cannot have variables in name", "buffer=1k");
    check("access_log syslog:server=127.0.0.1 combined buffer=1k;", "logs to syslog cannot be buffered", "buffer=1k");
    check("access_log syslog:tag=a;", "no syslog server specified", "tag=a");
    check("access_log syslog:server=a,facility=x;", "unknown syslog facility \"x\"", "facility=x");
}

#[test]
fn mistakes_in_the_cache_of_files() {
    let invalid = |word: &str| format!("invalid \"open_log_file_cache\" parameter \"{word}\"");
    check("open_log_file_cache max=x;", &invalid("max=x"), "max=x");
    check("open_log_file_cache max=1 off;", &invalid("off"), "off");
    check("open_log_file_cache max=1 inactive=1ms;", &invalid("inactive=1ms"), "inactive=1ms");
    check(
        "open_log_file_cache valid=1s;",
        "\"open_log_file_cache\" must have \"max\" parameter",
        "open_log_file_cache",
    );
}

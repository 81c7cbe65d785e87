//! Where the server's own messages go: `error_log`.
//!
//! Gives the process and each location an `ErrorLog`; writing to it is in `base::report`. Files are opened by the
//! configuration's resources, so that a reload keeps them.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::base::log_file::LogFile;
use crate::base::report::{Destination, ErrorLog as Log, Severity, Sink};
use crate::base::suggest::nearest;
use crate::base::syslog::{Parameters, Syslog};
use crate::config::arguments::Arguments;
use crate::config::build::{Build, ProcessBuilder};
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;

/// The module.
#[derive(Debug)]
pub struct ErrorLog;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    entries: Vec<Entry>,
    /// The finished log, made once for all blocks that share these entries.
    log: Rc<OnceCell<Arc<Log>>>,
}

/// One `error_log`.
#[derive(Clone, Debug)]
struct Entry {
    target: Target,
    threshold: Severity,
    place: Place,
}

#[derive(Clone, Debug)]
enum Target {
    Stderr,
    File(PathBuf),
    Syslog(Parameters),
}

impl Module for ErrorLog {
    type Conf = Conf;

    const NAME: &'static str = "error_log";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "error_log",
        contexts: Contexts::MAIN.or(Contexts::HTTP_SERVER_LOCATION),
        args: Shape::between(1, 2, "FILE | stderr | syslog:server=ADDRESS[,PARAMETER=VALUE...] [LEVEL]"),
        repeat: Repeat::Many,
        set: Conf::add,
        default: "stderr error",
        doc: "Where messages about errors go: a file, standard error, or a syslog server. The level is one of `debug`, \
              `info`, `notice`, `warn`, `error`, `crit`, `alert` and `emerg`; messages of this level and worse are \
              written. Without a level it is `error`. Several may stand in one block, each with its level; those of the \
              enclosing block then no longer hold. Unlike nginx, whose default is the file `logs/error.log`, webserv \
              writes to standard error until told otherwise. Parameters of syslog are `server=` (an address with an \
              optional port, or `unix:` and a path), `facility=` (`local7`), `tag=` (`webserv`) and `nohostname`. A \
              message that cannot be written at once is dropped; the server does not wait for its logs.",
        example: "error_log /var/log/webserv/error.log warn;",
        origin: Origin::Nginx,
    }];

    fn process(conf: &Conf, process: &mut ProcessBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        process.error_log = conf.open(build)?;
        Ok(())
    }

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.error_log = conf.open(build)?;
        Ok(())
    }
}

impl Conf {
    fn add(&mut self, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
        if arguments.first_in_block() {
            self.entries.clear();
        }
        self.log = Rc::default();
        let target = target(arguments)?;
        let threshold = if arguments.len() > 1 { threshold(arguments)? } else { Severity::Error };
        self.entries.push(Entry { target, threshold, place: arguments.place(0) });
        Ok(())
    }

    /// The log of these entries; without any it is what the command line says, or standard error.
    fn open(&self, build: &mut Build<'_>) -> Result<Arc<Log>, Diagnostic> {
        if let Some(log) = self.log.get() {
            return Ok(Arc::clone(log));
        }
        let sinks = if self.entries.is_empty() {
            let destination = match build.error_log().map(Path::to_owned) {
                Some(path) if path != Path::new("stderr") => {
                    Destination::File(build.log_file(&build.prefix().join(path), None)?)
                }
                _ => Destination::File(LogFile::standard_error()),
            };
            vec![Sink { destination, threshold: Severity::Error }]
        } else {
            self.entries.iter().map(|entry| entry.open(build)).collect::<Result<_, _>>()?
        };
        Ok(Arc::clone(self.log.get_or_init(|| Arc::new(Log::new(sinks)))))
    }
}

impl Entry {
    fn open(&self, build: &mut Build<'_>) -> Result<Sink, Diagnostic> {
        let destination = match &self.target {
            Target::Stderr => Destination::File(LogFile::standard_error()),
            Target::File(path) => Destination::File(build.log_file(path, Some(self.place))?),
            Target::Syslog(parameters) => Destination::Syslog(Arc::new(open_syslog(parameters, self.place)?)),
        };
        Ok(Sink { destination, threshold: self.threshold })
    }
}

fn open_syslog(parameters: &Parameters, place: Place) -> Result<Syslog, Diagnostic> {
    Syslog::open(parameters.clone()).map_err(|error| {
        Diagnostic::error(place, format!("host not found in syslog server \"{}\" ({error})", parameters.server))
    })
}

fn target(arguments: &Arguments<'_>) -> Result<Target, Diagnostic> {
    if let Some(parameters) = arguments.syslog(0)? {
        return Ok(Target::Syslog(parameters));
    }
    let word = arguments.word(0);
    match word {
        "stderr" => return Ok(Target::Stderr),
        "" => return Err(arguments.error(0, "empty log name").label("expected a file, `stderr` or `syslog:...`")),
        "off" => arguments.warn(
            Diagnostic::warning(arguments.place(0), "\"error_log off\" writes to a file named \"off\"")
                .lint(&lint::ERROR_LOG_OFF)
                .help("to write the worst only, use `error_log /dev/null emerg`"),
        ),
        _ if word.starts_with("memory:") => {
            return Err(arguments
                .error(0, "webserv does not log to memory")
                .label("expected a file, `stderr` or `syslog:...`"));
        }
        _ => {}
    }
    Ok(Target::File(arguments.path(0)))
}

fn threshold(arguments: &Arguments<'_>) -> Result<Severity, Diagnostic> {
    let word = arguments.word(1);
    Severity::parse(word).ok_or_else(|| {
        let names = Severity::ALL.map(Severity::name);
        let error = arguments.error(1, format!("invalid log level \"{word}\""));
        // What other programs call `warn` and `crit`.
        let longer = names.into_iter().find(|name| word.starts_with(name) && *name != "debug");
        let error = match nearest(word, names).or(longer) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None if word.starts_with("debug_") => error.label("there is one level for debugging, `debug`"),
            None => error,
        };
        error.help(format!("the levels are {}", names.map(|name| format!("`{name}`")).join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::report::report_to;
    use crate::config::load::{Configuration, Loaded, Origin as Text, Request, load};
    use crate::config::schema::{AnyModule, Erased};
    use crate::exchange::site::Site;

    static MODULES: &[&dyn AnyModule] = &[&Erased::<ErrorLog>::NEW];

    fn loaded(text: &str, prefix: &Path) -> Loaded {
        let origin = Text::BuiltIn(text.to_owned());
        let request = Request {
            origin,
            prefix: prefix.to_owned(),
            globals: Vec::new(),
            error_log: None,
            as_root: rustix::process::geteuid().is_root(),
            modules: MODULES,
        };
        load(&request, None)
    }

    fn configuration(text: &str, prefix: &Path) -> Configuration {
        let loaded = loaded(text, prefix);
        loaded.result.unwrap_or_else(|()| panic!("refused: {:?}", loaded.report.diagnostics))
    }

    fn log_of(configuration: &Configuration, path: &str) -> Arc<Log> {
        let plan = configuration.tree.addresses[0].default.locate(path.as_bytes()).plan;
        Arc::clone(&plan.settings.error_log)
    }

    /// The message and help of the one finding.
    fn finding(line: &str) -> (String, Option<String>) {
        let report = loaded(line, Path::new("/nowhere")).report;
        let [finding] = &report.diagnostics[..] else { panic!("one finding: {:?}", report.diagnostics) };
        (finding.message.clone(), finding.help.as_deref().map(str::to_owned))
    }

    #[test]
    fn without_a_level_it_is_error() {
        let folder = tempfile::tempdir().unwrap();
        let configuration = configuration("error_log log;", folder.path());
        let log = &configuration.process.error_log;
        assert!(log.enabled(Severity::Error) && !log.enabled(Severity::Warn));
        assert!(folder.path().join("log").exists());
    }

    #[test]
    fn several_in_a_block_take_the_place_of_those_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let text = "error_log main info;
            http { server {
                location /inherits {}
                location /own { error_log a warn; error_log b crit; }
            } }";
        let configuration = configuration(text, folder.path());
        report_to(&log_of(&configuration, "/inherits"), Severity::Info, format_args!("inherited"));
        report_to(&log_of(&configuration, "/own"), Severity::Warn, format_args!("warning"));
        report_to(&log_of(&configuration, "/own"), Severity::Alert, format_args!("alarm"));
        let count = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap().lines().count();
        assert_eq!((count("main"), count("a"), count("b")), (1, 2, 1));
    }

    #[test]
    fn mistakes_are_told_with_what_is_possible() {
        let (message, help) = finding("error_log stderr err;");
        assert_eq!(message, "invalid log level \"err\"");
        assert!(help.unwrap().ends_with("`info`, `debug`"));
        assert_eq!(
            finding("error_log syslog:server=a,tag=b-c;").0,
            "syslog \"tag\" only allows alphanumeric characters and underscore"
        );
        assert_eq!(finding("error_log memory:32m debug;").0, "webserv does not log to memory");
        let (message, _) = finding("error_log logs/error.log;");
        assert_eq!(message, "open() \"/nowhere/logs/error.log\" failed (2: No such file or directory)");
    }
}

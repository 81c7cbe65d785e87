//! A line for each request: `log_format`, `access_log`, `open_log_file_cache`.
//!
//! `format` compiles and renders lines, `words` reads what stands behind `access_log`, `on_demand` writes to files whose
//! path depends on the request. Lines for other files go through `base::log_buffer`, which the worker flushes.

mod format;
mod on_demand;
mod words;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use self::format::{Escape, Format};
use self::on_demand::{FileCache, OnDemand};
use crate::base::log_buffer::{self, Buffering};
use crate::base::log_file::LogFile;
use crate::base::syslog::{Parameters, Syslog};
use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::{Diagnostic, Place};
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::Exchange;
use crate::exchange::plan::{Logger, PlanBuilder};
use crate::exchange::template::Template;

/// The module.
#[derive(Debug)]
pub struct AccessLog;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    formats: Rc<BTreeMap<Box<str>, NamedFormat>>,
    entries: Vec<Entry>,
    /// `access_log off`.
    off: bool,
    file_cache: Option<Arc<FileCache>>,
    /// The finished logs, made once for all blocks that share these entries.
    logs: Rc<OnceCell<Arc<[Log]>>>,
}

/// A `log_format`.
#[derive(Clone, Debug)]
struct NamedFormat {
    format: Arc<Format>,
    /// None for the built-in one.
    place: Option<Place>,
}

/// An `access_log` as it was written.
#[derive(Clone, Debug)]
struct Entry {
    target: Target,
    format: Arc<Format>,
    buffering: Buffering,
    condition: Option<Template>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Target {
    File(PathBuf),
    OnDemand(Template),
    Syslog(Parameters),
}

/// An `access_log` that is open.
#[derive(Debug)]
struct Log {
    destination: Destination,
    format: Arc<Format>,
    condition: Option<Template>,
}

#[derive(Debug)]
enum Destination {
    File(Arc<LogFile>, Buffering),
    OnDemand(OnDemand),
    Syslog(Syslog),
}

impl Default for Conf {
    fn default() -> Self {
        let combined = NamedFormat { format: Arc::new(Format::combined()), place: None };
        Self {
            formats: Rc::new(BTreeMap::from([("combined".into(), combined)])),
            entries: Vec::new(),
            off: false,
            file_cache: None,
            logs: Rc::default(),
        }
    }
}

impl Module for AccessLog {
    type Conf = Conf;

    const NAME: &'static str = "access_log";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "log_format",
            contexts: Contexts::HTTP,
            args: Shape::at_least(2, "NAME [escape=default | escape=json | escape=none] TEXT..."),
            repeat: Repeat::Many,
            set: Conf::add_format,
            default: "combined \"...\"",
            doc: "Names a form for lines of access logs: texts with variables, written one behind the other. \
                  In values, `escape=default` writes `\"`, `\\`, control bytes and bytes above 126 as `\\xXX`, and `-` for \
                  what is missing; `escape=json` writes what may stand in a string of JSON; `escape=none` changes nothing. \
                  The format `combined` is always there: `$remote_addr - $remote_user [$time_local] \"$request\" $status \
                  $body_bytes_sent \"$http_referer\" \"$http_user_agent\"`.",
            example: "log_format timed '$remote_addr \"$request\" $status $request_time';",
            origin: Origin::Nginx,
        },
        Directive {
            name: "access_log",
            contexts: Contexts::HTTP_SERVER_LOCATION_IF.or(Contexts::LIMIT_EXCEPT),
            args: Shape::at_least(
                1,
                "off | FILE | syslog:server=ADDRESS[,...] [FORMAT [buffer=SIZE] [flush=TIME] [if=VALUE]]",
            ),
            repeat: Repeat::Many,
            set: Conf::add_log,
            default: "off",
            doc: "Writes a line for each request, when it is done: to a file (`/dev/stdout` and FIFOs will do), or to a \
                  syslog server as `error_log` explains it. Several may stand in one block; those of the enclosing block \
                  then no longer hold. Lines are collected and written when the worker has done all it could; with \
                  `buffer=` they wait until so many bytes have come together, and with `flush=` no longer than that. With \
                  `if=` a line is only written when the value is neither empty nor `0`. A path may have variables: its file \
                  is opened for each line (see `open_log_file_cache`), and only if the root of the request exists. Unlike \
                  nginx, whose default is the file `logs/access.log`, webserv writes no access log until told to; and it \
                  does not compress logs (`gzip`) while it writes them.",
            example: "access_log /var/log/webserv/access.log combined buffer=32k flush=5s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "open_log_file_cache",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::between(1, 4, "off | max=NUMBER [inactive=TIME] [min_uses=NUMBER] [valid=TIME]"),
            repeat: Repeat::Once,
            set: Conf::set_file_cache,
            default: "off",
            doc: "Keeps log files open whose path has variables: `max=` of them, each as long as it is used `min_uses=` \
                  times (1) within `inactive=` (10s). After `valid=` (60s) it is seen whether a file still has its name.",
            example: "open_log_file_cache max=1000 inactive=20s valid=1m min_uses=2;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, build: &mut Build<'_>) -> Result<(), Diagnostic> {
        if !conf.off && !conf.entries.is_empty() {
            plan.logger(Logs(conf.open(build)?));
        }
        Ok(())
    }
}

impl Conf {
    fn add_format(&mut self, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
        let name = arguments.word(0);
        if let Some(known) = self.formats.get(name) {
            let error = arguments.error(0, format!("duplicate \"log_format\" name \"{name}\""));
            return Err(match known.place {
                Some(place) => error.related(place, "first declared here"),
                None => error.label("this format is built in"),
            });
        }
        let (escape, first) = match words::escape(arguments)? {
            Some(escape) => (escape, 2),
            None => (Escape::Default, 1),
        };
        let values = (first..arguments.len()).map(|index| arguments.template(index)).collect::<Result<Vec<_>, _>>()?;
        let format = NamedFormat { format: Arc::new(Format::new(&values, escape)), place: Some(arguments.place(0)) };
        Rc::make_mut(&mut self.formats).insert(name.into(), format);
        Ok(())
    }

    fn add_log(&mut self, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
        if arguments.first_in_block() {
            self.entries.clear();
            self.off = false;
        }
        self.logs = Rc::default();
        if arguments.word(0) == "off" {
            self.off = true;
            return if arguments.len() > 1 { Err(arguments.invalid_parameter(1, [])) } else { Ok(()) };
        }
        let format = match arguments.len() {
            1 => &self.formats["combined"],
            _ => self.formats.get(arguments.word(1)).ok_or_else(|| self.unknown_format(arguments))?,
        };
        self.entries.push(words::entry(arguments, Arc::clone(&format.format))?);
        Ok(())
    }

    fn set_file_cache(&mut self, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
        self.logs = Rc::default();
        self.file_cache = words::file_cache(arguments)?.map(|settings| Arc::new(FileCache::new(settings)));
        Ok(())
    }

    fn unknown_format(&self, arguments: &Arguments<'_>) -> Diagnostic {
        let word = arguments.word(1);
        let error = arguments.error(1, format!("unknown log format \"{word}\""));
        if word.contains('=') {
            return error.help("the name of a format comes first, as in `access_log FILE combined buffer=32k`");
        }
        match crate::base::suggest::nearest(word, self.formats.keys().map(|name| &**name)) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error.help("a `log_format` must stand before the `access_log` that names it"),
        }
    }

    fn open(&self, build: &mut Build<'_>) -> Result<Arc<[Log]>, Diagnostic> {
        if let Some(logs) = self.logs.get() {
            return Ok(Arc::clone(logs));
        }
        let logs = self.entries.iter().map(|entry| entry.open(self.file_cache.as_ref(), build));
        let logs = logs.collect::<Result<Arc<[Log]>, _>>()?;
        Ok(Arc::clone(self.logs.get_or_init(|| logs)))
    }
}

impl Entry {
    fn open(&self, cache: Option<&Arc<FileCache>>, build: &mut Build<'_>) -> Result<Log, Diagnostic> {
        let destination = match &self.target {
            Target::File(path) => Destination::File(build.log_file(path, Some(self.place))?, self.buffering),
            Target::OnDemand(path) => Destination::OnDemand(OnDemand { path: path.clone(), cache: cache.cloned() }),
            Target::Syslog(parameters) => Destination::Syslog(Syslog::open(parameters.clone()).map_err(|error| {
                let server = &parameters.server;
                Diagnostic::error(self.place, format!("host not found in syslog server \"{server}\" ({error})"))
            })?),
        };
        Ok(Log { destination, format: Arc::clone(&self.format), condition: self.condition.clone() })
    }
}

/// All access logs of a location.
#[derive(Debug)]
struct Logs(Arc<[Log]>);

impl Logger for Logs {
    fn log(&self, exchange: &Exchange) {
        for log in &*self.0 {
            log.write(exchange);
        }
    }
}

impl Log {
    fn write(&self, exchange: &Exchange) {
        if let Some(condition) = &self.condition
            && matches!(&*condition.render(exchange), b"" | b"0")
        {
            return;
        }
        match &self.destination {
            Destination::File(file, buffering) => {
                log_buffer::push(file, *buffering, exchange.handle.now(), |out| self.format.render_into(exchange, out));
            }
            Destination::OnDemand(on_demand) => {
                let mut line = self.line(exchange);
                line.push(b'\n');
                on_demand.write(exchange, &line);
            }
            Destination::Syslog(syslog) => syslog.send_line(&self.line(exchange)),
        }
    }

    fn line(&self, exchange: &Exchange) -> Vec<u8> {
        let mut line = Vec::with_capacity(256);
        self.format.render_into(exchange, &mut line);
        line
    }
}

#[cfg(test)]
mod tests;

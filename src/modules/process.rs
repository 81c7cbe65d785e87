//! The process: who it runs as, its workers and their limits, its pid file.
//!
//! Only checks and stores; `control` acts on it. Users and groups are looked up here, so that a check
//! finds the one that does not exist, and again when the server becomes them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::{Group, User};

use crate::config::arguments::Arguments;
use crate::config::build::{Build, ProcessBuilder};
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};

/// The module.
#[derive(Debug)]
pub struct Process;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    user: Option<(String, Option<String>)>,
    workers: usize,
    open_files_max: Option<u64>,
    connections_max: usize,
    multi_accept: bool,
    shutdown_timeout: Option<Duration>,
    pid: Option<PathBuf>,
    control: Control,
    daemon: bool,
}

/// `control`.
#[derive(Clone, Debug, Default)]
enum Control {
    /// Beside the pid file, if there is one.
    #[default]
    BesidePid,
    Off,
    At(PathBuf),
}

impl Default for Conf {
    fn default() -> Self {
        let ProcessBuilder {
            user,
            workers,
            open_files_max,
            connections_max,
            multi_accept,
            shutdown_timeout,
            pid,
            daemon,
            ..
        } = ProcessBuilder::default();
        let control = Control::default();
        Self { user, workers, open_files_max, connections_max, multi_accept, shutdown_timeout, pid, control, daemon }
    }
}

/// How many workers there may be: nginx's limit, far above what any machine has use for.
const WORKERS_MAX: usize = 1024;

impl Module for Process {
    type Conf = Conf;

    const NAME: &'static str = "process";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "user",
            contexts: Contexts::MAIN,
            args: Shape::between(1, 2, "NAME [GROUP]"),
            repeat: Repeat::Once,
            set: set_user,
            default: "nobody",
            doc: "Who the server becomes when it was started as root, once it has bound its addresses and opened its \
                  logs. Without a group it is the group that has the user's name; unlike nginx, where there is none it \
                  is the user's primary group. Of root's rights it keeps only that of binding ports below 1024 \
                  (CAP_NET_BIND_SERVICE), for later reloads and upgrades; scripts never have it. As no part of it stays \
                  root, a rotated log in a folder of root's is opened anew (`USR1`) only if it is there and the user's: \
                  let logrotate `create` it so. Started by anybody else the server stays who it is, and the directive \
                  has no effect.",
            example: "user nobody;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "worker_processes",
            contexts: Contexts::MAIN,
            args: Shape::one("NUMBER | auto"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.workers = workers(arguments)?;
                Ok(())
            },
            default: "1",
            doc: "How many workers serve connections, at most 1024; `auto` takes one for each core that the server may \
                  use. A worker is a thread here, where nginx has a process. A reload changes it without closing a connection.",
            example: "worker_processes auto;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "worker_rlimit_nofile",
            contexts: Contexts::MAIN,
            args: Shape::one("NUMBER"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.open_files_max = Some(arguments.number(0)?);
                Ok(())
            },
            default: "",
            doc: "How many files and connections the process may have open, in place of the system's limit for it. As \
                  workers are threads of one process, the limit is for all of them together.",
            example: "worker_rlimit_nofile 65536;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "worker_connections",
            contexts: Contexts::EVENTS,
            args: Shape::one("NUMBER"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                let number: NonZeroUsize = not_zero(arguments, "a worker must take at least 1 connection")?;
                conf.connections_max = number.get();
                Ok(())
            },
            default: "512",
            doc: "How many connections a worker holds at most. More than the limit of open files allows cannot be held.",
            example: "worker_connections 4096;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "multi_accept",
            contexts: Contexts::EVENTS,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.multi_accept = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether a worker accepts all connections that wait when it looks, or one at a time.",
            example: "multi_accept on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "worker_shutdown_timeout",
            contexts: Contexts::MAIN,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.shutdown_timeout = Some(arguments.duration(0)?).filter(|time| !time.is_zero());
                Ok(())
            },
            default: "",
            doc: "How long a graceful end (`QUIT`, `webserv -s quit`, the old server of an upgrade) waits for the \
                  connections that are still open; then they are closed, and their scripts are ended. Without it, or \
                  with 0, there is no limit. Unlike nginx, a reload closes no connection, so it starts no such wait.",
            example: "worker_shutdown_timeout 30s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "pid",
            contexts: Contexts::MAIN,
            args: Shape::one("FILE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                if arguments.word(0).is_empty() {
                    return Err(arguments.error(0, "the \"pid\" directive needs the path of a file"));
                }
                conf.pid = Some(arguments.path(0));
                Ok(())
            },
            default: "",
            doc: "The file that holds the number of the process while it runs; `webserv -s` finds the server by it. \
                  Unlike nginx, without the directive no file is written. The file is locked while the server runs: one that \
                  was left behind is never signalled, and a second server does not start by the file of one that \
                  runs. A relative path is taken from the prefix.",
            example: "pid /run/webserv.pid;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "control",
            contexts: Contexts::MAIN,
            args: Shape::one("PATH | off"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.control = match arguments.word(0) {
                    "" => return Err(arguments.error(0, "the \"control\" directive needs the path of a socket")),
                    "off" => Control::Off,
                    _ => Control::At(arguments.path(0)),
                };
                Ok(())
            },
            default: "",
            doc: "Where the control socket is, by which `webserv reload`, `confirm`, `status` and `upgrade` reach the \
                  running server and get its answer. Only its owner and root can use it. Without the directive it is beside the `pid` file, \
                  with `.control` in place of `.pid`; without a `pid` file, or with `off`, there is none. A relative path \
                  is taken from the prefix.",
            example: "control /run/webserv.control;",
            origin: Origin::Ours,
        },
        Directive {
            name: "daemon",
            contexts: Contexts::MAIN,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.daemon = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether the server puts itself into the background: it starts itself anew in a session of its own, and \
                  the program that was started ends when that one serves (status 0), or has failed (status 1) and said \
                  why. What `error_log stderr` says goes nowhere from then on. Unlike nginx it is off by default, for a \
                  service manager is the rule. A reload does not change it.",
            example: "daemon on;",
            origin: Origin::Nginx,
        },
    ];

    fn process(conf: &Conf, process: &mut ProcessBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        process.user.clone_from(&conf.user);
        process.workers = conf.workers;
        process.open_files_max = conf.open_files_max;
        process.connections_max = conf.connections_max;
        process.multi_accept = conf.multi_accept;
        process.shutdown_timeout = conf.shutdown_timeout;
        process.pid.clone_from(&conf.pid);
        process.control = match &conf.control {
            Control::BesidePid => conf.pid.as_ref().map(|pid| pid.with_extension("control")),
            Control::Off => None,
            Control::At(path) => Some(path.clone()),
        };
        process.daemon = conf.daemon;
        Ok(())
    }
}

fn set_user(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if !arguments.as_root() {
        let message = "the \"user\" directive makes sense only if the server is started by root, ignored";
        arguments.warn(Diagnostic::warning(arguments.place_of_name(), message).lint(&lint::USER_IGNORED));
        return Ok(());
    }
    let name = arguments.word(0);
    if !User::from_name(name).is_ok_and(|user| user.is_some()) {
        let message = format!("getpwnam(\"{name}\") failed");
        return Err(arguments.error(0, message).label("there is no such user"));
    }
    let has_group = |group: &str| Group::from_name(group).is_ok_and(|group| group.is_some());
    let group = match arguments.len() {
        1 => has_group(name).then(|| name.to_owned()),
        _ if has_group(arguments.word(1)) => Some(arguments.word(1).to_owned()),
        _ => {
            let message = format!("getgrnam(\"{}\") failed", arguments.word(1));
            return Err(arguments.error(1, message).label("there is no such group"));
        }
    };
    conf.user = Some((name.to_owned(), group));
    Ok(())
}

fn workers(arguments: &Arguments<'_>) -> Result<usize, Diagnostic> {
    if arguments.word(0) == "auto" {
        // Where the system does not say, one worker is what nginx takes too.
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        return Ok(cores.min(WORKERS_MAX));
    }
    let expected = "expected a number from 1 to 1024, or `auto`";
    match arguments.number(0).map_err(|error| error.label(expected))? {
        number @ 1..=WORKERS_MAX => Ok(number),
        number => {
            let message = format!("invalid number \"{number}\" in \"worker_processes\" directive");
            Err(arguments.error(0, message).label(expected))
        }
    }
}

fn not_zero(arguments: &Arguments<'_>, label: &str) -> Result<NonZeroUsize, Diagnostic> {
    NonZeroUsize::new(arguments.number(0)?).ok_or_else(|| {
        let message = format!("invalid number \"{}\" in \"{}\" directive", arguments.word(0), arguments.name());
        arguments.error(0, message).label(label)
    })
}

//! The table of directives, and what their words mean.

use std::sync::Arc;
use std::time::Duration;

use super::settings::{Conf, ErrorsTo, Fixed, Interpreter, Scripts};
use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Origin, Repeat, Shape};

/// Of all `cgi` directives.
const CONTEXTS: Contexts = Contexts::HTTP_SERVER_LOCATION.or(Contexts::LOCATION_IF);

/// Whose they are, where they may stand and how often, which most have in common.
const fn directive(
    name: &'static str,
    args: Shape,
    set: fn(&mut Conf, &mut Arguments<'_>) -> Result<(), Diagnostic>,
    default: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Directive<Conf> {
    let (contexts, repeat, origin) = (CONTEXTS, Repeat::Once, Origin::Ours);
    Directive { name, contexts, args, repeat, set, default, doc, example, origin }
}

pub(super) const DIRECTIVES: &[Directive<Conf>] = &[
    directive(
        "cgi",
        Shape::at_least(1, "on | off | .ENDING..."),
        set_scripts,
        "off",
        "Runs files as CGI scripts (RFC 3875) and answers with what they write: all of them with `on`, as for a folder of \
         scripts, or those whose names end so (`.php`), and other files as they are. A script is a program of its own, or \
         has a `cgi_interpreter`. What stands in the path behind a script's name is its `PATH_INFO`. A script whose name \
         begins with `nph-` makes the whole answer itself; nothing of it is changed.",
        "cgi .cgi .php;",
    ),
    directive(
        "cgi_script",
        Shape::one("PATH | off"),
        set_script,
        "off",
        "One script that answers every request of a location, with no need for `cgi on`: `SCRIPT_NAME` is the location's \
         prefix, and `PATH_INFO` what stands behind it. The path may hold variables; a relative one is taken from the \
         prefix of all paths.",
        "cgi_script /usr/lib/git-core/git-http-backend;",
    ),
    Directive {
        repeat: Repeat::Many,
        ..directive(
            "cgi_interpreter",
            Shape::at_least(2, ".ENDING | * PROGRAM [ARGUMENT...]"),
            set_interpreter,
            "",
            "The program that runs the scripts whose names end so, or with `*` all that no other is named for. It is given \
             the arguments and the script's path, and is not searched for: its path must be absolute. Scripts without an \
             interpreter must be executable.",
            "cgi_interpreter .php /usr/bin/php-cgi;",
        )
    },
    Directive {
        repeat: Repeat::Many,
        ..directive(
            "cgi_set_var",
            Shape::exactly(2, "NAME VALUE"),
            set_variable,
            "",
            "A variable of the environment of scripts, beside those of RFC 3875 or in place of one of them. The value may \
             hold variables; an empty one takes the variable away. Directives of a block replace those around it.",
            "cgi_set_var GIT_PROJECT_ROOT /srv/git;",
        )
    },
    directive(
        "cgi_path",
        Shape::one("FOLDER[:FOLDER...]"),
        |conf, arguments| {
            conf.path = Arc::from(arguments.word(0));
            Ok(())
        },
        super::settings::DEFAULT_PATH,
        "`PATH` in the environment of scripts. Nothing is passed on from the environment of the server itself.",
        "cgi_path /usr/bin:/bin;",
    ),
    directive(
        "cgi_working_dir",
        Shape::one("FOLDER"),
        |conf, arguments| {
            conf.folder = Some(absolute_template(arguments, 0)?);
            Ok(())
        },
        "",
        "The folder that scripts run in, in place of their own. It may hold variables.",
        "cgi_working_dir /srv/app;",
    ),
    directive(
        "cgi_stderr",
        Shape::one("log | off | FILE"),
        set_errors,
        "log",
        "Where the standard error of scripts goes: to the error log, line by line with the request they belong to and up \
         to 64 KiB for each request; nowhere; or to a file, as it is.",
        "cgi_stderr off;",
    ),
    directive(
        "cgi_timeout",
        Shape::one("TIME"),
        |conf, arguments| {
            conf.timeout = limit(arguments)?;
            Ok(())
        },
        "10m",
        "How long a script may run in all. Then its whole process group is told to end (TERM) and after `cgi_grace` \
         killed; the client gets 504, or sees the connection cut where the answer had begun. 0 is no limit.",
        "cgi_timeout 1m;",
    ),
    directive(
        "cgi_idle_timeout",
        Shape::one("TIME"),
        |conf, arguments| {
            conf.idle_timeout = limit(arguments)?;
            Ok(())
        },
        "60s",
        "How long a script may neither read nor write, with the same end as by `cgi_timeout`. Time in which the client \
         takes nothing does not count. 0 is no limit.",
        "cgi_idle_timeout 20s;",
    ),
    directive(
        "cgi_grace",
        Shape::one("TIME"),
        |conf, arguments| {
            conf.grace = arguments.duration(0)?;
            Ok(())
        },
        "2s",
        "How long the process group of a script that was told to end may take for that, before what is left is killed. At \
         the end of the server it is a second at the most.",
        "cgi_grace 5s;",
    ),
    directive(
        "cgi_max",
        Shape::one("NUMBER"),
        set_max,
        "64",
        "How many scripts of a location run at once, for all workers together; further requests wait in `cgi_queue`. Each \
         location counts for itself, and goes on counting through a reload.",
        "cgi_max 16;",
    ),
    directive(
        "cgi_queue",
        Shape::between(1, 2, "NUMBER [timeout=TIME]"),
        set_queue,
        "256 timeout=30s",
        "How many requests wait until a script of the location may run, and how long at the most; others are answered with \
         503 and Retry-After. Networks of clients (/24 of IPv4, /64 of IPv6) have their turns one after the other, and \
         the one with most waiting requests makes room for another when the queue is full, so that one client that asks \
         much does not keep all others waiting.",
        "cgi_queue 100 timeout=10s;",
    ),
    directive(
        "cgi_limit_memory",
        Shape::one("SIZE | off"),
        |conf, arguments| {
            conf.limits.memory_bytes = unless_off(arguments, |arguments| arguments.offset(0))?;
            Ok(())
        },
        "off",
        "How much address space a script, and each process it starts, may have (RLIMIT_AS, prlimit(2)). It is set right \
         after the start, as the other limits are.",
        "cgi_limit_memory 512m;",
    ),
    directive(
        "cgi_limit_cpu",
        Shape::one("TIME | off"),
        |conf, arguments| {
            conf.limits.cpu_seconds = unless_off(arguments, |arguments| Ok(arguments.seconds(0)?.as_secs().max(1)))?;
            Ok(())
        },
        "off",
        "How much processor time a script, and each process it starts, may use (RLIMIT_CPU): the signal XCPU ends it, and \
         a second later it is killed.",
        "cgi_limit_cpu 10s;",
    ),
    directive(
        "cgi_limit_processes",
        Shape::one("NUMBER | off"),
        |conf, arguments| {
            conf.limits.processes = unless_off(arguments, |arguments| arguments.number(0))?;
            Ok(())
        },
        "off",
        "How many processes and threads there may be for a script to start one more (RLIMIT_NPROC). The system counts all \
         of the user that the server runs as, and does not limit root.",
        "cgi_limit_processes 100;",
    ),
    directive(
        "cgi_x_sendfile",
        Shape::at_least(1, "off | FOLDER..."),
        set_x_sendfile,
        "off",
        "Sends a file in place of what a script writes, if the script asks for that by the field `X-Sendfile` with the \
         file's absolute path. The file must lie in one of these folders, symbolic links resolved. Ranges and conditions \
         work as for any file.",
        "cgi_x_sendfile /srv/downloads;",
    ),
    directive(
        "cgi_ignore_client_abort",
        Shape::Flag,
        |conf, arguments| {
            conf.ignore_client_abort = arguments.flag(0)?;
            Ok(())
        },
        "off",
        "Whether a script goes on when its client has left. If not, it is ended as by `cgi_timeout`. TCP does \
         not tell a client that has left from one that only says it sends no more (`nc -N`), so that one has left too, as \
         it has for what nginx proxies; set this to `on` where there are such clients.",
        "cgi_ignore_client_abort on;",
    ),
    directive(
        "cgi_pass_authorization",
        Shape::Flag,
        |conf, arguments| {
            conf.pass_authorization = arguments.flag(0)?;
            Ok(())
        },
        "off",
        "Whether scripts are given the field `Authorization` (`HTTP_AUTHORIZATION`), for those that check passwords \
         themselves. Other users of the machine may be able to read the environment of a process.",
        "cgi_pass_authorization on;",
    ),
    directive(
        "cgi_request_buffering",
        Shape::Flag,
        |conf, arguments| {
            conf.request_buffering = arguments.flag(0)?;
            Ok(())
        },
        "on",
        "Whether the whole content of a request is there before its script starts, so that slow clients take no script's \
         time and content that came in chunks has a length. If not, scripts read it as it comes, and for chunks there is \
         no `CONTENT_LENGTH`.",
        "cgi_request_buffering off;",
    ),
];

fn set_scripts(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if arguments.len() == 1 && !arguments.word(0).starts_with('.') {
        conf.scripts = if arguments.flag(0)? { Scripts::All } else { Scripts::Off };
        return Ok(());
    }
    let mut endings = Vec::new();
    for (index, word) in arguments.words().enumerate() {
        if !is_ending(word) {
            return Err(arguments
                .error(index, format!("invalid ending \"{word}\""))
                .label("expected one such as `.php`"));
        }
        endings.push(Box::from(word));
    }
    conf.scripts = Scripts::Endings(endings.into());
    Ok(())
}

fn set_script(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if arguments.word(0) == "off" {
        conf.fixed = None;
        return Ok(());
    }
    let prefix = match arguments.location() {
        Some((None | Some("^~" | "="), prefix)) if prefix.starts_with('/') => prefix.trim_end_matches('/'),
        _ => "",
    };
    conf.fixed = Some(Fixed { path: absolute_template(arguments, 0)?, prefix: prefix.into() });
    Ok(())
}

fn set_interpreter(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut interpreters = if arguments.first_in_block() { Vec::new() } else { conf.interpreters.to_vec() };
    let ending = match arguments.word(0) {
        "*" => "",
        word if is_ending(word) => word,
        word => {
            let error = arguments.error(0, format!("invalid ending \"{word}\""));
            return Err(error.label("expected one such as `.php`, or `*` for all others"));
        }
    };
    let program = arguments.word(1);
    if !program.starts_with('/') {
        let error = arguments.error(1, format!("the interpreter \"{program}\" has no absolute path"));
        return Err(error.label("expected one such as `/usr/bin/perl`"));
    }
    if let Some(again) = interpreters.iter().find(|interpreter| *interpreter.ending == *ending) {
        let message = format!("a second interpreter for \"{}\"", arguments.word(0));
        return Err(arguments.error(0, message).label(format!("`{}` is one already", again.program.display())));
    }
    let further = arguments.words().skip(2).map(Box::from).collect();
    interpreters.push(Interpreter { ending: ending.into(), program: program.into(), arguments: further });
    conf.interpreters = interpreters.into();
    Ok(())
}

fn set_variable(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut variables = if arguments.first_in_block() { Vec::new() } else { conf.variables.to_vec() };
    let name = arguments.word(0);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_name) {
        let error = arguments.error(0, format!("invalid name \"{name}\" of a variable"));
        return Err(error.label("expected letters, digits and underscores"));
    }
    if name == "HTTP_PROXY" {
        let error = arguments.error(0, "\"HTTP_PROXY\" cannot be set for CGI scripts");
        return Err(error.label("it cannot be told from a field of the request"));
    }
    variables.push((name.into(), arguments.template(1)?));
    conf.variables = variables.into();
    Ok(())
}

fn set_errors(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.errors = match arguments.word(0) {
        "log" => ErrorsTo::Log,
        "off" => ErrorsTo::Off,
        _ => ErrorsTo::File(arguments.path(0)),
    };
    Ok(())
}

fn set_max(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.crowd.running_max = arguments.number(0)?;
    if conf.crowd.running_max == 0 {
        let error = arguments.error(0, "invalid value \"0\" in \"cgi_max\" directive");
        return Err(error.label("expected at least 1; `cgi off` runs none"));
    }
    Ok(())
}

fn set_queue(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    conf.crowd.waiting_max = arguments.number(0)?;
    if arguments.len() == 1 {
        return Ok(());
    }
    let Some(time) = arguments.word(1).strip_prefix("timeout=") else {
        return Err(arguments.invalid_parameter(1, ["timeout="]));
    };
    conf.crowd.patience = crate::base::duration::parse_duration(time).map_err(|_| {
        arguments.error(1, format!("invalid time \"{time}\"")).label("expected a time, such as timeout=10s")
    })?;
    Ok(())
}

fn set_x_sendfile(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    if arguments.len() == 1 && arguments.word(0) == "off" {
        conf.x_sendfile = Arc::from([]);
    } else {
        conf.x_sendfile = (0..arguments.len()).map(|index| arguments.path(index)).collect();
    }
    Ok(())
}

/// A time, of which 0 is none.
fn limit(arguments: &Arguments<'_>) -> Result<Option<Duration>, Diagnostic> {
    let time = arguments.duration(0)?;
    Ok((!time.is_zero()).then_some(time))
}

fn unless_off<T>(
    arguments: &Arguments<'_>,
    read: impl FnOnce(&Arguments<'_>) -> Result<T, Diagnostic>,
) -> Result<Option<T>, Diagnostic> {
    if arguments.word(0) == "off" { Ok(None) } else { read(arguments).map(Some) }
}

fn is_ending(word: &str) -> bool {
    word.len() > 1 && word.starts_with('.') && !word.contains('/')
}

/// A path with variables; one that does not begin with a slash or a variable is taken from the prefix.
fn absolute_template(
    arguments: &Arguments<'_>,
    index: usize,
) -> Result<crate::exchange::template::Template, Diagnostic> {
    let word = arguments.word(index);
    if word.starts_with(['/', '$']) {
        return arguments.template(index);
    }
    let prefix = arguments.prefix().trim_end_matches('/');
    arguments.template_of(&format!("{prefix}/{word}"), arguments.place(index))
}

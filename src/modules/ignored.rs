//! nginx's tuning that means nothing here: checked as nginx does, accepted, and without effect, so that an
//! nginx.conf moves over unchanged.
//!
//! Only what changes no answer is here. A directive that would is an error where it is not supported.

use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};

/// The module.
#[derive(Debug)]
pub struct Ignored;

const MAIN: Contexts = Contexts::MAIN;
const EVENTS: Contexts = Contexts::EVENTS;
const HTTP: Contexts = Contexts::HTTP;
const HTTP_SERVER: Contexts = Contexts::HTTP.or(Contexts::SERVER);
const ALL: Contexts = Contexts::HTTP_SERVER_LOCATION;

const NUMBER: Shape = Shape::one("NUMBER");
const SIZE: Shape = Shape::one("SIZE");
const TIME: Shape = Shape::one("TIME");

const TABLES: &str = "nginx's tables must be given a size; those of webserv have the size they need.";
const POOLS: &str = "nginx takes memory in pools of this size; webserv takes what is needed.";
const EVENT_LOOP: &str = "webserv has one event loop, which uses epoll.";
const NO_MUTEX: &str = "Workers take no turns in accepting connections: each has a socket of its own.";
const NO_THREADS: &str = "webserv has no threads beside its workers.";
const FILE_CACHE: &str = "webserv keeps no files open so far: it looks for a file at each request, so what is sent is \
                          always what is there.";
const FILES: &str = "How files are read is left to the system and its page cache.";

impl Module for Ignored {
    type Conf = ();

    const NAME: &'static str = "ignored";

    const DIRECTIVES: &'static [Directive<()>] = &[
        // The process.
        flag("master_process", MAIN, "on", "webserv is one process with threads.", "master_process on;"),
        flag("pcre_jit", MAIN, "off", "Regular expressions are compiled in another way here.", "pcre_jit on;"),
        Directive {
            set: |(), arguments| priority(arguments),
            ..inert(
                "worker_priority",
                MAIN,
                NUMBER,
                "0",
                "Leave priorities to the service manager.",
                "worker_priority 10;",
            )
        },
        Directive {
            set: |(), arguments| cpu_masks(arguments),
            ..inert(
                "worker_cpu_affinity",
                MAIN,
                Shape::at_least(1, "auto [MASK] | MASK..."),
                "",
                "The system spreads workers over the cores.",
                "worker_cpu_affinity auto;",
            )
        },
        Directive {
            set: |(), arguments| arguments.duration(0).map(drop),
            ..inert("timer_resolution", MAIN, TIME, "", "The clock is read once a turn.", "timer_resolution 100ms;")
        },
        Directive {
            set: |(), arguments| arguments.choice(0, &[("stop", ()), ("abort", ())]),
            ..inert(
                "debug_points",
                MAIN,
                Shape::one("stop | abort"),
                "",
                "For those who search for errors in nginx itself.",
                "debug_points abort;",
            )
        },
        inert("lock_file", MAIN, Shape::one("FILE"), "", NO_MUTEX, "lock_file logs/webserv.lock;"),
        Directive {
            repeat: Repeat::Many,
            set: |(), arguments| thread_pool(arguments),
            ..inert(
                "thread_pool",
                MAIN,
                Shape::between(2, 3, "NAME threads=NUMBER [max_queue=NUMBER]"),
                "default threads=32 max_queue=65536",
                NO_THREADS,
                "thread_pool files threads=16 max_queue=1024;",
            )
        },
        // Events.
        Directive {
            set: |(), arguments| event_method(arguments),
            ..inert("use", EVENTS, Shape::one("METHOD"), "epoll", EVENT_LOOP, "use epoll;")
        },
        flag("accept_mutex", EVENTS, "off", NO_MUTEX, "accept_mutex on;"),
        Directive {
            set: |(), arguments| arguments.duration(0).map(drop),
            ..inert("accept_mutex_delay", EVENTS, TIME, "500ms", NO_MUTEX, "accept_mutex_delay 100ms;")
        },
        number("worker_aio_requests", EVENTS, "32", NO_THREADS, "worker_aio_requests 64;"),
        number("epoll_events", EVENTS, "512", EVENT_LOOP, "epoll_events 1024;"),
        // Tables and memory.
        number("server_names_hash_max_size", HTTP, "512", TABLES, "server_names_hash_max_size 1024;"),
        number("server_names_hash_bucket_size", HTTP, "64", TABLES, "server_names_hash_bucket_size 128;"),
        number("variables_hash_max_size", HTTP, "1024", TABLES, "variables_hash_max_size 2048;"),
        number("variables_hash_bucket_size", HTTP, "64", TABLES, "variables_hash_bucket_size 128;"),
        pool("connection_pool_size", "512", "connection_pool_size 512;"),
        pool("request_pool_size", "4k", "request_pool_size 8k;"),
        size("postpone_output", "1460", "An answer is sent as soon as there is one.", "postpone_output 0;"),
        Directive {
            set: |(), arguments| buffers(arguments),
            ..inert("output_buffers", ALL, Shape::exactly(2, "NUMBER SIZE"), "2 32k", POOLS, "output_buffers 1 64k;")
        },
        size("subrequest_output_buffer_size", "4k", POOLS, "subrequest_output_buffer_size 8k;"),
        size("send_lowat", "0", "Linux has no such setting, and nginx ignores it there too.", "send_lowat 0;"),
        flag(
            "tcp_nopush",
            ALL,
            "off",
            "In nginx it makes the head of an answer and the begin of a file leave in one packet. Here they always do.",
            "tcp_nopush on;",
        ),
        // Files.
        Directive {
            set: |(), arguments| aio(arguments),
            ..inert("aio", ALL, Shape::one("off | on | threads[=POOL]"), "off", FILES, "aio threads;")
        },
        flag("aio_write", ALL, "off", FILES, "aio_write on;"),
        Directive {
            set: |(), arguments| match arguments.word(0) {
                "off" => Ok(()),
                _ => arguments.offset(0).map(drop),
            },
            ..inert("directio", ALL, Shape::one("SIZE | off"), "off", FILES, "directio 4m;")
        },
        Directive {
            set: |(), arguments| arguments.offset(0).map(drop),
            ..inert("directio_alignment", ALL, SIZE, "512", FILES, "directio_alignment 4k;")
        },
        size("read_ahead", "0", FILES, "read_ahead 512k;"),
        Directive {
            set: |(), arguments| file_cache(arguments),
            ..inert(
                "open_file_cache",
                ALL,
                Shape::between(1, 2, "off | max=NUMBER [inactive=TIME]"),
                "off",
                FILE_CACHE,
                "open_file_cache max=1000 inactive=20s;",
            )
        },
        flag("open_file_cache_errors", ALL, "off", FILE_CACHE, "open_file_cache_errors on;"),
        number("open_file_cache_min_uses", ALL, "1", FILE_CACHE, "open_file_cache_min_uses 2;"),
        Directive {
            set: |(), arguments| arguments.seconds(0).map(drop),
            ..inert("open_file_cache_valid", ALL, TIME, "60s", FILE_CACHE, "open_file_cache_valid 30s;")
        },
        // Old browsers.
        flag("msie_padding", ALL, "on", "Built-in error pages are long enough for every browser.", "msie_padding off;"),
        flag("msie_refresh", ALL, "off", "Redirects are redirects, for every browser.", "msie_refresh off;"),
    ];
}

const fn inert(
    name: &'static str,
    contexts: Contexts,
    args: Shape,
    default: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Directive<()> {
    let (repeat, origin) = (Repeat::Once, Origin::NginxNoEffect);
    Directive { name, contexts, args, repeat, set: |(), _| Ok(()), default, doc, example, origin }
}

const fn flag(
    name: &'static str,
    contexts: Contexts,
    default: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Directive<()> {
    Directive {
        set: |(), arguments| arguments.flag(0).map(drop),
        ..inert(name, contexts, Shape::Flag, default, doc, example)
    }
}

const fn number(
    name: &'static str,
    contexts: Contexts,
    default: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Directive<()> {
    Directive {
        set: |(), arguments| arguments.number::<u32>(0).map(drop),
        ..inert(name, contexts, NUMBER, default, doc, example)
    }
}

const fn size(name: &'static str, default: &'static str, doc: &'static str, example: &'static str) -> Directive<()> {
    Directive { set: |(), arguments| arguments.size(0).map(drop), ..inert(name, ALL, SIZE, default, doc, example) }
}

const fn pool(name: &'static str, default: &'static str, example: &'static str) -> Directive<()> {
    Directive { set: |(), arguments| pool_size(arguments), ..inert(name, HTTP_SERVER, SIZE, default, POOLS, example) }
}

fn invalid(arguments: &Arguments<'_>, index: usize, expected: &str) -> Diagnostic {
    let message = format!("invalid value \"{}\" in \"{}\" directive", arguments.word(index), arguments.name());
    arguments.error(index, message).label(expected)
}

/// A number behind `name=`, from 1.
fn positive(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|number| number > 0)
}

fn priority(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    let word = arguments.word(0);
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(()),
        false => Err(invalid(arguments, 0, "expected a number from -20 to 20")),
    }
}

fn cpu_masks(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    let first = usize::from(arguments.word(0) == "auto");
    if first == 1 && arguments.len() > 2 {
        let error = arguments.error(2, "invalid number of arguments in \"worker_cpu_affinity\" directive");
        return Err(error.label("expected at most one mask behind `auto`"));
    }
    for index in first..arguments.len() {
        let word = arguments.word(index);
        if let Some((at, wrong)) = word.char_indices().find(|(_, character)| !matches!(character, '0' | '1' | ' ')) {
            let message = format!("invalid character \"{wrong}\" in \"worker_cpu_affinity\"");
            let error = arguments.error_in(index, at..at + wrong.len_utf8(), message);
            return Err(error.label("expected a mask of cores, such as 0101"));
        }
    }
    Ok(())
}

fn thread_pool(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    let mut has_threads = false;
    for index in 1..arguments.len() {
        let word = arguments.word(index);
        let wrong = |what: &str| arguments.error(index, format!("invalid {what} value \"{word}\""));
        if let Some(number) = word.strip_prefix("threads=") {
            if !positive(number) {
                return Err(wrong("threads").label("expected a number of threads, from 1"));
            }
            has_threads = true;
        } else if let Some(number) = word.strip_prefix("max_queue=") {
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong("max_queue").label("expected a number of tasks that may wait"));
            }
        } else {
            return Err(arguments.invalid_parameter(index, ["threads=", "max_queue="]));
        }
    }
    match has_threads {
        true => Ok(()),
        false => Err(arguments.error_here("\"thread_pool\" must have \"threads\" parameter")),
    }
}

/// Those that nginx can have on Linux.
fn event_method(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    match arguments.word(0) {
        "epoll" | "poll" | "select" => Ok(()),
        other => {
            let error = arguments.error(0, format!("invalid event type \"{other}\""));
            Err(error.label("expected `epoll`, `poll` or `select`").help("leave the directive out"))
        }
    }
}

/// nginx's checks of a memory pool.
fn pool_size(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    let size = arguments.size(0)?;
    let wrong = |message: String| Err(arguments.error(0, message));
    if size < POOL_BYTES_MIN {
        return wrong(format!("the pool size must be no less than {POOL_BYTES_MIN}"));
    }
    if !size.is_multiple_of(POOL_ALIGNMENT) {
        return wrong(format!("the pool size must be a multiple of {POOL_ALIGNMENT}"));
    }
    Ok(())
}

/// nginx's NGX_MIN_POOL_SIZE on 64-bit machines.
const POOL_BYTES_MIN: u64 = 112;
/// nginx's NGX_POOL_ALIGNMENT.
const POOL_ALIGNMENT: u64 = 16;

fn buffers(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    if arguments.number::<u32>(0)? == 0 {
        return Err(invalid(arguments, 0, "expected at least 1 buffer"));
    }
    match arguments.size(1)? {
        0 => Err(invalid(arguments, 1, "expected a size, such as 32k")),
        _ => Ok(()),
    }
}

fn aio(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    match arguments.word(0) {
        "off" | "on" | "threads" => Ok(()),
        pool if pool.len() > "threads=".len() && pool.starts_with("threads=") => Ok(()),
        _ => Err(invalid(arguments, 0, "expected `off`, `on`, `threads` or `threads=POOL`")),
    }
}

fn file_cache(arguments: &Arguments<'_>) -> Result<(), Diagnostic> {
    let mut is_complete = false;
    for index in 0..arguments.len() {
        let word = arguments.word(index);
        let is_right = match word.split_once('=') {
            None if word == "off" => true,
            Some(("max", number)) => positive(number),
            Some(("inactive", time)) => crate::base::duration::parse_seconds(time).is_ok(),
            _ => false,
        };
        if !is_right {
            let error = arguments.error(index, format!("invalid \"open_file_cache\" parameter \"{word}\""));
            return Err(error.label("expected `off`, or `max=NUMBER` and perhaps `inactive=TIME`"));
        }
        is_complete |= !word.starts_with("inactive");
    }
    match is_complete {
        true => Ok(()),
        false => Err(arguments.error_here("\"open_file_cache\" must have the \"max\" parameter")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{accepted, load_with};

    /// A line in the first block where it may stand.
    fn placed(contexts: Contexts, line: &str) -> String {
        if contexts.contains(MAIN) {
            format!("{line} http {{ }}")
        } else if contexts.contains(EVENTS) {
            format!("events {{ {line} }} http {{ }}")
        } else {
            format!("http {{ {line} }}")
        }
    }

    #[test]
    fn each_word_is_checked_as_nginx_does() {
        for line in [
            "master_process yes;",
            "worker_priority x;",
            "worker_cpu_affinity 012;",
            "worker_cpu_affinity auto 01 10;",
            "timer_resolution soon;",
            "debug_points halt;",
            "thread_pool a threads=0;",
            "thread_pool a threads=1 max_queue=x;",
            "thread_pool a max_queue=5;",
            "use kqueue;",
            "accept_mutex_delay x;",
            "epoll_events x;",
            "connection_pool_size 100;",
            "connection_pool_size 513;",
            "output_buffers 0 1;",
            "output_buffers 1 0;",
            "postpone_output x;",
            "aio yes;",
            "aio threads=;",
            "directio x;",
            "open_file_cache max=0;",
            "open_file_cache max=+5;",
            "open_file_cache inactive=5;",
            "open_file_cache on;",
            "open_file_cache max=5 inactive=1ms;",
            "open_file_cache_valid 1ms;",
        ] {
            let name = line.split(' ').next().unwrap();
            let directive = Ignored::DIRECTIVES.iter().find(|directive| directive.name == name).unwrap();
            let (configuration, report) = load_with::<Ignored>(&placed(directive.contexts, line));
            assert!(
                configuration.is_none() && report.contains(name) | report.contains("invalid event"),
                "{line} {report}"
            );
        }
    }

    #[test]
    fn what_nginx_writes_in_other_ways_is_accepted_too() {
        for line in ["worker_priority -5;", "worker_cpu_affinity '01 10' 0001;", "worker_cpu_affinity auto 0011;"] {
            accepted::<Ignored>(&format!("{line} http {{ }}"));
        }
        for line in ["aio threads=files;", "directio off;", "open_file_cache off;", "open_file_cache max=5;"] {
            accepted::<Ignored>(&format!("http {{ {line} }}"));
        }
    }
}

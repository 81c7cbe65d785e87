//! What stands behind `access_log` and its like: words with values, and what is wrong with them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::format::{Escape, Format};
use super::on_demand::CacheSettings;
use super::{Entry, Target};
use crate::base::duration::{parse_duration, parse_seconds};
use crate::base::log_buffer::Buffering;
use crate::base::size::parse_size;
use crate::base::suggest::nearest;
use crate::config::arguments::Arguments;
use crate::config::diagnostics::Diagnostic;

/// `escape=` as the second word of `log_format`; `None` when the word begins the format.
pub(super) fn escape(arguments: &Arguments<'_>) -> Result<Option<Escape>, Diagnostic> {
    let Some(value) = arguments.word(1).strip_prefix("escape=") else { return Ok(None) };
    let names = || Escape::NAMES.iter().map(|(name, _)| *name);
    match Escape::NAMES.iter().find(|(name, _)| *name == value) {
        Some((_, escape)) if arguments.len() > 2 => Ok(Some(*escape)),
        Some(_) => Err(arguments
            .error_here("invalid number of arguments in \"log_format\" directive")
            .help("the format itself is missing")),
        None => {
            let error = error_at_value(arguments, 1, format!("unknown log format escaping \"{value}\""));
            Err(match nearest(value, names()) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error.label("expected `default`, `json` or `none`"),
            })
        }
    }
}

/// An `access_log` with its format.
pub(super) fn entry(arguments: &Arguments<'_>, format: Arc<Format>) -> Result<Entry, Diagnostic> {
    let mut entry = Entry {
        target: target(arguments)?,
        format,
        buffering: Buffering::default(),
        condition: None,
        place: arguments.place(0),
    };
    for index in 2..arguments.len() {
        let word = arguments.word(index);
        match word.split_once('=').unwrap_or((word, "")) {
            ("buffer", size) => entry.buffering.bytes = Some(buffer_size(arguments, index, size)?),
            ("flush", time) => {
                let parsed = parse_duration(time).ok().filter(|time| !time.is_zero());
                let error = || error_at_value(arguments, index, format!("invalid flush time \"{time}\""));
                entry.buffering.time = Some(parsed.ok_or_else(|| error().label("expected a time, such as 5s"))?);
            }
            ("if", _) if word.contains('=') => {
                entry.condition = Some(arguments.template_in(index, "if=".len()..word.len())?);
            }
            ("gzip", _) => {
                return Err(arguments
                    .error(index, "webserv does not compress logs while it writes them")
                    .help("leave `gzip` out, and compress logs when they are rotated"));
            }
            _ => return Err(arguments.invalid_parameter(index, ["buffer=", "flush=", "if="])),
        }
    }
    check_buffering(arguments, &entry)?;
    Ok(entry)
}

fn buffer_size(arguments: &Arguments<'_>, index: usize, size: &str) -> Result<usize, Diagnostic> {
    let parsed = parse_size(size).ok().and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
    let error = |message: String, label: &str| error_at_value(arguments, index, message).label(label);
    match parsed {
        Some(bytes) if bytes <= BUFFER_BYTES_MAX => Ok(bytes),
        Some(_) => Err(error(format!("the buffer size \"{size}\" is too large"), "at most 64m, for each worker")),
        None => Err(error(format!("invalid buffer size \"{size}\""), "expected a size, such as 32k")),
    }
}

fn check_buffering(arguments: &Arguments<'_>, entry: &Entry) -> Result<(), Diagnostic> {
    let word_of = |name| (2..arguments.len()).find(|index| arguments.word(*index).starts_with(name)).unwrap_or(0);
    match (&entry.target, entry.buffering) {
        (_, Buffering { bytes: None, time: Some(_) }) => {
            let message = format!("no buffer is defined for access_log \"{}\"", arguments.word(0));
            Err(arguments.error(word_of("flush="), message).help("give a size too, such as `buffer=32k`"))
        }
        (Target::Syslog(_), Buffering { bytes: Some(_), .. }) => {
            Err(arguments.error(word_of("buffer="), "logs to syslog cannot be buffered"))
        }
        (Target::OnDemand(_), Buffering { bytes: Some(_), .. }) => {
            Err(arguments.error(word_of("buffer="), "buffered logs cannot have variables in name"))
        }
        _ => Ok(()),
    }
}

fn target(arguments: &Arguments<'_>) -> Result<Target, Diagnostic> {
    if let Some(parameters) = arguments.syslog(0)? {
        return Ok(Target::Syslog(parameters));
    }
    let word = arguments.word(0);
    if word.is_empty() {
        return Err(arguments.error(0, "empty log name").label("expected a file, `syslog:...` or `off`"));
    }
    let path = arguments.template(0)?;
    if path.as_literal().is_some() {
        return Ok(Target::File(arguments.path(0)));
    }
    if Path::new(word).is_absolute() {
        return Ok(Target::OnDemand(path));
    }
    let whole = format!("{}/{word}", arguments.prefix().trim_end_matches('/'));
    Ok(Target::OnDemand(arguments.template_of(&whole, arguments.place(0))?))
}

/// What `open_log_file_cache` sets; `None` is `off`.
pub(super) fn file_cache(arguments: &Arguments<'_>) -> Result<Option<CacheSettings>, Diagnostic> {
    let mut settings =
        CacheSettings { files_max: 0, inactive: Duration::from_secs(10), uses_min: 1, valid: Duration::from_secs(60) };
    for index in 0..arguments.len() {
        let word = arguments.word(index);
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let understood = match name {
            "off" if arguments.len() == 1 && word == "off" => return Ok(None),
            "max" => value.parse().ok().filter(|max| *max > 0).map(|max| settings.files_max = max),
            "inactive" => parse_seconds(value).ok().map(|time| settings.inactive = time),
            "min_uses" => value.parse().ok().map(|uses| settings.uses_min = uses),
            "valid" => parse_seconds(value).ok().map(|time| settings.valid = time),
            _ => return Err(invalid_cache_parameter(arguments, index)),
        };
        if understood.is_none() {
            return Err(invalid_cache_parameter(arguments, index));
        }
    }
    if settings.files_max == 0 {
        return Err(arguments
            .error_here("\"open_log_file_cache\" must have \"max\" parameter")
            .help("say how many files, such as `max=1000`"));
    }
    Ok(Some(settings))
}

fn invalid_cache_parameter(arguments: &Arguments<'_>, index: usize) -> Diagnostic {
    let error =
        arguments.error(index, format!("invalid \"open_log_file_cache\" parameter \"{}\"", arguments.word(index)));
    error.label("expected `max=NUMBER`, `inactive=TIME`, `min_uses=NUMBER`, `valid=TIME`, or `off` alone")
}

/// An error at what stands behind the `=` of a word.
fn error_at_value(arguments: &Arguments<'_>, index: usize, message: String) -> Diagnostic {
    let word = arguments.word(index);
    let start = word.find('=').map_or(0, |equals| equals + 1);
    arguments.error_in(index, start..word.len(), message)
}

/// Each worker has a buffer of its own for each log.
const BUFFER_BYTES_MAX: usize = 64 * 1024 * 1024;

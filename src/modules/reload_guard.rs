//! `reload_guard` (ours): when a reload is taken back for its answers.
//!
//! Only reads and stores; `control` counts and judges.

use std::time::Duration;

use crate::config::arguments::Arguments;
use crate::config::build::{Build, ProcessBuilder, ReloadGuard as Guard};
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};

/// The module.
#[derive(Debug)]
pub struct ReloadGuard;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    guard: Option<Guard>,
}

impl Module for ReloadGuard {
    type Conf = Conf;

    const NAME: &'static str = "reload_guard";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "reload_guard",
        contexts: Contexts::MAIN,
        args: Shape::between(1, 3, "off | SHARE% [WINDOW] [min=ANSWERS]"),
        repeat: Repeat::Once,
        set: |conf, arguments| {
            conf.guard = guard(arguments)?;
            Ok(())
        },
        default: "off",
        doc: "Takes a reload back by itself if it makes requests fail. After a reload to a configuration that has this \
              directive, answers are watched for the WINDOW (30s if none is given): as soon as there are as many as \
              `min=` says (20) and at least SHARE of them are 5xx, what was before comes back, and the error log and \
              `webserv status` tell why. If the share was as large in the WINDOW before the reload, or in as much of it \
              as the server has run, the answers after it say nothing about it and are not judged. Until the WINDOW is \
              over, or `webserv confirm` comes, addresses that the new configuration lacks are served as before. With \
              `webserv reload --confirm`, either reason takes the configuration back. A WINDOW is from 1s to 1h. \
              The files keep what was taken back: the next reload reads them again.",
        example: "reload_guard 10% 30s min=50;",
        origin: Origin::Ours,
    }];

    fn process(conf: &Conf, process: &mut ProcessBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        process.reload_guard = conf.guard;
        Ok(())
    }
}

fn guard(arguments: &Arguments<'_>) -> Result<Option<Guard>, Diagnostic> {
    if arguments.word(0) == "off" {
        return match arguments.len() {
            1 => Ok(None),
            _ => Err(arguments.error(1, "\"reload_guard off\" takes no further words")),
        };
    }
    let mut guard = Guard { share: share(arguments)?, window: WINDOW, answers_min: ANSWERS_MIN };
    let mut window = None;
    let mut minimum = None;
    for index in 1..arguments.len() {
        match arguments.word(index).strip_prefix("min=") {
            Some(number) if minimum.is_none() => minimum = Some(answers_min(arguments, index, number)?),
            None if window.is_none() => window = Some(self::window(arguments, index)?),
            _ => return Err(arguments.invalid_parameter(index, ["min="])),
        }
    }
    guard.window = window.unwrap_or(guard.window);
    guard.answers_min = minimum.unwrap_or(guard.answers_min);
    Ok(Some(guard))
}

/// `10%`, `0.5%`: in hundredths of a percent.
fn share(arguments: &Arguments<'_>) -> Result<u32, Diagnostic> {
    let word = arguments.word(0);
    let invalid = || {
        let message = format!("invalid share \"{word}\" in \"reload_guard\" directive");
        arguments.error(0, message).label("expected a share of all answers from 0.01% to 100%, such as `10%`, or `off`")
    };
    let number = word.strip_suffix('%').ok_or_else(invalid)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 3 || fraction.len() > 2 {
        return Err(invalid());
    }
    let hundredths = format!("{whole}{fraction:0<2}").parse().map_err(|_| invalid())?;
    if (1..=SHARE_MAX).contains(&hundredths) { Ok(hundredths) } else { Err(invalid()) }
}

fn window(arguments: &Arguments<'_>, index: usize) -> Result<Duration, Diagnostic> {
    let window = arguments.duration(index)?;
    if (WINDOW_MIN..=WINDOW_MAX).contains(&window) {
        return Ok(window);
    }
    let message = format!("invalid time \"{}\" in \"reload_guard\" directive", arguments.word(index));
    Err(arguments.error(index, message).label("expected a time from 1s to 1h"))
}

fn answers_min(arguments: &Arguments<'_>, index: usize, number: &str) -> Result<u64, Diagnostic> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|number| digits && *number > 0).ok_or_else(|| {
        let message = format!("invalid number \"{number}\" in \"reload_guard\" directive");
        arguments.error(index, message).label("expected how many answers are enough to judge by, such as `min=50`")
    })
}

/// What is watched if nothing else is said: as long as people look at what they have done.
const WINDOW: Duration = Duration::from_secs(30);

const WINDOW_MIN: Duration = Duration::from_secs(1);

const WINDOW_MAX: Duration = Duration::from_secs(60 * 60);

/// With fewer answers one failure would be 5 % and more.
const ANSWERS_MIN: u64 = 20;

/// All answers, in hundredths of a percent.
const SHARE_MAX: u32 = 10_000;

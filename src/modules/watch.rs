//! Whether the configuration's files are watched: `watch`.
//!
//! Only checks and stores; `control::watch` acts on it.

use std::time::Duration;

use crate::config::arguments::Arguments;
use crate::config::build::{Build, ProcessBuilder};
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};

/// The module.
#[derive(Debug)]
pub struct Watch;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    quiet: Option<Duration>,
}

impl Module for Watch {
    type Conf = Conf;

    const NAME: &'static str = "watch";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "watch",
        contexts: Contexts::MAIN,
        args: Shape::one("on | off | DURATION"),
        repeat: Repeat::Once,
        set: |conf, arguments| {
            conf.quiet = quiet(arguments)?;
            Ok(())
        },
        default: "off",
        doc: "Whether the server reloads by itself when the files change that its configuration was read from: the main \
              file and everything included, also files that come and go under a pattern. It reloads once nothing has \
              changed for 200 ms, or for the given time, of 1 ms to 1 h; where changes never end, after twenty times as \
              long. Only content counts: a file that is touched, or written again as it was, is no change. Renamed \
              files, links that lead elsewhere and folders made anew are noticed. A configuration with errors is \
              reported once, and tried again at the next change. Where the system cannot tell of changes (a network's \
              file system, or too many folders), files are looked at every 2 s, or less often where that takes \
              long, and a warning says so. Password files, documents and error pages are read for each request, and \
              need no reload. Changed at a reload it holds from then on.",
        example: "watch on;",
        origin: Origin::Ours,
    }];

    fn process(conf: &Conf, process: &mut ProcessBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        process.watch = conf.quiet;
        Ok(())
    }
}

fn quiet(arguments: &Arguments<'_>) -> Result<Option<Duration>, Diagnostic> {
    let word = arguments.word(0);
    if word.eq_ignore_ascii_case("on") {
        return Ok(Some(QUIET));
    }
    if word.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let expected = "expected `on`, `off`, or a time from 1ms to 1h, such as 500ms";
    let quiet = arguments.duration(0).map_err(|error| error.label(expected))?;
    if quiet < QUIET_MIN || quiet > QUIET_MAX {
        let message = format!("invalid time \"{word}\" in \"watch\" directive");
        return Err(arguments.error(0, message).label(expected));
    }
    Ok(Some(quiet))
}

/// Longer than an editor or a copy pauses in the middle of a file, and nobody has to wait for it.
const QUIET: Duration = Duration::from_millis(200);
const QUIET_MIN: Duration = Duration::from_millis(1);
const QUIET_MAX: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::load_with;

    fn watched(value: &str) -> Result<Option<Duration>, String> {
        let (configuration, findings) = load_with::<Watch>(&format!("watch {value}; http {{ }}"));
        configuration.map(|configuration| configuration.process.watch).ok_or(findings)
    }

    #[test]
    fn it_is_off_unless_a_time_or_on_is_given() {
        assert_eq!(load_with::<Watch>("http { }").0.unwrap().process.watch, None);
        assert_eq!(watched("off"), Ok(None));
        assert_eq!(watched("on"), Ok(Some(QUIET)));
        assert_eq!(watched("1ms"), Ok(Some(QUIET_MIN)));
        assert_eq!(watched("1h"), Ok(Some(QUIET_MAX)));
    }

    #[test]
    fn what_is_no_such_time_is_refused_with_what_was_expected() {
        for value in ["0", "61m", "soon", "-1", "\"\""] {
            let findings = watched(value).unwrap_err();
            assert!(findings.contains("from 1ms to 1h"), "{value}: {findings}");
        }
    }
}

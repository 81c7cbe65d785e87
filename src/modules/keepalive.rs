//! How long connections are kept for further requests: `keepalive_timeout` and its like.
//!
//! Puts its settings into the plan; the connection acts on them.

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::lint;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::{Keepalive as KeepaliveSettings, Settings};

/// The module.
#[derive(Debug)]
pub struct Keepalive;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf(KeepaliveSettings);

impl Default for Conf {
    fn default() -> Self {
        Self(Settings::default().keepalive)
    }
}

impl Module for Keepalive {
    type Conf = Conf;

    const NAME: &'static str = "keepalive";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "keepalive_timeout",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::between(1, 2, "TIME [HEADER_TIME]"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.0.timeout = arguments.duration(0)?;
                if arguments.len() == 2 {
                    let told = arguments.seconds(1)?;
                    conf.0.header_timeout = (!told.is_zero()).then_some(told);
                }
                Ok(())
            },
            default: "75s",
            doc: "How long a connection is kept open while it waits for a further request; 0 closes it behind each \
                  answer. The second time, in whole seconds, is told to the client as `Keep-Alive: timeout=`; with 0 or \
                  without it nothing is told.",
            example: "keepalive_timeout 65s 60s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "keepalive_requests",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("NUMBER"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.0.requests_max = arguments.number(0)?;
                Ok(())
            },
            default: "1000",
            doc: "How many requests one connection may bring; the answer to the last of them closes it.",
            example: "keepalive_requests 10000;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "keepalive_time",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.0.time_max = arguments.duration(0)?;
                Ok(())
            },
            default: "1h",
            doc: "How long one connection may bring requests; the first answer behind that time closes it.",
            example: "keepalive_time 30m;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "keepalive_disable",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::at_least(1, "none | BROWSER..."),
            repeat: Repeat::Once,
            set: set_disabled,
            default: "msie6",
            doc: "The browsers whose connections are not kept, for they are known to mishandle them: `msie6`, old \
                  Internet Explorers behind a POST request; `safari`, Safari and its like on macOS; `none` is no \
                  browser.",
            example: "keepalive_disable msie6 safari;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.keepalive = conf.0;
        Ok(())
    }
}

/// A kind of browser that keeps no connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Browser {
    None,
    Msie6,
    Safari,
}

fn set_disabled(conf: &mut Conf, arguments: &mut Arguments<'_>) -> Result<(), Diagnostic> {
    let mut disabled = Vec::new();
    for index in 0..arguments.len() {
        let choices = [("none", Browser::None), ("msie6", Browser::Msie6), ("safari", Browser::Safari)];
        let browser = arguments.choice(index, &choices)?;
        if disabled.contains(&browser) {
            let message = format!("duplicate value \"{}\"", arguments.word(index));
            arguments.warn(Diagnostic::warning(arguments.place(index), message).lint(&lint::DUPLICATE_VALUE));
        }
        disabled.push(browser);
    }
    conf.0.disable_msie6 = disabled.contains(&Browser::Msie6);
    conf.0.disable_safari = disabled.contains(&Browser::Safari);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::testing::{plan_at, refused};

    fn keepalive(text: &str) -> KeepaliveSettings {
        plan_at::<Keepalive>(&format!("server {{ {text} }}"), "/").settings.keepalive
    }

    #[test]
    fn both_times_are_taken_and_a_nested_time_alone_keeps_the_one_that_is_told() {
        let outer = keepalive("keepalive_timeout 30s 20;");
        assert_eq!(outer.timeout, Duration::from_secs(30));
        assert_eq!(outer.header_timeout, Some(Duration::from_secs(20)));
        let nested = keepalive("keepalive_timeout 30s 20; location / { keepalive_timeout 1500ms; }");
        assert_eq!(nested.timeout, Duration::from_millis(1500));
        assert_eq!(nested.header_timeout, Some(Duration::from_secs(20)));
        let silent = keepalive("keepalive_timeout 30s 20; location / { keepalive_timeout 5 0; }");
        assert_eq!(silent.header_timeout, None);
    }

    #[test]
    fn browsers_are_named_or_none() {
        let disabled = |text: &str| {
            let keepalive = keepalive(text);
            (keepalive.disable_msie6, keepalive.disable_safari)
        };
        assert_eq!(disabled(""), (true, false));
        assert_eq!(disabled("keepalive_disable none;"), (false, false));
        assert_eq!(disabled("keepalive_disable safari;"), (false, true));
        assert_eq!(disabled("keepalive_disable none msie6 safari;"), (true, true));
    }

    #[test]
    fn the_time_that_is_told_is_in_whole_seconds() {
        assert!(refused::<Keepalive>("keepalive_timeout 5 10ms;").contains("expected whole seconds"));
        assert!(refused::<Keepalive>("keepalive_disable opera;").contains("`none`, `msie6` or `safari`"));
    }
}

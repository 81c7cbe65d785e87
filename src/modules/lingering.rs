//! How a connection ends whose client may still be sending: `lingering_close` and its times.
//!
//! Puts its settings into the plan; the connection acts on them.

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings::{Lingering as LingeringSettings, LingeringClose, Settings};

/// The module.
#[derive(Debug)]
pub struct Lingering;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf(LingeringSettings);

impl Default for Conf {
    fn default() -> Self {
        Self(Settings::default().lingering)
    }
}

impl Module for Lingering {
    type Conf = Conf;

    const NAME: &'static str = "lingering";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "lingering_close",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("off | on | always"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.0.close = arguments.choice(0, MODES)?;
                Ok(())
            },
            default: "on",
            doc: "Whether what a client still sends is read and thrown away before its connection is closed; else the \
                  client may lose the end of its answer. `on` does so where the client seems to be sending, `always` in \
                  any case, `off` never.",
            example: "lingering_close always;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "lingering_time",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.0.time = arguments.duration(0)?;
                Ok(())
            },
            default: "30s",
            doc: "For how long in all a client's further data is read and thrown away before its connection is closed.",
            example: "lingering_time 10s;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "lingering_timeout",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.0.timeout = arguments.duration(0)?;
                Ok(())
            },
            default: "5s",
            doc: "For how long more data of the client is waited for, each time, before its connection is closed.",
            example: "lingering_timeout 2s;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.lingering = conf.0;
        Ok(())
    }
}

const MODES: &[(&str, LingeringClose)] =
    &[("off", LingeringClose::Off), ("on", LingeringClose::On), ("always", LingeringClose::Always)];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::testing::{plan_at, refused};

    #[test]
    fn a_location_takes_what_it_does_not_set_from_its_server() {
        let text = "server { lingering_close always; lingering_time 7s; location / { lingering_timeout 1m; } }";
        let lingering = plan_at::<Lingering>(text, "/").settings.lingering;
        assert_eq!(lingering.close, LingeringClose::Always);
        assert_eq!((lingering.time, lingering.timeout), (Duration::from_secs(7), Duration::from_secs(60)));
    }

    #[test]
    fn a_mode_may_be_written_in_capitals() {
        let lingering = plan_at::<Lingering>("server { lingering_close ALWAYS; }", "/").settings.lingering;
        assert_eq!(lingering.close, LingeringClose::Always);
    }

    #[test]
    fn a_word_that_is_no_mode_is_refused_with_the_modes() {
        assert!(refused::<Lingering>("lingering_close allways;").contains("did you mean `always`?"));
    }
}

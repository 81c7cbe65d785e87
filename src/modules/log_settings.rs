//! What is written to the logs: `log_not_found`, `log_subrequest`.
//!
//! Puts its settings into the plan; who finds no file, and the access log, ask them.

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;

/// The module.
#[derive(Debug)]
pub struct LogSettings;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    not_found: bool,
    subrequest: bool,
}

impl Default for Conf {
    fn default() -> Self {
        Self { not_found: true, subrequest: false }
    }
}

impl Module for LogSettings {
    type Conf = Conf;

    const NAME: &'static str = "log_settings";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "log_not_found",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.not_found = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Whether a file that does not exist is an error for the error log.",
            example: "log_not_found off;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "log_subrequest",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.subrequest = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Whether requests that the server itself makes for a part of its answer (`auth_request`, `add_before_body`) are \
                  written to the access log of the location that answers them.",
            example: "log_subrequest on;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.log_not_found = conf.not_found;
        plan.settings.log_subrequest = conf.subrequest;
        Ok(())
    }
}

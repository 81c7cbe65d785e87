//! What the error log is told of rewrites and of variables: `rewrite_log`, `uninitialized_variable_warn`.
//!
//! Puts its settings into the plan; scripts and the reading of variables look at them.

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;

/// The module.
#[derive(Debug)]
pub struct RewriteSettings;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    rewrite_log: bool,
    uninitialized_variable_warn: bool,
}

impl Default for Conf {
    fn default() -> Self {
        Self { rewrite_log: false, uninitialized_variable_warn: true }
    }
}

const EVERYWHERE: Contexts = Contexts::HTTP_SERVER_LOCATION.or(Contexts::SERVER_IF).or(Contexts::LOCATION_IF);

impl Module for RewriteSettings {
    type Conf = Conf;

    const NAME: &'static str = "rewrite_settings";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "rewrite_log",
            contexts: EVERYWHERE,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.rewrite_log = arguments.flag(0)?;
                Ok(())
            },
            default: "off",
            doc: "Tells in the error log, at the level `notice`, which regular expressions of `rewrite` and `if` match, \
                  and what becomes of the path. What the block says in which the rewrites begin counts for all of them, \
                  so in an `if` it says nothing.",
            example: "rewrite_log on;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "uninitialized_variable_warn",
            contexts: EVERYWHERE,
            args: Shape::Flag,
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.uninitialized_variable_warn = arguments.flag(0)?;
                Ok(())
            },
            default: "on",
            doc: "Warns in the error log of a variable of `set` that is read where it was not set.",
            example: "uninitialized_variable_warn off;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.rewrite_log = conf.rewrite_log;
        plan.settings.uninitialized_variable_warn = conf.uninitialized_variable_warn;
        Ok(())
    }
}

//! How access checks work together: `satisfy`, `auth_delay`.
//!
//! Puts its settings into the plan; the stage itself is `exchange::access`, the checks are modules of their own.

use std::time::Duration;

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::settings;

/// The module.
#[derive(Debug)]
pub struct Satisfy;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    satisfy: settings::Satisfy,
    auth_delay: Duration,
}

impl Default for Conf {
    fn default() -> Self {
        Self { satisfy: settings::Satisfy::All, auth_delay: Duration::ZERO }
    }
}

impl Module for Satisfy {
    type Conf = Conf;

    const NAME: &'static str = "satisfy";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "satisfy",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("all | any"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.satisfy =
                    arguments.choice(0, &[("all", settings::Satisfy::All), ("any", settings::Satisfy::Any)])?;
                Ok(())
            },
            default: "all",
            doc: "Whether a request must pass all access checks of its location (`allow` and `deny`, `auth_basic`, \
                  `auth_request`) or any one of them. With `all` the first check that refuses answers. With `any` the first \
                  that lets the request pass decides; where none does, the answer is 401 if any check asks for a password, \
                  else 403. A check that says nothing about a request (`allow` and `deny` without a rule that fits) counts \
                  neither way.",
            example: "satisfy any;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "auth_delay",
            contexts: Contexts::HTTP_SERVER_LOCATION,
            args: Shape::one("TIME"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.auth_delay = arguments.duration(0)?;
                Ok(())
            },
            default: "0s",
            doc: "Holds back the 401 of an access check for this long, so that passwords cannot be tried quickly over one \
                  connection. Other requests are answered meanwhile.",
            example: "auth_delay 2s;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.satisfy = conf.satisfy;
        plan.settings.auth_delay = conf.auth_delay;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused};

    #[test]
    fn a_block_has_what_the_block_around_it_has() {
        let set = |text: &str, path: &str| {
            let plan = plan_at::<Satisfy>(text, path);
            (plan.settings.satisfy, plan.settings.auth_delay)
        };
        let text =
            "satisfy any; server { auth_delay 1500ms; location / { satisfy all; location /a { auth_delay 0; } } }";
        assert_eq!(set(text, "/"), (settings::Satisfy::All, Duration::from_millis(1500)));
        assert_eq!(set(text, "/a"), (settings::Satisfy::All, Duration::ZERO));
        assert_eq!(set("server { }", "/"), (settings::Satisfy::All, Duration::ZERO));
    }

    #[test]
    fn other_words_are_refused() {
        assert!(refused::<Satisfy>("satisfy some;").contains("invalid value \"some\" in \"satisfy\" directive"));
        assert!(refused::<Satisfy>("auth_delay soon;").contains("invalid time \"soon\""));
    }
}

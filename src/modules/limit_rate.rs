//! How fast a response is sent: `limit_rate`, `limit_rate_after`.
//!
//! Puts its settings into the plan; the connection keeps to them.

use crate::config::arguments::Arguments;
use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;
use crate::exchange::rate::SizeValue;

/// The module.
#[derive(Debug)]
pub struct LimitRate;

/// What its directives set.
#[derive(Clone, Debug)]
pub struct Conf {
    rate: SizeValue,
    after: SizeValue,
}

impl Default for Conf {
    fn default() -> Self {
        Self { rate: SizeValue::Fixed(0), after: SizeValue::Fixed(0) }
    }
}

const CONTEXTS: Contexts = Contexts::HTTP_SERVER_LOCATION.or(Contexts::LOCATION_IF);

impl Module for LimitRate {
    type Conf = Conf;

    const NAME: &'static str = "limit_rate";

    const DIRECTIVES: &'static [Directive<Conf>] = &[
        Directive {
            name: "limit_rate",
            contexts: CONTEXTS,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.rate = size(arguments)?;
                Ok(())
            },
            default: "0",
            doc: "How many bytes of a response are sent in a second at the most, head included; 0 is no limit. It holds for \
                  each request: a client with two connections is sent twice as much. The size may be given by variables. \
                  `$limit_rate` shows it, and may be set to another.",
            example: "limit_rate 100k;",
            origin: Origin::Nginx,
        },
        Directive {
            name: "limit_rate_after",
            contexts: CONTEXTS,
            args: Shape::one("SIZE"),
            repeat: Repeat::Once,
            set: |conf, arguments| {
                conf.after = size(arguments)?;
                Ok(())
            },
            default: "0",
            doc: "How many bytes of a response are sent before `limit_rate` holds for the rest. The size may be given by \
                  variables.",
            example: "limit_rate_after 500k;",
            origin: Origin::Nginx,
        },
    ];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.limit_rate = conf.rate.clone();
        plan.settings.limit_rate_after = conf.after.clone();
        Ok(())
    }
}

fn size(arguments: &Arguments<'_>) -> Result<SizeValue, Diagnostic> {
    let template = arguments.template(0)?;
    match template.as_literal() {
        Some(_) => Ok(SizeValue::Fixed(arguments.size(0)?)),
        None => Ok(SizeValue::Computed(template)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{plan_at, refused};

    #[test]
    fn sizes_are_known_at_load_unless_they_have_variables() {
        let plan = plan_at::<LimitRate>("limit_rate 4k; server { location / { limit_rate_after ${uri}k; } }", "/");
        assert_eq!(plan.settings.limit_rate, SizeValue::Fixed(4096));
        assert!(matches!(plan.settings.limit_rate_after, SizeValue::Computed(_)));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        assert!(refused::<LimitRate>("limit_rate 1g;").contains("expected the unit k or m"));
        assert!(refused::<LimitRate>("limit_rate_after -1;").contains("invalid size \"-1\""));
    }
}

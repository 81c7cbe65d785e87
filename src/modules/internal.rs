//! Locations that no client reaches by itself: `internal`.
//!
//! Puts its setting into the plan; `exchange::answer` asks it when a location was chosen.

use crate::config::build::Build;
use crate::config::diagnostics::Diagnostic;
use crate::config::schema::{Contexts, Directive, Module, Origin, Repeat, Shape};
use crate::exchange::plan::PlanBuilder;

/// The module.
#[derive(Debug)]
pub struct Internal;

/// What its directive sets.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    internal: bool,
}

impl Module for Internal {
    type Conf = Conf;

    const NAME: &'static str = "internal";

    const DIRECTIVES: &'static [Directive<Conf>] = &[Directive {
        name: "internal",
        contexts: Contexts::LOCATION,
        args: Shape::NONE,
        repeat: Repeat::Once,
        set: |conf, _| {
            conf.internal = true;
            Ok(())
        },
        default: "",
        doc: "The location, and those inside it, are for internal requests alone: those that `error_page`, `index` and \
              `try_files` have sent there, and those that `auth_request`, `add_before_body` and `add_after_body` make. \
              Clients are answered with 404.",
        example: "internal;",
        origin: Origin::Nginx,
    }];

    fn install(conf: &Conf, plan: &mut PlanBuilder, _build: &mut Build<'_>) -> Result<(), Diagnostic> {
        plan.settings.internal = conf.internal;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::plan_at;

    #[test]
    fn the_location_and_those_inside_it_are_internal() {
        let text = "server { location / { } location /a/ { internal; location /a/b/ { } } }";
        let internal = |path: &str| plan_at::<Internal>(text, path).settings.internal;
        assert_eq!(["/", "/a/", "/a/b/"].map(internal), [false, true, true]);
    }
}
